"""Which files of a portfolio folder hold which tables, and can they be trusted?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import ContractError, Violation
from features.records.assembling import unknown_table
from features.records.checking import arrow_schema
from features.records.contract import TABLES
from features.records.reading import connect, fetch
from features.records.sources import SourceError, add_source, quote, shorten


def table_files(folder: Path) -> dict[str, Path]:
    """Find the file of each table; a checked Parquet file wins over a CSV beside it."""
    found = {path.stem: path for path in sorted(folder.glob("*.csv"))}
    return found | {path.stem: path for path in sorted(folder.glob("*.parquet"))}


def is_checked(files: Mapping[str, Path], counts: Mapping[str, int]) -> bool:
    """Tell whether every row of the files has passed the checks: none was lost in them."""
    if not files or set(files) != set(counts) or not set(files) <= set(TABLES):
        return False
    for name, path in files.items():
        if path.suffix != ".parquet":
            return False
        try:
            metadata, schema = pq.read_metadata(path), pq.read_schema(path)
        except (OSError, pa.ArrowException):
            return False
        wanted = arrow_schema(TABLES[name])
        if metadata.num_rows != counts[name] or set(TABLES[name].required) - set(schema.names):
            return False
        if any(field.name not in wanted.names or field.type != wanted.field(field.name).type
               for field in schema):  # fmt: skip
            return False
    return True


def rows_aside(folder: Path, kind: str) -> dict[str, pa.Table]:
    """Which rows were laid aside in a folder of the portfolio, such as ``refused``, by table?

    Raises
    ------
    ContractError
        CT005: a file cannot be read.
    """
    found = {}
    for path in sorted((folder / kind).glob("*.parquet")):
        try:
            found[path.stem] = pq.read_table(path)
        except (OSError, pa.ArrowException) as error:
            message = f"{path} cannot be read: {shorten(error)}."
            raise ContractError("CT005", message, "Import again.") from None
    return found


def raw_tables(folder: Path) -> tuple[dict[str, pa.Table], list[Violation]]:
    """Read every table as it lies, unchecked, and say what cannot be read."""
    connection = connect()
    raw: dict[str, pa.Table] = {}
    violations = []
    for name, path in table_files(folder).items():
        if name not in TABLES:
            violations.append(unknown_table(name))
            continue
        try:
            add_source(connection, name, [path])
            raw[name] = fetch(connection, f"SELECT * FROM {quote(name)}")  # noqa: S608
        except SourceError as error:
            violations.append(error.violation)
        except duckdb.Error as error:
            message = f"{path} cannot be read: {shorten(error)}. Export it again."
            violations.append(Violation("CT005", name, None, message))
    return raw, violations
