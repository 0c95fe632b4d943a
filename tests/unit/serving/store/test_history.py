"""Scores of past days come back one per entity, and requests stay out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from serving.store.history import features_of, scored_days, scores_as_of
from serving.store.rows import Run, ScoredRow, ScoreInput
from serving.store.store import Store

NOON = datetime(2011, 9, 10, 12, tzinfo=UTC)
DAY, LATER = date(2011, 9, 10), date(2011, 9, 17)


def _score(name: str, entity: str, day: date, probability: float | None, hour: int) -> ScoredRow:
    made = NOON + timedelta(hours=hour)
    return ScoredRow(
        name, "account", entity, entity, "churn", day, made, NOON, probability,
        horizon_days=90, model_version="3", segment="retail",
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two days of A, one of B, one request for C, and D without a probability."""
    with Store.open(tmp_path / "home") as opened:
        for run, kind, rows in (
            ("r1", "score", [_score("s1", "A", DAY, 0.2, 0), _score("s2", "B", DAY, 0.5, 0)]),
            ("r2", "score", [_score("s3", "A", DAY, 0.3, 1), _score("s4", "D", DAY, None, 1)]),
            ("r3", "request", [_score("s5", "C", DAY, 0.9, 2), _score("s6", "E", LATER, 0.9, 2)]),
            ("r4", "nightly", [_score("s7", "A", LATER, 0.4, 3)]),
        ):
            made = Run(run, "Giftware", kind, NOON, "0.1.0", as_of=DAY)
            opened.save_run(made)
            inputs = [ScoreInput(rows[0].score_id, {"orders_90d": 2.0, "mrr": None})]
            opened.save_scores(made, rows, inputs)
        yield opened


def test_days_are_those_on_which_the_portfolio_was_scored(store: Store) -> None:
    assert scored_days(store, "Giftware", "churn", "account") == (LATER, DAY)
    assert scored_days(store, "Giftware", "close", "opportunity") == ()
    assert scored_days(store, "Another", "churn", "account") == ()


def test_the_last_score_made_as_of_a_day_counts(store: Store) -> None:
    found = scores_as_of(store, "Giftware", "churn", "account", DAY)
    assert [(one.entity_id, one.probability) for one in found] == [("A", 0.3), ("B", 0.5)]
    assert found[0].score_id == "s3"
    assert (found[0].model_version, found[0].horizon_days) == ("3", 90)
    assert found[0].segment == "retail"


def test_features_come_back_for_the_scores_that_kept_them(store: Store) -> None:
    found = features_of(store, ["s1", "s2", "s7"])
    assert dict(found) == {
        "s1": {"orders_90d": 2.0, "mrr": None}, "s7": {"orders_90d": 2.0, "mrr": None},
    }  # fmt: skip


def test_another_probability_is_another_row(store: Store) -> None:
    again = replace(_score("s9", "B", DAY, 0.6, 5))
    made = Run("r9", "Giftware", "score", NOON, "0.1.0", as_of=DAY)
    store.save_run(made)
    store.save_scores(made, [again])
    found = scores_as_of(store, "Giftware", "churn", "account", DAY)
    assert {one.entity_id: one.probability for one in found} == {"A": 0.3, "B": 0.6}
