"""Which recipe does the past like best: days to learn from, tree size, regularisation?

Recipes are proposed by Optuna's tree-structured Parzen estimator (Bergstra, Bardenet, Bengio &
Kegl, 2011) and judged on rolling origins of the past alone: every outcome that they are judged by
was known before the first test day of the back-test. The study is kept in a SQLite file of its own,
so that a search that was stopped goes on where it stood.

Worked example: a back-test whose first test day is 2011-05-13 lets the search see outcomes known on
that day, hence (90 days ahead) rows up to 2011-02-12.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import optuna
from filelock import FileLock
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FixedTrial, FrozenTrial, Trial, TrialState

from training.dataset import Dataset, Workshop
from training.models import TreeSettings, usable_features
from training.search import DEFAULT, Progress, Recipe, Unseen, staged_margins
from training.slices import History, rolling_slices
from training.splits import Exam, account_folds, has_both, is_rich

SEARCH_SPACE = 1
"""Raised when the space below changes: studies of another space are not gone on with."""

_ORIGINS = 3
_LEAST_DAYS = 3
_SPACINGS = (3, 7, 14, 21, 30)

Clock = Callable[[], float]


@dataclass(frozen=True)
class Budget:
    """How long may be searched?

    Attributes
    ----------
    trials : int or None
        So many recipes in all, those of an earlier, stopped search included.
    minutes : float or None
        No trial is begun after so many.
    seed : int
        Of the proposals and of the trees.
    """

    trials: int | None = None
    minutes: float | None = None
    seed: int = 7


@dataclass(frozen=True)
class Searched:
    """What a search found.

    Attributes
    ----------
    recipe : Recipe
        The best one, or the defaults where nothing was better by a standard error.
    trials : int
        Recipes judged.
    reason : str
        One sentence for people.
    """

    recipe: Recipe
    trials: int
    reason: str


@dataclass(frozen=True)
class _Origin:
    """Rows to check, on which day the outcomes of the rows to fit were known, who is held out."""

    check: Dataset
    before: date
    known_by: date
    held_out: frozenset[int] = frozenset()


class Judge:
    """Says how well a recipe would have done on rolling origins before a day.

    An origin is a day whose outcomes are known; the recipe is fitted on days whose outcomes were
    known on it. Where the history is too short for that, the recipe is fitted on the earlier half
    of the days and checked on the later half, on accounts held out.

    Parameters
    ----------
    workshop : Workshop
        Makes the rows.
    known_by : date
        Only outcomes known before this day are seen.
    """

    def __init__(self, workshop: Workshop, known_by: date) -> None:
        self._workshop = workshop
        self._known_by = known_by
        self.origins = tuple(self._rolling()) or tuple(self._held_out())

    def _rolling(self) -> Iterator[_Origin]:
        shop = self._workshop
        pieces = rolling_slices(shop.first_day, self._known_by, shop.task.horizon, count=_ORIGINS)
        usable = [piece for piece in pieces if len(piece.train_dates) >= _LEAST_DAYS]
        found = [
            _Origin(shop.dataset([piece.test_date], self._known_by), piece.test_date,
                    piece.test_date)
            for piece in usable
        ]  # fmt: skip
        if found and is_rich(np.concatenate([origin.check.label for origin in found])):
            yield from found

    def _held_out(self) -> Iterator[_Origin]:
        shop = self._workshop
        days = DEFAULT.history.before(self._known_by, shop.first_day, shop.task.horizon)
        if len(days) < 2 * _LEAST_DAYS:
            return
        middle = len(days) // 2
        later = shop.dataset(days[:middle], self._known_by)
        if not is_rich(later.label):
            return
        window = shop.task.horizon.lead_days + shop.task.horizon.horizon_days
        for mask in account_folds(later):
            check = later.take(mask)
            if check.size:
                yield _Origin(
                    check, days[middle] + timedelta(days=window), self._known_by,
                    frozenset(check.group.tolist()),
                )  # fmt: skip

    def judge(self, recipe: Recipe) -> Unseen | None:
        """What the recipe's first shape says of the origins, after its best number of rounds.

        None where its days teach nothing.
        """
        exams = tuple(self._exams(recipe.history))
        if len(exams) < len(self.origins):
            return None
        features = tuple(
            name
            for name in exams[0][0].matrix.names
            if all(name in usable for usable in (set(usable_features(fit)) for fit, _ in exams))
        )
        if not features:
            return None
        staged = staged_margins(exams, self._workshop.task, features, recipe.shapes[0])
        return min(staged.values(), key=lambda unseen: unseen.loss)

    def _exams(self, history: History) -> Iterator[Exam]:
        shop = self._workshop
        for origin in self.origins:
            days = history.before(origin.before, shop.first_day, shop.task.horizon)
            if not days:
                return
            rows = shop.dataset(days, origin.known_by)
            fit = rows.take(~np.isin(rows.group, list(origin.held_out)))
            if has_both(fit.label):
                yield fit, origin.check


def search_recipe(
    workshop: Workshop,
    *,
    known_by: date,
    budget: Budget,
    database: Path,
    key: str,
    progress: Progress = lambda _: None,
    clock: Clock = time.monotonic,
) -> Searched:
    """Which recipe would have done best before a day?

    Given trials, seed and threads the answer is the same, whether the search was stopped in between
    or not; given minutes it depends on the machine.

    Parameters
    ----------
    workshop : Workshop
        Makes the rows.
    known_by : date
        The first test day: later outcomes are not looked at.
    budget : Budget
        How long to search.
    database : Path
        SQLite file of the studies.
    key : str
        What the study is of: portfolio, model, records, features. The day, the seed and the space
        are added to it.
    progress : callable
        Told after each trial.
    clock : callable
        Seconds.
    """
    started = clock()
    default = DEFAULT.seeded(budget.seed)
    judge = Judge(workshop, known_by)
    if not judge.origins:
        return Searched(
            default, 0,
            f"nothing to search on: too few outcomes were known before the first test day,"
            f" {known_by}; the defaults were taken",
        )  # fmt: skip
    study = _study(database, f"{key}.{known_by}.seed{budget.seed}.space{SEARCH_SPACE}")
    longest = workshop.task.horizon
    while (done := len(_done(study))) < (budget.trials or np.inf):
        if budget.minutes is not None and clock() - started >= 60 * budget.minutes:
            break
        # A sampler of its own for each trial: a search that was stopped proposes the same as one
        # that was not.
        study.sampler = TPESampler(seed=budget.seed * 100_003 + done)
        trial = study.ask()
        unseen = judge.judge(propose(trial, longest.horizon_days, budget.seed))
        if unseen is None:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, unseen.loss)
        progress(_so_far(study, budget))
    return _choose(study, judge, default, longest.horizon_days, budget.seed)


def propose(trial: Trial | FixedTrial | FrozenTrial, horizon_days: int, seed: int) -> Recipe:
    """Which recipe do a trial's values stand for?

    Twelve days of the past are the default; two to 24, so many days apart that they are not nearer
    than a tenth of the horizon.
    """
    closest = max(1, min(7, horizon_days // 10))
    spacing = trial.suggest_categorical(
        "spacing_days", [None, *(days for days in _SPACINGS if days >= closest)]
    )
    history = History(trial.suggest_int("dates", 2, 24), None if spacing is None else int(spacing))
    shape = TreeSettings(
        leaves=trial.suggest_int("leaves", 3, 31, log=True),
        depth=trial.suggest_int("depth", 2, 6),
        rows_per_leaf=trial.suggest_int("rows_per_leaf", 20, 500, log=True),
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.1, log=True),
        column_share=trial.suggest_float("column_share", 0.1, 1.0),
        l2=trial.suggest_float("l2", 0.1, 100.0, log=True),
        is_monotone=trial.suggest_categorical("is_monotone", [True, False]),
        seed=seed,
    )
    return replace(DEFAULT, history=history, shapes=(shape,))


def _study(database: Path, name: str) -> optuna.Study:
    """Open the study of a name, made once under a lock: two first starts would break each other."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.with_suffix(".lock")):
        storage = RDBStorage(f"sqlite:///{database}")
        study = optuna.create_study(
            storage=storage, study_name=name, direction="minimize", load_if_exists=True
        )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        # Left behind by a search that was stopped.
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def _done(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _so_far(study: optuna.Study, budget: Budget) -> str:
    done = _done(study)
    best = min((t.value for t in done if t.value is not None), default=float("nan"))
    of = f"/{budget.trials}" if budget.trials else ""
    return f"search, trial {len(done)}{of}, best log loss {best:.4f}"


def _choose(
    study: optuna.Study, judge: Judge, default: Recipe, horizon_days: int, seed: int
) -> Searched:
    """Take the best trial where it beats the defaults by more than a standard error."""
    done = _done(study)
    complete = [trial for trial in done if trial.value is not None]
    # Every shape of the defaults, each judged as a trial is.
    usual = [judge.judge(replace(default, shapes=(shape,))) for shape in default.shapes]
    known = [unseen for unseen in usual if unseen is not None]
    if not complete or not known:
        return Searched(default, len(done), "no trial could be judged; the defaults were taken")
    best = min(complete, key=lambda trial: (trial.value, trial.number))
    recipe = propose(FixedTrial(best.params), horizon_days, seed)
    found = judge.judge(recipe)
    bar = min(known, key=lambda unseen: unseen.loss)
    gain = bar.loss - (found.loss if found is not None else np.inf)
    said = f"best of {len(done)} trials: log loss {gain:+.4f} better than the defaults"
    if found is None or bar.is_as_good_as(found):
        return Searched(default, len(done), f"{said}, within one standard error: they were kept")
    return Searched(recipe, len(done), said)
