"""What the verbs of training say to inputs that they cannot take."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.records.simulator import SimulatorSettings, simulate, write_simulation
from serving.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 accounts over eight months."""
    found = tmp_path_factory.mktemp("training") / "portfolio"
    settings = SimulatorSettings(accounts=60, days=240, end_date=date(2025, 6, 30))
    write_simulation(simulate(np.random.default_rng(7), settings), found)
    return found


ASKED = {
    "an unknown model": ("CL011", "backtest PORTFOLIO --model weather"),
    "all models at once": ("CL011", "backtest PORTFOLIO --model all"),
    "a day that is none": ("CL012", "backtest PORTFOLIO --model churn --test-dates 2025-13-01"),
    "an outcome not known yet": (
        "NR010", "backtest PORTFOLIO --model churn --test-dates 2025-06-01",
    ),
    "a horizon of nothing": ("CL001", "backtest PORTFOLIO --model churn --horizon 0"),
    "a horizon beyond the history": ("NR011", "backtest PORTFOLIO --model churn --horizon 900"),
    "no model said": ("CL001", "backtest PORTFOLIO"),
    "no such folder": ("PF001", "backtest NOWHERE --model churn"),
    "training an unknown model": ("CL011", "train PORTFOLIO --model weather"),
    "a name that is no model's": ("CL010", "promote demo"),
    "a model that is not there": ("NR021", "promote demo.churn"),
    "a version that is not there": ("NR021", "promote demo.churn --version 7"),
    "nothing to go back to": ("NR022", "rollback demo.churn"),
}  # fmt: skip


@pytest.mark.parametrize("title", ASKED)
def test_a_wrong_input_ends_with_2_and_one_coded_line(
    title: str, home: Path, folder: Path, capsys: Capture
) -> None:
    code, line = ASKED[title]
    arguments = line.replace("PORTFOLIO", str(folder)).replace("NOWHERE", str(home)).split()
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"{code} ")
    assert shown.err.count("\n") == 1
    assert main([*arguments, "--json"]) == 2
    shown = capsys.readouterr()
    assert (json.loads(shown.out)["error"]["code"], shown.err) == (code, "")


def test_an_empty_registry_lists_nothing(home: Path, capsys: Capture) -> None:
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"models": []}
