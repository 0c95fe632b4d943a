"""Which settings does each rung get, judged without looking at the test day?

Candidates are compared on rows that were not fitted (see `training.splits`), and the calibration is
fitted on unseen margins too: of rolling blocks, or of account-grouped folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np

from features.kernel import Codes, Floats
from training.calibration import Calibration, fit_calibration
from training.dataset import Dataset, Task
from training.directions import kept_directions
from training.models import (
    Rung,
    TreeSettings,
    fit_logistic,
    fit_prior,
    fit_rates,
    fit_trees,
    select,
    train_booster,
    usable_features,
)
from training.slices import EVEN, History
from training.splits import Exam, Pair, Splits, exams, has_both, make_splits

STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
"""Inverse L2 penalties of the logistic rung, the strongest first."""

SHAPES: tuple[TreeSettings, ...] = (
    TreeSettings(leaves=6),
    TreeSettings(leaves=6, is_monotone=False),
    TreeSettings(leaves=12),
)
"""Tree shapes tried. The first stands unless unseen rows like another better by a standard error:
the directions of the catalogue hold until the records refute them."""

ROUNDS = (50, 100, 150, 200, 300)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """How is a model made: from which past days, and of which settings is the best taken?

    Attributes
    ----------
    history : History
        Days to learn from.
    shapes : tuple of TreeSettings
        Of the trees; how many there are is chosen among `ROUNDS` for each.
    strengths : tuple of float
        Inverse L2 penalties of the logistic rung, the strongest first.
    """

    history: History = EVEN
    shapes: tuple[TreeSettings, ...] = SHAPES
    strengths: tuple[float, ...] = STRENGTHS

    def seeded(self, seed: int) -> Recipe:
        """The same with another seed for the trees' columns."""
        return replace(self, shapes=tuple(replace(shape, seed=seed) for shape in self.shapes))


DEFAULT = Recipe()
QUICK = Recipe(shapes=SHAPES[:2], strengths=STRENGTHS[1::2])
"""Two tree shapes, and every other penalty."""


@dataclass(frozen=True)
class Fitted:
    """A rung with its calibration.

    Attributes
    ----------
    rung : Rung
        Fitted on all rows.
    calibration : Calibration
        Fitted on margins of unseen rows.
    settings : mapping
        What the search chose.
    """

    rung: Rung
    calibration: Calibration
    settings: dict[str, float | int | str]


@dataclass(frozen=True)
class Unseen:
    """Margins of unseen rows with their outcomes and accounts."""

    margin: Floats
    label: Floats
    group: Codes

    @property
    def losses(self) -> Floats:
        """(n,) log loss of each row."""
        return np.asarray(np.logaddexp(0.0, self.margin) - self.label * self.margin)

    @property
    def loss(self) -> float:
        """Mean log loss."""
        return float(self.losses.mean())

    def is_as_good_as(self, best: Unseen) -> bool:
        """Whether the mean loss lies within one standard error (over accounts) of the best's."""
        difference = self.losses - best.losses
        _, member = np.unique(self.group, return_inverse=True)
        sums = np.bincount(member, difference - difference.mean())
        return bool(difference.mean() <= np.sqrt((sums**2).sum()) / difference.size)


def _together(checks: Sequence[Dataset], margins: Sequence[Floats]) -> Unseen:
    return Unseen(
        np.concatenate(margins),
        np.concatenate([check.label for check in checks]),
        np.concatenate([check.group for check in checks]),
    )


def _unseen(data: Dataset, pairs: Sequence[Pair], fit: Callable[[Dataset], Rung]) -> Unseen:
    margins, checks = [], []
    for part, check in exams(data, pairs):
        margins.append(fit(part).margin(check.matrix))
        checks.append(check)
    return _together(checks, margins)


def _calibrated(data: Dataset, splits: Splits, fit: Callable[[Dataset], Rung]) -> Calibration:
    unseen = _unseen(data, splits.calibrate, fit)
    return fit_calibration(unseen.margin, unseen.label, fitted_on=splits.kind)


def search_logistic(
    data: Dataset,
    features: tuple[str, ...],
    splits: Splits,
    strengths: Sequence[float] = STRENGTHS,
) -> Fitted:
    """Fit the logistic rung with the strongest penalty within one standard error of the best.

    The one-standard-error rule: Breiman, Friedman, Olshen & Stone, Classification and Regression
    Trees, 1984, section 3.4.3.
    """

    def fit(part: Dataset, strength: float) -> Rung:
        return fit_logistic(part, features, strength=strength)

    tried = {c: _unseen(data, splits.search, partial(fit, strength=c)) for c in strengths}
    least = min(tried.values(), key=lambda unseen: unseen.loss)
    # The strongest comes first, and the best is always within its own error.
    strength = next(c for c, unseen in tried.items() if unseen.is_as_good_as(least))
    chosen = partial(fit, strength=strength)
    return Fitted(
        chosen(data),
        _calibrated(data, splits, chosen),
        {"strength": strength, "unseen_log_loss": tried[strength].loss},
    )


def staged_margins(
    pairs: Iterable[Exam], task: Task, features: tuple[str, ...], shape: TreeSettings
) -> dict[int, Unseen]:
    """Unseen margins after each number of `ROUNDS`, from one training per pair."""
    staged: dict[int, list[Floats]] = {rounds: [] for rounds in ROUNDS}
    longest = replace(shape, rounds=ROUNDS[-1])
    checks = []
    for part, check in pairs:
        booster = train_booster(part, features, longest, _bound(part, task, features, shape))
        values = select(check.matrix, features)
        margin = np.zeros(values.shape[0])
        start = 0
        for rounds in ROUNDS:
            margin = margin + np.asarray(
                booster.predict(
                    values, raw_score=True, start_iteration=start, num_iteration=rounds - start,
                    num_threads=1,
                )
            )  # fmt: skip
            staged[rounds].append(margin)
            start = rounds
        checks.append(check)
    return {rounds: _together(checks, margins) for rounds, margins in staged.items()}


def _bound(
    data: Dataset, task: Task, features: tuple[str, ...], shape: TreeSettings
) -> tuple[int, ...]:
    """Directions that bind the trees, judged by the rows that they learn from alone."""
    return kept_directions(data, task, features) if shape.is_monotone else ()


def search_trees(
    data: Dataset,
    task: Task,
    features: tuple[str, ...],
    splits: Splits,
    shapes: Sequence[TreeSettings],
) -> Fitted:
    """Fit the LightGBM rung with the first shape that is as good as the best on unseen rows.

    As good: within one standard error, as for `search_logistic`. Each shape has the number of
    rounds that unseen rows like best.
    """
    tried: dict[TreeSettings, Unseen] = {}
    for shape in shapes:
        staged = staged_margins(exams(data, splits.search), task, features, shape)
        rounds = min(staged, key=lambda number: staged[number].loss)
        tried[replace(shape, rounds=rounds)] = staged[rounds]
    least = min(tried.values(), key=lambda unseen: unseen.loss)
    settings = next(choice for choice, unseen in tried.items() if unseen.is_as_good_as(least))

    def fit(part: Dataset) -> Rung:
        return fit_trees(part, features, settings, _bound(part, task, features, settings))

    return Fitted(
        fit(data),
        _calibrated(data, splits, fit),
        {**asdict(settings), "unseen_log_loss": tried[settings].loss},
    )


def fit_rungs(
    data: Dataset,
    task: Task,
    *,
    quick: bool = False,
    recipe: Recipe | None = None,
    only: Sequence[str] | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, Fitted]:
    """Fit the rungs that the rows can carry.

    Parameters
    ----------
    data : Dataset
        Rows whose outcomes were known when the model is fitted.
    task : Task
        What is predicted.
    quick : bool
        Try two tree shapes, and every other penalty.
    recipe : Recipe or None
        What to try instead; its history is not read.
    only : sequence of str or None
        Names of the rungs wanted; all by default.
    progress : callable
        Told what is being done.

    Returns
    -------
    dict of str to Fitted
        By rung; the keener rungs are absent when one outcome is missing altogether.
    """
    tried = recipe or (QUICK if quick else DEFAULT)
    wanted = set(only or ("prior", "rates", "logistic", "lightgbm"))
    found = {"prior": Fitted(fit_prior(data), Calibration(), {})}
    if any(word is not None for word in data.matrix.keys.get(task.key, ())):
        found["rates"] = Fitted(fit_rates(data, task.key), Calibration(), {})
    features = usable_features(data)
    if has_both(data.label) and features and wanted & {"logistic", "lightgbm"}:
        splits = make_splits(data, task)
        if splits.calibrate and "logistic" in wanted:
            progress("logistic regression")
            found["logistic"] = search_logistic(data, features, splits, tried.strengths)
        if splits.calibrate and "lightgbm" in wanted:
            progress("boosted trees")
            found["lightgbm"] = search_trees(data, task, features, splits, tried.shapes)
    return {name: fitted for name, fitted in found.items() if name in wanted}
