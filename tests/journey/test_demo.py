"""``fanal demo``, small: the whole way from a simulated export to a list in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.journey.real import Desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A fresh place."""
    return Desk(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def shown(desk: Desk) -> str:
    """What the demo prints."""
    return desk.fanal("demo", "--accounts", "300", "--seed", "3").stdout


def test_it_goes_from_export_to_list_and_says_how_to_go_on(shown: str) -> None:
    for step in ("1. Simulating 300 accounts", "2. Importing", "3. Training", "4. Scoring", "5. "):
        assert step in shown
    assert " 1. " in shown
    assert "fanal serve" in shown.rstrip().splitlines()[-1]


@pytest.mark.usefixtures("shown")
def test_what_it_leaves_behind_answers_the_other_verbs(desk: Desk) -> None:
    models = desk.json("models")["models"]
    assert {model["model"] for model in models} <= {"demo.churn", "demo.close"}
    folder = Path("home") / "demo" / "portfolio"
    assert desk.json("worklist", folder, "--limit", "3")["items"]
    truth = desk.folder / "home" / "demo" / "export" / "truth" / "causes.json"
    assert json.loads(truth.read_text())
