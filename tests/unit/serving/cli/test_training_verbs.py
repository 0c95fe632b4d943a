"""How a training ends for whoever started it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serving.cli import training_verbs
from serving.cli.main import main
from tests.unit.training.made import PORTFOLIO
from tests.unit.training.test_summary import RESULT


def _training_that_ends(verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = SimpleNamespace(
        model="churn", version="1", rung="logistic", verdict=verdict, promoted=False, reason="Why",
        gates=(), to_json=lambda: {"model": "churn", "verdict": verdict},
    )  # fmt: skip
    fake: Any = SimpleNamespace(
        train=lambda *_, **__: trained,
        Registry=lambda home: SimpleNamespace(runs_folder=home / "mlruns"),
    )
    monkeypatch.setattr(training_verbs, "import_module", lambda _: fake)
    monkeypatch.setattr(training_verbs, "read", lambda _: None)
    monkeypatch.setattr(training_verbs, "build_events", lambda _: None)
    monkeypatch.setattr(training_verbs, "require_tables", lambda *_: None)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [("promoted", 0), ("no_skill", 0), ("too_little_data", 0), ("refused", 3)],
)
def test_only_a_refusal_by_a_gate_ends_a_training_with_3(
    verdict: str,
    code: int,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _training_that_ends(verdict, monkeypatch)
    assert main(["train", "anywhere", "--model", "churn"]) == code
    assert verdict in capsys.readouterr().out
    assert main(["train", "anywhere", "--model", "churn", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["models"] == [{"model": "churn", "verdict": verdict}]


@pytest.fixture
def tested(monkeypatch: pytest.MonkeyPatch) -> None:
    """A back-test that is done already, of a portfolio made elsewhere."""
    records = SimpleNamespace(portfolio=PORTFOLIO)
    monkeypatch.setattr(training_verbs, "read", lambda _: records)
    monkeypatch.setattr(training_verbs, "build_events", lambda _: None)
    monkeypatch.setattr(training_verbs, "Workshop", lambda *_: None)
    monkeypatch.setattr(training_verbs, "run_backtest", lambda *_, **__: RESULT)


@pytest.mark.usefixtures("tested", "home")
def test_a_back_test_is_written_as_a_page_in_the_language_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--html", "page.html", "--language", "fr", "--capacity", "7", "--json"]
    assert main(["backtest", "x", "--model", "churn", *arguments]) == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert '<html lang="fr">' in page
    assert "les 7 premiers de chaque liste" in page
    assert json.loads(capsys.readouterr().out)["verdict"] == "skill"


@pytest.mark.usefixtures("tested", "home")
def test_costs_of_a_call_are_those_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--html", "page.html", "--contact-cost", "40", "--offer-share", "0.2"]
    assert main(["backtest", "x", "--model", "churn", *arguments]) == 0
    assert "Written to page.html." in capsys.readouterr().out
    page = Path("page.html").read_text(encoding="utf-8")
    assert "a call costs €40;" in page
    assert "an offer worth 20% of what it is worth a year" in page


@pytest.mark.usefixtures("tested", "home")
def test_a_page_that_cannot_be_written_is_refused_before_anything_is_computed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_verbs, "run_backtest", lambda *_, **__: pytest.fail("computed"))
    assert main(["backtest", "x", "--model", "churn", "--html", "no/folder/page.html"]) == 2
    assert capsys.readouterr().err.startswith("CL003")
