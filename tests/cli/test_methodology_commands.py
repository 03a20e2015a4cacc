"""`fedcarbon methodology`, run as a methodologist runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.cli.catalogue import catalogue_bytes, catalogue_names
from fedcarbon.cli.main import app, main
from fedcarbon.cli.methodology import MethodologyInputError
from fedcarbon.methodology.definition import InvalidMethodologyError, MethodologyNotUsableError


def run(*tokens: object) -> None:
    app(["methodology", *(str(token) for token in tokens)], result_action="return_value")


def shown(capsys: pytest.CaptureFixture[str], *tokens: object) -> str:
    run(*tokens)
    return capsys.readouterr().out


def tree(capsys: pytest.CaptureFixture[str], *tokens: object) -> Any:
    return json.loads(shown(capsys, *tokens, "--json"))


def own_file(tmp_path: Path, *changes: tuple[str, str], name: str = "cn-shanghai-rail") -> Path:
    text = catalogue_bytes(name).decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


# --- list and show -------------------------------------------------------------------------------


def test_the_list_names_every_methodology_and_counts_the_drafts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(capsys, "list")

    assert all(name in text for name in catalogue_names())
    assert f"{len(catalogue_names())} methodologies" in text


def test_the_list_is_narrowed_by_status_and_kind(capsys: pytest.CaptureFixture[str]) -> None:
    drafts = tree(capsys, "list", "--status", "draft")
    points = tree(capsys, "list", "--kind", "points")

    assert "cn-jjj-db11t3043" in {item["id"] for item in drafts}
    assert all(item["missing"] and not item["computes"] for item in drafts)
    assert {item["unit"] for item in points} == {"point"}


def test_the_list_has_titles_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    assert "哈啰" in shown(capsys, "list", "--language", "zh", "--status", "enterprise")


def test_show_gives_every_number_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    found = tree(capsys, "show", "cn-shanghai-rail")

    facts = {(fact["part"], fact["name"]): fact["text"] for fact in found["facts"]}
    assert facts["number", "BASELINE"] == "130000 ug/m"
    assert facts["source", "of BASELINE"] == "diary"
    assert facts["source", "diary"].startswith("[S] ")
    text = shown(capsys, "show", "cn-shanghai-rail")
    assert "BASELINE" in text
    assert found["content_hash"] in text


# --- check ---------------------------------------------------------------------------------------


def checked(capsys: pytest.CaptureFixture[str], *tokens: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        run("check", *tokens)
    assert isinstance(stopped.value.code, int)
    return stopped.value.code, capsys.readouterr().out


def test_the_whole_catalogue_passes(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = checked(capsys)

    assert code == 0
    assert f"{len(catalogue_names())} files, 0 refused" in text


REFUSED = {
    "a factor without its source": (", source: diary}", "}", "INVALID_METHODOLOGY"),
    "another factor than the example's": ("value: 33000", "value: 33001", "INVALID_METHODOLOGY"),
    "units that do not fit": ("unit: m/s", "unit: m", "INVALID_METHODOLOGY"),
    "a quarantined factor": ("value: 33000", "value: 54000", "INVALID_METHODOLOGY"),
    "two keys of one name": ("status:", "id: other\nstatus:", "INVALID_METHODOLOGY"),
    "a number in the air": ("BASELINE - RAIL", "BASELINE - 33.5", "INVALID_METHODOLOGY"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_file_is_named_with_its_line_and_the_reason(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, reason = REFUSED[case]

    code, text = checked(capsys, own_file(tmp_path, (old, new)))

    assert code == 1
    assert "mine.yaml:" in text
    assert f"[{reason}]" in text
    assert "1 files, 1 refused" in text


def test_a_quarantined_factor_is_refused_even_if_every_example_agrees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = own_file(
        tmp_path,
        ("value: 33000", "value: 54000"),
        ("expect: 970000000", "expect: 760000000"),
        ("expect: 3880000000", "expect: 3040000000"),
    )

    code, text = checked(capsys, path)

    assert code == 1
    assert "[QUARANTINED_FACTOR]" in text
    assert "all-provinces" in text


def test_good_and_bad_files_are_all_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = own_file(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        run("check", good, tmp_path / "missing.yaml", "--json")

    results = json.loads(capsys.readouterr().out)
    assert stopped.value.code == 1
    assert [result["ok"] for result in results] == [True, False]
    assert "missing.yaml cannot be read" in results[1]["message"]


# --- explain -------------------------------------------------------------------------------------


def test_explain_prints_each_factor_its_source_and_the_arithmetic(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(
        capsys, "explain", "cn-shanghai-rail", "--values", "distance_m=12500", "--duration", 1800
    )

    assert "BASELINE = 130000 ug/m" in text
    assert "source [S second hand] the Shanghai diary app" in text
    assert "(BASELINE - RAIL) * distance_m = (130000 - 33000) * 12500 = 1212500000 ug" in text
    assert "=> result: 1212500000 ug = 1,212.5 g" in text


def test_explain_speaks_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    values = "plate=beijing,energy=fuel,displacement_ml=2000,odometer_change_m=40000"
    text = shown(
        capsys,
        *("explain", "cn-beijing-no-drive", "--values", values),
        *("--duration", 181_800, "--language", "zh"),
    )

    assert "来源 [S 二手来源]" in text
    assert "不计入: 里程表读数不一致 [odometer_moved]" in text


def test_explain_shows_a_baseline_from_history_and_what_is_not_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ("explain", "kr-carbon-grams-electricity", "--values", "use_wh=1590000", "--history")

    text = shown(capsys, *asked, "1800000,null")
    refused = shown(capsys, *asked, "null,null")

    assert "baseline = mean(use_wh, 2) = (1800000) / 1 = 1800000 Wh" in text
    assert "89040000000 ug" in text
    assert "[too_little_history]" in refused


def test_explain_says_what_was_rounded_clamped_or_may_still_be_limited(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rounded = shown(
        capsys, "explain", "uk-desnz-2023", "--values", "mode=local_bus,distance_m=5000"
    )
    clamped = shown(
        capsys,
        *("explain", "kr-carbon-grams-gas", "--values", "use_ml=5", "--history", "4"),
    )
    limited = shown(capsys, "explain", "cn-antforest-energy", "--values", "act=metro")

    assert "rounded down once" in rounded
    assert "this is a footprint, not a reduction" in rounded
    assert "below zero counts 0" in clamped
    assert "at most 5 metro rides a day" in limited


def test_explain_gives_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    values = "mode=rail,distance_m=12500"
    found = tree(capsys, "explain", "cn-ecny-shanghai", "--values", values, "--duration", 1800)

    assert (found["amount"], found["refusal"]) == ("1212500000", None)
    lookups = {line["name"]: line for line in found["trace"] if line["kind"] == "lookup"}
    assert lookups["FACTOR[rail]"]["source"]["tag"] == "S"


def test_a_draft_is_explained_only_with_hypothetical_numbers_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ("explain", "cn-guangzhou-bike", "--values", "distance_m=2000")

    with pytest.raises(MethodologyNotUsableError, match="BASELINE_FACTOR"):
        run(*asked)
    text = shown(capsys, *asked, "--given", "BASELINE_FACTOR=60000")

    assert text.startswith("DRAFT with hypothetical numbers")
    assert "120000000 ug" in text


WRONG_WORDS = {
    "a field that it does not have": ("cn-ecny-shanghai", "speed=3"),
    "no equals sign": ("cn-ecny-shanghai", "rail"),
    "a word for a number": ("cn-ecny-shanghai", "distance_m=far"),
}


@pytest.mark.parametrize("case", WRONG_WORDS)
def test_words_that_describe_no_activity_are_refused(case: str) -> None:
    name, values = WRONG_WORDS[case]

    with pytest.raises(MethodologyInputError):
        run("explain", name, "--values", values)


@pytest.mark.parametrize(
    "options",
    [
        ("--history", "a"),
        ("--day", "yesterday"),
        ("--given", "BASELINE_FACTOR=many"),
        ("--given", "BASELINE_FACTOR=1/0"),
        ("--given", "OTHER=1"),
    ],
)
def test_options_that_cannot_be_read_are_refused(options: tuple[str, str]) -> None:
    with pytest.raises(MethodologyInputError):
        run("explain", "cn-guangzhou-bike", "--values", "distance_m=1", *options)


def test_numbers_are_not_given_to_a_methodology_that_lacks_none() -> None:
    with pytest.raises(MethodologyInputError, match="leave --given out"):
        run("explain", "cn-shanghai-rail", "--values", "distance_m=1", "--given", "RAIL=1")


def test_a_methodology_that_does_not_exist_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["fedcarbon", "methodology", "show", "cn-nowhere"])

    with pytest.raises(SystemExit) as stopped:
        main()

    assert stopped.value.code == 1
    assert "[INVALID_METHODOLOGY]" in capsys.readouterr().err
    with pytest.raises(InvalidMethodologyError, match="cn-nowhere"):
        run("show", "cn-nowhere")


# --- diff ----------------------------------------------------------------------------------------


def test_diff_tells_what_changed_and_what_that_does_to_the_examples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = own_file(
        tmp_path,
        ("version: 2026-11-21", "version: 2027-01-01"),
        ("value: 130000", "value: 125000"),
        ("expect: 970000000", "expect: 920000000"),
        ("expect: 3880000000", "expect: 3680000000"),
    )

    text = shown(capsys, "diff", "cn-shanghai-rail", new)
    found = tree(capsys, "diff", "cn-shanghai-rail", new)

    assert "125000 ug/m" in text
    assert "4 of 6 examples answer otherwise" in text
    assert {change["name"] for change in found["changes"]} == {"version", "BASELINE"}


def test_diff_says_when_an_edit_should_have_been_a_new_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = own_file(tmp_path, ("tag: S,", "tag: O,"))

    assert "give the new file a new version" in shown(capsys, "diff", "cn-shanghai-rail", edited)
    assert "the same content" in shown(capsys, "diff", "cn-shanghai-rail", "cn-shanghai-rail")
