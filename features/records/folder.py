"""How does a portfolio lie on disk, and what is a set of records in memory?"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from pydantic import Field

from features.errors import SettingsError, Violation
from features.records.assembling import check_tables, raise_if_unusable
from features.records.casting import Values, days_to_instants
from features.records.contract import TABLES
from features.records.declared import PortfolioSection, is_portfolio_name, read_toml
from features.records.files import is_checked, raw_tables, table_files
from features.records.reading import TableReader, derive_accounts
from features.records.sentences import Sentence

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

_FILE = "portfolio.toml"


@dataclass(frozen=True)
class Portfolio:
    """What holds for a whole portfolio, whoever reads its rows.

    Attributes
    ----------
    name : str
        Name of the portfolio.
    currency : str
        ISO 4217 code all money is in.
    timezone : str
        IANA zone of calendar days and of naive instants.
    static : frozenset of str
        ``table.column`` names of attributes that may be used without history.
    data_as_of : datetime
        Latest instant the records know of (aware, UTC).
    folder : Path or None
        Where it lies; None for records that came over HTTP.
    row_counts : mapping of str to int
        Rows kept per table.
    mapping_digest : str or None
        sha256 of the mapping it was imported with; None for a hand-made folder.
    """

    name: str
    currency: str
    timezone: str
    static: frozenset[str]
    data_as_of: datetime
    folder: Path | None = None
    row_counts: Mapping[str, int] = field(default_factory=dict)
    mapping_digest: str | None = None


@dataclass(frozen=True)
class Records:
    """Checked rows of some (or all) accounts of a portfolio.

    Attributes
    ----------
    portfolio : Portfolio
        What holds for all of them.
    tables : mapping of str to pyarrow.Table
        Contract tables as ``checking.arrow_schema`` types them: only tables and columns that exist;
        an absent optional column is absent, never full of nulls.
    """

    portfolio: Portfolio
    tables: Mapping[str, pa.Table]


@dataclass(frozen=True)
class PortfolioCheck:
    """A whole folder, read and checked.

    Attributes
    ----------
    portfolio : Portfolio
        What holds for all rows.
    records : Records
        Good rows of every table.
    violations : tuple of Violation
        Everything that is wrong, rows refused and tables that cannot be used alike.
    refused : mapping of str to pyarrow.Table
        Bad rows by table, as ``checking.Checked.refused``.
    notes : tuple of str
        What was derived or computed, in sentences.
    """

    portfolio: Portfolio
    records: Records
    violations: tuple[Violation, ...]
    refused: Mapping[str, pa.Table]
    notes: tuple[str, ...]


class PortfolioFile(PortfolioSection):
    """The file ``portfolio.toml``, imported or written by hand."""

    mapping_digest: str | None = None
    rows: dict[str, int] = Field(default_factory=dict)


def latest_instant(tables: Mapping[str, pa.Table], timezone: str) -> datetime | None:
    """Until when do these records know what happened?

    The latest ``known_at`` (default: event time) and later instant of all rows; plans never count.
    A day counts from its first instant in the portfolio's zone.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        Checked tables.
    timezone : str
        Zone of the days.

    Returns
    -------
    datetime or None
        Aware, UTC; None when no row is dated.
    """
    found = []
    for name, rows in tables.items():
        table = TABLES[name]
        times = {
            column: _as_instants(rows.column(column), timezone)
            for column in ("known_at", table.event_time, *table.decides)
            if column in rows.column_names
        }
        known = [times.pop(column) for column in ("known_at", table.event_time) if column in times]
        latest = [*times.values(), *([pc.coalesce(*known)] if known else [])]
        found += [moment for values in latest if (moment := pc.max(values).as_py()) is not None]
    return max(found).astimezone(UTC) if found else None


def save_portfolio(
    folder: Path,
    portfolio: Portfolio,
    tables: Mapping[str, pa.Table],
    refused: Mapping[str, pa.Table] | None = None,
    aside: Mapping[str, Mapping[str, pa.Table]] | None = None,
) -> None:
    """Write a portfolio so that a reader finds the old one or the new one, never half of either.

    Parameters
    ----------
    folder : Path
        Where to; an older portfolio there is replaced.
    portfolio : Portfolio
        What holds for all rows; its ``folder`` and ``row_counts`` are not used.
    tables : mapping of str to pyarrow.Table
        Checked tables.
    refused : mapping of str to pyarrow.Table, optional
        Rows refused, kept in ``refused/TABLE.parquet``.
    aside : mapping of str to mapping of str to pyarrow.Table, optional
        Rows that no model reads, by folder and name.

    Raises
    ------
    SettingsError
        PF004 when the name cannot name a portfolio, PF007 when the folder holds something else.
    """
    if not is_portfolio_name(portfolio.name):
        raise SettingsError(
            "PF004", f"{portfolio.name!r} cannot name a portfolio.", "Set name in the mapping."
        )
    folder = folder.absolute()
    if folder.exists() and not _may_replace(folder):
        raise SettingsError(
            "PF007", f"{folder} holds something that is not a portfolio.", "Choose another folder."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        draft.chmod(0o755)
        _write(draft, portfolio, tables, {"refused": refused or {}, **(aside or {})})
        _swap(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def open_portfolio(folder: Path, *, clock: datetime | None = None) -> Portfolio:
    """Which portfolio lies in this folder?

    Parameters
    ----------
    folder : Path
        A folder that `save_portfolio` wrote, or a hand-made one.
    clock : datetime, optional
        Rows of a hand-made folder dated later are refused; default: now.

    Raises
    ------
    SettingsError
        PF001 to PF006: ``portfolio.toml`` is missing or wrong.
    ContractError
        The tables cannot be used; all violations at once.
    """
    declared = _declared(folder)
    files = table_files(folder)
    counts = dict(declared.rows)
    data_as_of = declared.instant_by(clock or datetime.now(UTC))
    if data_as_of is not None and is_checked(files, counts):
        return _portfolio(folder, declared, data_as_of, counts)
    check = check_portfolio(folder, clock=clock)
    raise_if_unusable(check.violations, f"{folder} cannot be used.")
    return check.portfolio


def check_portfolio(folder: Path, *, clock: datetime | None = None) -> PortfolioCheck:
    """What is good and what is wrong in this folder?

    Nothing is raised for wrong rows or tables, so that `fanal check` can show them all.

    Parameters
    ----------
    folder : Path
        A folder that `save_portfolio` wrote, or a hand-made one.
    clock : datetime, optional
        Rows dated later are refused; default: now.

    Raises
    ------
    SettingsError
        PF001 to PF006: ``portfolio.toml`` is missing or wrong.
    """
    clock = clock or datetime.now(UTC)
    declared = _declared(folder)
    raw, unread = raw_tables(folder)
    checked, found = check_tables(
        raw, timezone=declared.timezone, clock=clock, expected=tuple(table_files(folder))
    )
    violations = (*unread, *found)
    tables = {name: table.kept for name, table in checked.items()}
    notes: list[Sentence] = []
    if "accounts" not in tables and derive_accounts(tables) is not None:
        text = "The table accounts is absent: accounts are derived from the other tables."
        notes.append(Sentence(text))
    data_as_of = declared.instant_by(clock) or latest_instant(tables, declared.timezone)
    if declared.data_as_of is None and data_as_of is not None:
        notes.append(Sentence("data_as_of is computed: {instant}.", instant=data_as_of.isoformat()))
    counts = {name: rows.num_rows for name, rows in tables.items()}
    portfolio = _portfolio(folder, declared, data_as_of or clock, counts)
    records = Records(portfolio, TableReader(tables).tables())
    refused = {name: table.refused for name, table in checked.items() if table.refused.num_rows}
    return PortfolioCheck(portfolio, records, violations, refused, tuple(notes))


def read_records(portfolio: Portfolio, accounts: Sequence[str] | None = None) -> Records:
    """What do the records say about these accounts?

    Parameters
    ----------
    portfolio : Portfolio
        As `open_portfolio` gives it.
    accounts : sequence of str, optional
        Accounts wanted; default: all. Rows keyed by a deal alone follow the account of the deal;
        tables without accounts come whole.
    """
    return Records(portfolio, open_reader(portfolio).tables(accounts))


def open_reader(portfolio: Portfolio) -> TableReader:
    """Read rows from the files when they keep the contract, else from memory, once checked.

    Raises
    ------
    SettingsError
        PF001: the portfolio lies nowhere.
    """
    if portfolio.folder is None:
        raise SettingsError("PF001", "The portfolio lies in no folder.", "Open one.")
    files = table_files(portfolio.folder)
    if is_checked(files, portfolio.row_counts):
        return TableReader(files)
    return TableReader(check_portfolio(portfolio.folder).records.tables)


def _portfolio(
    folder: Path, declared: PortfolioFile, data_as_of: datetime, counts: Mapping[str, int]
) -> Portfolio:
    return Portfolio(
        name=declared.name or folder.absolute().name,
        currency=declared.currency,
        timezone=declared.timezone,
        static=frozenset(declared.static),
        data_as_of=data_as_of,
        folder=folder,
        row_counts=counts,
        mapping_digest=declared.mapping_digest,
    )


def _declared(folder: Path) -> PortfolioFile:
    if not folder.is_dir():
        raise SettingsError("PF001", f"The folder {folder} is missing.", "Check the path.")
    return read_toml(folder / _FILE, PortfolioFile)


def _as_instants(values: Values, timezone: str) -> Values:
    array = values.combine_chunks()
    return days_to_instants(array, timezone) if pa.types.is_date(array.type) else array


def _may_replace(folder: Path) -> bool:
    return folder.is_dir() and ((folder / _FILE).is_file() or not any(folder.iterdir()))


def _write(
    draft: Path,
    portfolio: Portfolio,
    tables: Mapping[str, pa.Table],
    aside: Mapping[str, Mapping[str, pa.Table]],
) -> None:
    for name, rows in tables.items():
        pq.write_table(rows, draft / f"{name}.parquet", compression="zstd")
    for kind, parts in aside.items():
        for name, rows in parts.items():
            if rows.num_rows:
                (draft / kind).mkdir(exist_ok=True)
                pq.write_table(rows, draft / kind / f"{name}.parquet", compression="zstd")
    (draft / _FILE).write_text(_toml(portfolio, tables), encoding="utf-8")


def _toml(portfolio: Portfolio, tables: Mapping[str, pa.Table]) -> str:
    # a JSON string of printable characters is a TOML string too
    lines = [
        f"name = {json.dumps(portfolio.name, ensure_ascii=False)}",
        f'currency = "{portfolio.currency}"',
        f'timezone = "{portfolio.timezone}"',
        f"static = {json.dumps(sorted(portfolio.static))}",
        f"data_as_of = {portfolio.data_as_of.astimezone(UTC).isoformat()}",
    ]
    if portfolio.mapping_digest is not None:
        lines.append(f'mapping_digest = "{portfolio.mapping_digest}"')
    counts = [f"{name} = {rows.num_rows}" for name, rows in tables.items()]
    return "\n".join([*lines, "", "[rows]", *counts, ""])


def _swap(draft: Path, folder: Path) -> None:
    if not folder.exists():
        draft.rename(folder)
        return
    old = draft.with_name(f"{draft.name}.old")
    folder.rename(old)
    try:
        draft.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old)
