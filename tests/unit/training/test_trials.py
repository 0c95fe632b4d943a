"""A search judged by the past alone, that goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import FixedTrial, TrialState

from features.events import EventSet, build_events
from features.records.folder import open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from training import search as search_module
from training.backtest import TEST_DATES
from training.dataset import Dataset, Workshop, task
from training.search import DEFAULT
from training.slices import History, rolling_slices
from training.trials import Budget, Judge, Searched, propose, search_recipe

WINDOW = timedelta(days=90)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> EventSet:
    """250 accounts over two years."""
    folder = tmp_path_factory.mktemp("trials")
    write_simulation(simulate(np.random.default_rng(5), SimulatorSettings(accounts=250)), folder)
    return build_events(read_records(open_portfolio(folder)))


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is proposed and judged matters here, not how well."""
    monkeypatch.setattr(search_module, "ROUNDS", (5, 10))


@pytest.fixture
def workshop(events: EventSet) -> Workshop:
    return Workshop(events, task("churn"))


@pytest.fixture
def first_test(workshop: Workshop) -> date:
    slices = rolling_slices(
        workshop.first_day, workshop.data_end, workshop.task.horizon, count=TEST_DATES
    )
    return slices[0].test_date


@pytest.fixture
def search(
    workshop: Workshop, first_test: date, tmp_path: Path
) -> Callable[[str, Budget], Searched]:
    def run(database: str, budget: Budget, clock: Callable[[], float] = lambda: 0.0) -> Searched:
        return search_recipe(
            workshop, known_by=first_test, budget=budget, database=tmp_path / database, key="demo",
            clock=clock,
        )  # fmt: skip

    return run


def _trials(tmp_path: Path, database: str) -> list[tuple[dict[str, object], float | None]]:
    storage = f"sqlite:///{tmp_path / database}"
    (summary,) = optuna.get_all_study_summaries(storage)
    study = optuna.load_study(study_name=summary.study_name, storage=storage)
    return [(trial.params, trial.value) for trial in study.trials if trial.state != TrialState.FAIL]


def test_a_search_that_was_stopped_finds_what_an_unbroken_one_finds(
    search: Callable[[str, Budget], Searched], tmp_path: Path
) -> None:
    whole = search("whole.db", Budget(trials=5, seed=3))
    search("parts.db", Budget(trials=2, seed=3))
    # A kill in the middle of a trial leaves it running.
    storage = f"sqlite:///{tmp_path / 'parts.db'}"
    (summary,) = optuna.get_all_study_summaries(storage)
    optuna.load_study(study_name=summary.study_name, storage=storage).ask()
    parts = search("parts.db", Budget(trials=5, seed=3))
    assert _trials(tmp_path, "whole.db") == _trials(tmp_path, "parts.db")
    assert whole == parts
    assert whole.trials == 5


def test_a_search_stops_when_its_minutes_are_over(
    search: Callable[..., Searched],
) -> None:
    ticks = count(0, 40)
    # Asked at 0 s (start), 40 s and 80 s: one trial is begun within the minute.
    found = search("short.db", Budget(minutes=1.0), clock=lambda: float(next(ticks)))
    assert found.trials == 1


def test_no_outcome_of_a_test_day_is_looked_at(
    workshop: Workshop, first_test: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[tuple[date, ...], date]] = []
    make = workshop.dataset

    def dataset(days: Iterable[date], known_by: date) -> Dataset:
        asked.append((tuple(days), known_by))
        return make(asked[-1][0], known_by)

    monkeypatch.setattr(workshop, "dataset", dataset)
    judge = Judge(workshop, first_test)
    assert len(judge.origins) == 3
    assert judge.judge(replace(DEFAULT, history=History(4, 14))) is not None
    assert all(known_by <= first_test for _, known_by in asked)
    assert all(max(days) + WINDOW <= known_by for days, known_by in asked)
    # The days that are fitted had matured before the day that is checked.
    checked = [days[0] for days, _ in asked[:3]]
    assert [known_by for _, known_by in asked[3:]] == checked


def test_a_short_history_is_searched_on_accounts_held_out(workshop: Workshop) -> None:
    early = workshop.first_day + WINDOW + timedelta(days=150)
    judge = Judge(workshop, early)
    assert len(judge.origins) == 4
    groups = [set(origin.check.group.tolist()) for origin in judge.origins]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert all(
        origin.held_out == group for origin, group in zip(judge.origins, groups, strict=True)
    )
    assert judge.judge(DEFAULT) is not None


def test_without_known_outcomes_the_defaults_are_taken_and_said_to_be(
    workshop: Workshop, tmp_path: Path
) -> None:
    early = workshop.first_day + WINDOW
    found = search_recipe(
        workshop, known_by=early, budget=Budget(trials=3), database=tmp_path / "none.db", key="demo"
    )
    assert (found.recipe, found.trials) == (DEFAULT, 0)
    assert "too few outcomes were known" in found.reason


def test_the_days_of_a_trial_are_no_nearer_than_a_tenth_of_the_horizon() -> None:
    values = {
        "dates": 24, "leaves": 31, "depth": 6, "rows_per_leaf": 20, "learning_rate": 0.05,
        "column_share": 0.5, "l2": 1.0, "is_monotone": False,
    }  # fmt: skip
    recipe = propose(FixedTrial({**values, "spacing_days": 7}), 90, 3)
    assert recipe.history == History(24, 7)
    assert (recipe.shapes[0].depth, recipe.shapes[0].seed) == (6, 3)
    with pytest.raises(ValueError, match="3"):
        propose(FixedTrial({**values, "spacing_days": 3}), 90, 3)
