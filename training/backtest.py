"""How would the model have done on past days, beside the dull rules?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Protocol

import numpy as np

from features.counting import counted
from features.errors import NotReady
from features.kernel import Codes, Floats
from training.baselines import fit_baselines, rule_name
from training.dataset import Dataset, Task, Workshop
from training.evaluate import Interval, Scored, auc_gain, log_loss_gain, mean_metrics, measure
from training.models import to_probability, usable_features
from training.search import Fitted, fit_rungs
from training.slices import Slice, rolling_slices
from training.stakes import Stakes, stakes_of

Progress = Callable[[str], None]

CODES: Mapping[str, str] = {
    "NR011": "there is nothing to back-test",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

TEST_DATES = 5
"""Test days by default: a small portfolio has too few open deals on three to prove anything."""

MIN_DEALS = 50
MIN_ACCOUNTS = 200
MIN_OUTCOMES = 20


@dataclass(frozen=True)
class SliceResult:
    """What everyone said on one test day.

    Attributes
    ----------
    slice : Slice
        The day, and the days learnt from.
    n_train : int
        Rows learnt from.
    scored : Scored
        What each model said of each row, and what happened.
    metrics : mapping of str to mapping of str to float
        By model and metric.
    code, label : (n_train + n_test,) int64 and float64
        Which account or deal each matured row is of, and its outcome.
    stakes : Stakes or None
        Whose each test row is, and what is at stake on it, for reports.
    """

    slice: Slice
    n_train: int
    scored: Scored
    metrics: Mapping[str, Mapping[str, float]]
    code: Codes
    label: Floats
    stakes: Stakes | None = None


@dataclass(frozen=True)
class Skill:
    """Whether a rung beats a rule by AUC, paired over slices."""

    rung: str
    against: str
    gain: Interval

    @property
    def is_proven(self) -> bool:
        """Whether the 95 % interval lies above 0."""
        return self.gain.low > 0


@dataclass(frozen=True)
class Backtest:
    """Results over slices.

    Attributes
    ----------
    task : Task
        What was predicted.
    slices : tuple of SliceResult
        Oldest first; empty when nothing has matured.
    rung : str
        The rung that would be promoted, or the best one tried where none has skill.
    skill : Skill or None
        Of that rung against the stronger of the two dull rules; None without slices.
    verdict : str
        skill, no_skill or too_little_data.
    reason : str
        One sentence for people.
    """

    task: Task
    slices: tuple[SliceResult, ...]
    rung: str
    skill: Skill | None
    verdict: str
    reason: str

    def mean(self) -> dict[str, dict[str, float]]:
        """Mean metrics by model; ``fanal`` is the rung that would be promoted."""
        if not self.slices:
            return {}
        names = [
            name
            for name in self.slices[0].metrics
            if all(name in result.metrics for result in self.slices)
        ]
        found = {
            name: mean_metrics([result.metrics[name] for result in self.slices]) for name in names
        }
        return {"fanal": found[self.rung], **found}

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The form that `fanal backtest --json` prints."""
        return {
            "model": self.task.name,
            "horizon_days": self.task.horizon.horizon_days,
            "verdict": self.verdict,
            "rung": self.rung,
            "slices": [
                {
                    "as_of_date": result.slice.test_date.isoformat(),
                    "train_dates": [day.isoformat() for day in result.slice.train_dates],
                    "n": int(result.scored.label.size),
                    "n_train": result.n_train,
                    "base_rate": float(result.scored.label.mean()),
                    "models": {
                        "fanal": _clean(result.metrics[self.rung]),
                        **{name: _clean(found) for name, found in result.metrics.items()},
                    },
                }
                for result in self.slices
            ],
            "mean": {name: _clean(found) for name, found in self.mean().items()},
            "skill": None
            if self.skill is None
            else {
                "against": self.skill.against,
                "auc_gain": self.skill.gain.mean,
                "ci95": [self.skill.gain.low, self.skill.gain.high],
            },
        }


def _clean(found: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in found.items()}


def run_backtest(
    workshop: Workshop,
    *,
    test_dates: Sequence[date] = (),
    count: int = TEST_DATES,
    quick: bool = False,
    progress: Progress = lambda _: None,
) -> Backtest:
    """How would the model have done on past days?

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
        told = partial(_tell, progress, f"slice {number}/{len(slices)}")
        result = _run_slice(workshop, piece, quick, told)
        if result is not None:
            results.append(result)
    too_little = _too_little(task, results)
    if too_little:
        return Backtest(task, tuple(results), "prior", None, "too_little_data", too_little)
    return _conclude(task, tuple(results))


def _tell(progress: Progress, where: str, text: str) -> None:
    progress(f"{where}: {text}")


def _run_slice(
    workshop: Workshop, piece: Slice, quick: bool, progress: Progress
) -> SliceResult | None:
    task = workshop.task
    progress(f"{piece.test_date}, features")
    train = workshop.dataset(piece.train_dates, piece.test_date)
    test = workshop.dataset([piece.test_date], workshop.data_end)
    if not test.size or not train.size:
        return None
    fitted = fit_rungs(train, task, quick=quick, progress=progress)
    said = {name: predict(found, test) for name, found in fitted.items()}
    features = usable_features(train)
    if train.label.min() < train.label.max() and features:
        progress("dull rules")
        for name, rule in fit_baselines(train, task, features).items():
            said.setdefault(name, rule(test.matrix))
    scored = Scored(piece.test_date.isoformat(), test.label, test.group, said)
    metrics = {name: measure(probability, test.label) for name, probability in said.items()}
    code = np.concatenate((train.matrix.code, test.matrix.code))
    label = np.concatenate((train.label, test.label))
    stakes = stakes_of(workshop, test.matrix)
    return SliceResult(piece, train.size, scored, metrics, code, label, stakes)


def predict(fitted: Fitted, data: Dataset) -> Floats:
    """Calibrated probabilities of some rows."""
    return to_probability(fitted.calibration.apply(fitted.rung.margin(data.matrix)))


def _too_little(task: Task, results: Sequence[SliceResult]) -> str:
    """Say what is missing before anything can be learnt; empty when nothing is."""
    if not results:
        return "no test day has both a known outcome and days to learn from before it"
    # An account or a deal counts once, however many days it recurs on.
    code = np.concatenate([result.code for result in results])
    label = np.concatenate([result.label for result in results])
    rows = np.unique(code).size
    least, what = (MIN_ACCOUNTS, "account") if task.entity == "account" else (MIN_DEALS, "deal")
    if rows < least:
        return f"{counted(rows, f'matured {what}')}, {least} are needed"
    rarer = min(np.unique(code[label == 1]).size, np.unique(code[label == 0]).size)
    if rarer < MIN_OUTCOMES:
        return f"{counted(rarer, what)} with the rarer outcome, {MIN_OUTCOMES} are needed"
    return ""


def _skill(scored: Sequence[Scored], rung: str, task: Task) -> Skill:
    """Skill against the rule that leaves the smaller gain."""
    gains = [Skill(rung, rule, auc_gain(scored, rung, rule)) for rule in ("prior", rule_name(task))]
    return min(gains, key=lambda skill: skill.gain.low)


def _conclude(task: Task, results: tuple[SliceResult, ...]) -> Backtest:
    """Choose the best rung that beats both dull rules."""
    scored = [result.scored for result in results]
    common = set.intersection(*(set(result.metrics) for result in results))
    ranking: list[str] = [name for name in ("logistic",) if name in common]
    if "lightgbm" in common:
        takes_over = log_loss_gain(scored, "lightgbm", "logistic").mean >= 0
        ranking.insert(0 if takes_over else 1, "lightgbm")
    # Every further rung that may claim skill is another chance to be fooled: the shrunken rates
    # stand in only where no keener rung could be fitted.
    ranking = ranking or [name for name in ("rates",) if name in common]
    if not ranking or rule_name(task) not in common:
        reason = "no rung could be fitted on every slice"
        return Backtest(task, results, "prior", None, "too_little_data", reason)
    skills = [_skill(scored, rung, task) for rung in ranking]
    proven = next((skill for skill in skills if skill.is_proven), None)
    best = proven or skills[0]
    gain = best.gain
    text = (
        f"AUC {gain.mean:+.3f} over {best.against}"
        f" (95 % interval {gain.low:+.3f} to {gain.high:+.3f}), rung {best.rung}"
    )
    return Backtest(task, results, best.rung, best, "skill" if proven else "no_skill", text)


class Tried(Protocol):
    """A back-test of any model."""

    @property
    def slices(self) -> Sequence[object]:
        """Results by test day."""
        ...

    @property
    def reason(self) -> str:
        """One sentence for people."""
        ...


def require_slices(result: Tried) -> None:
    """Refuse to print an empty back-test as if it were one.

    Raises
    ------
    NotReady
        NR011 when there was nothing to test.
    """
    if not result.slices:
        raise NotReady(
            "NR011", f"nothing to back-test: {result.reason}.",
            "Bring a longer history, or ask for a shorter horizon.",
        )  # fmt: skip
