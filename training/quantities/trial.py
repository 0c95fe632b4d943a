"""How would `duration` or `value` have done on past days, beside the dull rules?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from features.counting import counted
from features.kernel import Codes, Floats
from training.backtest import MIN_ACCOUNTS, MIN_DEALS, MIN_OUTCOMES, TEST_DATES, Skill
from training.dataset import Task, Workshop
from training.evaluate import Interval
from training.labels import Horizon
from training.quantities.testing import Tested, try_amounts, try_durations
from training.slices import Slice, rolling_slices, train_dates

Progress = Callable[[str], None]

KEENER = {"duration": "logistic", "value": "linear"}
"""The keener rung below the trees."""
_DRAWS = 400
_SEED = 7
_SHORTEST = 7


@dataclass(frozen=True)
class QuantitySlice:
    """What everyone said on one test day.

    Attributes
    ----------
    slice : Slice
        The day, and the days learnt from.
    n_train : int
        Rows learnt from.
    tested : Tested
        Losses and metrics by model.
    code : (n_train + n_test,) int64
        Which account or deal each row is of.
    has_outcome : (n_train + n_test,) bool
        Whether anything was bought, or the deal closed.
    """

    slice: Slice
    n_train: int
    tested: Tested
    code: Codes
    has_outcome: Floats


@dataclass(frozen=True)
class QuantityBacktest:
    """Results over slices; the fields mean what those of `Backtest` mean."""

    task: Task
    slices: tuple[QuantitySlice, ...]
    rung: str
    skill: Skill | None
    verdict: str
    reason: str

    def mean(self) -> dict[str, dict[str, float]]:
        """Mean metrics by model; ``fanal`` is the rung that would be promoted."""
        if not self.slices:
            return {}
        tested = [result.tested.metrics for result in self.slices]
        found = {
            name: {
                metric: _mean([metrics[name][metric] for metrics in tested])
                for metric in tested[0][name]
            }
            for name in tested[0]
            if all(name in metrics for metrics in tested)
        }
        return {"fanal": found[self.rung], **found}

    def interval_held(self) -> Interval | None:
        """How often did the 80 % interval hold the amount, pooled? None for durations.

        With its 95 % interval by Wilson (JASA 22, 1927), as if rows were independent.
        """
        held = [
            result.tested.held[self.rung]
            for result in self.slices
            if self.rung in result.tested.held
        ]
        if not held:
            return None
        rows = np.concatenate(held)
        share, n, z = float(rows.mean()), rows.size, 1.96
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return Interval(share, middle - half, middle + half)

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The form that `fanal backtest --json` prints."""
        held = self.interval_held()
        return {
            "model": self.task.name,
            "horizon_days": self.task.horizon.horizon_days,
            "verdict": self.verdict,
            "rung": self.rung,
            "slices": [
                {
                    "as_of_date": result.slice.test_date.isoformat(),
                    "train_dates": [day.isoformat() for day in result.slice.train_dates],
                    "n": int(result.tested.group.size),
                    "n_train": result.n_train,
                    "base_rate": result.tested.base_rate,
                    "models": {
                        "fanal": _clean(result.tested.metrics[self.rung]),
                        **{name: _clean(found) for name, found in result.tested.metrics.items()},
                    },
                }
                for result in self.slices
            ],
            "mean": {name: _clean(found) for name, found in self.mean().items()},
            "skill": None
            if self.skill is None
            else {
                "against": self.skill.against,
                "loss_gain": self.skill.gain.mean,
                "ci95": [self.skill.gain.low, self.skill.gain.high],
            },
            **(
                {}
                if held is None
                else {"interval_80": {"held": held.mean, "ci95": [held.low, held.high]}}
            ),
        }


def _mean(values: Sequence[float]) -> float:
    """Mean of those that are known."""
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _clean(found: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def teaching(task: Task) -> Horizon:
    """How long must a day lie back for a model to learn from it?

    Durations are censored rather than unknown: a third of the horizon teaches something already.
    """
    if task.name != "duration":
        return task.horizon
    return Horizon(max(_SHORTEST, task.horizon.horizon_days // 3))


def run_quantity_backtest(
    workshop: Workshop,
    *,
    test_dates: Sequence[date] = (),
    count: int = TEST_DATES,
    quick: bool = False,
    progress: Progress = lambda _: None,
) -> QuantityBacktest:
    """How would `duration` or `value` have done on past days?

    Parameters
    ----------
    workshop : Workshop
        Makes the rows of the task.
    test_dates : sequence of date
        Days to test on; by default `count` days stepping back from the latest matured one.
    count : int
        How many test days by default.
    quick : bool
        Search less.
    progress : callable
        Told what is being done.

    Raises
    ------
    NotReady
        NR010 for a test day whose outcome is not known yet.
    """
    task = workshop.task
    slices = rolling_slices(
        workshop.first_day, workshop.data_end, task.horizon, test_dates=test_dates, count=count
    )
    results = []
    for number, piece in enumerate(slices, start=1):
        days = train_dates(piece.test_date, workshop.first_day, teaching(task))
        progress(f"slice {number}/{len(slices)}: {piece.test_date}")
        found = _run_slice(workshop, replace(piece, train_dates=days), quick)
        if found is not None:
            results.append(found)
    too_little = _too_little(task, results)
    if too_little:
        return QuantityBacktest(task, tuple(results), "prior", None, "too_little_data", too_little)
    return _conclude(task, tuple(results))


def _run_slice(workshop: Workshop, piece: Slice, quick: bool) -> QuantitySlice | None:
    train = workshop.dataset(piece.train_dates, piece.test_date)
    test = workshop.dataset([piece.test_date], workshop.data_end)
    if not test.size or not train.size:
        return None
    try_out = try_durations if workshop.task.name == "duration" else try_amounts
    tested = try_out(train, test, workshop.task, quick=quick)
    code = np.concatenate((train.matrix.code, test.matrix.code))
    parts = [part.label > 0 if part.durations is None else part.ended.cause > 0
             for part in (train, test)]  # fmt: skip
    return QuantitySlice(piece, train.size, tested, code, np.concatenate(parts))


def _too_little(task: Task, results: Sequence[QuantitySlice]) -> str:
    """Say what is missing before anything can be learnt; empty when nothing is."""
    if not results:
        return "no test day has both a known outcome and days to learn from before it"
    code = np.concatenate([result.code for result in results])
    has_outcome = np.concatenate([result.has_outcome for result in results]).astype(bool)
    least, what = (MIN_ACCOUNTS, "account") if task.entity == "account" else (MIN_DEALS, "deal")
    rows = np.unique(code).size
    if rows < least:
        return f"{counted(rows, f'matured {what}')}, {least} are needed"
    came = np.unique(code[has_outcome]).size
    if came < MIN_OUTCOMES:
        verb = "bought" if task.entity == "account" else "closed"
        return f"{counted(came, what)} that {verb}, {MIN_OUTCOMES} are needed"
    return ""


def _conclude(task: Task, results: tuple[QuantitySlice, ...]) -> QuantityBacktest:
    """Choose the best rung that beats both dull rules."""
    common = set.intersection(*(set(result.tested.loss) for result in results))
    linear = KEENER[task.name]
    ranking = [linear] if linear in common else []
    if "lightgbm" in common and ranking:
        takes_over = loss_gain(results, "lightgbm", linear).mean >= 0
        ranking.insert(0 if takes_over else 1, "lightgbm")
    if not ranking:
        reason = "no rung could be fitted on every slice"
        return QuantityBacktest(task, results, "prior", None, "too_little_data", reason)
    rules = [name for name in ("prior", "rates") if name in common]
    skills = [_skill(results, rung, rules) for rung in ranking]
    proven = next((skill for skill in skills if skill.is_proven), None)
    best = proven or skills[0]
    gain = best.gain
    text = (
        f"loss {100 * gain.mean:+.1f} % better than {best.against}'s (95 % interval"
        f" {100 * gain.low:+.1f} to {100 * gain.high:+.1f} %), rung {best.rung}"
    )
    verdict = "skill" if proven else "no_skill"
    return QuantityBacktest(task, results, best.rung, best, verdict, text)


def _skill(results: Sequence[QuantitySlice], rung: str, rules: Sequence[str]) -> Skill:
    """Skill against the rule that leaves the smaller gain."""
    gains = [Skill(rung, rule, loss_gain(results, rung, rule)) for rule in rules]
    return min(gains, key=lambda skill: skill.gain.low)


def loss_gain(results: Sequence[QuantitySlice], model: str, against: str) -> Interval:
    """By which share is one model's loss below another's, over all test days?

    Paired: both are read on the same resampled accounts, and an account drawn is drawn on every day
    it recurs on (bootstrap by account).
    """
    group = np.concatenate([result.tested.group for result in results])
    # Every test day counts the same, however many rows it has.
    share = np.concatenate(
        [np.full(r.tested.group.size, 1.0 / r.tested.group.size) for r in results]
    )
    one, other = (
        np.concatenate([result.tested.loss[name] for result in results]) * share
        for name in (model, against)
    )
    accounts, member = np.unique(group, return_inverse=True)
    ours = np.bincount(member, one, minlength=accounts.size)
    theirs = np.bincount(member, other, minlength=accounts.size)
    random = np.random.default_rng(_SEED)
    even = np.full(accounts.size, 1.0 / accounts.size)
    weights = random.multinomial(accounts.size, even, size=_DRAWS).astype(np.float64)
    drawn = 1.0 - (weights @ ours) / np.maximum(weights @ theirs, 1e-12)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(float(1.0 - ours.sum() / max(theirs.sum(), 1e-12)), float(low), float(high))
