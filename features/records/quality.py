"""What in these records keeps the contract and will mislead all the same?

Every finding has a code, what it counts, why it matters and how to mend it. Shares are of the rows
of the table, 0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute

from features.records.casting import INSTANT, Mask, Values, days_to_instants
from features.records.contract import TABLES
from features.records.folder import Records
from features.records.oddities import first_closes, identical_lines, rows_after_close

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

Severity = Literal["info", "warning", "error"]

ACTIVITY_TABLES = ("orders", "interactions", "opportunities", "subscriptions", "invoices")
_N_EXAMPLES = 5
_MISSING_SHARE = 0.2
_OVERDUE = timedelta(days=90)
_STALE = timedelta(days=365)


@dataclass(frozen=True)
class Check:
    """What one check looks for.

    Attributes
    ----------
    severity : str
        ``info``, ``warning`` or ``error``.
    title : str
        What was found, in a few words.
    why : str
        Why it matters.
    fix : str
        How to mend it.
    """

    severity: Severity
    title: str
    why: str
    fix: str


CHECKS: Mapping[str, Check] = {
    "DQ001": Check(
        "warning",
        "order lines that equal an earlier one in all columns",
        "A line exported twice counts its revenue twice.",
        "Map line_id, or set distinct = true when they are duplicates.",
    ),
    "DQ002": Check(
        "info",
        "rows of history after the deal's first terminal stage",
        "A deal closes at its first terminal stage; what follows is not read.",
        "Make reopened deals new ones, or correct the outcomes in stages.",
    ),
    "DQ003": Check(
        "warning",
        "open deals more than 90 days past their expected close",
        "Forgotten deals swell the pipeline and lower the win rate.",
        "Close them, or set a new expected close.",
    ),
    "DQ004": Check(
        "error",
        "rows of history in a stage that is not in stages",
        "Nobody can tell whether such a deal is open, won or lost.",
        "Add the stages to the table stages.",
    ),
    "DQ005": Check(
        "info",
        "order lines of net amount zero",
        "Samples and corrections count as orders in a buying rhythm.",
        "Leave them out in the mapping when they are not orders.",
    ),
    "DQ006": Check(
        "warning",
        "deals without any amount",
        "Their priority cannot weigh what they are worth.",
        "Map the amount of opportunity_history.",
    ),
    "DQ007": Check(
        "info",
        "accounts without owner",
        "They come on nobody's list.",
        "Map accounts.owner_id.",
    ),
    "DQ008": Check(
        "info",
        "accounts without acquisition channel",
        "Revenue and cost by channel leave them out.",
        "Map accounts.acquisition_channel.",
    ),
    "DQ009": Check(
        "info",
        "accounts without any activity",
        "There is nothing to score them by.",
        "Look whether their ids are written alike in all tables.",
    ),
    "DQ010": Check(
        "info",
        "accounts without activity in the last 365 days",
        "They are lapsed rather than at risk.",
        "Nothing, unless a table ends early.",
    ),
    "DQ011": Check(
        "info",
        "values missing in a column",
        "A feature of a column that is often empty says little.",
        "Fill the column, or leave it out.",
    ),
    "DQ012": Check(
        "warning",
        "orders placed before their account was created",
        "The date of creation is that of the system, not of the relation: tenure is wrong.",
        "Map created_at to the first contact, or leave it out.",
    ),
    "DQ013": Check(
        "warning",
        "attributes without history that are not listed as static",
        "An export overwrites them: they may carry the outcome into the past and are not used.",
        "Map account_history, or list them under static when they do not follow the outcome.",
    ),
    "DQ014": Check(
        "warning",
        "rows of an account that is not in accounts",
        "Their account has no attributes.",
        "Look whether the ids are written alike, or complete the table accounts.",
    ),
}
"""Every check, by code; each has a line in docs/errors.md."""


@dataclass(frozen=True)
class Finding:
    """What one check found in one column.

    Attributes
    ----------
    code : str
        Key of `CHECKS`.
    severity : str
        ``info``, ``warning`` or ``error``.
    table, column : str, str or None
        Where.
    count : int
        Rows (or accounts, deals, attributes) concerned.
    share : float
        Of all of them, 0..1.
    examples : tuple of str
        The first ids concerned.
    message, why, fix : str
        What was found, why it matters, how to mend it.
    """

    code: str
    severity: Severity
    table: str
    column: str | None
    count: int
    share: float
    examples: tuple[str, ...]
    message: str
    why: str
    fix: str


def audit(records: Records) -> tuple[Finding, ...]:
    """What in these records will mislead, in the order of the codes?

    Parameters
    ----------
    records : Records
        Checked rows of the whole portfolio.

    Returns
    -------
    tuple of Finding
        Checks whose tables are absent, and those that find nothing, leave none.
    """
    return tuple(finding for check in _CHECKS for finding in check(records))


def _found(
    code: str, table: str, column: str | None, ids: Values, wrong: Mask | Values
) -> Iterator[Finding]:
    mask = wrong if isinstance(wrong, np.ndarray) else np.asarray(wrong.fill_null(False))
    count = int(mask.sum())
    if count:
        chosen = pc.unique(ids.filter(pa.array(mask))).slice(0, _N_EXAMPLES).to_pylist()
        yield _finding(code, table, column, count, len(mask), [str(value) for value in chosen])


def _finding(
    code: str, table: str, column: str | None, count: int, of: int, examples: list[str]
) -> Finding:
    check = CHECKS[code]
    share = count / of
    message = f"{count} of {of} ({share:.1%}): {check.title}."
    return Finding(
        code, check.severity, table, column, count, share, tuple(examples), message,
        check.why, check.fix,
    )  # fmt: skip


def _identical_lines(records: Records) -> Iterator[Finding]:
    orders = records.tables.get("orders")
    if orders is not None:
        twins = identical_lines(orders)
        yield from _found("DQ001", "orders", None, orders.column("order_id"), twins)


def _history(records: Records) -> Iterator[Finding]:
    history, stages = records.tables.get("opportunity_history"), records.tables.get("stages")
    if history is None:
        return
    deals = history.column("opportunity_id")
    if stages is not None:
        late = rows_after_close(history, stages)
        yield from _found("DQ002", "opportunity_history", None, deals, late)
        if "expected_close_date" in history.column_names:
            yield from _overdue(records, history, stages)
        stage = history.column("stage")
        lost = pc.invert(pc.is_in(stage, value_set=stages.column("stage").combine_chunks()))
        yield from _found("DQ004", "opportunity_history", "stage", stage, lost)


def _overdue(records: Records, history: pa.Table, stages: pa.Table) -> Iterator[Finding]:
    latest = _latest_rows(history)
    closed = first_closes(history, stages).column("opportunity_id").combine_chunks()
    is_open = pc.invert(pc.is_in(latest.column("opportunity_id"), value_set=closed))
    latest = latest.filter(is_open)
    limit = pa.scalar(records.portfolio.data_as_of - _OVERDUE, INSTANT)
    days = latest.column("expected_close_date").combine_chunks()
    late = pc.less(days_to_instants(days, records.portfolio.timezone), limit)
    deals = latest.column("opportunity_id")
    yield from _found("DQ003", "opportunity_history", "expected_close_date", deals, late)


def _latest_rows(history: pa.Table) -> pa.Table:
    """Keep the last row of each deal; rows come sorted by time within their deal's account."""
    numbered = history.append_column("row", pa.array(np.arange(history.num_rows)))
    last = numbered.group_by("opportunity_id").aggregate([("row", "max")]).column("row_max")
    return history.take(np.sort(last.to_numpy()))


def _amounts(records: Records) -> Iterator[Finding]:
    orders, deals = records.tables.get("orders"), records.tables.get("opportunities")
    if orders is not None:
        free = pc.equal(orders.column("net_amount"), 0.0)
        yield from _found("DQ005", "orders", "net_amount", orders.column("order_id"), free)
    history = records.tables.get("opportunity_history")
    if deals is not None and history is not None:
        known: Values = pa.array([], pa.string())
        if "amount" in history.column_names:
            priced = history.filter(pc.is_valid(history.column("amount")))
            known = priced.column("opportunity_id").combine_chunks()
        ids = deals.column("opportunity_id")
        bare = pc.invert(pc.is_in(ids, value_set=known))
        yield from _found("DQ006", "opportunity_history", "amount", ids, bare)


def _accounts(records: Records) -> Iterator[Finding]:
    accounts = records.tables.get("accounts")
    if accounts is None:
        return
    ids = accounts.column("account_id")
    for code, column in (("DQ007", "owner_id"), ("DQ008", "acquisition_channel")):
        missing = np.ones(accounts.num_rows, np.bool_)
        if column in accounts.column_names:
            missing = accounts.column(column).is_null().to_numpy()
        yield from _found(code, "accounts", column, ids, missing)
    last = _last_activity(records)
    place = pc.index_in(ids, value_set=last.column("account_id"))
    yield from _found("DQ009", "accounts", None, ids, pc.is_null(place))
    limit = pa.scalar(records.portfolio.data_as_of - _STALE, INSTANT)
    stale = pc.less(last.column("at").take(place), limit)
    yield from _found("DQ010", "accounts", None, ids, stale)


def _last_activity(records: Records) -> pa.Table:
    parts = [pa.table([pa.array([], pa.string()), pa.array([], INSTANT)], ["account_id", "at"])]
    for name in ACTIVITY_TABLES:
        rows, event_time = records.tables.get(name), TABLES[name].event_time
        if rows is None or event_time is None:
            continue
        at = rows.column(event_time).combine_chunks()
        if pa.types.is_date(at.type):
            at = days_to_instants(at, records.portfolio.timezone)
        ids = rows.column("account_id").combine_chunks()
        parts.append(pa.table([ids, at], names=["account_id", "at"]))
    last = pa.concat_tables(parts).group_by("account_id").aggregate([("at", "max")])
    return (
        last.select(["account_id", "at_max"]).rename_columns(["account_id", "at"]).combine_chunks()
    )


def _missing(records: Records) -> Iterator[Finding]:
    for name, rows in records.tables.items():
        decides = TABLES[name].decides  # what has not come yet is not missing
        pending = {*decides, *(column for decided in decides.values() for column in decided)}
        for column in (column for column in rows.column_names if column not in pending):
            count = rows.column(column).null_count
            if rows.num_rows and count / rows.num_rows >= _MISSING_SHARE:
                yield _finding("DQ011", name, column, count, rows.num_rows, [])


def _links(records: Records) -> Iterator[Finding]:
    accounts, orders = records.tables.get("accounts"), records.tables.get("orders")
    if accounts is None:
        return
    known = accounts.column("account_id").combine_chunks()
    if orders is not None and "created_at" in accounts.column_names:
        ids = orders.column("account_id")
        created = accounts.column("created_at").take(pc.index_in(ids, value_set=known))
        early = pc.less(orders.column("ordered_at"), created)
        yield from _found("DQ012", "orders", "ordered_at", orders.column("order_id"), early)
    for name, rows in records.tables.items():
        if name != "accounts" and "account_id" in rows.column_names:
            ids = rows.column("account_id")
            lost = pc.invert(pc.is_in(ids, value_set=known))
            yield from _found("DQ014", name, "account_id", ids, lost)


def _overwritten(records: Records) -> Iterator[Finding]:
    dated: set[str] = set()
    if (history := records.tables.get("account_history")) is not None:
        dated = {f"accounts.{field}" for field in pc.unique(history.column("field")).to_pylist()}
    for name, rows in records.tables.items():
        present = [column for column in TABLES[name].mutable if column in rows.column_names]
        loose = [
            column for column in present
            if f"{name}.{column}" not in records.portfolio.static | dated
        ]  # fmt: skip
        if loose:
            yield _finding("DQ013", name, None, len(loose), len(present), loose)


_CHECKS: tuple[Callable[[Records], Iterator[Finding]], ...] = (
    _identical_lines,
    _history,
    _amounts,
    _accounts,
    _missing,
    _links,
    _overwritten,
)
