"""How a training ends for whoever started it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serving.cli import training_verbs
from serving.cli.main import main


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
