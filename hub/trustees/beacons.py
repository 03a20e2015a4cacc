"""Drawing beacons: the question is a leaf of the record, the answer a threshold evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconPartial,
    BeaconValue,
    CommitClosed,
    Seal,
    beacon_input,
)
from fedcarbon.identity import oprf
from fedcarbon.identity.beacon import combine_beacon
from fedcarbon.identity.labels import KeyLabel, evaluation_input
from fedcarbon.identity.threshold import PartialEvaluation, verify
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.opening.beacon_checks import SecondBeaconError
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import trustee_pb2
from hub.context import Hub
from hub.trustees.asking import ask_each
from hub.trustees.port import TrusteePort

_BEACON: Final = LeafType.BEACON_VALUE


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconQuestion:
    """What one beacon is drawn for, and over which leaf."""

    label: BeaconLabel
    scope: str
    """For ties the exclusivity domain, for samples the programme."""
    epoch: EpochIndex
    leaf_index: int
    leaf: bytes
    """The 34 bytes that are hashed."""

    def to_bytes(self) -> bytes:
        """Return what trustees hash to the group."""
        return beacon_input(self.label, self.scope, self.epoch, self.leaf)


def question_over(
    session: Session, hub: Hub, label: BeaconLabel, leaf_index: int
) -> BeaconQuestion:
    """Return the question over a closing leaf (`tie`) or a seal (`sample`), which exists.

    Raises:
        MalformedError: the leaf is of another kind.
    """
    payload = Envelope.from_bytes(hub.record.body(session, leaf_index)).payload
    if label is BeaconLabel.TIE:
        closed = statements.decode(CommitClosed, payload)
        scope, epoch = closed.exclusivity_domain, closed.epoch
    else:
        seal = statements.decode(Seal, payload)
        scope, epoch = seal.programme_id, seal.epoch
    return BeaconQuestion(
        label=label,
        scope=scope,
        epoch=epoch,
        leaf_index=leaf_index,
        leaf=hub.record.leaf(session, leaf_index).leaf,
    )


def logged_output(session: Session, hub: Hub, question: BeaconQuestion) -> bytes | None:
    """Return the 64 bytes of a beacon that is in the record, if it is.

    Raises:
        SecondBeaconError: the record has one for the same label and epoch over another leaf.
    """
    for _, body in hub.record.bodies_of_type(session, _BEACON):
        value = statements.decode(BeaconValue, Envelope.from_bytes(body).payload)
        drawn = (value.label, value.scope, value.epoch)
        if drawn != (question.label, question.scope, question.epoch):
            continue
        if value.leaf_index != question.leaf_index:
            raise SecondBeaconError(
                f"the {value.label} beacon of epoch {value.epoch} is over leaf {value.leaf_index}"
            )
        return value.output
    return None


async def draw(
    port: TrusteePort,
    parameters: ParameterSet,
    question: BeaconQuestion,
    order: trustee_pb2.WorkResponse,
) -> BeaconValue:
    """Return the beacon, from the first trustees that evaluated it rightly.

    Args:
        port: the way to the trustees.
        parameters: holds the beacon key.
        question: what is drawn.
        order: an order that has the question's leaf under its head; the content is added here.

    Raises:
        TooFewEvaluationsError: fewer than the threshold answered rightly.
    """
    order.beacon.label = question.label.value
    order.beacon.leaf_index = question.leaf_index
    key = parameters.voprf_key(KeyLabel.BEACON)
    hashed = oprf.hash_to_group(evaluation_input(KeyLabel.BEACON, question.to_bytes()))

    def checked(trustee_id: PartyId, answer: trustee_pb2.WorkRequest) -> PartialEvaluation:
        partial = PartialEvaluation(
            trustee_index=parameters.trustee_index(trustee_id),
            elements=(answer.beacon.element,),
            proof=answer.beacon.proof,
        )
        verify(key, [hashed], partial)
        return partial

    answers = await ask_each(port, port.connected(), order, checked, enough=parameters.threshold)
    used = sorted(answers.good, key=parameters.trustee_index)[: parameters.threshold]
    partials = [answers.good[name] for name in used]
    output = combine_beacon(key, question.to_bytes(), partials)
    return BeaconValue(
        parameter_id=parameters.parameter_id,
        label=question.label,
        scope=question.scope,
        epoch=question.epoch,
        leaf_index=question.leaf_index,
        partials=tuple(
            BeaconPartial(trustee_id=name, element=item.elements[0], proof=item.proof)
            for name, item in zip(used, partials, strict=True)
        ),
        output=output,
    )
