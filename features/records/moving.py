"""Which accounts must be read together, because a row moved from one to the other?

A later version of a deal, an order line or an invoice may name another account. It replaces the
earlier version only for who reads both: accounts that are linked so share a bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pyarrow as pa

from features.records.contract import TABLES

Fetch = Callable[[str], pa.Table]


def linked_accounts(columns: Mapping[str, Sequence[str]], fetch: Fetch) -> dict[str, str]:
    """Which accounts are linked, and by which id do they all go: the least, byte by byte?

    Parameters
    ----------
    columns : mapping of str to sequence of str
        Tables that there are, with their columns.
    fetch : callable
        Answers a query on these tables.

    Returns
    -------
    dict of str to str
        Of linked accounts alone; a chain of links makes one group.
    """
    of_account: dict[str, str] = {}
    for name, known in columns.items():
        key = TABLES[name].key
        if key and "account_id" not in key and {"account_id", *key} <= set(known):
            for together in _moved(name, key, fetch):
                _join(of_account, together)
    return {account: _least(of_account, account) for account in of_account}


def _moved(name: str, key: Sequence[str], fetch: Fetch) -> Iterable[list[str]]:
    """Accounts of every fact of a table that had several."""
    # Table and column names come from the contract. Hashes find the few facts that may have moved
    # without comparing the ids of all.
    part, whole = ", ".join(key), " AND ".join(f"{column} IS NOT NULL" for column in key)
    rows = fetch(
        f"SELECT DISTINCT {part}, account_id FROM {name} WHERE {whole} AND hash({part}) IN"  # noqa: S608
        f" (SELECT hash({part}) FROM {name} WHERE {whole} GROUP BY 1"
        " HAVING min(hash(account_id)) <> max(hash(account_id)))"
    )
    found: dict[tuple[object, ...], list[str]] = {}
    for row in rows.to_pylist():
        account = row.pop("account_id")
        found.setdefault((*row.values(),), []).append(account)
    return found.values()


def _join(of_account: dict[str, str], together: Sequence[str]) -> None:
    if len(together) > 1:
        leasts = {_least(of_account, account) for account in together}
        least = min(leasts, key=str.encode)
        of_account |= dict.fromkeys(leasts | set(together), least)


def _least(of_account: Mapping[str, str], account: str) -> str:
    while of_account.get(account, account) != account:
        account = of_account[account]
    return account
