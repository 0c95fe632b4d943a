"""Rows that are corrected, withdrawn or sent twice count as one fact, from the day it is known."""

from __future__ import annotations

from datetime import UTC, date, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from features.asof import instant
from features.events import build_events
from features.records.contract import TABLES
from tests.property.portfolios import KINDS, START, Drawn, Rows, portfolios, rows
from tests.property.test_point_in_time import (
    _account_matrix,
    _bits,
    _context,
    _deal_matrix,
    _known_deals,
)

# A failing example must show its rows, however many there are.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

few = settings(
    max_examples=2,  # of each table, and each takes a second
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
)
BEFORE, LEARNT, AFTER = "2011-06-30", datetime(2011, 10, 1, tzinfo=UTC), "2012-02-20"
KEYED = sorted(name for name in KINDS if TABLES[name].key)


def _require_equal(one: Drawn, other: Drawn, day: str) -> None:
    """Equal features and contexts on a day, of every account and deal that both know."""
    moment = instant(date.fromisoformat(day))
    old, new = build_events(one.records()), build_events(other.records())
    accounts = sorted({*old.accounts.words} & {*new.accounts.words})
    deals = _known_deals(old, moment)
    assert deals == _known_deals(new, moment)
    assert _context(old, moment).to_json() == _context(new, moment).to_json()
    assert _bits(_account_matrix(old, moment, accounts)) == _bits(
        _account_matrix(new, moment, accounts)
    )
    assert _bits(_deal_matrix(old, moment, deals)) == _bits(_deal_matrix(new, moment, deals))


def _with(drawn: Drawn, table: str, found: Rows) -> Drawn:
    return Drawn({**drawn.rows, table: found}, drawn.zone)


def _key(table: str, row: dict[str, object]) -> tuple[object, ...]:
    return tuple(row.get(name) for name in TABLES[table].key)


@st.composite
def facts(draw: st.DrawFn, table: str) -> tuple[Drawn, Rows, dict[str, object], dict[str, object]]:
    """A portfolio, its other rows of a table, one fact of that table, and a later version of it."""
    drawn = draw(portfolios(is_whole=True))
    fact, version = draw(rows(table)), draw(rows(table))
    if table == "orders":
        fact["line_id"] = fact["line_id"] or "1"
    fact |= {"known_at": START, "is_deleted": None}
    # A correction mends a fact of one account; it does not move it to another.
    version |= {name: fact[name] for name in (*TABLES[table].key, "account_id") if name in fact}
    version |= {"known_at": LEARNT, "is_deleted": None}
    others = [row for row in drawn.rows[table] if _key(table, row) != _key(table, fact)]
    assume(others)
    return drawn, others, fact, version


@pytest.mark.parametrize("table", KEYED)
@few
@given(data=st.data())
def test_a_correction_counts_from_when_it_is_known(table: str, data: st.DataObject) -> None:
    drawn, others, fact, version = data.draw(facts(table))
    both = _with(drawn, table, [*others, version, fact])
    _require_equal(both, _with(drawn, table, [*others, fact]), BEFORE)
    _require_equal(both, _with(drawn, table, [*others, version]), AFTER)


@pytest.mark.parametrize("table", KEYED)
@few
@given(data=st.data())
def test_a_row_that_is_withdrawn_is_there_until_that_is_known(
    table: str, data: st.DataObject
) -> None:
    drawn, others, fact, _ = data.draw(facts(table))
    withdrawal = {**fact, "known_at": LEARNT, "is_deleted": True}
    both = _with(drawn, table, [withdrawal, *others, fact])
    _require_equal(both, _with(drawn, table, [*others, fact]), BEFORE)
    _require_equal(both, _with(drawn, table, others), AFTER)


@few
@given(portfolios(is_whole=True))
def test_a_row_of_a_key_sent_twice_counts_once(drawn: Drawn) -> None:
    assume(all(drawn.rows[table] for table in KEYED))
    again = {
        table: [*found, *(row for row in found if table in KEYED and None not in _key(table, row))]
        for table, found in drawn.rows.items()
    }
    for day in (BEFORE, AFTER):
        _require_equal(Drawn(again, drawn.zone), drawn, day)
