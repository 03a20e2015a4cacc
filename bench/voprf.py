"""Speed of the threshold VOPRF: blind, evaluate with proof, verify and finalise.

`run()` measures processor time in one process; rates are persons per second and core, for 2 of 3
trustees. The ratio `finalise_over_floor` compares finalising with the scalar multiplications that
it cannot do without (two per trustee to check, one to combine).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from bench.effort import Effort
from fedcarbon.identity import ristretto
from fedcarbon.identity.blinding import blind_batch, finalize_batch
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.shares import deal_voprf, evaluate
from fedcarbon.identity.threshold import verify

TRUSTEES = 3
THRESHOLD = 2
BATCH_ELEMENTS = 256


def run(effort: Effort) -> dict[str, float]:
    """Return rates per second for single persons and for a batch, and the ratio to the floor."""
    figures: dict[str, float] = {}
    for name, size, rounds in (("single", 1, 100), ("batched", BATCH_ELEMENTS, 3)):
        for step, seconds in _seconds_per_round(size, effort.of(rounds)).items():
            figures[f"{step}_per_s_{name}"] = round(size / seconds, 1)
    figures["multiply_per_s"] = round(1 / _multiplication_s(), 1)
    multiplications = 3 * THRESHOLD
    floor_per_s = figures["multiply_per_s"] / multiplications
    figures["finalise_over_floor"] = round(floor_per_s / figures["finalise_per_s_batched"], 3)
    figures["batch_elements"] = BATCH_ELEMENTS
    figures["threshold"] = THRESHOLD
    return figures


def _seconds_per_round(size: int, rounds: int) -> dict[str, float]:
    """Return the best time of each step over `rounds` batches of `size` persons."""
    random_below = secrets.randbelow
    key, shares = deal_voprf(KeyLabel.ACCOUNT, TRUSTEES, THRESHOLD, random_below)
    subjects = [secrets.token_bytes(40) for _ in range(size)]
    batch = blind_batch(KeyLabel.ACCOUNT, subjects, random_below)
    partials = [evaluate(share, batch.blinded, random_below) for share in shares[:THRESHOLD]]
    return {
        "blind": _best_s(lambda: blind_batch(KeyLabel.ACCOUNT, subjects, random_below), rounds),
        "evaluate": _best_s(lambda: evaluate(shares[0], batch.blinded, random_below), rounds),
        "finalise": _best_s(
            lambda: finalize_batch(
                batch, [verify(key, batch.blinded, partial) for partial in partials]
            ),
            rounds,
        ),
    }


def _multiplication_s() -> float:
    point = ristretto.multiply_base(ristretto.random_scalar(secrets.randbelow))
    scalars = [ristretto.random_scalar(secrets.randbelow) for _ in range(500)]
    return _best_s(lambda: [ristretto.multiply(scalar, point) for scalar in scalars], 5) / 500


def _best_s(step: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.process_time()
        step()
        times.append(time.process_time() - started)
    return min(times)
