"""How the journeys on real records speak to Fanal: through the command line alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FANAL = Path(sys.executable).parent / "fanal"

METRICS = {
    "auc", "average_precision", "brier", "log_loss", "ece", "ece_by_chance", "calibration_slope",
    "lift_at_10",
}  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """A data scientist's desk: a folder, a state folder, and the command line.

    Attributes
    ----------
    folder : Path
        Where portfolios and files lie; the state lies in ``home`` within.
    """

    folder: Path

    def fanal(self, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a verb as a person would, and expect its exit code."""
        done = subprocess.run(
            [FANAL, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "FANAL_HOME": str(self.folder / "home")},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == code, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str | Path) -> dict[str, Any]:
        """Run a verb with ``--json``: standard output holds one document and nothing else."""
        document: dict[str, Any] = json.loads(self.fanal(*arguments, "--json").stdout)
        return document


def require_backtest_shape(found: dict[str, Any], baselines: set[str]) -> None:
    """The keys that programs read."""
    assert {"model", "horizon_days", "slices", "mean", "skill"} <= set(found)
    assert set(found["skill"]) == {"against", "auc_gain", "ci95"}
    assert len(found["skill"]["ci95"]) == 2
    models = {"fanal", "prior", "logistic", "lightgbm", *baselines}
    assert models <= set(found["mean"])
    assert {frozenset(metrics) for metrics in found["mean"].values()} == {frozenset(METRICS)}
    for piece in found["slices"]:
        assert {"as_of_date", "n", "base_rate", "models"} <= set(piece)
        assert models <= set(piece["models"])
        assert {frozenset(metrics) for metrics in piece["models"].values()} == {frozenset(METRICS)}


def require_trained_shape(found: dict[str, Any], model: str) -> dict[str, Any]:
    """The keys that programs read; returns the one model that was trained."""
    (trained,) = found["models"]
    assert {"model", "rung", "version", "promoted", "verdict", "gates", "metrics"} <= set(trained)
    assert trained["model"] == model
    assert [set(gate) for gate in trained["gates"]] == [{"code", "passed", "text"}] * 13
    assert set(trained["metrics"]) == METRICS
    one: dict[str, Any] = trained
    return one
