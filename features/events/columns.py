"""How is a column of an Arrow table read as an array?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from features.asof import Instants
from features.errors import ModelError
from features.kernel import Codes, Floats
from features.records.casting import days_to_instants

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

Column: TypeAlias = Any  # an Array or a ChunkedArray: the stubs tell apart what both can do
Mask = NDArray[np.bool_]
Present = TypeVar("Present")


@dataclass(frozen=True)
class Vocabulary:
    """Distinct texts of one kind (stages, owners, ...), and their codes by position."""

    words: tuple[str, ...]

    def code(self, column: Column) -> Codes:
        """Which code has each text? -1 where it is missing or unknown."""
        found = pc.index_in(column, value_set=pa.array(self.words, pa.string()))
        return ints(pc.fill_null(found, -1).cast(pa.int64()))


def ints(column: Column) -> Codes:
    """A column without missing values as int64."""
    return np.ascontiguousarray(column.to_numpy(zero_copy_only=False), dtype=np.int64)


def instants(table: pa.Table, name: str, missing: int) -> Instants:
    """Microseconds of an instant column; ``missing`` where there is none."""
    if name not in table.column_names:
        return np.full(table.num_rows, missing, dtype=np.int64)
    column = table.column(name).combine_chunks().cast(pa.int64())
    return ints(column.fill_null(missing))


def day_starts(
    table: pa.Table, name: str, missing: int, zone: str, *, days_later: int = 0
) -> Instants:
    """When do the days of a column (or so many days later) begin in a zone?"""
    days = pc.add(table.column(name).combine_chunks().cast(pa.int32()), days_later)
    starts = days_to_instants(days.cast(pa.int32()).cast(pa.date32()), zone)
    return ints(starts.cast(pa.int64()).fill_null(missing))


def numbers(table: pa.Table, name: str) -> Floats | None:
    """A number or date column as float64 (dates as days since 1970); None where it is absent."""
    if name not in table.column_names:
        return None
    column = table.column(name).combine_chunks()
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    return np.ascontiguousarray(
        column.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    )


def holds(table: pa.Table, name: str, word: str) -> NDArray[np.bool_] | None:
    """Where does a column hold a word? None where it is absent."""
    if name not in table.column_names:
        return None
    return np.asarray(
        pc.fill_null(pc.equal(table.column(name), word), False).to_numpy(), dtype=bool
    )


def required(column: Present | None) -> Present:
    """A column that the contract requires, and that checked records therefore have."""
    if column is None:
        raise ModelError("ME001", "records reached the signals unchecked", "Check them first.")
    return column


def column_of(table: pa.Table, name: str) -> Column:
    """A text column; all missing where it is absent."""
    if name in table.column_names:
        return table.column(name)
    return pa.nulls(table.num_rows, pa.string())


def words_in(*columns: Column) -> Vocabulary:
    """Distinct texts of some columns, bytewise sorted."""
    found: set[str] = set()
    for column in columns:
        found.update(word for word in pc.unique(column).to_pylist() if word is not None)
    return Vocabulary(tuple(sorted(found, key=str.encode)))


def if_present(table: pa.Table, name: str, instants: Instants) -> Instants | None:
    """Later instants, or None where their column is absent: what is open is then not known."""
    return instants if name in table.column_names else None


def byte_ranks(column: Column) -> Codes:
    """Number texts in byte order: what two orders of one instant are sorted by."""
    found = pc.dictionary_encode(column.combine_chunks())
    rank = np.empty(len(found.dictionary), dtype=np.int64)
    rank[ints(pc.sort_indices(found.dictionary).cast(pa.int64()))] = np.arange(rank.size)
    return rank[ints(found.indices.cast(pa.int64()))]


def codes(table: pa.Table, name: str, vocabulary: Vocabulary) -> Floats | None:
    """Codes of a text column, NaN where it is missing; None where it is absent."""
    if name not in table.column_names:
        return None
    code = vocabulary.code(table.column(name)).astype(float)
    return np.where(code < 0, np.nan, code)


def texts_as_numbers(column: Column) -> Floats:
    """Numbers written as text; NaN where a text is none, or none that is finite."""
    found = pc.unique(column)
    read = {}
    for text in found.to_pylist():
        try:
            read[text] = float(text)
        except (TypeError, ValueError):
            read[text] = float("nan")
    values = np.array([read[text] for text in column.to_pylist()], dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)
