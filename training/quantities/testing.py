"""What does everyone say of the rows of one test day, and how wrong is it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.kernel import Codes, Floats
from training.dataset import Dataset, Task
from training.labels import OPEN, WON
from training.models.amounts import TwoPart
from training.models.hazards import Hazards
from training.models.periods import expand
from training.models.spread import Amounts
from training.quantities.fit_amounts import fit_amounts
from training.quantities.fit_durations import fit_closed_only, fit_durations, loss_of
from training.quantities.measures import covered, pinballs
from training.quantities.purchases import fit_baseline


@dataclass(frozen=True)
class Tested:
    """Losses and metrics of one test day.

    Attributes
    ----------
    loss : mapping of str to (n,) float64
        By model, the proper loss that rungs are chosen by: pinball (value), log loss (duration).
    metrics : mapping of str to mapping of str to float
        By model and metric.
    held : mapping of str to (n,) float64
        By model, 1 where the 80 % interval held the amount; empty for durations.
    group : (n,) int64
        Account of each row.
    base_rate : float
        Share of accounts that bought, or of deals that closed within the horizon.
    """

    loss: Mapping[str, Floats]
    metrics: Mapping[str, Mapping[str, float]]
    held: Mapping[str, Floats]
    group: Codes
    base_rate: float


def try_amounts(train: Dataset, test: Dataset, task: Task, *, quick: bool) -> Tested:
    """Test every rung of `value`, and BG/NBD with Gamma-Gamma beside them."""
    said: dict[str, tuple[Amounts, Floats]] = {}
    for name, fitted in fit_amounts(train, task, quick=quick).items():
        if isinstance(fitted.rung, TwoPart):
            amounts = fitted.rung.amounts(test.matrix)
            said[name] = amounts, amounts.expected
    baseline = fit_baseline(train, task)
    if baseline is not None:
        said["bg_nbd"] = baseline.amounts(test.matrix), baseline.expected(test.matrix)
    truth = test.label
    loss = {name: pinballs(amounts, truth) for name, (amounts, _) in said.items()}
    held = {name: covered(amounts, truth) for name, (amounts, _) in said.items()}
    metrics = {
        name: {
            "mae": float(np.abs(expected - truth).mean()),
            "rmse": float(np.sqrt(((expected - truth) ** 2).mean())),
            "pinball": float(loss[name].mean()),
            "interval_80_held": float(held[name].mean()),
            "interval_80_width": float((amounts.quantile(0.9) - amounts.quantile(0.1)).mean()),
            "total_ratio": float(expected.sum() / truth.sum()) if truth.sum() > 0 else np.nan,
        }
        for name, (amounts, expected) in said.items()
    }
    return Tested(loss, metrics, held, test.group, float((truth > 0).mean()))


def try_durations(train: Dataset, test: Dataset, task: Task, *, quick: bool) -> Tested:
    """Test every rung of `duration`, and the life table of closed deals alone beside them."""
    rungs = {
        name: fitted.rung
        for name, fitted in fit_durations(train, task, quick=quick).items()
        if isinstance(fitted.rung, Hazards)
    }
    rungs["closed_only"] = fit_closed_only(train, task, rungs["prior"].stages.edges)
    loss = {name: loss_of(rung, test) for name, rung in rungs.items()}
    metrics = {
        name: _measures(rung, test, task.horizon.horizon_days, loss[name])
        for name, rung in rungs.items()
    }
    ended = test.ended
    closed = (ended.cause != OPEN) & (ended.days < task.horizon.horizon_days)
    return Tested(loss, metrics, {}, test.group, float(closed.mean()))


def _measures(rung: Hazards, test: Dataset, horizon: int, loss: Floats) -> dict[str, float]:
    ended = test.ended
    curves = rung.curves(test.matrix)
    closed_gaps, won_gaps = [], []
    for day in (horizon / 3, 2 * horizon / 3, float(horizon)):
        won, lost = curves.by(day)
        is_closed = (ended.cause != OPEN) & (ended.days < day)
        closed_gaps.append(abs(float((won + lost).mean() - is_closed.mean())))
        won_gaps.append(abs(float(won.mean() - (is_closed & (ended.cause == WON)).mean())))
    periods = expand(ended, rung.stages.edges).row.size
    found = {
        "log_loss": float(loss.mean()),
        "log_loss_per_period": float(loss.sum() / max(periods, 1)),
        "closed_gap": float(np.mean(closed_gaps)),
        "won_gap": float(np.mean(won_gaps)),
    }
    for share in (0.5, 0.8):
        days = curves.days_until(share)
        # Only of deals that were followed for so long is it known.
        known = days <= ended.followed
        hit = (ended.cause != OPEN) & (ended.days <= days)
        found[f"closed_by_p{int(100 * share)}"] = (
            float(hit[known].mean()) if known.any() else float("nan")
        )
    return found
