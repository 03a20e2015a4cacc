"""Every known answer of `tests/vectors/methodologies.json` against the catalogue."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pytest

from fedcarbon.cli.catalogue import catalogue_bytes, load_from_catalogue
from fedcarbon.methodology.definition import (
    InvalidMethodologyError,
    Methodology,
    MethodologyNotUsableError,
    ResultKind,
)
from fedcarbon.methodology.expression import Value
from fedcarbon.methodology.limits import Counted, apply_limits
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.methodology.reference import Outcome, evaluate
from fedcarbon.redemption.settlement import ECNY_RULE, RedemptionTooSmallError, payout_fen
from fedcarbon.redemption.wallet import WalletClassRefusedError, check_may_redeem, wallet_class
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.uses.lot import TONNE_UG, Pledge, bundled

FILE: Final = Path(__file__).parents[1] / "vectors/methodologies.json"
VECTORS: Final[dict[str, dict[str, Any]]] = {
    vector["name"]: vector for vector in json.loads(FILE.read_text(encoding="utf-8"))["vectors"]
}
DAY: Final = dt.date(2026, 11, 21)
HALF_YEAR_S: Final = 184 * 86_400
Inputs = Mapping[str, Any]
Answer = dict[str, Any]


def outcome(
    methodology: Methodology,
    duration_s: int = 3_600,
    history: tuple[int | None, ...] = (),
    **values: Value,
) -> Outcome:
    return evaluate(methodology, values, duration_s=duration_s, day=DAY, history=history)


def amount(
    name: str, duration_s: int = 3_600, history: tuple[int | None, ...] = (), **values: Value
) -> Fraction:
    methodology = load_from_catalogue(name)
    found = outcome(methodology, duration_s, history, **values)
    return Fraction(found.amount, methodology.result.scale)


def tried(name: str, given: Mapping[str, Fraction], **values: Value) -> int:
    """Return what a draft comes to with hypothetical numbers: drafts are enabled here alone."""
    methodology = parse_methodology(catalogue_bytes(name), name, given=given)
    found = evaluate(methodology, values, duration_s=3_600, day=DAY, enable_draft=True)
    assert found.refusal is None
    return found.amount


def per_m(grams_per_km: str) -> Fraction:
    return Fraction(grams_per_km) * 1_000


# --- grams ---------------------------------------------------------------------------------------

NET: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "cn.ecny.metro": ("cn-ecny-shanghai", {"mode": "rail"}),
    "cn.ecny.bike": ("cn-ecny-shanghai", {"mode": "bike"}),
    "cn.ecny.t3": ("cn-ecny-shanghai", {"mode": "ev_ride"}),
    "cn.sz.bus": ("cn-shenzhen-transit", {"mode": "bus"}),
    "cn.sz.metro": ("cn-shenzhen-transit", {"mode": "metro"}),
    "cn.hellobike.2022.bike": ("cn-hellobike-2022", {"mode": "bike"}),
    "cn.hellobike.2022.ebike": ("cn-hellobike-2022", {"mode": "ebike"}),
}


def factor_net(vector: Inputs) -> Answer:
    name, mode = NET[vector["methodology"]]
    return {"ug": amount(name, **mode, distance_m=vector["input"]["distance_m"])}


def factor_diff(vector: Inputs) -> Answer:
    given = vector["input"]
    baseline, project = per_m(given["ef_bl_g_per_km"]), per_m(given["ef_pj_g_per_km"])
    if vector["methodology"] == "cn.gz.bike":
        missing = {"BASELINE_FACTOR": baseline}
        return {"ug": tried("cn-guangzhou-bike", missing, distance_m=given["distance_m"])}
    rail = vector["methodology"] == "cn.sh.rail"
    methodology = load_from_catalogue("cn-shanghai-rail" if rail else "cn-shanghai-bus")
    assert methodology.parameters["BASELINE"].value == baseline
    assert methodology.parameters["RAIL" if rail else "BUS"].value == project
    if rail:
        return {"ug": amount("cn-shanghai-rail", distance_m=given["distance_m"])}
    mean = {"MEAN_TRIP": Fraction(given["distance_m"])}
    return {"ug": tried("cn-shanghai-bus", mean, boardings=1)}


def two_sided_sum(vector: Inputs) -> Answer:
    given = vector["input"]
    total = 0
    for leg in given["legs"]:
        factors = {
            "BASELINE_FACTOR": per_m(given["ef_bl_g_per_km"]),
            "PROJECT_FACTOR": per_m(given["ef_pj_g_per_km"][leg["mode"]]),
        }
        total += tried("cn-jjj-db11t3043", factors, distance_m=leg["distance_m"])
    return {"ug": total}


def count(vector: Inputs) -> Answer:
    name = f"cn-guangzhou-metro-{vector['methodology'].rpartition('.')[2]}"
    return {"ug": amount(name, boardings=vector["input"]["count"])}


def grid_ref(vector: Inputs) -> Answer:
    given = vector["input"]
    return {
        "ug": amount(
            "cn-grid-electricity",
            region=given["region"],
            factor_year=given["year"],
            saved_wh=given["wh"],
        )
    }


def gross_footprint(vector: Inputs) -> Answer:
    (term,) = vector["input"]["terms"]
    if vector["methodology"] == "uk.desnz.2025.bus":
        return {"ug": amount("uk-desnz-2025-bus", distance_m=term["distance_m"])}
    return {"ug": amount("uk-desnz-2023", mode="local_bus", distance_m=term["distance_m"])}


def own_baseline_grams(vector: Inputs) -> Answer:
    given = vector["input"]
    assert given["negative"] == "clamp"
    saved = {
        "electricity": ("use_wh", given["elec_saved_wh"]),
        "water": ("use_ml", given["water_saved_l"] * 1_000),
        "gas": ("use_ml", given["gas_saved_l"] * 1_000),
    }
    before = 10**9
    return {
        "ug": sum(
            amount(f"kr-carbon-grams-{utility}", history=(before,), **{field: before - less})
            for utility, (field, less) in saved.items()
        )
    }


def spend(vector: Inputs) -> Answer:
    given = vector["input"]
    (fx, fx_below), (level, level_below) = given["fx"], given["deflator"]
    return {
        "ug": amount(
            "us-epa-spend",
            basket="electronics",
            spent_fen=given["fen"],
            fx_ten_thousandths=fx * 10_000 // fx_below,
            price_level_percent=level * 100 // level_below,
        )
    }


def mode_mix(vector: Inputs) -> Answer:
    given = vector["input"]
    methodology = load_from_catalogue("cdm-ams-iii-bm")
    for row in given["shares"]:
        if row["mode"] == "walk":  # contributes zero, and has no row
            assert per_m(row["g_per_km"]) == 0
            continue
        assert methodology.tables["SHARES"].rows[row["mode"],] == Fraction(row["share"])
        assert methodology.tables["FACTORS"].rows[row["mode"],] == per_m(row["g_per_km"])
    assert methodology.parameters["IMPROVEMENT"].value == Fraction(*given["improvement"])
    years, distance_m = given["years"], given["distance_m"]
    return {"ug": tried("cdm-ams-iii-bm", {}, distance_m=distance_m, years=years)}


# --- points and money ----------------------------------------------------------------------------


def state_window(vector: Inputs) -> Answer:
    given = vector["input"]
    return {
        "fen": amount(
            "cn-beijing-no-drive",
            given["duration_s"],
            plate="beijing",
            energy=given.get("energy", "fuel"),
            displacement_ml=given["displacement_ml"],
            odometer_change_m=given["odo_delta_m"],
            alert_days=given["duration_s"] // 86_400 if given.get("red_alert") else 0,
        )
    }


def capped_points(vector: Inputs) -> Answer:
    given = vector["input"]
    events: list[dict[str, Any]] = [
        *[{"act": "metro"}] * given["metro"],
        *[{"act": "offline_payment", "payment_fen": 100}] * given["offline_ge1"],
        *[{"act": "offline_payment", "payment_fen": 99}] * given["offline_lt1"],
        *[{"act": "bus"}] * given["bus"],
        {"act": "walk", "walk_points": given["walk_g"]},
    ]
    methodology = load_from_catalogue("cn-antforest-energy")
    counted = [
        Counted(
            activity_id=f"{number:03}",
            started_at_s=number,
            day=DAY,
            values=values,
            duration_s=3_600,
            amount=outcome(methodology, **values).amount,
        )
        for number, values in enumerate(events)
    ]
    left = apply_limits(methodology, counted)
    return {"points": Fraction(sum(item.amount for item in left.values()), 1_000_000)}


def own_baseline_bands(vector: Inputs) -> Answer:
    given = vector["input"]
    rates = given.get("previous_rates_pct", {}).get("elec", [])
    before = next((n for n, rate in enumerate(rates) if rate < 5), len(rates))
    meter = given["elec"]
    values: dict[str, Any] = {
        "holder": "household",
        "use_wh": meter["use"],
        "periods_before": before,
    }
    name = "kr-carbon-point-electricity"
    return {"points": amount(name, HALF_YEAR_S, (meter["baseline"],), **values)}


def budget_period(vector: Inputs) -> Answer:
    given = vector["input"]
    return {
        "cent": amount(
            "fi-lahti-citicap",
            budget_ug=given["budget_g"] * 1_000_000,
            used_ug=given["used_g"] * 1_000_000,
            price_per_kg=given["cent_per_kg"],
        )
    }


# --- what is not a methodology -------------------------------------------------------------------


def settlement(vector: Inputs) -> Answer:
    pooled = MicrogramsCO2e(sum(vector["input"]["ug_parts"]))
    try:
        fen, rest = payout_fen(pooled, ECNY_RULE)
    except RedemptionTooSmallError:
        fen, rest = 0, pooled  # type: ignore[assignment]  # nothing is paid, all of it stays
    return {"fen": fen, "rem_ug": rest}


def issuance(vector: Inputs) -> Answer:
    mass_ug = vector["input"]["ug"]
    tonnes = mass_ug // TONNE_UG
    pledge = Pledge(use_id=b"u", account_token=b"a", left_ug=mass_ug)
    taken = bundled([pledge], MicrogramsCO2e(tonnes * TONNE_UG))
    return {"tonnes": tonnes, "carry_ug": mass_ug - sum(item.left_ug for item in taken)}


ENGINES: Final[dict[str, Callable[[Inputs], Answer]]] = {
    engine.__name__: engine
    for engine in (
        factor_net,
        factor_diff,
        two_sided_sum,
        count,
        grid_ref,
        gross_footprint,
        own_baseline_grams,
        spend,
        mode_mix,
        state_window,
        capped_points,
        own_baseline_bands,
        budget_period,
        settlement,
        issuance,
    )
}


@pytest.mark.parametrize(
    "name", [name for name, vector in VECTORS.items() if vector["engine"] != "refusal"]
)
def test_a_known_answer_comes_out_exactly(name: str) -> None:
    vector = VECTORS[name]

    assert ENGINES[vector["engine"]](vector) == vector["expect"]


# --- refusals ------------------------------------------------------------------------------------


def wallet_of_class_4(vector: Inputs) -> None:
    with pytest.raises(WalletClassRefusedError):
        check_may_redeem(wallet_class(vector["input"]["wallet_level"]))


def draft(vector: Inputs) -> None:
    (leg,) = vector["input"]["legs"]
    with pytest.raises(MethodologyNotUsableError):
        outcome(load_from_catalogue("cn-jjj-db11t3043"), distance_m=leg["distance_m"])


def odometer(vector: Inputs) -> None:
    given = vector["input"]
    found = outcome(
        load_from_catalogue("cn-beijing-no-drive"),
        given["duration_s"],
        plate="beijing",
        energy="fuel",
        displacement_ml=given["displacement_ml"],
        odometer_change_m=given["odo_delta_m"],
    )
    assert (found.amount, found.refusal) == (0, "odometer_moved")


def points_and_grams(vector: Inputs) -> None:
    del vector
    assert load_from_catalogue("cn-antforest-energy").result.kind is ResultKind.POINTS
    text = catalogue_bytes("cn-antforest-energy").decode()
    with_grams = text.replace(
        "parameters:\n", "parameters:\n  GRAM: {value: 1000000, unit: ug, source: rules}\n"
    ).replace('amount: "ENERGY[act]', 'amount: "GRAM + ENERGY[act]')
    with pytest.raises(InvalidMethodologyError, match=r"is in ug, .* in point"):
        parse_methodology(with_grams.encode())


REFUSALS: Final[dict[str, Callable[[Inputs], None]]] = {
    "refuse-wallet-class-4": wallet_of_class_4,
    "refuse-draft-in-default-catalogue": draft,
    "refuse-nodrive-odometer-moved": odometer,
    "refuse-points-added-to-grams": points_and_grams,
}


@pytest.mark.parametrize(
    "name", [name for name, vector in VECTORS.items() if vector["engine"] == "refusal"]
)
def test_a_known_refusal_gives_no_number(name: str) -> None:
    REFUSALS[name](VECTORS[name])


def test_no_vector_is_left_out() -> None:
    assert len(VECTORS) == 48
    assert {vector["engine"] for vector in VECTORS.values()} == {*ENGINES, "refusal"}
