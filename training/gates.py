"""May a model be promoted, and if not, why not? Numbered gates, each a question with its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.backtest import Backtest
from training.dataset import Dataset
from training.evaluate import auc, log_loss_gain
from training.models import select

GATES: Mapping[str, str] = {
    "GT001": "enough matured outcomes to learn from",
    "GT002": "beats the prior and the one-column rule by AUC",
    "GT003": "its probabilities are no worse than the base rate's",
    "GT004": "no single feature tells the outcome",
}
"""Every gate, with what it asks; each has a part in docs/gates.md."""

_LEAK_AUC = 0.95


@dataclass(frozen=True)
class GateResult:
    """One gate's answer, for people and programs."""

    code: str
    passed: bool
    text: str

    def to_json(self) -> dict[str, object]:
        """The form that `fanal train --json` prints."""
        return {"code": self.code, "passed": self.passed, "text": self.text}


def run_gates(result: Backtest, data: Dataset) -> tuple[GateResult, ...]:
    """What does each gate say of a back-test and of the rows of the final model?"""
    enough = result.verdict != "too_little_data"
    gates = [GateResult("GT001", enough, "enough" if enough else result.reason)]
    if enough:
        gates.append(GateResult("GT002", result.verdict == "skill", result.reason))
        gates.append(_calibrated(result))
        gates.append(_no_leak(data))
    return tuple(gates)


def verdict(gates: tuple[GateResult, ...]) -> str:
    """Which verdict follows: promoted, refused, no_skill or too_little_data?"""
    failed = {gate.code for gate in gates if not gate.passed}
    if "GT001" in failed:
        return "too_little_data"
    # A leak first: a model that sees the answer has every skill.
    if "GT004" in failed:
        return "refused"
    if "GT002" in failed:
        return "no_skill"
    return "refused" if failed else "promoted"


def _calibrated(result: Backtest) -> GateResult:
    scored = [found.scored for found in result.slices]
    gain = log_loss_gain(scored, result.rung, "prior")
    mean = result.mean()["fanal"]
    text = (
        f"log loss {gain.mean:+.4f} better than the base rate's; calibration error"
        f" {mean['ece']:.3f}, {mean['ece_by_chance']:.3f} by chance"
    )
    return GateResult("GT003", gain.mean > 0, text)


def _no_leak(data: Dataset) -> GateResult:
    """No column alone, nor its being missing, may separate the outcomes almost perfectly."""
    worst, name = 0.0, ""
    for column in data.matrix.names:
        values = select(data.matrix, (column,))[:, 0]
        missing = np.isnan(values)
        for score in (np.where(missing, np.nanmin(values, initial=0.0) - 1.0, values), missing):
            found = auc(score.astype(np.float64), data.label)
            found = max(found, 1.0 - found)
            if found > worst:
                worst, name = found, column
    text = f"the strongest single feature, {name}, has AUC {worst:.3f} (at most {_LEAK_AUC})"
    return GateResult("GT004", worst <= _LEAK_AUC, text)
