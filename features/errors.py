"""Every error a user can meet, by who can mend it.

The tree fits on one screen. Each leaf carries a stable code, the HTTP status and the exit code that
the doors answer with, and a message that says what happened, where, and how to mend it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from features.counting import counted

_SHOWN_ROWS = 5
CODES: Mapping[str, str] = {
    "ME001": "records reached the signals unchecked",
    "NR001": "no context was made for the instant of a row",
}
"""Codes of programs that skip a step; each has a line in docs/errors.md."""


@dataclass(frozen=True)
class Violation:
    """What is wrong with some rows of one table, in one way.

    Attributes
    ----------
    code : str
        Stable code (``CT...``), listed in ``features.records.contract.VIOLATIONS``.
    table : str
        Table of the contract, or source name when the table is not reached.
    column : str or None
        Column at fault; None for the table as a whole.
    message : str
        What is wrong and how to mend it, one sentence each.
    rows : tuple of int
        0-based positions in the order the rows were read, which people read counted from 1;
        empty for the table as a whole.
    example : str or None
        The first offending value, shortened.
    """

    code: str
    table: str
    column: str | None
    message: str
    rows: tuple[int, ...] = ()
    example: str | None = None

    def __str__(self) -> str:
        where = self.table if self.column is None else f"{self.table}.{self.column}"
        if self.rows:
            first = ", ".join(str(row + 1) for row in self.rows[:_SHOWN_ROWS])
            more = ", ..." if len(self.rows) > _SHOWN_ROWS else ""
            which = "data row" if len(self.rows) == 1 else "data rows"
            where += f" ({counted(len(self.rows), 'row')}: {which} {first}{more})"
        return f"{self.code} {where}: {self.message}"


class FanalError(Exception):
    """Root of all errors that a person can mend.

    Parameters
    ----------
    code : str
        Stable code.
    message : str
        What happened and where.
    fix : str
        What to do about it.
    """

    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 2

    def __init__(self, code: str, message: str, fix: str = "") -> None:
        super().__init__(f"{code} {message}" + (f" {fix}" if fix else ""))
        self.code = code
        self.message = message
        self.fix = fix

    def listed(self) -> list[dict[str, str]]:
        """Which faults of a request does it list, as plain values?"""
        return []


class ContractError(FanalError):
    """The records do not keep the data contract; mended by whoever exports or maps them."""

    http_status = 422

    def __init__(
        self, code: str, message: str, fix: str = "", violations: Sequence[Violation] = ()
    ) -> None:
        super().__init__(code, message, fix)
        self.violations = tuple(violations)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {violation}" for violation in self.violations)])


class SettingsError(FanalError):
    """A setting, option or mapping is wrong; mended by whoever wrote it."""

    http_status = 400


class NotReady(FanalError):
    """Something must run first: no champion, no history, no context."""

    http_status = 503


class ModelError(FanalError):
    """A stored model is damaged or does not fit the code; mended by promoting another."""

    http_status = 503
    exit_code = 3
