"""What is learnt later changes nothing of before, and nobody's row depends on who stands beside."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from features.asof import instant
from features.context import Context, ContextMaker
from features.events import EventSet, build_events
from features.matrix import FeatureMatrix, account_rows, deal_rows
from features.records.folder import Records
from features.records.reading import TableReader
from tests.property.portfolios import (
    AS_OF,
    KINDS,
    Drawn,
    Rows,
    moment_of,
    portfolios,
    rows,
)

# A failing example must show its rows, however many there are.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

some = settings(
    max_examples=24,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),  # shrinking three accounts and their rows takes minutes
)
DAYS = st.sampled_from(AS_OF)


def _context(events: EventSet, moment: int) -> Context:
    return ContextMaker(events, 90).make(moment)


def _account_matrix(
    events: EventSet, moment: int, ids: list[str], context: Context | None = None
) -> FeatureMatrix:
    code = np.array([events.accounts.words.index(one) for one in ids], dtype=np.int64)
    contexts = {moment: context or _context(events, moment)}
    return account_rows(events, code, np.full(code.size, moment), contexts)


def _deal_matrix(
    events: EventSet, moment: int, ids: list[str], context: Context | None = None
) -> FeatureMatrix:
    code = np.array([events.deals.words.index(one) for one in ids], dtype=np.int64)
    contexts = {moment: context or _context(events, moment)}
    return deal_rows(events, code, np.full(code.size, moment), contexts)


def _bits(matrix: FeatureMatrix) -> bytes:
    return np.ascontiguousarray(matrix.values).tobytes()


def _known_deals(events: EventSet, moment: int) -> list[str]:
    """Deals whose opening was known on the day: nobody asks for the others."""
    created = events.sources.get("created")
    if created is None:
        return []
    deal = np.repeat(np.arange(len(events.deals.words)), np.diff(created.offsets))
    known = (created.known_from < moment) & (moment <= created.known_until)
    return [events.deals.words[code] for code in np.unique(deal[known])]


def _is_later(table: str, row: dict[str, object], as_of: str, zone: str = "UTC") -> bool:
    """Whether the event or our learning of it does not lie before the day."""
    moment = datetime.combine(date.fromisoformat(as_of), datetime.min.time(), UTC)
    times = [moment_of(row.get(name), zone) for name in (KINDS[table].event, "known_at")]
    return any(time is not None and time >= moment for time in times)


def _before(drawn: Drawn, as_of: str) -> Drawn:
    """The portfolio without a single row of later."""
    kept = {
        table: [row for row in found if not _is_later(table, row, as_of, drawn.zone)]
        for table, found in drawn.rows.items()
    }
    return Drawn(kept, drawn.zone)


@some
@given(portfolios(is_whole=True), DAYS)
def test_rows_that_are_later_than_the_day_change_no_feature_of_it(drawn: Drawn, day: str) -> None:
    before = _before(drawn, day)
    assume(any(before.rows.values()))
    for table, found in drawn.rows.items():
        # A table that only begins later is absent before; its features then are missing, not 0.
        assume(bool(found) == bool(before.rows[table]))
    moment = instant(date.fromisoformat(day))
    old, new = build_events(before.records()), build_events(drawn.records())
    accounts, deals = list(old.accounts.words), _known_deals(old, moment)
    assert deals == _known_deals(new, moment)
    assert _context(old, moment).to_json() == _context(new, moment).to_json()
    assert _bits(_account_matrix(old, moment, accounts)) == _bits(
        _account_matrix(new, moment, accounts)
    )
    assert _bits(_deal_matrix(old, moment, deals)) == _bits(_deal_matrix(new, moment, deals))


@some
@given(portfolios(), DAYS, st.randoms(use_true_random=False))
def test_rows_may_arrive_in_any_order(drawn: Drawn, day: str, dice: st.DataObject) -> None:
    assume(any(drawn.rows.values()))
    whole = drawn.records()
    shuffled = {}
    for name, table in whole.tables.items():
        order = list(range(table.num_rows))
        dice.shuffle(order)  # type: ignore[attr-defined]
        shuffled[name] = table.take(pa.array(order, pa.int64()))
    moment = instant(date.fromisoformat(day))
    one = build_events(whole)
    other = build_events(Records(whole.portfolio, TableReader(shuffled).tables()))
    accounts, deals = list(one.accounts.words), list(one.deals.words)
    assert _context(one, moment).to_json() == _context(other, moment).to_json()
    assert _bits(_account_matrix(one, moment, accounts)) == _bits(
        _account_matrix(other, moment, accounts)
    )
    assert _bits(_deal_matrix(one, moment, deals)) == _bits(_deal_matrix(other, moment, deals))


@some
@given(portfolios(), DAYS)
def test_one_account_alone_has_the_row_it_has_among_all(drawn: Drawn, day: str) -> None:
    assume(any(drawn.rows.values()))
    whole = drawn.records()
    moment = instant(date.fromisoformat(day))
    events = build_events(whole)
    context = _context(events, moment)
    reader = TableReader(whole.tables)
    for account in events.accounts.words:
        alone = build_events(Records(whole.portfolio, reader.tables([account])))
        assert _bits(_account_matrix(alone, moment, [account], context)) == _bits(
            _account_matrix(events, moment, [account], context)
        )
        deals = list(alone.deals.words)
        assert _bits(_deal_matrix(alone, moment, deals, context)) == _bits(
            _deal_matrix(events, moment, deals, context)
        )


@some
@given(portfolios())
def test_many_days_in_one_call_are_one_call_a_day(drawn: Drawn) -> None:
    assume(any(drawn.rows.values()))
    events = build_events(drawn.records())
    moments = [instant(date.fromisoformat(day)) for day in AS_OF]
    contexts = {moment: _context(events, moment) for moment in moments}
    for make, words in ((account_rows, events.accounts.words), (deal_rows, events.deals.words)):
        n = len(words)
        code, as_of = np.tile(np.arange(n), len(moments)), np.repeat(moments, n)
        together = make(events, code, as_of, contexts)
        for place, moment in enumerate(moments):
            rows = np.arange(place * n, (place + 1) * n)
            alone = make(events, code[rows], as_of[rows], {moment: contexts[moment]})
            assert _bits(together.take(rows)) == _bits(alone)


LATER = {
    "interactions": (("resolved_at", ("outcome",)),),
    "invoices": (("paid_at", ()),),
    "contacts": (("left_at", ()),),
    "subscriptions": (("cancelled_at", ()), ("ended_at", ())),
}


def _without(drawn: Drawn, as_of: str) -> Drawn:
    """The portfolio with every later instant from the day on, and what it decides, taken away."""
    moment = datetime.combine(date.fromisoformat(as_of), datetime.min.time(), UTC)

    def hidden(table: str, row: dict[str, object]) -> dict[str, object]:
        for column, decided in LATER.get(table, ()):
            time = row.get(column)
            if isinstance(time, datetime) and time >= moment:
                row = row | dict.fromkeys((column, *decided))
        return row

    rows = {table: [hidden(table, row) for row in found] for table, found in drawn.rows.items()}
    return Drawn(rows, drawn.zone)


@some
@given(portfolios(is_whole=True), DAYS)
def test_a_later_instant_still_to_come_is_as_if_missing(drawn: Drawn, day: str) -> None:
    assume(any(drawn.rows.values()))
    moment = instant(date.fromisoformat(day))
    old, new = build_events(_without(drawn, day).records()), build_events(drawn.records())
    accounts, deals = list(old.accounts.words), _known_deals(old, moment)
    assert _bits(_account_matrix(old, moment, accounts)) == _bits(
        _account_matrix(new, moment, accounts)
    )
    assert _bits(_deal_matrix(old, moment, deals)) == _bits(_deal_matrix(new, moment, deals))


@pytest.mark.parametrize("table", sorted(KINDS))
def test_every_table_of_the_random_portfolios_can_be_later(table: str) -> None:
    """The properties above would hold of nothing if no row were ever hidden."""
    found: Rows = []

    @settings(max_examples=60, derandomize=True, database=None, deadline=None)
    @given(rows(table))
    def collect(row: dict[str, object]) -> None:
        found.append(row)

    collect()
    later = [row for row in found if _is_later(table, row, AS_OF[0])]
    assert 0 < len(later) < len(found)
    event = KINDS[table].event
    learnt_late = [
        row
        for row in found
        if isinstance(row["known_at"], datetime)
        and (at := moment_of(row[event], "UTC")) is not None
        and row["known_at"] > at + timedelta(hours=1)
    ]
    assert learnt_late
