"""Which life tables, weights and trees tell best when deals close?

Each rung leans on the one below: the stage's life table is the offset to which the linear
predictor, or the trees, add what the features know. Settings are judged on later days, by what was
known on the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import lightgbm
import numpy as np
from scipy.special import expit

from features.asof import US_PER_DAY
from features.kernel import Codes, Floats
from training.calibration import Calibration
from training.dataset import Dataset, Task
from training.labels import LOST, OPEN, WON, Durations
from training.models.hazards import CAUSES, ELAPSED, Hazards, StageTable, with_elapsed
from training.models.margins import (
    Boosted,
    Logistic,
    TreeSettings,
    design_of,
    select,
    usable_features,
)
from training.models.periods import (
    PeriodRows,
    chances,
    choose_edges,
    expand,
    life_table,
    losses,
)
from training.quantities.splits import Pair, pairs_of
from training.search import Fitted

Progress = Callable[[str], None]

RUNGS = ("prior", "rates", "logistic", "lightgbm")
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.1)
ROUNDS = (25, 50, 100, 200, 300, 450)
SHAPES = (
    TreeSettings(leaves=12, learning_rate=0.06),
    TreeSettings(leaves=5, learning_rate=0.06),
)
_BINS = 63
"""Values told apart per column: periods make many rows of few deals."""
_CODES = {"won": WON, "lost": LOST}
_STAGE_ROWS = 20.0
_STAGE_CLOSINGS = 5.0
_MOST_CHANCE = 0.98
_LEAST_CLOSINGS = 20
_MOST_PERIOD_ROWS = 200_000
_SEED = 7


def recensored(data: Dataset, moment: int) -> Dataset:
    """What was known on a day: deals that closed later were still open then."""
    until = (moment - data.matrix.as_of) / US_PER_DAY
    found = data.ended
    is_open = found.days >= until
    days = np.where(is_open, until, found.days)
    cut = Durations(days, np.where(is_open, OPEN, found.cause), np.minimum(found.followed, until))
    return replace(data, label=days, durations=cut).take(np.flatnonzero(until > 0.0))


@dataclass(frozen=True)
class _Sheet:
    """Rows of deals with their periods and the offsets of the stages' life tables."""

    data: Dataset
    rows: PeriodRows
    stages: StageTable
    key: str

    @property
    def offsets(self) -> Floats:
        """(n, 2, k) log-odds that everything else is added to."""
        return self.stages.margins(self.data.matrix, self.key)


def _sheet(data: Dataset, key: str, edges: Floats | None = None) -> _Sheet:
    edges = choose_edges(data.ended) if edges is None else edges
    rows = expand(data.ended, edges)
    return _Sheet(data, rows, stage_tables(data, rows, edges, key), key)


def stage_tables(data: Dataset, rows: PeriodRows, edges: Floats, key: str) -> StageTable:
    """Life tables of all deals, and of each stage.

    A stage's table leans on that of all, moved by how much sooner or later its deals are won and
    lost on the whole. Deals recur on several days: what they lean on weighs as many times more.
    """
    k = edges.size - 1
    recurrence = data.size / max(np.unique(data.matrix.code).size, 1)
    pooled = np.array([[(rows.cause == c).sum() + 0.5] for c in (WON, LOST)]) / (rows.row.size + 2)
    base = life_table(rows, k, pooled, 2.0 * recurrence)
    said = chances(base[None])[0]
    words = data.matrix.keys.get(key, np.empty(0, dtype=object))
    of_key = {}
    for word in sorted({word for word in words if word is not None}):
        own = np.flatnonzero(words[rows.row] == word)
        part = PeriodRows(rows.row[own], rows.period[own], rows.cause[own])
        came = np.array([(part.cause == c).sum() for c in (WON, LOST)], dtype=np.float64)
        weight = _STAGE_CLOSINGS * recurrence
        pace = (came + weight) / (said[:, part.period].sum(axis=1) + weight)
        moved = said * pace[:, None]
        moved /= np.maximum(moved.sum(axis=0) / _MOST_CHANCE, 1.0)
        of_key[word] = life_table(part, k, moved, _STAGE_ROWS * recurrence)
    return StageTable(edges, base, of_key)


def fit_linear(sheet: _Sheet, features: tuple[str, ...], strength: float) -> dict[str, Logistic]:
    """Fit one linear predictor per cause, added to the offsets; L2 penalty 1 / (2 strength)."""
    design = design_of(sheet.data.matrix, features)
    columns = np.column_stack((np.ones(sheet.data.size), design.matrix))
    penalty = np.concatenate(([0.0], np.full(design.matrix.shape[1], 1.0)))
    found = {}
    for place, cause in enumerate(CAUSES):
        own = np.flatnonzero((sheet.rows.cause == OPEN) | (sheet.rows.cause == _CODES[cause]))
        row, period = sheet.rows.row[own], sheet.rows.period[own]
        happened = (sheet.rows.cause[own] != OPEN).astype(np.float64)
        offset = sheet.offsets[row, place, period]
        weights = _newton(columns, row, happened, offset, penalty, strength)
        found[cause] = design.predictor(weights[1:], float(weights[0]))
    return found


def _newton(
    columns: Floats, row: Codes, happened: Floats, offset: Floats, penalty: Floats, strength: float
) -> Floats:
    """Weights of a logistic regression whose rows recur once per period, by Newton's method."""
    n, p = columns.shape
    weights = np.zeros(p)
    for _ in range(25):
        chance = expit(offset + (columns @ weights)[row])
        error = np.bincount(row, happened - chance, minlength=n)
        bend = np.bincount(row, chance * (1.0 - chance), minlength=n)
        gradient = strength * (columns.T @ error) - penalty * weights
        curve = strength * (columns.T @ (columns * bend[:, None])) + np.diag(penalty + 1e-8)
        step = np.linalg.solve(curve, gradient)
        # Far from the maximum a full step may overshoot.
        weights += step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-6:
            break
    return weights


def fit_trees(
    sheet: _Sheet, features: tuple[str, ...], settings: TreeSettings
) -> dict[str, Boosted]:
    """Fit trees per cause, added to the offsets; they read the days elapsed too."""
    values = select(sheet.data.matrix, features)
    names = (*features, ELAPSED)
    middles = sheet.stages.middles
    found = {}
    for place, cause in enumerate(CAUSES):
        own = np.flatnonzero((sheet.rows.cause == OPEN) | (sheet.rows.cause == _CODES[cause]))
        row, period = sheet.rows.row[own], sheet.rows.period[own]
        columns = lightgbm.Dataset(
            np.column_stack((values[row], middles[period])),
            (sheet.rows.cause[own] != OPEN).astype(np.float64),
            init_score=sheet.offsets[row, place, period],
            feature_name=list(names),
            params={"verbose": -1, "max_bin": _BINS},
        )
        parameters = {
            **settings.parameters(own.size), "boost_from_average": False, "max_bin": _BINS,
        }  # fmt: skip
        found[cause] = Boosted(names, lightgbm.train(parameters, columns, settings.rounds))
    return found


def loss_of(rung: Hazards, data: Dataset) -> Floats:
    """(n,) negative log-likelihood of each deal row over the periods it was seen in."""
    rows = expand(data.ended, rung.stages.edges)
    found = losses(rows, rung.margins(data.matrix))
    return np.asarray(np.bincount(rows.row, found, minlength=data.size), dtype=np.float64)


def _search_linear(
    sheet: _Sheet, parts: Sequence[tuple[_Sheet, Dataset]], features: tuple[str, ...], quick: bool
) -> Fitted:
    strengths = STRENGTHS[1::2] if quick else STRENGTHS
    tried = {}
    for strength in strengths:
        lost = [
            loss_of(
                Hazards("logistic", sheet.key, own.stages, fit_linear(own, features, strength)),
                check,
            )
            for own, check in parts
        ]
        tried[strength] = float(np.concatenate(lost).mean()) if lost else 0.0
    strength = min(tried, key=lambda choice: tried[choice])
    added = fit_linear(sheet, features, strength)
    rung = Hazards("logistic", sheet.key, sheet.stages, added)
    return Fitted(rung, Calibration(), {"strength": strength, "unseen_loss": tried[strength]})


def _staged(
    own: _Sheet, check: Dataset, features: tuple[str, ...], shape: TreeSettings
) -> dict[int, Floats]:
    """Losses of the rows to check after each number of rounds."""
    longest = fit_trees(own, features, replace(shape, rounds=ROUNDS[-1]))
    values = with_elapsed(select(check.matrix, features), own.stages.middles)
    margins = own.stages.margins(check.matrix, own.key)
    rows = expand(check.ended, own.stages.edges)
    found, start = {}, 0
    for rounds in ROUNDS:
        for place, cause in enumerate(CAUSES):
            said = longest[cause].booster.predict(
                values, raw_score=True, start_iteration=start, num_iteration=rounds - start,
                num_threads=1,
            )  # fmt: skip
            margins[:, place] += np.asarray(said).reshape(check.size, -1)
        lost = losses(rows, margins)
        summed = np.bincount(rows.row, lost, minlength=check.size)
        found[rounds] = np.asarray(summed, dtype=np.float64)
        start = rounds
    return found


def _search_trees(
    sheet: _Sheet, parts: Sequence[tuple[_Sheet, Dataset]], features: tuple[str, ...], quick: bool
) -> Fitted:
    tried: dict[TreeSettings, float] = {}
    for shape in SHAPES[:1] if quick else SHAPES:
        staged = [_staged(own, check, features, shape) for own, check in parts]
        for rounds in ROUNDS:
            lost = [found[rounds] for found in staged]
            tried[replace(shape, rounds=rounds)] = (
                float(np.concatenate(lost).mean()) if lost else float(rounds)
            )
    settings = min(tried, key=lambda choice: tried[choice])
    rung = Hazards("lightgbm", sheet.key, sheet.stages, fit_trees(sheet, features, settings))
    chosen = {"leaves": settings.leaves, "rounds": settings.rounds}
    return Fitted(rung, Calibration(), {**chosen, "unseen_loss": tried[settings]})


def fit_durations(
    data: Dataset,
    task: Task,
    *,
    quick: bool = False,
    only: Sequence[str] | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, Fitted]:
    """Fit the rungs of `duration` that the rows can carry.

    Parameters
    ----------
    data : Dataset
        Rows of open deals with what became of them, as known when the model is fitted.
    task : Task
        What is predicted.
    quick : bool
        Try one tree shape, and every other penalty.
    only : sequence of str or None
        Names of the rungs wanted; all by default.
    progress : callable
        Told what is being done.

    Returns
    -------
    dict of str to Fitted
        By rung; the keener ones are absent under 20 closings.
    """
    wanted = set(only or RUNGS)
    data = _thinned(data)
    sheet = _sheet(data, task.key)
    bare = replace(sheet.stages, of_key={})
    found = {"prior": Fitted(Hazards("prior", task.key, bare, {}), Calibration(), {})}
    if sheet.stages.of_key:
        rates = Hazards("rates", task.key, sheet.stages, {})
        found["rates"] = Fitted(rates, Calibration(), {})
    features = usable_features(data)
    closings = int((data.ended.cause != OPEN).sum())
    if features and closings >= _LEAST_CLOSINGS and wanted & {"logistic", "lightgbm"}:
        parts = list(_parts(data, pairs_of(data), task.key))
        searches = {"logistic": _search_linear, "lightgbm": _search_trees}
        for name in RUNGS[2:]:
            if name in wanted:
                progress("linear hazards" if name == "logistic" else "boosted hazards")
                found[name] = partial(searches[name], sheet, parts, features)(quick)
    return {name: fitted for name, fitted in found.items() if name in wanted}


def _thinned(data: Dataset) -> Dataset:
    """Fewer deal rows where periods would make too many of them, drawn by a fixed seed."""
    size = expand(data.ended, choose_edges(data.ended)).row.size
    if size <= _MOST_PERIOD_ROWS:
        return data
    count = int(data.size * _MOST_PERIOD_ROWS / size)
    chosen = np.random.default_rng(_SEED).permutation(data.size)[:count]
    return data.take(np.sort(chosen))


def _parts(data: Dataset, pairs: Sequence[Pair], key: str) -> list[tuple[_Sheet, Dataset]]:
    """Rows to fit, as known on the first day to check, with their offsets; and rows to check."""
    found = []
    for fit, check in pairs:
        later = data.take(check)
        earlier = data.take(fit)
        if later.matrix.as_of.min() > earlier.matrix.as_of.max():
            earlier = recensored(earlier, int(later.matrix.as_of.min()))
        own = _sheet(earlier, key)
        if own.rows.row.size and (own.rows.cause != OPEN).sum() >= _LEAST_CLOSINGS:
            found.append((own, later))
    return found


def fit_closed_only(data: Dataset, task: Task, edges: Floats) -> Hazards:
    """Life tables of the deals that are closed already, as if there were no others: a baseline.

    That is what an average of days to close over closed deals amounts to. The slow deals, which are
    still open, are left out, so it promises too much.
    """
    closed = data.take(data.ended.cause != OPEN)
    followed = np.full(closed.size, np.inf)
    closed = replace(closed, durations=replace(closed.ended, followed=followed))
    return Hazards("rates", task.key, _sheet(closed, task.key, edges).stages, {})
