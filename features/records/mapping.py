"""What becomes of an export when it is mapped to the data contract?

``import_portfolio`` reads the sources, runs the mapping's expressions, checks every row, and writes
a folder that all other verbs read. Every fault of every table is found before anything is raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from features.errors import Violation
from features.records.assembling import check_tables, raise_if_unusable, unknown_table
from features.records.checking import Checked
from features.records.contract import TABLES
from features.records.folder import Portfolio, latest_instant, save_portfolio
from features.records.import_report import ImportReport, TableCount, report_import
from features.records.mapping_file import (
    Mapping,
    SourceMapping,
    TableMapping,
    read_mapping,
    resolve_mapping,
    shipped_mappings,
)
from features.records.mapping_sql import is_unread, map_audit, map_table
from features.records.merging import Merged, merge_accounts, read_merges
from features.records.oddities import repeated_rows
from features.records.reading import connect
from features.records.sources import SourceError, add_source, find_files

__all__ = [
    "ImportReport",
    "Mapping",
    "SourceMapping",
    "TableCount",
    "TableMapping",
    "import_portfolio",
    "read_mapping",
    "resolve_mapping",
    "shipped_mappings",
]


def _silent(_: str) -> None:
    """Say nothing: the default progress."""


def import_portfolio(
    mapping_path: Path,
    *,
    out: Path,
    clock: datetime,
    sources: Path | None = None,
    merges: Path | None = None,
    progress: Callable[[str], None] = _silent,
) -> ImportReport:
    """What does this mapping make of its export, and what did it refuse?

    Parameters
    ----------
    mapping_path : Path
        Mapping file; see `resolve_mapping` for shipped ones.
    out : Path
        Folder of the portfolio to write; an older one there is replaced.
    clock : datetime
        Aware instant of the import: rows dated later are refused.
    sources : Path, optional
        Folder with the source files; default: paths are relative to the mapping file.
    merges : Path, optional
        Merge file: which accounts go into which others.
    progress : callable
        Told, in a few words, what is being done.

    Returns
    -------
    ImportReport
        Rows in, kept and refused by table, violations, notes.

    Raises
    ------
    SettingsError
        The mapping file is wrong, or the output folder holds something else.
    ContractError
        A file, table or bold column is missing, an expression fails, or nothing valid is left in a
        table; with every violation of every table. MG001 to MG005: the merge file is wrong.
    """
    mapping = read_mapping(mapping_path)
    connection = connect()
    unread = _add_sources(connection, mapping, mapping_path.parent, sources, progress)
    raw, failed = _map_tables(connection, mapping, {v.table for v in unread}, progress)
    progress("Checking the rows")
    checked, found = check_tables(
        raw, timezone=mapping.portfolio.timezone, clock=clock, expected=tuple(mapping.tables)
    )
    exports, unmapped = _map_audits(connection, mapping, {v.table for v in unread})
    violations = (*unread, *failed, *unmapped, *found)
    raise_if_unusable(violations, f"{mapping_path.name} cannot be imported.")
    tables = {name: _merged(mapping.tables[name], table) for name, table in checked.items()}
    merged = _with_merges(tables, merges)
    portfolio = _portfolio(mapping, (mapping_path, merges), out, merged.tables, clock)
    progress(f"Writing {out}")
    refused = {name: table.refused for name, table in checked.items()}
    gone = {} if merged.gone is None else {"accounts": merged.gone}
    aside = {"audit": exports, "merged": gone}
    save_portfolio(out, portfolio, merged.tables, refused, aside)
    rows_in = {name: table.num_rows for name, table in raw.items()}
    return report_import(portfolio, rows_in, checked, merged, violations)


def _add_sources(
    connection: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    base: Path,
    sources: Path | None,
    progress: Callable[[str], None],
) -> list[Violation]:
    violations = []
    for name in mapping.sources:
        source = mapping.source(name)
        progress(f"Reading {source.path}")
        try:
            files = find_files(name, source.path, base, sources)
            add_source(connection, name, files, source.sheet)
        except SourceError as error:
            violations.append(error.violation)
    return violations


def _map_tables(
    connection: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    missing: set[str],
    progress: Callable[[str], None],
) -> tuple[dict[str, pa.Table], list[Violation]]:
    raw: dict[str, pa.Table] = {}
    violations = [unknown_table(name) for name in mapping.tables if name not in TABLES]
    for name, table in mapping.tables.items():
        if name not in TABLES or table.source in missing:
            continue
        if table.query is not None and is_unread(connection, table.query, missing):
            continue
        progress(f"Mapping {name}")
        rows, faults = map_table(connection, name, table)
        violations += faults
        if rows is not None:
            raw[name] = rows
    return raw, violations


def _map_audits(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, missing: set[str]
) -> tuple[dict[str, pa.Table], list[Violation]]:
    exports: dict[str, pa.Table] = {}
    violations: list[Violation] = []
    for name, audit in mapping.audit.items():
        if audit.source not in missing:
            rows, faults = map_audit(connection, name, audit)
            violations += faults
            if rows is not None:
                exports[name] = rows
    return exports, violations


def _with_merges(tables: dict[str, pa.Table], merges: Path | None) -> Merged:
    if merges is None:
        return Merged(tables, None, 0, 0)
    ids = [
        rows.column("account_id") for rows in tables.values() if "account_id" in rows.schema.names
    ]
    known = {str(account) for column in ids for account in column.unique().to_pylist()}
    return merge_accounts(tables, read_merges(merges, known))


def _merged(mapping: TableMapping, checked: Checked) -> pa.Table:
    if not mapping.distinct:
        return checked.kept
    return checked.kept.filter(pa.array(~repeated_rows(checked.kept)))


def _portfolio(
    mapping: Mapping,
    read: tuple[Path, Path | None],
    out: Path,
    tables: dict[str, pa.Table],
    clock: datetime,
) -> Portfolio:
    section = mapping.portfolio
    digest = hashlib.sha256()
    for path in filter(None, read):
        digest.update(path.read_bytes())
    return Portfolio(
        name=section.name or out.absolute().name,
        currency=section.currency,
        timezone=section.timezone,
        static=frozenset(section.static),
        data_as_of=section.instant_by(clock) or latest_instant(tables, section.timezone) or clock,
        folder=out,
        row_counts={name: rows.num_rows for name, rows in tables.items()},
        mapping_digest=digest.hexdigest(),
    )
