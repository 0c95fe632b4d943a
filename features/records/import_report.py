"""What did an import read, keep, refuse and notice?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from features.counting import counted
from features.errors import Violation
from features.records.checking import Checked
from features.records.contract import VIOLATIONS
from features.records.folder import Portfolio
from features.records.merging import Merged
from features.records.oddities import identical_lines, rows_after_close
from features.records.reading import derive_accounts

_FIRST_ROWS = 20


@dataclass(frozen=True)
class TableCount:
    """What became of the rows of one table: rows_in = kept + merged + refused.

    Attributes
    ----------
    table : str
        Name of the table.
    rows_in, kept, merged, refused : int
        Rows that the mapping made, of which written, merged by ``distinct`` or a merge file, and
        refused.
    """

    table: str
    rows_in: int
    kept: int
    merged: int
    refused: int


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes
    ----------
    portfolio : Portfolio
        The portfolio written, with its folder and ``data_as_of``.
    tables : tuple of TableCount
        Rows by table.
    violations : tuple of Violation
        What is wrong, one per code and column.
    identical_lines : int
        Order lines without ``line_id`` that equal an earlier one in all columns.
    rows_after_close, deals_after_close : int
        Rows of history after the first terminal stage of their deal, and how many deals have such.
    derived : mapping of str to int
        Tables that were not mapped and are derived from the others, with their rows.
    accounts_merged, rows_moved : int
        Accounts that a merge file sent into others, and rows that changed their account by it.
    notes : tuple of str
        What else a person should know, in sentences.
    """

    portfolio: Portfolio
    tables: tuple[TableCount, ...]
    violations: tuple[Violation, ...]
    identical_lines: int
    rows_after_close: int
    deals_after_close: int
    derived: Mapping[str, int]
    notes: tuple[str, ...]
    accounts_merged: int = 0
    rows_moved: int = 0

    def to_json(self) -> dict[str, object]:
        """Give the report as plain values, row positions cut to the first twenty."""
        portfolio = self.portfolio
        return {
            "portfolio": portfolio.name,
            "folder": str(portfolio.folder),
            "currency": portfolio.currency,
            "timezone": portfolio.timezone,
            "data_as_of": portfolio.data_as_of.isoformat(),
            "mapping_digest": portfolio.mapping_digest,
            "tables": [vars(count) for count in self.tables],
            "violations": [violation_json(violation) for violation in self.violations],
            "identical_lines": self.identical_lines,
            "rows_after_close": self.rows_after_close,
            "deals_after_close": self.deals_after_close,
            "derived": dict(self.derived),
            "accounts_merged": self.accounts_merged,
            "rows_moved": self.rows_moved,
            "notes": list(self.notes),
        }


def violation_json(violation: Violation) -> dict[str, object]:
    """Give a violation as plain values, row positions cut to the first twenty."""
    return {
        "code": violation.code,
        "table": violation.table,
        "column": violation.column,
        "message": violation.message,
        "count": len(violation.rows),
        "first_rows": list(violation.rows[:_FIRST_ROWS]),
        "example": violation.example,
    }


def report_import(
    portfolio: Portfolio,
    rows_in: Mapping[str, int],
    checked: Mapping[str, Checked],
    merged: Merged,
    violations: Sequence[Violation],
) -> ImportReport:
    """What did this import do?

    Parameters
    ----------
    portfolio : Portfolio
        The portfolio written.
    rows_in : mapping of str to int
        Rows that the mapping made, by table.
    checked : mapping of str to Checked
        Rows kept and refused, by table.
    merged : Merged
        Rows written, by table, accounts merged.
    violations : sequence of Violation
        What is wrong.
    """
    tables = merged.tables
    counts = tuple(
        TableCount(
            name,
            rows_in[name],
            tables[name].num_rows,
            table.kept.num_rows - tables[name].num_rows,
            table.refused.num_rows,
        )
        for name, table in checked.items()
    )
    twins = int(identical_lines(checked["orders"].kept).sum()) if "orders" in checked else 0
    late_rows, late_deals = _after_close(tables)
    derived = _derived(tables)
    notes = _notes(tables, derived, twins, counts, late_rows, late_deals)
    if merged.n_accounts:
        notes += (
            f"{counted(merged.n_accounts, 'account')} merged into others, with"
            f" {counted(merged.n_rows, 'row')}; the accounts as they were lie in merged/.",
        )
    return ImportReport(
        portfolio, counts, tuple(violations), twins, late_rows, late_deals, derived, notes,
        merged.n_accounts, merged.n_rows,
    )  # fmt: skip


def _after_close(tables: Mapping[str, pa.Table]) -> tuple[int, int]:
    if "opportunity_history" not in tables or "stages" not in tables:
        return 0, 0
    history = tables["opportunity_history"]
    late = history.filter(pa.array(rows_after_close(history, tables["stages"])))
    return late.num_rows, len(late.column("opportunity_id").unique())


def _derived(tables: Mapping[str, pa.Table]) -> dict[str, int]:
    accounts = None if "accounts" in tables else derive_accounts(tables)
    return {} if accounts is None else {"accounts": accounts.num_rows}


def _notes(
    tables: Mapping[str, pa.Table],
    derived: Mapping[str, int],
    twins: int,
    counts: Sequence[TableCount],
    late_rows: int,
    late_deals: int,
) -> tuple[str, ...]:
    notes = [
        f"The table {name} is not mapped: {counted(rows, 'row')} derived from the other tables."
        for name, rows in derived.items()
    ]
    if "opportunities" in tables and "opportunity_history" not in tables:
        notes.append(f"CT022 {VIOLATIONS['CT022']}.")
    if "opportunities" in tables and "stages" not in tables:
        notes.append("The table stages is absent: close needs it to tell won from lost.")
    if twins:
        is_merged = any(count.table == "orders" and count.merged for count in counts)
        fate = "merged" if is_merged else "kept; distinct = true in the mapping merges such lines"
        lines = counted(twins, "order line")
        notes.append(f"{lines} with all columns equal to those of an earlier one: {fate}.")
    if late_rows:
        notes.append(
            f"{counted(late_rows, 'row')} of {counted(late_deals, 'deal')} after the first terminal"
            " stage of the deal."
        )
    return tuple(notes)
