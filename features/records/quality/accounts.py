"""Which accounts are nobody's, silent, unknown, or too much of the portfolio?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from features.records.casting import INSTANT
from features.records.contract import TABLES
from features.records.quality.finding import Audited, Check, Family, Finding, Place, as_instants

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

CHECKS: Mapping[str, Check] = {
    "DQ007": Check(
        "info",
        "accounts without owner",
        "accounts.owner_id is missing.",
        "They come on nobody's list.",
        "Map accounts.owner_id.",
    ),
    "DQ008": Check(
        "info",
        "accounts without acquisition channel",
        "accounts.acquisition_channel is missing.",
        "Revenue and cost by channel leave them out.",
        "Map accounts.acquisition_channel.",
    ),
    "DQ009": Check(
        "info",
        "accounts without any activity",
        "No order, interaction, deal, subscription or invoice names the account.",
        "There is nothing to score them by.",
        "Look whether their ids are written alike in all tables.",
    ),
    "DQ010": Check(
        "info",
        "accounts without activity in the last 365 days",
        "The last order, interaction, deal, subscription or invoice of the account began over 365"
        " days before the end of the records.",
        "They are lapsed rather than at risk.",
        "Nothing, unless a table ends early.",
    ),
    "DQ014": Check(
        "warning",
        "rows of an account that is not in accounts",
        "The account_id of the row is no account_id of the table accounts.",
        "Their account has no attributes.",
        "Look whether the ids are written alike, or complete the table accounts.",
    ),
    "DQ020": Check(
        "warning",
        "rows that belong to one account alone",
        "One account of several has more than half of a table of at least 100 rows.",
        "It is often a collective account (cash sales, unknown customer): no customer behaves so.",
        "Leave it out with where, or give its rows the accounts they belong to.",
    ),
    "DQ021": Check(
        "info",
        "accounts in the whole portfolio",
        "Fewer than 30 accounts.",
        "No rate or model can be learnt from so few; the verdict will be too_little_data.",
        "Import all accounts; check the where and the joins of the mapping.",
    ),
    "DQ022": Check(
        "warning",
        "accounts whose parent is unknown, or that are above themselves",
        "parent_account_id is no account_id, or following the parents comes back to the account.",
        "Totals of the parent miss the account, or count it without end.",
        "Correct parent_account_id, or complete the table accounts.",
    ),
    "DQ023": Check(
        "warning",
        "rows of an owner that is not in owners",
        "The owner_id of the row is no owner_id of the table owners.",
        "The work of such an owner comes on no list and counts in no capacity.",
        "Complete the table owners, or correct the ids.",
    ),
}
_say = Family(CHECKS)
_ACTIVITY_TABLES = ("orders", "interactions", "opportunities", "subscriptions", "invoices")
_STALE = timedelta(days=365)
_FEW_ACCOUNTS, _ENOUGH_ROWS = 30, 100


def check_accounts(audited: Audited) -> Iterator[Finding]:
    """Which accounts will be scored badly, or by nobody?"""
    accounts = audited.tables.get("accounts")
    if accounts is None:
        return
    yield from _nobodys(accounts)
    yield from _silent(audited, accounts)
    yield from _strangers(audited, accounts)
    n_accounts = len(pc.unique(accounts.column("account_id")))
    if n_accounts > 1:
        yield from _collective(audited)
    if n_accounts < _FEW_ACCOUNTS:
        yield _say.count("DQ021", Place("accounts"), n_accounts, n_accounts, [])
    if "parent_account_id" in accounts.column_names:
        wrong = _lost_parents(accounts)
        place = Place("accounts", "parent_account_id")
        yield from _say.rows("DQ022", place, accounts.column("account_id"), wrong)


def _nobodys(accounts: pa.Table) -> Iterator[Finding]:
    for code, column in (("DQ007", "owner_id"), ("DQ008", "acquisition_channel")):
        missing = np.ones(accounts.num_rows, np.bool_)
        if column in accounts.column_names:
            missing = accounts.column(column).is_null().to_numpy()
        place = Place("accounts", column)
        yield from _say.rows(code, place, accounts.column("account_id"), missing)


def _silent(audited: Audited, accounts: pa.Table) -> Iterator[Finding]:
    ids, last = accounts.column("account_id"), _last_activity(audited)
    place = pc.index_in(ids, value_set=last.column("account_id"))
    yield from _say.rows("DQ009", Place("accounts"), ids, pc.is_null(place))
    limit = pa.scalar(audited.portfolio.data_as_of - _STALE, INSTANT)
    stale = pc.less(last.column("at").take(place), limit)
    yield from _say.rows("DQ010", Place("accounts"), ids, stale)


def _last_activity(audited: Audited) -> pa.Table:
    parts = [pa.table([pa.array([], pa.string()), pa.array([], INSTANT)], ["account_id", "at"])]
    for name in _ACTIVITY_TABLES:
        rows, event_time = audited.tables.get(name), TABLES[name].event_time
        if rows is None or event_time is None:
            continue
        at = as_instants(rows.column(event_time), audited.portfolio.timezone)
        ids = rows.column("account_id").combine_chunks()
        parts.append(pa.table([ids, at], names=["account_id", "at"]))
    last = pa.concat_tables(parts).group_by("account_id").aggregate([("at", "max")])
    return (
        last.select(["account_id", "at_max"]).rename_columns(["account_id", "at"]).combine_chunks()
    )


def _strangers(audited: Audited, accounts: pa.Table) -> Iterator[Finding]:
    known = accounts.column("account_id").combine_chunks()
    owners = audited.tables.get("owners")
    for name, rows in audited.tables.items():
        if name != "accounts" and "account_id" in rows.column_names:
            ids = rows.column("account_id")
            lost = pc.invert(pc.is_in(ids, value_set=known))
            yield from _say.rows("DQ014", Place(name, "account_id"), ids, lost)
        if owners is not None and name != "owners" and "owner_id" in rows.column_names:
            ids = rows.column("owner_id")
            staff = owners.column("owner_id").combine_chunks()
            lost = pc.and_(pc.is_valid(ids), pc.invert(pc.is_in(ids, value_set=staff)))
            yield from _say.rows("DQ023", Place(name, "owner_id"), ids, lost)


def _collective(audited: Audited) -> Iterator[Finding]:
    for name in _ACTIVITY_TABLES:
        rows = audited.tables.get(name)
        if rows is None or rows.num_rows < _ENOUGH_ROWS:
            continue
        counts = pc.value_counts(rows.column("account_id"))
        most = int(pc.max(counts.field("counts")).as_py())
        if most > rows.num_rows / 2:
            account = counts.filter(pc.equal(counts.field("counts"), most))[0]["values"].as_py()
            yield _say.count("DQ020", Place(name, "account_id"), most, rows.num_rows, [account])


def _lost_parents(accounts: pa.Table) -> Any:  # a mask
    ids = accounts.column("account_id").combine_chunks()
    parents = accounts.column("parent_account_id").combine_chunks()
    up = pc.index_in(parents, value_set=ids).fill_null(-1).to_numpy(zero_copy_only=False)
    lost = parents.is_valid().to_numpy(zero_copy_only=False) & (up < 0)
    here = np.arange(len(up))
    above = np.where(up < 0, here, up)
    reached = above.copy()
    circular = (up >= 0) & (above == here)
    # every step doubles: after log2(n) of them each chain has met its top or gone in a circle
    for _ in range(max(len(up), 2).bit_length()):
        reached = reached[reached]
    on_circle = up[reached] >= 0
    return lost | circular | on_circle
