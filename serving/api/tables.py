"""Which tables do the good accounts of a body make, as if they came from a portfolio on disk?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from features.records.casting import Values, no_values
from features.records.checking import Checked
from features.records.contract import TABLES, Table
from features.records.reading import loader_order
from serving.api.rows import Sheet

pc: Any = pyarrow.compute  # the stubs refuse a table beside its sort keys

READ_TABLES = (
    "contacts", "orders", "invoices", "interactions", "opportunities", "opportunity_history",
    "subscriptions", "account_events",
)  # fmt: skip
"""Tables that scores read, account by account; an account is taken to have no rows in those it is
sent without."""

_DEFAULTED = ("known_at", "is_deleted")  # absent, they are the event time and false


def good_tables(
    sheet: Sheet, checked: Mapping[str, Checked], n_accounts: int
) -> dict[str, pa.Table]:
    """Which rows have the accounts without a fault, with their own ids, in the loader's order?

    Parameters
    ----------
    sheet : Sheet
        With all faults.
    checked : mapping of str to Checked
        As `check_rows` gives it.
    n_accounts : int
        Accounts of the body, good or not.
    """
    is_good = np.ones(n_accounts, dtype=np.bool_)
    is_good[[account for account, _ in sheet.faults]] = False
    ids = _ids(checked["accounts"], "account_id", sheet.tables["accounts"].accounts, n_accounts)
    tables = {}
    for name, found in checked.items():
        rows = sheet.tables[name]
        places = np.asarray(found.positions, dtype=np.int64)
        owners = np.asarray(rows.accounts, dtype=np.int64)[places]
        chosen = np.flatnonzero(is_good[owners])
        kept = found.kept.take(chosen)
        if name == "opportunity_history":
            deals = sheet.tables["opportunities"]
            n_deals = len(deals.rows)
            names = _ids(checked["opportunities"], "opportunity_id", range(n_deals), n_deals)
            numbers = np.asarray(rows.deals, dtype=np.int64)[places][chosen]
            kept = _with_ids(kept, "opportunity_id", names.take(pa.array(numbers)))
        elif name != "accounts":
            kept = _with_ids(kept, "account_id", ids.take(pa.array(owners[chosen])))
        is_read = name in READ_TABLES
        kept = whole(rows.table, kept) if is_read else _filled(rows.table, kept)
        tables[name] = _sorted(rows.table, kept)
    return {name: tables[name] for name in TABLES if name in tables}


def _ids(checked: Checked, column: str, places: Sequence[int], n: int) -> Values:
    ids: list[object] = [None] * n
    for position, value in zip(
        checked.positions, checked.kept.column(column).to_pylist(), strict=True
    ):
        ids[places[position]] = value
    return pa.array(ids, pa.string())


def _with_ids(rows: pa.Table, column: str, ids: Values) -> pa.Table:
    return rows.set_column(rows.column_names.index(column), column, ids)


def whole(table: Table, rows: pa.Table) -> pa.Table:
    """Add the columns that nobody filled, all missing, in contract order.

    Which columns are there must not hang on the other accounts of a request, nor on whether a
    program writes a missing value as null or leaves it out: the same account gets the same score
    as in a whole portfolio. Features of columns that the portfolio never had are not in the model.
    """
    names = [
        column.name
        for column in table.columns
        if column.name in rows.column_names or column.name not in _DEFAULTED
    ]
    missing: dict[str, Values] = {
        column.name: no_values(column.kind, rows.num_rows)
        for column in table.columns
        if column.name not in rows.column_names
    }
    columns = [missing[name] if name in missing else rows.column(name) for name in names]
    return pa.Table.from_arrays(columns, names=names)


def _filled(table: Table, rows: pa.Table) -> pa.Table:
    """Leave out columns that only refused accounts filled."""
    kept = [
        name
        for name in rows.column_names
        if name in table.required or rows.column(name).null_count < rows.num_rows
    ]
    return rows.select(kept)


def _sorted(table: Table, rows: pa.Table) -> pa.Table:
    owner = [name for name in ("account_id",) if name in rows.column_names]
    nulls = dict.fromkeys(owner, "at_start") | loader_order(table, rows.column_names)
    keys = [(name, "ascending", place) for name, place in nulls.items()]
    return rows.take(pc.sort_indices(rows, sort_keys=keys))
