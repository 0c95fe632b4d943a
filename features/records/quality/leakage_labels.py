"""Which rows have an outcome, and which of their columns may have been written after it?

Deals with a history: won against lost, and closed against open, the columns of `opportunities` and
of the first row of history. Accounts: lapsed against active by the order rule (active with an order
in the 180 days before the last 90; lapsed without one in these 90), the columns of `accounts`.
Exports that a mapping keeps for the audit (``[audit.NAME]``): their ``outcome``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from features.asof import NEVER, to_instant
from features.events.of_accounts import orders as placed_orders
from features.events.sheet import Sheet
from features.events.world import World
from features.records.casting import Mask, Values
from features.records.oddities import first_closes
from features.records.quality.finding import Audited

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

_HORIZON, _ACTIVITY = timedelta(days=90), timedelta(days=180)
_OPEN = "open"
_MOST_OUTCOMES = 6
_NOT_ASKED = frozenset({
    "opportunity_id", "name", "known_at", "is_deleted", "row", "codes", "messages", "outcome",
})  # fmt: skip


@dataclass(frozen=True)
class Split:
    """One question: which of these rows have the label?

    Attributes
    ----------
    named, others : str
        What rows with and without the label are, for people.
    among, label : (n,) bool
        Rows asked about; rows with the label.
    compares_values : bool
        False where time alone tells the sides apart (open deals are younger): only the absence of
        a column is then looked at.
    """

    named: str
    others: str
    among: Mask
    label: Mask
    compares_values: bool


@dataclass(frozen=True)
class Labelled:
    """Rows of one table with outcomes.

    Attributes
    ----------
    table : str
        Where the columns come from.
    columns : pyarrow.Table
        Columns to be looked at, one row per deal or account.
    splits : tuple of Split
        The questions.
    """

    table: str
    columns: pa.Table
    splits: tuple[Split, ...]


def labelled(audited: Audited) -> Iterator[Labelled]:
    """Which rows have outcomes, table by table?"""
    yield from _deals(audited)
    yield from _accounts(audited)
    for name, rows in audited.exports.items():
        splits = splits_of(rows.column("outcome"))
        yield Labelled(f"audit.{name}", _asked(rows), splits)


def splits_of(outcome: Values) -> tuple[Split, ...]:
    """Which questions do these outcomes answer?

    Rows that are ``open`` against all others first; then, among the others, each outcome against
    the rest (one question when there are two). A missing outcome takes no part.

    Parameters
    ----------
    outcome : pyarrow array of str
        One per row.
    """
    values = pc.fill_null(outcome, "")
    names = sorted(str(name) for name in pc.unique(values).to_pylist() if name)
    settled = [name for name in names if name != _OPEN]
    known = pc.not_equal(values, "").to_numpy()
    is_open = pc.equal(values, _OPEN).to_numpy()
    splits = []
    if settled and len(settled) < len(names):
        splits.append(Split("those still open", "the others", known, is_open, False))
    if 2 <= len(settled) <= _MOST_OUTCOMES:
        asked = settled[-1:] if len(settled) == 2 else settled
        for name in asked:
            rest = settled[0] if len(settled) == 2 else "the rest"
            label = pc.equal(values, name).to_numpy()
            splits.append(Split(name, rest, known & ~is_open, label, True))
    return tuple(splits)


def _asked(rows: pa.Table) -> pa.Table:
    asked = [
        field.name for field in rows.schema
        if field.name not in _NOT_ASKED and not pa.types.is_nested(field.type)
    ]  # fmt: skip
    return rows.select(asked)


def _deals(audited: Audited) -> Iterator[Labelled]:
    history, stages = audited.tables.get("opportunity_history"), audited.tables.get("stages")
    deals = audited.tables.get("opportunities")
    if history is None or stages is None or deals is None:
        return
    moves = _with_refused(audited, "opportunity_history", ["opportunity_id", "stage", "changed_at"])
    outcome = _outcomes(moves, stages)
    ids = deals.column("opportunity_id")
    yield Labelled("opportunities", _asked(deals), splits_of(_look_up(outcome, ids)))
    first = _first_rows(history, stages)
    ended = _look_up(outcome, first.column("opportunity_id"))
    later = first.drop_columns([c for c in ("stage", "changed_at") if c in first.column_names])
    yield Labelled("opportunity_history", _asked(later), splits_of(ended))
    refused = audited.refused.get("opportunities")
    if refused is not None and refused.num_rows and "opportunity_id" in refused.column_names:
        shared = [name for name in deals.column_names if name in refused.column_names]
        whole = _with_refused(audited, "opportunities", shared)
        of_all = splits_of(_look_up(outcome, whole.column("opportunity_id")))
        yield from _absences_alone(_asked(whole), of_all, deals)


def _absences_alone(
    columns: pa.Table, splits: tuple[Split, ...], kept: pa.Table
) -> Iterator[Labelled]:
    # columns that no row may lack are never missing among the rows kept: only refused rows tell
    needed = [name for name in columns.column_names if not kept.column(name).null_count]
    bare = tuple(Split(s.named, s.others, s.among, s.label, False) for s in splits)
    yield Labelled("opportunities", columns.select(needed), bare)


def _with_refused(audited: Audited, name: str, columns: list[str]) -> pa.Table:
    kept = audited.tables[name].select(columns)
    refused = audited.refused.get(name)
    parts = [kept, *([refused] if refused is not None else [])]
    texts = []
    for part in parts:
        there: dict[str, Values] = {
            column: part.column(column).cast(pa.string()) for column in columns
            if column in part.column_names
        }  # fmt: skip
        absent: Values = pa.nulls(part.num_rows, pa.string())
        whole: dict[str, Values] = {column: there.get(column, absent) for column in columns}
        texts.append(pa.table(whole))
    return pa.concat_tables(texts)


def _outcomes(moves: pa.Table, stages: pa.Table) -> pa.Table:
    """Tell for each deal with a history how it ended: the outcome of its first terminal stage."""
    place = pc.index_in(moves.column("stage"), value_set=stages.column("stage").combine_chunks())
    ends = stages.column("outcome").take(place)
    known = moves.append_column("outcome", ends).filter(pc.is_valid(ends))
    by_time = known.sort_by([("changed_at", "ascending")])
    closing = by_time.filter(pc.not_equal(by_time.column("outcome"), _OPEN))
    closed = closing.group_by("opportunity_id", use_threads=False).aggregate([("outcome", "first")])
    seen = known.group_by("opportunity_id").aggregate([]).column("opportunity_id")
    found = closed.column("outcome_first").take(
        pc.index_in(seen, value_set=closed.column("opportunity_id").combine_chunks())
    )
    whole: dict[str, Values] = {"id": seen, "outcome": pc.fill_null(found, _OPEN)}
    return pa.table(whole).combine_chunks()


def _first_rows(history: pa.Table, stages: pa.Table) -> pa.Table:
    """Keep the first row of each deal, and of no deal that it closes at once."""
    numbered = history.append_column("row", pa.array(np.arange(history.num_rows)))
    first = numbered.group_by("opportunity_id").aggregate([("row", "min")]).column("row_min")
    rows = history.take(np.sort(first.to_numpy()))
    closes = first_closes(history, stages)
    place = pc.index_in(rows.column("opportunity_id"), value_set=closes.column("opportunity_id"))
    at_once = pc.less_equal(closes.column("closed_at").take(place), rows.column("changed_at"))
    return rows.filter(pc.invert(at_once.fill_null(False)))


def _look_up(outcome: pa.Table, ids: Values) -> Values:
    return outcome.column("outcome").take(pc.index_in(ids, value_set=outcome.column("id")))


def _accounts(audited: Audited) -> Iterator[Labelled]:
    accounts = audited.tables.get("accounts")
    world = World(audited.records)
    orders = placed_orders(world)
    if accounts is None or orders is None:
        return
    since = to_instant(audited.portfolio.data_as_of - _HORIZON)
    begin = to_instant(audited.portfolio.data_as_of - _HORIZON - _ACTIVITY)
    is_bought = orders.flags >> orders.flag_names.index("is_purchase") & 1 == 1
    is_bought &= orders.known_until == NEVER
    buyer = np.repeat(np.arange(len(world.accounts.words)), np.diff(orders.offsets))
    account = world.accounts_named(Sheet(accounts))
    before = is_bought & (orders.at >= begin) & (orders.at < since)
    was_active = np.isin(account, buyer[before])
    is_active = np.isin(account, buyer[is_bought & (orders.at >= since)])
    asked = accounts.drop_columns(["account_id"])
    split = Split("lapsed accounts", "active ones", was_active, ~is_active, True)
    yield Labelled("accounts", _asked(asked), (split,))
