"""Which rows of the contract do the accounts of a body hold, and where did each stand?

All rows of one table are checked in one call, and what is wrong is led back to the place in the
body: the second order of the fourth account is ``/accounts/3/orders/1``. Ids that a row inherits
from what it lies in are put in as positions and become the checked ids at the end, so that one
wrong ``account_id`` is one fault and not one per row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from features.errors import Violation
from features.records.checking import Checked, check_table, columns_from_rows, duplicate_keys
from features.records.contract import TABLES, Table
from serving.api.problems import BodyFault

ACCOUNT_TABLES: Mapping[str, str] = {
    "history" if name == "account_history" else name: name
    for name, table in TABLES.items()
    if name != "accounts" and table.column("account_id") is not None
}
"""Fields of an account that hold rows, and the table of each."""


_LONGEST_NAME = 100  # a field's name is shown in a pointer, a text of megabytes is not


class _Nested:
    """Stands for a list or an object where a plain value was expected."""

    def __str__(self) -> str:
        return "nested"


_NESTED = _Nested()


@dataclass
class Rows:
    """Rows of one table, and where they stood in the body.

    Attributes
    ----------
    table : Table
        The contract of the table.
    rows : list of mapping
        Known columns only.
    accounts : list of int
        Position of each row's account in the body.
    pointers : list of str
        JSON pointer of each row.
    deals : list of int
        For ``opportunity_history``: position of each row's deal among the rows of the deals.
    """

    table: Table
    rows: list[dict[str, object]] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    pointers: list[str] = field(default_factory=list)
    deals: list[int] = field(default_factory=list)


@dataclass
class Sheet:
    """Everything that the accounts of a body hold, unchecked.

    Attributes
    ----------
    tables : mapping of str to Rows
        Tables given by some account, be it as an empty list.
    faults : list of (int, BodyFault)
        What is wrong, each with the position of its account.
    given : mapping of str to list of int
        Fields that some accounts give, and the positions of those accounts.
    """

    tables: dict[str, Rows]
    faults: list[tuple[int, BodyFault]]
    given: dict[str, list[int]]

    def rows_of(self, name: str) -> Rows:
        """Rows of a table, which is there from now on."""
        return self.tables.setdefault(name, Rows(TABLES[name]))

    def refuse(self, account: int, pointer: str, code: str, message: str) -> None:
        """Note what is wrong at a place."""
        self.faults.append((account, BodyFault(pointer, code, message)))


def spread(accounts: Sequence[object]) -> Sheet:
    """Which rows do these accounts hold, table by table?"""
    sheet = Sheet({}, [], {})
    sheet.rows_of("accounts")
    for position, account in enumerate(accounts):
        pointer = f"/accounts/{position}"
        if not isinstance(account, dict):
            sheet.refuse(position, pointer, "RQ020", "An object was expected.")
            continue
        _add(sheet, "accounts", account, position, pointer, inherited={}, below=ACCOUNT_TABLES)
        for name, table in ACCOUNT_TABLES.items():
            if account.get(name) is not None:
                sheet.given.setdefault(name, []).append(position)
                _add_table(sheet, table, account, name, position, pointer)
    return sheet


def _add_table(
    sheet: Sheet, table: str, account: Mapping[str, object], name: str, position: int, pointer: str
) -> None:
    sheet.rows_of(table)
    inherited = {"account_id": (account.get("account_id"), str(position))}
    for place, row in _listed(sheet, account[name], position, f"{pointer}/{name}"):
        if table != "opportunities":
            _add(sheet, table, row, position, place, inherited=inherited)
            continue
        _add(sheet, table, row, position, place, inherited=inherited, below=("history",))
        if row.get("history") is not None:
            _add_moves(sheet, row, position, place)


def _add_moves(sheet: Sheet, deal: Mapping[str, object], position: int, pointer: str) -> None:
    number = len(sheet.rows_of("opportunities").rows) - 1
    moves = sheet.rows_of("opportunity_history")
    inherited = {"opportunity_id": (deal.get("opportunity_id"), str(number))}
    for place, row in _listed(sheet, deal["history"], position, f"{pointer}/history"):
        _add(sheet, "opportunity_history", row, position, place, inherited=inherited)
        moves.deals.append(number)


def _listed(
    sheet: Sheet, rows: object, position: int, pointer: str
) -> Iterator[tuple[str, dict[str, object]]]:
    if not isinstance(rows, list):
        sheet.refuse(position, pointer, "RQ020", "A list of objects was expected.")
        return
    for number, row in enumerate(rows):
        place = f"{pointer}/{number}"
        if isinstance(row, dict):
            yield place, row
        else:
            sheet.refuse(position, place, "RQ020", "An object was expected.")


def _add(
    sheet: Sheet,
    name: str,
    row: Mapping[str, object],
    position: int,
    pointer: str,
    *,
    inherited: Mapping[str, tuple[object, str]],
    below: Sequence[str] | Mapping[str, str] = (),
) -> None:
    into = sheet.rows_of(name)
    known: dict[str, object] = {}
    for column, value in row.items():
        if column in inherited:
            if value is not None and not _same_id(value, inherited[column][0]):
                message = "It differs from the id of the object it lies in. Leave it out."
                sheet.refuse(position, f"{pointer}/{column}", "RQ021", message)
        elif into.table.column(column) is not None:
            known[column] = value
        elif column not in below:
            message = "The contract has no such column. Remove it, or correct its name."
            sheet.refuse(position, _below(pointer, column), "CT004", message)
    known.update((column, stand_in) for column, (_, stand_in) in inherited.items())
    into.rows.append(known)
    into.accounts.append(position)
    into.pointers.append(pointer)


def _same_id(one: object, other: object) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.strip() == other.strip()


def _below(pointer: str, name: str) -> str:
    if len(name) > _LONGEST_NAME:
        return pointer
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"


def check_rows(sheet: Sheet, *, timezone: str, clock: datetime) -> dict[str, Checked]:
    """Which rows keep the contract? What does not is added to the sheet's faults.

    Parameters
    ----------
    sheet : Sheet
        As `spread` gives it.
    timezone : str
        Zone of naive instants.
    clock : datetime
        Rows dated later are faults (CT017).
    """
    checked = {}
    for name, rows in sheet.tables.items():
        columns = {
            column: _plain_values(values)
            for column, values in columns_from_rows(rows.table, rows.rows).items()
        }
        found = check_table(rows.table, columns, timezone=timezone, clock=clock, strict=True)
        for fault in (*found.violations, *_clashes(rows.table, found)):
            for row in fault.rows:
                pointer = f"{rows.pointers[row]}/{fault.column}"
                sheet.refuse(rows.accounts[row], pointer, fault.code, fault.message)
        checked[name] = found
    return checked


def _clashes(table: Table, found: Checked) -> list[Violation]:
    """Which rows carry a key that another has? Of accounts of one id, the first is scored."""
    if table.name != "accounts":
        clash = duplicate_keys(table, found.kept, found.positions)
        return [] if clash is None else [clash]
    ids = found.kept.column("account_id").to_pylist()
    seen: set[str | None] = set()
    again = []
    for row, account in zip(found.positions, ids, strict=True):
        if account in seen:
            again.append(row)
        seen.add(account)
    message = "An account above has the same id. Send each account once."
    return [Violation("CT019", "accounts", "account_id", message, tuple(again))] if again else []


def _plain_values(values: list[object]) -> list[object]:
    if not {list, dict} & set(map(type, values)):
        return values
    return [_NESTED if isinstance(value, list | dict) else value for value in values]
