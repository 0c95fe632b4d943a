"""What a model learns from a slice is what was known before its test day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import assume, given, settings

from features.events import build_events
from tests.property.portfolios import KINDS, START, Drawn, portfolios
from training.dataset import Dataset, Workshop, task
from training.slices import Slice

TEST_DAY = datetime(2011, 6, 30, tzinfo=UTC)
TRAIN_DAYS = ((START + timedelta(days=days)).date() for days in (135, 120, 105))
SLICE = Slice(TEST_DAY.date(), tuple(TRAIN_DAYS))
TASKS = {name: task(name, horizon_days=30, activity_days=180) for name in ("churn", "close")}


def _known_at(table: str, row: Mapping[str, object]) -> datetime:
    """When our side could know a row: not before it happened, nor before it was learnt."""
    told = [row[KINDS[table].event], row["known_at"]]
    return max((moment for moment in told if isinstance(moment, datetime)), default=START)


def _is_late(table: str, row: Mapping[str, object]) -> bool:
    return _known_at(table, row) >= TEST_DAY


def _training_rows(drawn: Drawn, model: str) -> Dataset:
    workshop = Workshop(build_events(drawn.records()), TASKS[model])
    return workshop.dataset(SLICE.train_dates, SLICE.test_date)


def _named(data: Dataset, drawn: Drawn) -> list[tuple[object, ...]]:
    """Rows without codes, which number the ids of all records, late ones included."""
    events = build_events(drawn.records())
    words = events.accounts.words if data.matrix.entity == "account" else events.deals.words
    return [
        (words[code], int(as_of), label, values.tobytes())
        for code, as_of, label, values in zip(
            data.matrix.code, data.matrix.as_of, data.label, data.matrix.values, strict=True
        )
    ]


@settings(max_examples=25, deadline=None)
@given(portfolios(is_whole=True))
def test_what_is_known_only_later_changes_no_training_row_and_no_label(drawn: Drawn) -> None:
    before = {
        table: [row for row in found if not _is_late(table, row)]
        for table, found in drawn.rows.items()
    }
    assume(all(before[table] for table in ("orders", "opportunities", "opportunity_history")))
    # That a table is there at all is no event: it tells missing from none.
    after = {table: found for table, found in drawn.rows.items() if before[table]}
    earlier, later = Drawn(before, drawn.zone), Drawn(after, drawn.zone)
    for model in TASKS:
        known = _named(_training_rows(earlier, model), earlier)
        assert _named(_training_rows(later, model), later) == known


def test_the_property_is_not_empty() -> None:
    order = dict.fromkeys(KINDS["orders"].columns)
    order |= {"order_id": "o-1", "account_id": "A", "net_amount": 5.0, "known_at": None,
              "is_deleted": None, "ordered_at": START + timedelta(days=100)}  # fmt: skip
    drawn = Drawn({"orders": [order]}, "UTC")
    data = _training_rows(drawn, "churn")
    assert data.label.tolist() == [1.0, 1.0, 1.0]
    assert np.unique(data.matrix.as_of).size == 3
