"""Evaluating beacons: public randomness over a leaf that this trustee chose to accept."""

from __future__ import annotations

from fedcarbon.epoch.statements import BeaconLabel, beacon_input
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.shares import evaluate_input
from fedcarbon.opening.beacon_checks import BeaconLeafError, SecondBeaconError, check_beacon
from fedcarbon.opening.view import RecordView
from fedcarbon.v1 import trustee_pb2
from trustee.own_keys import OwnKeys
from trustee.storage.database import Database
from trustee.storage.promises import GivenBeacon, PromiseStore


class BeaconDrawer:
    """Evaluates each beacon once: a second input for the same label and epoch is refused."""

    __slots__ = ("_database", "_keys", "_promises", "_view")

    def __init__(self, keys: OwnKeys, view: RecordView, database: Database) -> None:
        """Take what is needed to evaluate and to remember."""
        self._keys = keys
        self._view = view
        self._database = database
        self._promises = PromiseStore(database)

    def draw(self, order: trustee_pb2.BeaconOrder) -> trustee_pb2.BeaconAnswer:
        """Return the evaluation of a beacon over a leaf of the record.

        Raises:
            BeaconLeafError, SecondBeaconError, ClosingDiffersError, ClosedTooEarlyError,
                PlanTooEarlyError, NotWitnessedError: see `check_beacon`.
        """
        try:
            label = BeaconLabel(order.label)
        except ValueError as error:
            raise BeaconLeafError(f"{order.label[:40]!r} is no label of a beacon") from error
        key = check_beacon(self._view, label, order.leaf_index)
        given = self._promises.beacon(key)
        if given is None:
            leaf = self._view.leaf_at(order.leaf_index)
            assert leaf is not None, "the checks found this leaf"  # noqa: S101
            partial = evaluate_input(
                self._keys.secrets.voprf[KeyLabel.BEACON],
                beacon_input(label, key.scope, key.epoch, leaf),
                self._keys.random_below,
            )
            given = GivenBeacon(order.leaf_index, partial.elements[0], partial.proof)
            with self._database.transaction():
                self._promises.keep_beacon(key, given)
        elif given.leaf_index != order.leaf_index:
            raise SecondBeaconError(
                f"the {label} beacon of epoch {key.epoch} was given over leaf {given.leaf_index}"
            )
        return trustee_pb2.BeaconAnswer(element=given.element, proof=given.proof)
