"""May a model of durations or amounts serve? The gates that apply to it, by the same codes."""

from __future__ import annotations

import numpy as np

from training.dataset import Dataset
from training.evaluate import auc
from training.gates import GateResult
from training.labels import OPEN
from training.quantities.trial import QuantityBacktest, loss_gain

_LEAK_AUC = 0.95
_HELD = (0.70, 0.90)
_MOST_GAP = 0.12
_OTHER_RULES = ("bg_nbd", "closed_only")


def quantity_gates(result: QuantityBacktest, data: Dataset | None) -> tuple[GateResult, ...]:
    """What does each gate say?

    Parameters
    ----------
    result : QuantityBacktest
        Of the recipe.
    data : Dataset or None
        Training rows of the final model; None where no day has matured.
    """
    if data is None or result.verdict == "too_little_data":
        text = result.reason if result.verdict == "too_little_data" else "nothing has matured yet"
        return (GateResult("GT001", passed=False, text=text),)
    return (
        GateResult("GT001", passed=True, text="enough"),
        GateResult("GT002", result.verdict == "skill", result.reason),
        _honest(result),
        _no_leak(data, result.task.horizon.horizon_days),
        _no_better_rule(result),
    )


def _honest(result: QuantityBacktest) -> GateResult:
    """GT003: intervals hold what they say; curves are about as steep as what came about."""
    held = result.interval_held()
    if held is not None:
        text = (
            f"the 80 % interval held {100 * held.mean:.1f} % of the amounts (95 % interval"
            f" {100 * held.low:.1f} to {100 * held.high:.1f} %; 70 to 90 % asked)"
        )
        return GateResult("GT003", _HELD[0] <= held.mean <= _HELD[1], text)
    gap = result.mean()["fanal"]["closed_gap"]
    text = (
        f"shares closed by a third, two thirds and all of the horizon are off by {100 * gap:.1f}"
        f" points on average (at most {100 * _MOST_GAP:.0f})"
    )
    return GateResult("GT003", gap <= _MOST_GAP, text)


def _no_leak(data: Dataset, horizon_days: int) -> GateResult:
    """GT004: no column alone, nor its being missing, tells whether there is any outcome."""
    if data.durations is None:
        happened, rows = data.label > 0.0, np.arange(data.size)
    else:
        ended = data.ended
        rows = np.flatnonzero(ended.followed >= horizon_days)
        happened = ((ended.cause != OPEN) & (ended.days < horizon_days))[rows]
    label = happened.astype(np.float64)
    worst, name = 0.0, ""
    for place, column in enumerate(data.matrix.names):
        values = data.matrix.values[rows, place]
        missing = np.isnan(values)
        least = np.nanmin(values) if not missing.all() else 0.0
        for score in (np.where(missing, least - 1.0, values), missing.astype(np.float64)):
            found = auc(score, label)
            found = max(found, 1.0 - found)
            if found > worst:
                worst, name = found, column
    text = f"the strongest single feature, {name or 'none'}, has AUC {worst:.3f} (at most 0.95)"
    return GateResult("GT004", worst <= _LEAK_AUC, text)


def _no_better_rule(result: QuantityBacktest) -> GateResult:
    """GT007: no other baseline is clearly better."""
    names = set(result.mean()) & set(_OTHER_RULES)
    gains = {name: loss_gain(result.slices, result.rung, name) for name in names}
    worse = [name for name, gain in gains.items() if gain.high < 0.0]
    said = ", ".join(f"{100 * gains[name].mean:+.1f} % against {name}" for name in sorted(gains))
    return GateResult("GT007", not worse, f"loss gained: {said}" if said else "no other rule")
