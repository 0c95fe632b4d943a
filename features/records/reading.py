"""In which order do the rows of some accounts come out of their tables?

One order for every engine: (account_id, event time, known_at, key, all remaining columns, later
instants last), text compared byte by byte and missing values first (but for later instants), so
that sums are taken in the same order everywhere.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.compute

from features.records.checking import arrow_schema
from features.records.contract import TABLES, Table
from features.records.moving import linked_accounts

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

Nulls = Literal["at_start", "at_end"]

_ROWS_PER_BUCKET = 2_000_000


def connect() -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory that downloads nothing and keeps instants in UTC."""
    connection = duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def fetch(
    connection: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()
) -> pa.Table:
    """Which rows answer this query, with these values bound to it?

    Raises
    ------
    duckdb.Error
        It fails, or gives no rows to read because it is no query.
    """
    answer = connection.sql(query, params=list(values))
    if answer is None:
        raise duckdb.ProgrammingError("it is no query, for it gives no rows")
    rows: pa.Table = answer.to_arrow_table()
    return rows


def derive_accounts(tables: Mapping[str, pa.Table]) -> pa.Table | None:
    """Which accounts do the other tables speak of, when no table of accounts is given?

    Returns
    -------
    pyarrow.Table or None
        One column ``account_id``, sorted; None when no table has accounts.
    """
    ids = [
        table.column("account_id")
        for table in tables.values()
        if "account_id" in table.schema.names
    ]
    if not ids:
        return None
    found = pc.unique(
        pa.chunked_array([chunk for column in ids for chunk in column.chunks], pa.string())
    )
    return pa.table({"account_id": found.take(pc.sort_indices(found))})


class TableReader:
    """Checked tables of a portfolio, on disk or in memory, read through DuckDB.

    Parameters
    ----------
    sources : mapping of str to Path or pyarrow.Table
        Contract tables whose rows keep the contract: Parquet files, or tables in memory.
    """

    def __init__(self, sources: Mapping[str, Path | pa.Table]) -> None:
        self._connection = connect()
        self._columns: dict[str, list[str]] = {}
        for name in (name for name in TABLES if name in sources):
            source = sources[name]
            if isinstance(source, Path):
                relation = self._connection.read_parquet(glob.escape(str(source)))
                relation.create_view(name)
                self._columns[name] = relation.columns
            else:
                self._connection.register(name, source)
                self._columns[name] = source.column_names

    def tables(self, accounts: Sequence[str] | None = None) -> dict[str, pa.Table]:
        """What do the tables hold on these accounts, each in the one order?

        Parameters
        ----------
        accounts : sequence of str, optional
            Accounts wanted; default: all. Tables without accounts (stages, products) come whole.
        """
        if accounts is not None:
            ids = pa.array(accounts, pa.string())
            self._connection.register("wanted_accounts", pa.table({"account_id": ids}))
        found = {name: self._read(TABLES[name], accounts is not None) for name in self._columns}
        if "accounts" not in found and (derived := derive_accounts(found)) is not None:
            found = {"accounts": derived, **found}
        return found

    def buckets(self, n_buckets: int | None) -> Iterator[dict[str, pa.Table]]:
        """What do the tables hold, one hash bucket of accounts at a time?

        Parameters
        ----------
        n_buckets : int, optional
            Number of buckets; default: as many as keep a bucket near two million rows. Buckets
            without accounts are passed over. Accounts between which a row moved share the bucket
            of the one that comes first.
        """
        bucket_of = self._account_buckets(n_buckets or self._usual_buckets())
        if len({*bucket_of.values()}) > 1:
            linked = linked_accounts(self._columns, self._fetch)
            bucket_of |= {account: bucket_of[least] for account, least in linked.items()}
        accounts: dict[int, list[str]] = {}
        for account, bucket in bucket_of.items():
            accounts.setdefault(bucket, []).append(account)
        for bucket in sorted(accounts):
            yield self.tables(accounts[bucket])

    def _fetch(self, query: str) -> pa.Table:
        return fetch(self._connection, query)

    def _usual_buckets(self) -> int:
        rows = sum(self._count(name) for name in self._keyed_tables())
        return max(1, -(-rows // _ROWS_PER_BUCKET))

    def _count(self, name: str) -> int:
        rows = fetch(self._connection, f"SELECT count(*) AS n FROM {name}")  # noqa: S608
        return int(rows.column("n")[0].as_py())

    def _keyed_tables(self) -> list[str]:
        return [name for name, columns in self._columns.items() if "account_id" in columns]

    def _account_buckets(self, n_buckets: int) -> dict[str, int]:
        union = " UNION ".join(f"SELECT account_id FROM {name}" for name in self._keyed_tables())  # noqa: S608
        # md5, because every engine has it and no version of one changes it
        rows = fetch(
            self._connection,
            "SELECT account_id, CAST('0x' || substr(md5(account_id), 1, 8) AS UBIGINT) % ?"  # noqa: S608
            f" AS bucket FROM ({union}) ORDER BY account_id",
            [n_buckets],
        )
        pairs = (rows.column(name).to_pylist() for name in ("account_id", "bucket"))
        return dict(zip(*pairs, strict=True))

    def _read(self, table: Table, is_filtered: bool) -> pa.Table:
        # table and column names come from the contract, never from a file or a request
        columns = [
            column.name for column in table.columns if column.name in self._columns[table.name]
        ]
        query = f"SELECT {', '.join(f't.{name}' for name in columns)} FROM {table.name} t"  # noqa: S608
        account = "t.account_id" if "account_id" in columns else None
        if table.name == "opportunity_history" and "opportunities" in self._columns:
            account = "d.account_id"
            query += (
                " LEFT JOIN (SELECT opportunity_id, min(account_id) AS account_id"
                " FROM opportunities GROUP BY opportunity_id) d USING (opportunity_id)"
            )
        if is_filtered and account is not None:
            query += f" WHERE {account} IN (SELECT account_id FROM wanted_accounts)"  # noqa: S608
        order = _sort_keys(table, columns, account)
        rows = fetch(self._connection, f"{query} ORDER BY {order}")
        schema = arrow_schema(table)
        return rows.cast(pa.schema([schema.field(name) for name in columns]))


def loader_order(table: Table, columns: Sequence[str]) -> dict[str, Nulls]:
    """By which columns, in turn, are the rows of one account sorted, and where do nulls go?

    Of two versions learnt at one instant the last one counts. What only the future tells (a later
    instant, and what it decides) must not choose between them as long as anything else can: it
    comes last, and an instant that never comes after all others.

    Parameters
    ----------
    table : Table
        The contract of the table.
    columns : sequence of str
        Columns that there are.
    """
    event_time = () if table.event_time is None else (table.event_time,)
    # Which of two versions known at once counts must not hang on what is still to come.
    later = [name for at, decided in table.decides.items() for name in (at, *decided)]
    first = (*event_time, "known_at", *table.key)
    plain = (name for name in columns if name not in later)
    in_turn = dict.fromkeys(name for name in (*first, *plain, *later) if name in columns)
    return {name: "at_end" if name in table.decides else "at_start" for name in in_turn}


def _sort_keys(table: Table, columns: Sequence[str], account: str | None) -> str:
    words = {"at_start": "NULLS FIRST", "at_end": "NULLS LAST"}
    keys = {} if account is None else {account: words["at_start"]}
    for name, nulls in loader_order(table, columns).items():
        keys.setdefault(f"t.{name}", words[nulls])
    return ", ".join(f"{name} {nulls}" for name, nulls in keys.items())
