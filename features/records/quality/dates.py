"""Which dates cannot be, or are not what they say?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from features.records.casting import INSTANT, Values
from features.records.contract import TABLES
from features.records.quality.finding import Audited, Check, Family, Finding, Place, as_instants

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

CHECKS: Mapping[str, Check] = {
    "DQ012": Check(
        "warning",
        "orders placed before their account was created",
        "ordered_at lies before accounts.created_at.",
        "The date of creation is that of the system, not of the relation: tenure is wrong.",
        "Map created_at to the first contact, or leave it out.",
    ),
    "DQ024": Check(
        "warning",
        "rows that end before they begin",
        "A later instant or a due date of the row lies before the one it begins with: delivered"
        " before ordered, resolved before occurred, due before issued, ended before started. A day"
        " lasts until its end.",
        "Durations become negative, and what was known when is wrong.",
        "Look whether day and month are swapped, or two columns; else leave the later one empty.",
    ),
    "DQ025": Check(
        "warning",
        "rows dated far before the rest",
        "The event time lies before the table's 5th percentile by more than five years and twice"
        " the span from the 5th to the 95th. Tables of at least 20 rows.",
        "1900-01-01 is how systems write unknown; ages and gaps of such rows are absurd.",
        "Map the filler to NULL, or leave the rows out.",
    ),
    "DQ026": Check(
        "warning",
        "plans more than ten years after the end of the records",
        "A due date, end of term or expected close lies over 3,653 days after data_as_of.",
        "2099-12-31 is how systems write never; days until then are absurd.",
        "Map the filler to NULL.",
    ),
    "DQ027": Check(
        "warning",
        "rows dated after the end of the records",
        "The event time lies after data_as_of, which known_at or the mapping sets.",
        "No score reads them, and no label counts them.",
        "Correct the dates or the time zone, or set data_as_of later.",
    ),
}
_say = Family(CHECKS)

# What begins and what cannot come before it. An invoice may be paid in advance, and a deal's
# expected close that has passed is late (DQ003), not impossible.
_SPANS = (
    ("orders", "ordered_at", "delivered_at"),
    ("invoices", "issued_at", "due_date"),
    ("interactions", "occurred_at", "resolved_at"),
    ("interactions", "occurred_at", "due_at"),
    ("contacts", "created_at", "left_at"),
    ("subscriptions", "start_date", "term_end_date"),
    ("subscriptions", "start_date", "ended_at"),
    ("actions", "assigned_at", "done_at"),
    ("quotas", "period_start", "period_end"),
    ("channel_costs", "period_start", "period_end"),
)
_DAY_US = 86_400_000_000
_FAR_BACK = int(5 * 365.25 * _DAY_US)
_FAR_AHEAD = timedelta(days=3653)
_ENOUGH = 20


def check_dates(audited: Audited) -> Iterator[Finding]:
    """Which dates will give ages, gaps and labels that cannot be?"""
    yield from _before_account(audited)
    for name, begins, ends in _SPANS:
        rows = audited.tables.get(name)
        if rows is not None and ends in rows.column_names:
            yield from _backwards(audited, name, begins, ends)
    for name, rows in audited.tables.items():
        event_time = TABLES[name].event_time
        if event_time is not None and event_time in rows.column_names:
            yield from _odd_times(audited, name, event_time)
        for column in TABLES[name].columns:
            if column.is_plan and column.name in rows.column_names:
                yield from _never(audited, name, column.name)


def _before_account(audited: Audited) -> Iterator[Finding]:
    accounts, orders = audited.tables.get("accounts"), audited.tables.get("orders")
    if accounts is None or orders is None or "created_at" not in accounts.column_names:
        return
    known, ids = accounts.column("account_id").combine_chunks(), orders.column("account_id")
    created = accounts.column("created_at").take(pc.index_in(ids, value_set=known))
    early = pc.less(orders.column("ordered_at"), created)
    yield from _say.rows("DQ012", Place("orders", "ordered_at"), orders.column("order_id"), early)


def _backwards(audited: Audited, name: str, begins: str, ends: str) -> Iterator[Finding]:
    rows = audited.tables[name]
    zone = audited.portfolio.timezone
    start, end = (as_instants(rows.column(column), zone) for column in (begins, ends))
    if pa.types.is_date(rows.column(ends).type) != pa.types.is_date(rows.column(begins).type):
        # a day lasts a day: what is due on the day it is issued is not late
        end = pc.add(end, pa.scalar(_DAY_US - 1, pa.duration("us")))
    wrong = pc.less(end, start)
    yield from _say.rows("DQ024", Place(name, ends), _ids(rows), wrong)


def _odd_times(audited: Audited, name: str, column: str) -> Iterator[Finding]:
    rows = audited.tables[name]
    at = as_instants(rows.column(column), audited.portfolio.timezone)
    after = pc.greater(at, pa.scalar(audited.portfolio.data_as_of, INSTANT))
    yield from _say.rows("DQ027", Place(name, column), _ids(rows), after)
    times: npt.NDArray[np.int64] = at.drop_null().cast(pa.int64()).to_numpy()
    if len(times) >= _ENOUGH:
        low, high = np.quantile(times, (0.05, 0.95), method="higher").astype(np.int64).tolist()
        limit = low - max(_FAR_BACK, 2 * (high - low))
        early = pc.less(at.cast(pa.int64()), limit)
        yield from _say.rows("DQ025", Place(name, column), _ids(rows), early)


def _never(audited: Audited, name: str, column: str) -> Iterator[Finding]:
    rows = audited.tables[name]
    at = as_instants(rows.column(column), audited.portfolio.timezone)
    far = pc.greater(at, pa.scalar(audited.portfolio.data_as_of + _FAR_AHEAD, INSTANT))
    yield from _say.rows("DQ026", Place(name, column), _ids(rows), far)


def _ids(rows: pa.Table) -> Values:
    return rows.column(rows.column_names[0])
