"""When does each row of a table count?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from features.asof import MISSING, Instants, known_intervals
from features.events.sheet import Mask, Sheet, Texts
from features.kernel import Codes
from features.records.contract import TABLES
from features.records.folder import Records

THREADS = 2
_MANY_ROWS = 50_000

ALWAYS = -(2**62)
"""The event time of what is known from the start."""


def _fact_keys(sheet: Sheet, columns: Sequence[str]) -> Codes | None:
    """Number versions of one fact alike; -1 for a fact of one version, or without a whole key."""
    found = sheet.shared_keys(columns)
    if found is None:
        return None
    rows, parts = found
    code = np.zeros(rows.size, dtype=np.int64)
    for part in parts:
        _, code = np.unique(code * (part.max() + 1) + part, return_inverse=True)
    keys = np.full(sheet.rows, -1, dtype=np.int64)
    keys[rows] = code
    return keys


@dataclass(frozen=True)
class Versions:
    """Rows of a table with the interval in which each counts; deleted versions are gone."""

    sheet: Sheet
    row: Codes
    at: Instants
    known_from: Instants
    known_until: Instants

    def where(self, mask: Mask) -> Versions:
        """The rows of a mask; itself when they are all."""
        return self if mask.all() else self.take(np.flatnonzero(mask))

    def take(self, rows: Codes) -> Versions:
        """Some of the rows, in the order asked for."""
        return Versions(
            self.sheet.take(rows), self.row[rows], self.at[rows],
            self.known_from[rows], self.known_until[rows],
        )  # fmt: skip


def _event_times(sheet: Sheet, name: str | None, zone: str) -> Instants:
    """When did each row happen? What has no event time is known from the start."""
    if name is not None and sheet.is_date(name):
        return sheet.day_starts(name, ALWAYS, zone)
    return sheet.instants(name or "", ALWAYS)


@dataclass(frozen=True)
class Facts:
    """What a row of a table says.

    Of rows with one key the one known last counts. In an append-only table each row is a fact of
    its own, and only a deleted row ends those of its key.
    """

    event_time: str | None
    key: tuple[str, ...]
    is_append_only: bool = False


_HISTORIES: Mapping[str, Facts] = {
    "account_history": Facts("changed_at", ("account_id", "changed_at", "field"), True),
    "account_events": Facts("occurred_at", ("account_id", "occurred_at", "kind"), True),
    # One move told twice is one move.
    "opportunity_history": Facts("changed_at", ("opportunity_id", "changed_at", "stage")),
}
"""Tables whose contract names no key: what tells that two rows speak of one fact."""


def _facts_of(table: str) -> Facts:
    contract = TABLES[table]
    return _HISTORIES.get(table) or Facts(contract.event_time, contract.key)


def _versions_of(sheet: Sheet, facts: Facts, zone: str) -> Versions:
    """When does each row of a table count?"""
    at = known_at = _event_times(sheet, facts.event_time, zone)
    if sheet.has("known_at"):
        known_at = sheet.instants("known_at", MISSING)
        known_at = np.where(known_at == MISSING, at, known_at)
    deleted = sheet.flags("is_deleted")
    if deleted is None or not deleted.any():
        keys = None if facts.is_append_only else _fact_keys(sheet, facts.key)
        return Versions(sheet, np.arange(sheet.rows), at, *known_intervals(keys, at, known_at))
    replaces = deleted if facts.is_append_only else None
    known = known_intervals(_fact_keys(sheet, facts.key), at, known_at, replaces)
    return Versions(sheet, np.arange(sheet.rows), at, *known).where(~deleted)


class Book:
    """Tables of some records, each opened once.

    Parameters
    ----------
    records : Records
        The records.
    """

    def __init__(self, records: Records) -> None:
        self.portfolio = records.portfolio
        self.sheets = {name: Sheet(table) for name, table in records.tables.items()}
        self._versions: dict[str, Versions] = {}

    @property
    def is_large(self) -> bool:
        """Are there so many rows that a second thread is worth its start?"""
        return sum(sheet.rows for sheet in self.sheets.values()) >= _MANY_ROWS

    def read_ahead(self, columns: Iterable[tuple[str, str]]) -> None:
        """Read the texts of some columns of some tables, side by side where there are many."""
        if self.is_large:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(lambda place: self.texts(*place), columns))

    def texts(self, table: str, column: str) -> Texts | None:
        """Texts of all rows of a table; None where table or column is absent."""
        sheet = self.sheets.get(table)
        return None if sheet is None else sheet.texts(column)

    def versions(self, table: str) -> Versions | None:
        """When does each row of a table count? None where the table is absent."""
        if table not in self._versions and table in self.sheets:
            self._versions[table] = _versions_of(
                self.sheets[table], _facts_of(table), self.portfolio.timezone
            )
        return self._versions.get(table)
