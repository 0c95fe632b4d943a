"""Little portfolios written as text, read by the doors that real ones come through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from fractions import Fraction

import numpy as np
import pyarrow as pa

from features.asof import instant
from features.context import ContextMaker
from features.events import EventSet, build_events
from features.matrix import FeatureMatrix, account_rows, deal_rows
from features.records.checking import check_table
from features.records.contract import TABLES
from features.records.folder import Portfolio, Records
from features.records.reading import TableReader

CLOCK = datetime(2031, 1, 1, tzinfo=UTC)


def cells(text: str) -> list[dict[str, str | None]]:
    """Rows of a table written as text: a line of names, then lines of words; ``-`` is missing."""
    names, *rows = [line.split() for line in text.strip().splitlines()]
    return [
        {name: None if word == "-" else word for name, word in zip(names, row, strict=True)}
        for row in rows
    ]


def records(
    tables: Mapping[str, str | pa.Table | list[dict[str, object]]],
    *,
    timezone: str = "UTC",
    static: Iterable[str] = (),
) -> Records:
    """Records as a folder would give them: checked, typed and in the loader's order."""
    checked = {}
    for name, given in tables.items():
        rows = cells(given) if isinstance(given, str) else given
        raw = rows if isinstance(rows, pa.Table) else _columns(rows)
        found = check_table(TABLES[name], raw, timezone=timezone, clock=CLOCK)
        assert found.violations == ()
        checked[name] = found.kept
    portfolio = Portfolio("little", "EUR", timezone, frozenset(static), CLOCK)
    return Records(portfolio, TableReader(checked).tables())


def _columns(rows: list[dict[str, object]]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def events_of(tables: Mapping[str, str], **options: object) -> EventSet:
    return build_events(records(tables, **options))  # type: ignore[arg-type]


def rows_of(
    events: EventSet, entity: str, as_of: str, ids: Iterable[str] | None = None, horizon: int = 90
) -> FeatureMatrix:
    """Feature rows of some (or all) entities on a day, with the context of that day."""
    moment = instant(date.fromisoformat(as_of))
    words = events.accounts.words if entity == "account" else events.deals.words
    code = np.array([words.index(one) for one in (words if ids is None else ids)], dtype=np.int64)
    contexts = {moment: ContextMaker(events, horizon).make(moment)}
    make = account_rows if entity == "account" else deal_rows
    return make(events, code, np.full(code.size, moment), contexts)


def number(word: str | None) -> float:
    """A literal value: a number, a fraction such as 2/3, about ~0.7, or nothing."""
    return float("nan") if word is None else float(Fraction(word.removeprefix("~")))
