"""What the hub writes is what a trustee accepts: the whole record folded by the trustees' rules."""

from __future__ import annotations

from functools import partial

from fedcarbon.epoch.statements import EpochPlan
from fedcarbon.ids import EpochIndex
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.products import sealed_products
from fedcarbon.opening.view import RecordView
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.submission.block_proofs import verify_blocks
from hub.storage.record_store import RecordStore
from hub.storage.submission_store import ProductStore
from tests.chance import seeded
from tests.hub.federation import (
    BIKES,
    FIRST,
    METRO,
    PARTNERS,
    PROGRAMME,
    SECOND,
    WINDOW_S,
    Federation,
    genesis,
    programme,
)

CHECK = partial(verify_blocks, randbelow=seeded(7).randrange)


def view_of(federation: Federation) -> RecordView:
    """Fold every leaf and every witnessed head of the record."""
    parameters = genesis().parameters
    view = RecordView(
        TrustRoots(
            parameter_id=parameters.parameter_id,
            threshold=parameters.threshold,
            root_keys=parameters.root_keys,
        )
    )
    record = federation.hub.record
    for leaf in federation.hub.read_now(lambda session: RecordStore(session).leaves(0, 10_000)):
        view.apply(leaf.index, leaf.leaf, leaf.salt, record.bodies.get(leaf.body_sha256))
    for head in federation.hub.read_now(lambda session: RecordStore(session).checkpoints()):
        view.witness(head.note)
    return view


def products(federation: Federation, epoch: EpochIndex) -> dict[int, bytes]:
    return federation.hub.read_now(lambda session: ProductStore(session, PROGRAMME).at(epoch))


def test_a_trustee_accepts_every_leaf_and_computes_the_same_products(sealed: Federation) -> None:
    sealed.enrol_people(METRO, range(3, 9), from_epoch=2)
    sealed.withdraw_people(BIKES, range(2), from_epoch=2)
    sealed.run_claims(PARTNERS, SECOND)
    sealed.submit(METRO, epoch=SECOND)
    sealed.submit(BIKES, epoch=SECOND)  # taxis are missing
    sealed.wait(3 * WINDOW_S + 1)
    sealed.advance()
    view, files = view_of(sealed), sealed.hub.record.files

    def fetch(sha256: bytes) -> list[bytes]:
        return [files.get(sha256)]

    first = sealed_products(view, EpochRef(PROGRAMME, FIRST), {}, fetch, CHECK)
    second = sealed_products(view, EpochRef(PROGRAMME, SECOND), first, fetch, CHECK)

    assert first == products(sealed, FIRST)
    assert second == products(sealed, SECOND)
    assert [
        part.missing for part in view.epochs.seals[EpochRef(PROGRAMME, SECOND)].statement.parts
    ] == [False, False, True]


def test_a_trustee_and_the_hub_compute_the_same_snapshot(sealed: Federation) -> None:
    stored = sealed.epoch()
    own = sealed.hub.read_now(lambda session: sealed.hub.snapshots.of(session, programme(), stored))
    view = view_of(sealed)

    plan: EpochPlan = view.epochs.plans[EpochRef(PROGRAMME, FIRST)].statement

    assert view.accounts.snapshot(plan) == own
