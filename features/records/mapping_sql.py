"""What rows do a mapping's expressions make of the sources, and which expression fails?

Expressions belong to the data scientist and are trusted; names are quoted, values never formatted.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import pyarrow as pa

from features.errors import Violation
from features.records.mapping_file import AuditMapping, TableMapping
from features.records.reading import fetch
from features.records.sources import quote, shorten


def map_table(
    connection: duckdb.DuckDBPyConnection, name: str, mapping: TableMapping
) -> tuple[pa.Table | None, list[Violation]]:
    """Which rows does the mapping make, or which of its expressions fail (CT006)?

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the sources as views.
    name : str
        Table of the contract.
    mapping : TableMapping
        What the mapping file says of it.

    Returns
    -------
    tuple of pyarrow.Table or None and list of Violation
        The rows, unchecked; or None and one violation per expression that fails.
    """
    try:
        rows = fetch(connection, _query(mapping, mapping.columns))
        twice = _named_twice(rows)
        return (None, [_twice(name, twice)]) if twice else (rows, [])
    except duckdb.Error as error:
        whole = _violation(connection, name, None, mapping.source, error)
    faults = []
    for column in mapping.columns:
        try:
            fetch(connection, _query(mapping, [column]))
        except duckdb.Error as error:
            faults.append(_violation(connection, name, column, mapping.source, error))
    if len(faults) == len(mapping.columns):  # every one fails: it is the condition, or the query
        return None, [whole]
    return None, faults or [whole]


def map_audit(
    connection: duckdb.DuckDBPyConnection, name: str, mapping: AuditMapping
) -> tuple[pa.Table | None, list[Violation]]:
    """Which rows with which outcome does the mapping keep for the audit, or what fails (CT006)?

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the sources as views.
    name : str
        Name of the part of the mapping.
    mapping : AuditMapping
        What the mapping file says of it.

    Returns
    -------
    tuple of pyarrow.Table or None and list of Violation
        All columns of the source but those left out, and ``outcome`` as text.
    """
    columns = connection.table(quote(mapping.source)).columns
    left_out = {column.lower() for column in (*mapping.leave_out, "outcome")}
    missing = set(mapping.leave_out) - set(columns)
    if missing:
        told = f"{mapping.source} has no column {', '.join(sorted(missing))}. It has"
        message = f"{told} {', '.join(columns)}: correct leave_out."
        return None, [Violation("CT006", f"audit.{name}", None, message)]
    kept = "".join(f"{quote(c)}, " for c in columns if c.lower() not in left_out)
    query = (
        f"SELECT {kept}CAST(({mapping.outcome}\n) AS VARCHAR) AS outcome"  # noqa: S608
        f" FROM {quote(mapping.source)}"
    )
    query = query if mapping.where is None else f"{query} WHERE ({mapping.where}\n)"
    try:
        return fetch(connection, query), []
    except duckdb.Error as error:
        return None, [_violation(connection, f"audit.{name}", None, mapping.source, error)]


def is_unread(connection: duckdb.DuckDBPyConnection, query: str, missing: Collection[str]) -> bool:
    """Tell whether a query fails only for want of a source that is reported already."""
    try:
        names = connection.get_table_names(query)
    except duckdb.Error:
        return False
    return bool(set(names) & set(missing))


def _query(mapping: TableMapping, columns: Collection[str]) -> str:
    if mapping.query is not None:
        return mapping.query.strip().rstrip(";")
    # a line break ends a comment in which an expression may end
    parts = ", ".join(f"({mapping.columns[name]}\n) AS {quote(name)}" for name in columns)
    query = f"SELECT {parts} FROM {quote(mapping.source or '')}"  # noqa: S608
    return query if mapping.where is None else f"{query} WHERE ({mapping.where}\n)"


def _named_twice(rows: pa.Table) -> list[str]:
    names = rows.column_names
    return sorted({name for name in names if names.count(name) > 1})


def _twice(table: str, names: Collection[str]) -> Violation:
    message = f"The query gives {', '.join(names)} twice. Give each column a name of its own."
    return Violation("CT006", table, None, message)


def _violation(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    column: str | None,
    source: str | None,
    error: duckdb.Error,
) -> Violation:
    fix = "Correct the expression."
    if isinstance(error, (duckdb.ConversionException, duckdb.InvalidInputException)):
        fix = "Use TRY_CAST to make NULL of what does not convert."
    elif isinstance(error, duckdb.BinderException) and source is not None:
        names = ", ".join(connection.table(quote(source)).columns)
        fix = f"The source {source} has the columns {names}."
    return Violation("CT006", name, column, f"The expression fails: {shorten(error)}. {fix}")
