"""What did a back-test show? Every figure of its report, without words or pictures.

Rows of all test days together are the *pool*. An account recurs on several of them, so every
interval is a bootstrap by account, the same draws for every model and figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from features.kernel import Codes, Floats
from training.backtest import Backtest, SliceResult
from training.baselines import rule_name
from training.dataset import Task
from training.evaluate.capacity import Capacity, flagged, gain_curve, lists_of
from training.evaluate.measures import (
    calibration_error_by_chance,
    calibration_intercept,
    calibration_slope,
    expected_calibration_error,
)
from training.evaluate.profit import Campaign, Profit, expected_maximum_profit, profit_curve
from training.evaluate.ranks import Weights, rank, rank_figures
from training.evaluate.reliability import (
    BrierParts,
    CalibrationPoint,
    brier_parts,
    calibration_curve,
    wilson,
)
from training.evaluate.resampling import (
    Interval,
    Scored,
    auc_gain,
    draw_accounts,
    interval,
    surprise,
    weighted_mean,
)
from training.stakes import Stakes

SHARES: Floats = np.linspace(0.0, 1.0, 51)
"""Places on the list at which the curves are read."""

_LEAST_ROWS = 50
_MOST_SEGMENTS = 12
_SEED = 7


@dataclass(frozen=True)
class Figures:
    """How good one model was on some rows.

    Attributes
    ----------
    auc, average_precision, brier, log_loss, lift : Interval
        As ever; the lift is that of the top tenth of the list.
    precision : Interval
        Share of the flagged rows that had the outcome.
    parts : BrierParts
        What the Brier score is made of.
    slope, intercept : float
        Of calibration: 1 and 0 are right; the intercept leaves the slope at 1.
    ece, ece_by_chance : float
        Calibration error, and that of a perfect model of the same size.
    """

    auc: Interval
    average_precision: Interval
    brier: Interval
    log_loss: Interval
    lift: Interval
    precision: Interval
    parts: BrierParts
    slope: float
    intercept: float
    ece: float
    ece_by_chance: float


@dataclass(frozen=True)
class DayFigures:
    """One test day: sizes, shares 0 to 1, and the figures of the rung and of the rule."""

    day: date
    rows: int
    training_rows: int
    base_rate: float
    said: float
    flagged: int
    models: Mapping[str, Figures]


@dataclass(frozen=True)
class SegmentFigures:
    """The rung on the rows of one segment of the pool (None: the rows without one)."""

    segment: str | None
    rows: int
    base_rate: float
    said: float
    auc: Interval
    precision: Interval


@dataclass(frozen=True)
class Money:
    """What acting would have earned: a model's expected maximum profit, and its profit curve."""

    best: Profit
    curve: Floats


@dataclass(frozen=True)
class Summary:
    """Every figure of a back-test's report.

    Attributes
    ----------
    task : Task
        What was predicted.
    verdict, reason, rung, rule : str
        Of the back-test; the rung it chose and the one-column rule beside it.
    days : tuple of DayFigures
        Oldest first.
    pool : mapping of str to Figures
        By model, on all rows; the rung first.
    gains : mapping of str to Interval
        By how much the rung's AUC exceeds each other model's, paired, mean over days.
    curve : tuple of CalibrationPoint
        Of the rung on the pool.
    found : mapping of str to (51,) float64
        Share of the outcomes in the top of the list at `SHARES`; rung and rule.
    money : mapping of str to Money
        By model; empty where nothing is at stake, or where the model is not about leaving.
    segments : tuple of SegmentFigures
        The largest first.
    segments_left_out : int
        Segments with fewer than 50 rows, one outcome alone, or beyond the twelfth.
    capacity : Capacity
        Whom the reps could have called.
    lists : int
        How many lists there were: one per rep, or 1.
    campaign : Campaign
        Costs that the money was reckoned with.
    is_margin : bool
        Whether what is at stake is a margin; else it is revenue.
    """

    task: Task
    verdict: str
    reason: str
    rung: str
    rule: str
    days: tuple[DayFigures, ...]
    pool: Mapping[str, Figures]
    gains: Mapping[str, Interval]
    curve: tuple[CalibrationPoint, ...]
    found: Mapping[str, Floats]
    money: Mapping[str, Money]
    segments: tuple[SegmentFigures, ...]
    segments_left_out: int
    capacity: Capacity
    lists: int
    campaign: Campaign
    is_margin: bool

    @property
    def flagged(self) -> int:
        """How many rows were flagged on all days."""
        return sum(day.flagged for day in self.days)


@dataclass(frozen=True)
class _Rows:
    """Rows of one day or of all: outcomes, accounts, and what each model said and flagged."""

    label: Floats
    group: Codes
    said: Mapping[str, Floats]
    flags: Mapping[str, Floats]


def summarise(
    result: Backtest,
    *,
    capacity: Capacity | None = None,
    campaign: Campaign | None = None,
    draws: int = 300,
) -> Summary:
    """What did a back-test show?

    Parameters
    ----------
    result : Backtest
        With at least one slice.
    capacity : Capacity, optional
        How many rows of each rep's list can be worked on one day; by default a tenth.
    campaign : Campaign, optional
        What a call costs and does.
    draws : int
        Of the bootstrap.
    """
    room, plan = capacity or Capacity(), campaign or Campaign()
    days = result.slices
    names = _names(result)
    weight = draw_accounts([day.scored for day in days], draws, _SEED)
    by_day = [_rows_of(day, names, room) for day in days]
    pool = _join(by_day)
    rule = rule_name(result.task)
    shown = [name for name in (result.rung, rule) if name in names]
    scored = [day.scored for day in days]
    segments, left_out = _segments(days, pool, result.rung, weight)
    return Summary(
        result.task, result.verdict, result.reason, result.rung, rule,
        tuple(_day(day, rows, shown, weight) for day, rows in zip(days, by_day, strict=True)),
        {name: _figures(pool, name, weight) for name in names},
        _gains(scored, result.rung, names, draws),
        calibration_curve(pool.said[result.rung], pool.label),
        {name: _found(by_day, name) for name in shown},
        _money(days, by_day, names, plan) if result.task.entity == "account" else {},
        segments, left_out, room, max(int(_lists(day).max()) + 1 for day in days), plan,
        any(day.stakes is not None and day.stakes.is_margin for day in days),
    )  # fmt: skip


def _names(result: Backtest) -> list[str]:
    """Models that spoke on every day, the rung first."""
    common = set.intersection(*(set(day.scored.probability) for day in result.slices))
    others = [name for name in result.slices[0].scored.probability if name in common]
    return [result.rung, *(name for name in others if name != result.rung)]


def _lists(day: SliceResult) -> Codes:
    owner = None if day.stakes is None else day.stakes.owner
    return lists_of(owner, day.scored.label.size)


def _rows_of(day: SliceResult, names: Sequence[str], capacity: Capacity) -> _Rows:
    scored, lists = day.scored, _lists(day)
    said = {name: scored.probability[name] for name in names}
    flags = {name: flagged(score, lists, capacity) for name, score in said.items()}
    return _Rows(scored.label, scored.group, said, flags)


def _join(parts: Sequence[_Rows]) -> _Rows:
    first = parts[0]
    return _Rows(
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.group for part in parts]),
        {name: np.concatenate([part.said[name] for part in parts]) for name in first.said},
        {name: np.concatenate([part.flags[name] for part in parts]) for name in first.flags},
    )


def _figures(rows: _Rows, name: str, weight: Weights) -> Figures:
    said, label, group = rows.said[name], rows.label, rows.group
    ranks = rank_figures(rank(said, label, group), weight)
    return Figures(
        interval(ranks.auc),
        interval(ranks.average_precision),
        interval(weighted_mean((said - label) ** 2, group, weight)),
        interval(weighted_mean(surprise(said, label), group, weight)),
        interval(ranks.lift),
        _precision(rows, name, weight),
        brier_parts(said, label),
        calibration_slope(said, label),
        calibration_intercept(said, label),
        expected_calibration_error(said, label),
        calibration_error_by_chance(said),
    )


def _precision(rows: _Rows, name: str, weight: Weights) -> Interval:
    """Share of the flagged rows that had the outcome; who is flagged is not drawn anew.

    Where all or none had it, draws say nothing: the interval is Wilson's.
    """
    flags, size = rows.flags[name], weight.shape[1]
    hits = weight @ np.bincount(rows.group, flags * rows.label, minlength=size)
    count = weight @ np.bincount(rows.group, flags, minlength=size)
    found = interval(np.where(count > 0, hits / np.maximum(count, 1e-12), np.nan))
    if found.mean in (0.0, 1.0):
        return Interval(found.mean, *wilson(found.mean, round(float(count[0]))))
    return found


def _day(day: SliceResult, rows: _Rows, shown: Sequence[str], weight: Weights) -> DayFigures:
    return DayFigures(
        day.slice.test_date,
        rows.label.size,
        day.n_train,
        float(rows.label.mean()),
        float(rows.said[shown[0]].mean()),
        round(float(rows.flags[shown[0]].sum())),
        {name: _figures(rows, name, weight) for name in shown},
    )


def _gains(
    scored: Sequence[Scored], rung: str, names: Sequence[str], draws: int
) -> dict[str, Interval]:
    return {name: auc_gain(scored, rung, name, draws=draws) for name in names if name != rung}


def _found(days: Sequence[_Rows], name: str) -> Floats:
    curves = [gain_curve(day.said[name], day.label, SHARES) for day in days if day.label.any()]
    return np.mean(curves, axis=0) if curves else np.full(SHARES.size, np.nan)


def _money(
    days: Sequence[SliceResult], rows: Sequence[_Rows], names: Sequence[str], plan: Campaign
) -> dict[str, Money]:
    """What each model would have earned per account, the days weighted by their accounts."""
    stakes: list[Stakes] = [day.stakes for day in days if day.stakes is not None]
    if len(stakes) < len(days) or not sum(float(stake.value.sum()) for stake in stakes):
        return {}
    share = np.array([day.label.size for day in rows], dtype=np.float64)
    share /= share.sum()
    found = {}
    for name in names:
        best = [
            expected_maximum_profit(d.said[name], d.label, value=s.value, campaign=plan)
            for d, s in zip(rows, stakes, strict=True)
        ]
        curves = [
            profit_curve(d.said[name], d.label, value=s.value, places=SHARES, campaign=plan)
            for d, s in zip(rows, stakes, strict=True)
        ]
        profit = Profit(
            float(share @ [one.per_account for one in best]),
            float(share @ [one.contacted for one in best]),
        )
        found[name] = Money(profit, np.asarray(share @ np.array(curves)))
    return found


def _segments(
    days: Sequence[SliceResult], pool: _Rows, rung: str, weight: Weights
) -> tuple[tuple[SegmentFigures, ...], int]:
    """Figures of the largest segments, and how many have none."""
    if any(day.stakes is None for day in days):
        return (), 0
    words = np.concatenate([day.stakes.segment for day in days if day.stakes is not None])
    names = sorted({*words.tolist()}, key=lambda word: -int((words == word).sum()))
    if names == [None]:
        return (), 0
    found = []
    for name in names:
        places = np.array([word == name for word in words])
        label = pool.label[places]
        if label.size < _LEAST_ROWS or label.min() == label.max():
            continue
        part = _part(pool, places, rung)
        ranks = rank_figures(rank(part.said[rung], part.label, part.group), weight)
        found.append(
            SegmentFigures(
                name, label.size, float(label.mean()), float(part.said[rung].mean()),
                interval(ranks.auc), _precision(part, rung, weight),
            )
        )  # fmt: skip
    return tuple(found[:_MOST_SEGMENTS]), len(names) - len(found[:_MOST_SEGMENTS])


def _part(rows: _Rows, places: Floats, name: str) -> _Rows:
    return replace(
        rows, label=rows.label[places], group=rows.group[places],
        said={name: rows.said[name][places]}, flags={name: rows.flags[name][places]},
    )  # fmt: skip
