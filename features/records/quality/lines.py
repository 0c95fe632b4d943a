"""Which lines stand twice, and which amounts say nothing?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute

from features.records.contract import TABLES
from features.records.oddities import identical_lines, repeated_rows
from features.records.quality.finding import Audited, Check, Family, Finding, Place

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

CHECKS: Mapping[str, Check] = {
    "DQ001": Check(
        "warning",
        "order lines that equal an earlier one in all columns",
        "Lines without line_id whose columns all equal those of an earlier line.",
        "A line exported twice counts its revenue twice.",
        "Map line_id, or set distinct = true when they are duplicates.",
    ),
    "DQ005": Check(
        "info",
        "order lines of net amount zero",
        "net_amount is 0.",
        "Samples and corrections count as orders in a buying rhythm.",
        "Leave them out in the mapping when they are not orders.",
    ),
    "DQ015": Check(
        "warning",
        "rows that equal an earlier one in all columns but the key",
        "Rows of a table other than orders whose columns, its key left out, equal an earlier row's;"
        " only where three columns or more remain.",
        "An event exported twice counts twice, in every rate and rhythm.",
        "Set distinct = true in the mapping, or correct the join that doubles the rows.",
    ),
    "DQ016": Check(
        "warning",
        "numbers of a column that all are the same",
        "At least 20 values of a column of amounts, one distinct value (0 most often).",
        "A column that never varies is a default of the system: it says nothing.",
        "Map the column that holds the true amounts, or leave it out.",
    ),
}
_say = Family(CHECKS)
_ROWS_OF_EVENTS = (
    "account_history", "account_events", "interactions", "invoices", "opportunity_history",
    "subscriptions",
)  # fmt: skip
_AMOUNTS = ("amount", "value", "revenue", "cost")
_ENOUGH = 20


def check_lines(audited: Audited) -> Iterator[Finding]:
    """Which lines and amounts will be counted wrongly?"""
    orders = audited.tables.get("orders")
    if orders is not None:
        ids = orders.column("order_id")
        yield from _say.rows("DQ001", Place("orders"), ids, identical_lines(orders))
        free = pc.equal(orders.column("net_amount"), 0.0)
        yield from _say.rows("DQ005", Place("orders", "net_amount"), ids, free)
    for name in _ROWS_OF_EVENTS:
        if name in audited.tables:
            yield from _twins(name, audited.tables[name])
    for name, rows in audited.tables.items():
        yield from _constant(name, rows)


def _twins(name: str, rows: pa.Table) -> Iterator[Finding]:
    columns = [column for column in rows.column_names if column not in TABLES[name].key]
    if len(columns) >= 3:
        ids = rows.column(rows.column_names[0])
        yield from _say.rows("DQ015", Place(name), ids, repeated_rows(rows.select(columns)))


def _constant(name: str, rows: pa.Table) -> Iterator[Finding]:
    columns = [c for c in TABLES[name].columns if c.kind == "number" and _is_money(c.name)]
    for column in (c.name for c in columns if c.name in rows.column_names):
        values = rows.column(column).drop_null()
        if len(values) >= _ENOUGH and pc.min(values).as_py() == pc.max(values).as_py():
            examples = [f"{values[0].as_py():g}"]
            place = Place(name, column)
            yield _say.count("DQ016", place, len(values), rows.num_rows, examples)


def _is_money(column: str) -> bool:
    return any(word in column for word in _AMOUNTS)
