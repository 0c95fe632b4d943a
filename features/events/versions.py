"""When does each row of a table count?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.asof import MISSING, Instants, known_intervals
from features.events.columns import day_starts, instants, ints, pc
from features.kernel import Codes
from features.records.folder import Records

ALWAYS = -(2**62)
"""The event time of what is known from the start."""


def _fact_keys(table: pa.Table, columns: Sequence[str]) -> Codes | None:
    """Number versions of one fact alike; -1 where part of the key is missing."""
    if any(name not in table.column_names for name in columns):
        return None
    code = np.zeros(table.num_rows, dtype=np.int64)
    whole = np.ones(table.num_rows, dtype=bool)
    for name in columns:
        part = pc.dictionary_encode(table.column(name).combine_chunks())
        index = ints(part.indices.fill_null(-1).cast(pa.int64()))
        whole &= index >= 0
        code = code * (len(part.dictionary) + 1) + index + 1
        _, code = np.unique(code, return_inverse=True)
    if code.size and np.unique(code).size == code.size:
        return None
    return np.where(whole, code, -1)


@dataclass(frozen=True)
class Versions:
    """Rows of a table with the interval in which each counts; deleted versions are gone."""

    table: pa.Table
    row: Codes
    at: Instants
    known_from: Instants
    known_until: Instants

    def take(self, rows: Codes) -> Versions:
        """Some of the rows, in the order asked for."""
        return Versions(
            self.table.take(rows), self.row[rows], self.at[rows],
            self.known_from[rows], self.known_until[rows],
        )  # fmt: skip


def _event_times(table: pa.Table, name: str | None, zone: str) -> Instants:
    """When did each row happen? What has no event time is known from the start."""
    if name is None or name not in table.column_names:
        return np.full(table.num_rows, ALWAYS, dtype=np.int64)
    if pa.types.is_date(table.schema.field(name).type):
        return day_starts(table, name, ALWAYS, zone)
    return instants(table, name, ALWAYS)


def versions_of(
    records: Records,
    name: str,
    event_time: str | None,
    key: Sequence[str],
    *,
    is_append_only: bool = False,
) -> Versions | None:
    """When does each row of a table count?

    Of rows with one key the one known last counts. In an append-only table each row is a fact of
    its own, and only a deleted row ends those of its key.
    """
    table = records.tables.get(name)
    if table is None:
        return None
    at = _event_times(table, event_time, records.portfolio.timezone)
    known_at = instants(table, "known_at", MISSING)
    known_at = np.where(known_at == MISSING, at, known_at)
    deleted = np.zeros(table.num_rows, dtype=bool)
    if "is_deleted" in table.column_names:
        deleted = np.asarray(pc.fill_null(table.column("is_deleted"), False).to_numpy(), dtype=bool)
    keys = None if is_append_only and not deleted.any() else _fact_keys(table, key)
    known_from, known_until = known_intervals(
        keys, at, known_at, deleted if is_append_only else None
    )
    row = np.flatnonzero(~deleted)
    kept = table if row.size == table.num_rows else table.take(row)
    return Versions(kept, row, at[row], known_from[row], known_until[row])
