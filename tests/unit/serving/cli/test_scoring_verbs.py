"""``fanal score`` and ``fanal worklist`` on a small portfolio with two champions."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.records.folder import open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from serving.cli.main import main
from tests.unit.serving.api.conftest import as_body, make_champion, promote

Capture = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Place:
    """A portfolio, a state folder with its champions, and some accounts as a program sends them."""

    folder: Path
    home: Path
    accounts: list[dict[str, Any]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """150 simulated accounts, scored once."""
    root = tmp_path_factory.mktemp("scoring")
    settings = SimulatorSettings(accounts=150, days=500, end_date=date(2025, 6, 30))
    write_simulation(simulate(np.random.default_rng(7), settings), root / "portfolio")
    records = read_records(open_portfolio(root / "portfolio"))
    for model in ("churn", "close"):
        promote(root / "home", make_champion(records, model, "1"))
    scored = ["score", str(root / "portfolio"), "--home", str(root / "home")]
    assert main(scored) == 0
    return Place(root / "portfolio", root / "home", as_body(records)[:5])


def _said(capsys: Capture, *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    document: dict[str, Any] = json.loads(shown.out)
    return document


def _refused(capsys: Capture, *arguments: object, code: int = 2) -> str:
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    assert shown.err.count("\n") == 1
    return shown.err


def test_a_portfolio_is_scored_as_json_and_nothing_else(place: Place, capsys: Capture) -> None:
    said = _said(capsys, "score", place.folder, "--home", place.home, "--json")
    assert (said["as_of"], len(said["results"])) == ("2025-07-01", 150)
    scored = [result for result in said["results"] if result["churn"]]
    assert all(len(result["churn"]["score_id"]) == 32 for result in scored)
    assert {result["churn"]["grade"] for result in scored} == set("ABCD")


def test_a_second_score_of_a_later_day_knows_the_first(place: Place, capsys: Capture) -> None:
    given = ("score", place.folder, "--home", place.home, "--json", "--as-of")
    early = _said(capsys, *given, "2025-06-01")
    late = _said(capsys, *given, "2025-06-25")
    before = {r["account_id"]: r["churn"]["probability"] for r in early["results"] if r["churn"]}
    for result in late["results"]:
        if result["churn"]:
            assert result["churn"]["previous"] == before.get(result["account_id"])
            known = result["churn"]["previous"] is not None
            assert (result["churn"]["trend"] is not None) == known


def test_scores_are_written_as_a_sheet(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    assert main(["score", str(place.folder), "--home", str(place.home), "--out", str(out)]) == 0
    with out.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert {line["model"] for line in lines} == {"churn", "close"}
    assert sum(line["model"] == "churn" for line in lines) == 150


def test_a_list_is_ordered_and_says_why_in_both_languages(place: Place, capsys: Capture) -> None:
    given = ("worklist", place.folder, "--home", place.home, "--json", "--limit", 8, "--language")
    english, french = (_said(capsys, *given, language)["items"] for language in ("en", "fr"))
    assert [item["rank"] for item in english] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [item["priority"] for item in english] == sorted(
        (item["priority"] for item in english), reverse=True
    )
    assert all(item["why"] and item["todo"] for item in english)
    assert [item["entity_id"] for item in french] == [item["entity_id"] for item in english]
    assert [item["todo"] for item in french] != [item["todo"] for item in english]
    assert main(["worklist", str(place.folder), "--home", str(place.home)]) == 0
    assert " 1. " in capsys.readouterr().out


def test_a_file_is_scored_and_nothing_is_kept(
    place: Place, tmp_path: Path, capsys: Capture
) -> None:
    body = tmp_path / "BODY.json"
    body.write_text(json.dumps({"as_of": "2025-07-01", "accounts": place.accounts}))
    said = _said(capsys, "score", body, "--home", place.home)
    assert len(said["results"]) == 5
    assert all(r["churn"] is None or r["churn"]["score_id"] is None for r in said["results"])


BODIES: Mapping[str, Callable[[dict[str, Any]], bytes]] = {
    "not JSON": lambda _: b"{",
    "a number that is none": lambda body: json.dumps({**body, "x": float("nan")}).encode(),
    "an unknown field": lambda body: json.dumps({**body, "colour": 1}).encode(),
    "no accounts": lambda body: json.dumps({**body, "accounts": []}).encode(),
    "a day to come": lambda body: json.dumps({**body, "as_of": "2199-01-01"}).encode(),
}


@pytest.mark.parametrize("title", BODIES)
def test_a_body_that_cannot_be_trusted_ends_with_2(
    title: str, place: Place, tmp_path: Path, capsys: Capture
) -> None:
    body = tmp_path / "BODY.json"
    body.write_bytes(BODIES[title]({"as_of": "2025-07-01", "accounts": place.accounts}))
    capsys.readouterr()
    assert main(["score", str(body), "--home", str(place.home)]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err[:2]) == ("", "RQ")
    assert "Traceback" not in shown.err


def test_a_day_to_come_is_refused_as_an_option_too(
    place: Place, tmp_path: Path, capsys: Capture
) -> None:
    body = tmp_path / "BODY.json"
    body.write_text(json.dumps({"accounts": place.accounts}))
    _refused(capsys, "score", body, "--home", place.home, "--as-of", "2199-01-01")


def test_wrong_inputs_end_with_2_and_one_coded_line(
    place: Place, tmp_path: Path, capsys: Capture
) -> None:
    at_home = ("--home", place.home)
    asked: dict[str, tuple[object, ...]] = {
        "CL012": ("score", place.folder, *at_home, "--as-of", "yesterday"),
        "ST011": ("score", place.folder, *at_home, "--as-of", "2025-07-02"),
        "CL021": ("score", place.folder, *at_home, "--out", tmp_path / "scores.xlsx"),
        "CL020": ("worklist", place.folder, *at_home, "--owner", "nobody"),
        "CL001": ("worklist", place.folder, *at_home, "--limit", "0"),
        "PF001": ("score", tmp_path / "nowhere", *at_home),
        "NR030": ("worklist", place.folder, "--home", tmp_path / "new"),
        "NR020": ("score", place.folder, "--home", tmp_path / "empty"),
    }
    for code, arguments in asked.items():
        assert _refused(capsys, *arguments).startswith(f"{code} "), arguments


def test_no_champion_yet_names_the_command(place: Place, tmp_path: Path, capsys: Capture) -> None:
    said = _refused(capsys, "score", place.folder, "--home", tmp_path)
    assert "fanal train PORTFOLIO" in said


def test_a_damaged_champion_ends_with_3(place: Place, tmp_path: Path, capsys: Capture) -> None:
    records = read_records(open_portfolio(place.folder))
    promote(tmp_path, make_champion(records, "churn", "1"))
    path = tmp_path / "models" / "demo" / "churn" / "1" / "model.json"
    path.write_bytes(path.read_bytes()[:-1])
    said = _refused(capsys, "score", place.folder, "--home", tmp_path, code=3)
    assert said.startswith("ME002 ")
    assert "fanal rollback" in said
