"""Why something is not counted: one closed catalogue for importers, adapters and the node.

Nothing is dropped silently: what is read is either used or counted under exactly one of these.
The values are stable; they stand in rejects files and in `summary.json`.
"""

from __future__ import annotations

from enum import StrEnum


class RejectReason(StrEnum):
    """Why a row, an activity or a person was refused."""

    # --- reading a file -----------------------------------------------------------------------
    NOT_UTF8 = "not_utf8"
    """The row holds bytes that are not UTF-8."""
    MALFORMED_ROW = "malformed_row"
    """Wrong number of fields, broken quoting, an empty id, or a number that is not an integer."""
    MALFORMED_TIME = "malformed_time"
    """A time is not ISO 8601, or lies outside 1970 to 2242."""
    NO_TIME_ZONE = "no_time_zone"
    """A time without an offset, and no zone is configured to read it in."""
    AMBIGUOUS_LOCAL_TIME = "ambiguous_local_time"
    """A local time that the end of daylight saving makes happen twice: write the offset."""
    NONEXISTENT_LOCAL_TIME = "nonexistent_local_time"
    """A local time that the start of daylight saving skips."""

    # --- a person -----------------------------------------------------------------------------
    MALFORMED_IDENTITY = "malformed_identity"
    """The identity document breaks its own rules (type, shape, check digit)."""
    SYNTHETIC_IDENTITY = "synthetic_identity"
    """A TEST id in a programme that admits real people only."""
    PERSON_REF_TAKEN = "person_ref_taken"
    """The `person_ref` is already linked to another identity."""

    # --- an activity's own values -------------------------------------------------------------
    EVIDENCE_OUT_OF_RANGE = "evidence_out_of_range"
    """Evidence is 0 (validated), 1 (tracked) or 2 (self-declared)."""
    NOT_POSITIVE_DURATION = "not_positive_duration"
    """The activity ends when or before it starts."""
    DURATION_ABOVE_MAXIMUM = "duration_above_maximum"
    """Lasts longer than anything of its type can."""
    UNKNOWN_FIELD = "unknown_field"
    """A value that the methodology does not declare."""
    MALFORMED_OBJECT = "malformed_object"
    """The meter, receipt, event or vehicle is not written as `scheme:issuer:number`."""
    OBJECT_MISSING = "object_missing"
    """A meter's month without its meter, or a purchase without its receipt."""
    OBJECT_UNEXPECTED = "object_unexpected"
    """An object of another kind than the activity is about, or one where the person counts."""

    # --- the methodology ----------------------------------------------------------------------
    # A methodology's own rules give reasons of their own, under the ids in its file.
    UNKNOWN_METHODOLOGY = "unknown_methodology"
    """None of this id is in the node's bundle, or none is named and the bundle has several."""
    TOO_LITTLE_HISTORY = "too_little_history"
    """The baseline needs more earlier periods of this meter than are recorded."""
    NOTHING_EARNED = "nothing_earned"
    """Its methodology counts it and finds no reduction."""
    OUTSIDE_PROGRAMME_DAYS = "outside_programme_days"
    """Not wholly within the days of the programme."""

    # --- the partner's records ----------------------------------------------------------------
    DUPLICATE_ACTIVITY_ID = "duplicate_activity_id"
    """The same activity with the same content was recorded before."""
    DUPLICATE_ID_OTHER_CONTENT = "duplicate_id_other_content"
    """The activity id was recorded before with other content."""
    OVERLAPPING_ACTIVITY = "overlapping_activity"
    """The person or object has an earlier recorded activity of its type at the same time."""
    OBJECT_SLOT_TAKEN = "object_slot_taken"
    """The meter's month, receipt, event or vehicle's day is recorded under another activity."""
    OBJECT_NOT_EVALUATED = "object_not_evaluated"
    """The trustees had not evaluated the object when the epoch's claims were made."""
    UNKNOWN_PERSON = "unknown_person"
    """The `person_ref` is not linked to an identity."""
    MISSING_CONSENT = "missing_consent"
    """One of the two consents was never given."""
    BEFORE_CONSENT = "before_consent"
    """The activity started before both consents were given."""
    CONSENT_WITHDRAWN = "consent_withdrawn"
    """The person withdrew before the activity could be claimed."""
    LATE = "late"
    """The epoch of the activity is closed."""
    NOT_ENROLLED = "not_enrolled"
    """The person had no account in the epoch's enrolment snapshot."""
    ABOVE_CLAIM_QUOTA = "above_claim_quota"
    """The partner's claims for the epoch would exceed what its admission allows."""

    # --- published data of others -------------------------------------------------------------
    NO_DISTANCE = "no_distance"
    """No distance is known, and none is guessed."""
    NOT_POSITIVE_DISTANCE = "not_positive_distance"
    """The distance is zero or negative."""
    DISTANCE_ABOVE_MAXIMUM = "distance_above_maximum"
    """Longer than anything that one person does in one go."""
    IMPLAUSIBLE_SPEED = "implausible_speed"
    """Faster on average than the vehicle can be."""
    DUPLICATE_ROW = "duplicate_row"
    """The same event was read before."""
    GATE_IN_WITHOUT_OUT = "gate_in_without_out"
    """A gate was entered and the card's next gate event is not an exit."""
    GATE_OUT_WITHOUT_IN = "gate_out_without_in"
    """A gate was left and the card's gate event before is not an entry."""
    MISSING_STATION = "missing_station"
    """A gate event without a station."""
    STATION_NOT_IN_NETWORK = "station_not_in_network"
    """A station that the network does not have: there is no distance, and none is guessed."""
    SAME_STATION = "same_station"
    """Entry and exit at the same station: no distance was travelled on the network."""
    INCOMPLETE_MONTH = "incomplete_month"
    """Too many readings of the meter's month are missing; none is filled in."""
    VEHICLE_NOT_ELECTRIC = "vehicle_not_electric"
    """The vehicle is not (or, in dealt data, was not drawn as) an electric one."""
    POSITION_JUMP = "position_jump"
    """Two neighbouring positions are too far apart: the summed path is not the way travelled."""
    CONTRADICTORY_RECORD = "contradictory_record"
    """The row contradicts itself or the row before it."""
