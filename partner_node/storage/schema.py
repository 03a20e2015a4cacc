"""The tables of the node's store.

Tables receive inserts only, so that a crash never leaves half a change and an auditor on site can
follow what was known when. The exceptions are named: `evaluation_items` loses its blinds once they
are used; `claim_drafts` and `evidence_leaves` hold what an epoch's claims are made of until they
are committed; `record_head` and `node` hold one present value each.

What an epoch does is done in parts, each in one transaction with its row in `epoch_parts`: whatever
happens, the next process goes on behind the last finished part.

Instants are seconds since 1970-01-01T00:00:00Z, masses micrograms of CO2e. `person_id` numbers one
identity document; several `person_ref`s of the platform may belong to it.
"""

from __future__ import annotations

from typing import Final

SCHEMA_VERSION: Final = 6

TABLES: Final = (
    # What this store belongs to: schema version, party, programme, parameter id.
    "CREATE TABLE node (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)",
    # --- people -----------------------------------------------------------------------------
    """CREATE TABLE persons (
        person_id BIGINT PRIMARY KEY,
        id_type VARCHAR NOT NULL,
        issuing_country VARCHAR NOT NULL,
        id_number VARCHAR NOT NULL,
        UNIQUE (id_type, issuing_country, id_number))""",
    """CREATE TABLE links (
        person_ref VARCHAR PRIMARY KEY,
        person_id BIGINT NOT NULL,
        linked_at_s BIGINT NOT NULL)""",
    # A period starts with both consents and ends with a withdrawal; later ones have higher numbers.
    """CREATE TABLE consents (
        person_ref VARCHAR NOT NULL,
        period INTEGER NOT NULL,
        data_at_s BIGINT NOT NULL,
        claim_at_s BIGINT NOT NULL,
        recorded_at_s BIGINT NOT NULL,
        PRIMARY KEY (person_ref, period))""",
    """CREATE TABLE withdrawals (
        person_ref VARCHAR NOT NULL,
        period INTEGER NOT NULL,
        withdrawn_at_s BIGINT NOT NULL,
        from_epoch BIGINT NOT NULL,
        PRIMARY KEY (person_ref, period))""",
    # --- enrolment --------------------------------------------------------------------------
    """CREATE TABLE account_tokens (
        person_id BIGINT PRIMARY KEY,
        account_token BLOB NOT NULL UNIQUE)""",
    # The output of the claim key: whoever has it can compute the person's claim tokens.
    """CREATE TABLE claim_secrets (
        person_id BIGINT PRIMARY KEY,
        claim_output BLOB NOT NULL)""",
    """CREATE TABLE evaluation_requests (
        request_id BLOB PRIMARY KEY,
        key_label VARCHAR NOT NULL,
        elements INTEGER NOT NULL,
        signed_request BLOB NOT NULL,
        asked_at_s BIGINT NOT NULL)""",
    # `subject_id` is a person or, under the object key, an object.
    """CREATE TABLE evaluation_items (
        request_id BLOB NOT NULL,
        position INTEGER NOT NULL,
        subject_id BIGINT NOT NULL,
        blind BLOB NOT NULL,
        blinded BLOB NOT NULL)""",
    # `batch` is the batch id in hexadecimal, the subject of its message and receipt.
    """CREATE TABLE enrolment_batches (
        batch VARCHAR PRIMARY KEY,
        sequence BIGINT NOT NULL UNIQUE)""",
    """CREATE TABLE enrolment_entries (
        batch VARCHAR NOT NULL,
        position INTEGER NOT NULL,
        person_id BIGINT NOT NULL,
        action VARCHAR NOT NULL,
        from_epoch BIGINT NOT NULL,
        consent_salt BLOB NOT NULL,
        person_ref VARCHAR NOT NULL,
        period INTEGER NOT NULL,
        PRIMARY KEY (batch, position))""",
    """CREATE TABLE places (
        person_id BIGINT PRIMARY KEY,
        block BIGINT NOT NULL,
        slot INTEGER NOT NULL,
        UNIQUE (block, slot))""",
    # The hub's signed answers to a batch, exact bytes: evidence if the record has other places.
    """CREATE TABLE places_answers (
        batch VARCHAR NOT NULL,
        sha256 BLOB NOT NULL,
        signed_places BLOB NOT NULL,
        PRIMARY KEY (batch, sha256))""",
    # Members of a household account, as the utility attests them; only they may answer for it.
    """CREATE TABLE members (
        account_ref VARCHAR NOT NULL,
        member_ref VARCHAR NOT NULL,
        attested_at_s BIGINT NOT NULL,
        PRIMARY KEY (account_ref, member_ref))""",
    # --- activities -------------------------------------------------------------------------
    # `field_values` is canonical JSON. Days are those on which it is credited; without them it is
    # history only: a reading from before the programme, which earns nothing.
    """CREATE TABLE activities (
        activity_id VARCHAR PRIMARY KEY,
        person_ref VARCHAR NOT NULL,
        person_id BIGINT NOT NULL,
        methodology_id VARCHAR NOT NULL,
        activity_type VARCHAR NOT NULL,
        object_ref VARCHAR NOT NULL,
        started_at_s BIGINT NOT NULL,
        ended_at_s BIGINT NOT NULL,
        evidence INTEGER NOT NULL,
        field_values VARCHAR NOT NULL,
        first_day VARCHAR,
        last_day VARCHAR,
        recorded_at_s BIGINT NOT NULL)""",
    # Where an activity was, in the platform's own words; only what says so. For statistics.
    """CREATE TABLE activity_places (
        activity_id VARCHAR PRIMARY KEY,
        place VARCHAR NOT NULL)""",
    # Meters, receipts, events and vehicles that own slots.
    """CREATE TABLE objects (
        object_id BIGINT PRIMARY KEY,
        object_ref VARCHAR NOT NULL UNIQUE)""",
    # The output of the object key: whoever has it can compute the object's claim tokens.
    """CREATE TABLE object_secrets (
        object_id BIGINT PRIMARY KEY,
        object_output BLOB NOT NULL)""",
    # An object's slot holds one activity, whoever it is recorded for.
    """CREATE TABLE object_slots (
        object_ref VARCHAR NOT NULL,
        slot_group VARCHAR NOT NULL,
        slot_start_s BIGINT NOT NULL,
        activity_id VARCHAR NOT NULL,
        PRIMARY KEY (object_ref, slot_group, slot_start_s))""",
    # `epoch` is 0 for what was rejected when it arrived.
    """CREATE TABLE rejects (
        subject VARCHAR NOT NULL,
        reason VARCHAR NOT NULL,
        epoch BIGINT NOT NULL,
        detail VARCHAR NOT NULL,
        rejected_at_s BIGINT NOT NULL,
        PRIMARY KEY (subject, reason, epoch))""",
    # What a person who consented is told of activities that were refused when they arrived.
    """CREATE TABLE refused_activities (
        activity_id VARCHAR NOT NULL,
        person_id BIGINT NOT NULL,
        reason VARCHAR NOT NULL,
        methodology_id VARCHAR NOT NULL,
        started_at_s BIGINT NOT NULL,
        ended_at_s BIGINT NOT NULL,
        PRIMARY KEY (activity_id, person_id, reason))""",
    # --- epochs -----------------------------------------------------------------------------
    # From this row on, activities of the epoch are late.
    """CREATE TABLE epoch_cutoffs (
        epoch BIGINT PRIMARY KEY,
        plan_leaf BIGINT NOT NULL,
        snapshot_size BIGINT NOT NULL,
        cut_off_at_s BIGINT NOT NULL)""",
    # This partner's part of the enrolment snapshot, decided once: accounts by block and slot,
    # numbered from 0.
    """CREATE TABLE epoch_snapshots (
        epoch BIGINT PRIMARY KEY,
        accounts BIGINT NOT NULL,
        places_digest BLOB NOT NULL)""",
    """CREATE TABLE epoch_accounts (
        epoch BIGINT NOT NULL,
        number BIGINT NOT NULL,
        person_id BIGINT NOT NULL,
        block BIGINT NOT NULL,
        slot INTEGER NOT NULL)""",
    # The work of a stage in parts, and which of them are done; times are the machine's own, for
    # the rate that people are shown.
    """CREATE TABLE epoch_stages (
        epoch BIGINT NOT NULL,
        stage VARCHAR NOT NULL,
        parts BIGINT NOT NULL,
        began_at_s DOUBLE NOT NULL,
        PRIMARY KEY (epoch, stage))""",
    """CREATE TABLE epoch_parts (
        epoch BIGINT NOT NULL,
        stage VARCHAR NOT NULL,
        part BIGINT NOT NULL,
        done_at_s DOUBLE NOT NULL)""",
    # How an epoch's claims were begun: what was drawn, and how large parts are.
    """CREATE TABLE epoch_work (
        epoch BIGINT PRIMARY KEY,
        evidence_key BLOB NOT NULL,
        part_sizes VARCHAR NOT NULL)""",
    """CREATE TABLE epoch_commitments (
        epoch BIGINT PRIMARY KEY,
        claims BIGINT NOT NULL,
        padded_claims BIGINT NOT NULL,
        list_root BLOB NOT NULL,
        evidence_root BLOB NOT NULL,
        evidence_count BIGINT NOT NULL,
        evidence_key BLOB NOT NULL,
        methodology_bundle BLOB NOT NULL)""",
    # The methodologies that the epoch's claims were computed by, whatever is configured later.
    """CREATE TABLE epoch_methodologies (
        epoch BIGINT NOT NULL,
        methodology_id VARCHAR NOT NULL,
        content_hash BLOB NOT NULL,
        PRIMARY KEY (epoch, methodology_id))""",
    # What was credited for an activity, by which methodology and history (JSON), over all its days.
    """CREATE TABLE epoch_activities (
        epoch BIGINT NOT NULL,
        activity_id VARCHAR NOT NULL,
        methodology BLOB NOT NULL,
        history VARCHAR NOT NULL,
        evidence INTEGER NOT NULL,
        credited_ug BIGINT NOT NULL)""",
    # `evidence_key` is the secret of the evidence's salts: with it a guess at a leaf can be tested.
    # One row per list position; pads have neither person nor slot, and a piece of 0. Piece and
    # blinding (32 bytes, little-endian) open the commitment that the list holds for the claim.
    # The two files of the list are made of these rows.
    """CREATE TABLE claims (
        epoch BIGINT NOT NULL,
        position BIGINT NOT NULL,
        token BLOB NOT NULL,
        rank INTEGER NOT NULL,
        person_id BIGINT,
        slot_owner VARCHAR,
        slot_group VARCHAR,
        slot_start_s BIGINT,
        piece_ug BIGINT NOT NULL,
        blinding BLOB NOT NULL,
        salt BLOB NOT NULL,
        commitment BLOB NOT NULL)""",
    # The claims before all of them are there and can be sorted; emptied then.
    """CREATE TABLE claim_drafts (
        epoch BIGINT NOT NULL,
        token BLOB NOT NULL,
        rank INTEGER NOT NULL,
        person_id BIGINT,
        slot_owner VARCHAR,
        slot_group VARCHAR,
        slot_start_s BIGINT,
        piece_ug BIGINT NOT NULL,
        blinding BLOB NOT NULL,
        salt BLOB NOT NULL,
        commitment BLOB NOT NULL)""",
    # The leaves of the evidence until their root is known; emptied then.
    """CREATE TABLE evidence_leaves (
        epoch BIGINT NOT NULL,
        number BIGINT NOT NULL,
        leaf BLOB NOT NULL)""",
    # The part of an activity's amount that lies in one slot; an owner is an object, or empty.
    """CREATE TABLE pieces (
        epoch BIGINT NOT NULL,
        activity_id VARCHAR NOT NULL,
        person_id BIGINT NOT NULL,
        day VARCHAR NOT NULL,
        slot_owner VARCHAR NOT NULL,
        slot_group VARCHAR NOT NULL,
        slot_start_s BIGINT NOT NULL,
        rank INTEGER NOT NULL,
        piece_ug BIGINT NOT NULL)""",
    # What a person earned on one local day before claims were judged.
    """CREATE TABLE person_days (
        epoch BIGINT NOT NULL,
        person_id BIGINT NOT NULL,
        day VARCHAR NOT NULL,
        reduction_ug BIGINT NOT NULL)""",
    """CREATE TABLE losses (
        epoch BIGINT NOT NULL,
        token BLOB NOT NULL)""",
    # Verdicts have been fetched; there may be none.
    """CREATE TABLE epoch_losses (
        epoch BIGINT PRIMARY KEY,
        losses BIGINT NOT NULL)""",
    """CREATE TABLE person_day_results (
        epoch BIGINT NOT NULL,
        person_id BIGINT NOT NULL,
        day VARCHAR NOT NULL,
        submitted_ug BIGINT NOT NULL,
        lost_slots INTEGER NOT NULL)""",
    # What a submission says, decided once: whether its claims were committed and revealed in time.
    """CREATE TABLE epoch_settlements (
        epoch BIGINT PRIMARY KEY,
        committed BOOLEAN NOT NULL,
        revealed BOOLEAN NOT NULL)""",
    # What only this node knows of its commitments; secret, and needed for proofs about them.
    """CREATE TABLE block_witnesses (
        epoch BIGINT NOT NULL,
        block BIGINT NOT NULL,
        witness BLOB NOT NULL)""",
    """CREATE TABLE epoch_outcomes (
        epoch BIGINT PRIMARY KEY,
        missing BOOLEAN NOT NULL,
        seal_leaf BIGINT NOT NULL)""",
    # An auditor on site asked for this sample; `answer` is "opened" or the code of the refusal.
    """CREATE TABLE audit_requests (
        epoch BIGINT NOT NULL,
        size BIGINT NOT NULL,
        answer VARCHAR NOT NULL,
        asked_at_s BIGINT NOT NULL)""",
    # --- statistics -------------------------------------------------------------------------
    # Drawn once. Whoever has the one for tables knows which cells of a person are counted.
    """CREATE TABLE node_secrets (
        name VARCHAR PRIMARY KEY,
        secret BLOB NOT NULL)""",
    # Periods of tables to which this node contributes nothing, for good, and why; `period` 0 is
    # the whole table.
    """CREATE TABLE table_refusals (
        shell_leaf BIGINT NOT NULL,
        period BIGINT NOT NULL,
        code VARCHAR NOT NULL,
        detail VARCHAR NOT NULL,
        noted_at_s BIGINT NOT NULL,
        PRIMARY KEY (shell_leaf, period))""",
    # --- messages ---------------------------------------------------------------------------
    # Exact bytes as they were and will be sent; `subject` is an epoch number, a hex id, or leaf
    # and period of a table. With `cut_at` both stand in `message_pieces` instead, joined, and the
    # content begins there.
    """CREATE TABLE messages (
        kind VARCHAR NOT NULL,
        subject VARCHAR NOT NULL,
        part INTEGER NOT NULL,
        envelope BLOB NOT NULL,
        content BLOB NOT NULL,
        cut_at BIGINT,
        PRIMARY KEY (kind, subject, part))""",
    """CREATE TABLE message_pieces (
        kind VARCHAR NOT NULL,
        subject VARCHAR NOT NULL,
        part INTEGER NOT NULL,
        number INTEGER NOT NULL,
        data BLOB NOT NULL)""",
    """CREATE TABLE receipts (
        kind VARCHAR NOT NULL,
        subject VARCHAR NOT NULL,
        part INTEGER NOT NULL,
        leaf_index BIGINT NOT NULL,
        leaf BLOB NOT NULL,
        merge_by_s BIGINT NOT NULL,
        receipt BLOB NOT NULL,
        PRIMARY KEY (kind, subject, part))""",
    """CREATE TABLE bindings (
        binding_id BLOB PRIMARY KEY,
        person_id BIGINT NOT NULL,
        account_token BLOB NOT NULL,
        operator_id VARCHAR NOT NULL,
        wallet_hint VARCHAR NOT NULL,
        operator_leaf BLOB NOT NULL,
        operator_leaf_index BIGINT NOT NULL)""",
    "CREATE TABLE closed_bindings (binding_id BLOB PRIMARY KEY)",
    # What other parties did wrong, once each: the evidence lies in the other tables.
    """CREATE TABLE incidents (
        code VARCHAR NOT NULL,
        detail VARCHAR NOT NULL,
        noted_at_s BIGINT NOT NULL,
        PRIMARY KEY (code, detail))""",
    # --- the record as this node has seen it --------------------------------------------------
    """CREATE TABLE record_leaves (
        leaf_index BIGINT PRIMARY KEY,
        leaf_type INTEGER NOT NULL,
        leaf BLOB NOT NULL,
        body BLOB)""",
    # The witnessed prefix: its size and the peaks of its tree, joined.
    """CREATE TABLE record_head (
        id INTEGER PRIMARY KEY,
        size BIGINT NOT NULL,
        peaks BLOB NOT NULL)""",
)
