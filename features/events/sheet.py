"""How are the columns of a table read as arrays, each of them once?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.asof import MISSING, Instants
from features.events.keys import mix_numbers, mix_texts, repeated
from features.events.texts import encode, find, pack, places, unpack_bits
from features.kernel import Codes, Floats
from features.records.casting import days_to_instants

Mask = NDArray[np.bool_]
Packed = tuple[NDArray[np.int32], NDArray[np.uint8]]
"""Where each text begins and the next one does, and all of them in one."""
Raw = tuple[NDArray[np.int32], NDArray[np.uint8], Mask]
Column: TypeAlias = Any  # an Array of any type: the stubs list one class per type

Scalar = TypeVar("Scalar", bound=np.generic)

_MANY = 2_000
"""From so many rows on, a column of texts is read once for all who ask."""
_ALL = np.empty(0, dtype=bool)
_NOTHING = np.empty(0, dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts of some rows.

    Attributes
    ----------
    code : (n,) int64
        Place of each text in `words`; -1 where it is missing.
    bring : callable
        Gives the distinct texts, bytewise sorted; not called where their order is all that is
        asked for.
    """

    code: Codes
    bring: Callable[[], Packed]

    @cached_property
    def packed(self) -> Packed:
        """Distinct texts, bytewise sorted."""
        return self.bring()

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Distinct texts, bytewise sorted, as a tuple."""
        return _spelled(*self.packed)

    def take(self, rows: Codes) -> Texts:
        """Texts of some of the rows; words that none of them has are gone."""
        code = self.code[rows]
        is_there = np.zeros(self.code.max(initial=-1) + 2, dtype=bool)
        is_there[code] = True
        # What is missing (-1) is marked at the end, and is no word.
        kept, is_there[-1] = np.flatnonzero(is_there[:-1]), False
        place = is_there.cumsum() - 1
        place[-1] = -1
        return Texts(place[code], lambda: pack(*self.packed, kept))

    def holds(self, *words: str) -> Mask:
        """Which rows hold one of some words?"""
        return self.read(dict.fromkeys(words, 1)).astype(bool)

    def read(self, numbers: Mapping[str, int]) -> Codes:
        """What does each row's word stand for? 0 for a word that is not listed, or missing."""
        return np.array([*(numbers.get(word, 0) for word in self.words), 0])[self.code]


def _are_same(one: Packed, other: Packed) -> bool:
    """Are two lists of words the same, byte by byte?"""
    return one is other or (
        one[0].size == other[0].size
        and one[1].size == other[1].size
        and one[0].tobytes() == other[0].tobytes()
        and one[1].tobytes() == other[1].tobytes()
    )


class Vocabulary:
    """Distinct texts of one kind (stages, owners, ...), and their codes by position.

    Parameters
    ----------
    columns : Texts
        Where they are found.
    """

    def __init__(self, *columns: Texts) -> None:
        self._columns = columns

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Distinct texts, bytewise sorted."""
        return self._columns[0].words if len(self._columns) == 1 else _spelled(*self._packed)

    @cached_property
    def _packed(self) -> Packed:
        if len(self._columns) == 1:
            return self._columns[0].packed
        if not self._columns:
            return np.zeros(1, dtype=np.int32), _NOTHING
        found = [texts.packed for texts in self._columns]
        if all(_are_same(found[0], other) for other in found[1:]):
            return found[0]
        sizes = np.concatenate([[0], *(np.diff(ends) for ends, _ in found)])
        ends, octets = sizes.cumsum(dtype=np.int32), np.concatenate([octets for _, octets in found])
        words: Packed = pack(ends, octets, encode(ends, octets, _ALL)[1])
        return words

    def code_texts(self, texts: Texts) -> Codes:
        """Which code has each text? -1 where it is missing or unknown."""
        if self._columns == (texts,):
            return texts.code
        if _are_same(texts.packed, self._packed):
            return texts.code
        return np.append(places(*texts.packed, *self._packed), -1)[texts.code]

    def find(self, raw: Raw) -> Codes:
        """Which code has each text? -1 where it is missing or unknown."""
        code: Codes = find(*raw, *self._packed)
        return code

    def code(self, column: Column) -> Codes:
        """Which code has each text of a column of a table? -1 where it is missing or unknown."""
        whole = _in_one(column)
        return self.find(_raw(whole)) if len(whole) < _MANY else self.code_texts(_texts(whole))


class Sheet:
    """A table, or some of its rows, read column by column.

    Parameters
    ----------
    table : pyarrow.Table
        Checked rows.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._chosen: Codes | None = None
        self._columns: dict[str, Column | None] = {}
        self._whole_texts: dict[str, Texts] = {}
        self._texts = self._whole_texts
        self._whole_codes: dict[tuple[str, Vocabulary], Codes] = {}
        self.rows = table.num_rows

    def take(self, rows: Codes) -> Sheet:
        """Some of the rows, in the order asked for."""
        part = copy(self)
        part._chosen = rows if self._chosen is None else self._chosen[rows]
        part._texts = {}
        part.rows = rows.size
        return part

    def where(self, mask: Mask) -> Sheet:
        """The rows of a mask; itself when they are all."""
        return self if mask.all() else self.take(np.flatnonzero(mask))

    def has(self, name: str) -> bool:
        """Is the column there?"""
        return self._column(name) is not None

    def is_date(self, name: str) -> bool:
        """Does the column hold days, rather than instants?"""
        column = self._column(name)
        return column is not None and pa.types.is_date(column.type)

    def _column(self, name: str) -> Column | None:
        if name not in self._columns:
            place = self._table.schema.get_field_index(name)
            self._columns[name] = None if place < 0 else _in_one(self._table.column(place))
        return self._columns[name]

    def _pick(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        return values if self._chosen is None else values[self._chosen]

    def instants(self, name: str, missing: int) -> Instants:
        """Microseconds of an instant column; ``missing`` where there is none."""
        column = self._column(name)
        if column is None:
            return np.full(self.rows, missing, dtype=np.int64)
        return self._pick(_filled(column, _plain(column, np.int64), missing))

    def day_starts(self, name: str, missing: int, zone: str, *, days_later: int = 0) -> Instants:
        """When do the days of a column (or so many days later) begin in a zone?"""
        column = self._column(name)
        if column is None or not len(column):
            return np.full(self.rows, missing, dtype=np.int64)
        days = pa.array(_plain(column, np.int32) + np.int32(days_later), pa.int32())
        starts = days_to_instants(days.cast(pa.date32()), zone)
        return self._pick(_filled(column, _plain(starts, np.int64), missing))

    def numbers(self, name: str) -> Floats | None:
        """A number or date column as float64 (dates as days since 1970); None where it is absent.

        Missing is NaN.
        """
        column = self._column(name)
        if column is None:
            return None
        values = _plain(column, np.int32 if self.is_date(name) else np.float64)
        return self._pick(_filled(column, values.astype(np.float64, copy=False), np.nan))

    def flags(self, name: str) -> Mask | None:
        """Where is a flag set? None where it is absent."""
        column = self._column(name)
        if column is None:
            return None
        is_set = column.fill_null(False).to_numpy(zero_copy_only=False)
        return self._pick(np.asarray(is_set, dtype=bool))

    def texts(self, name: str) -> Texts | None:
        """Texts of a column; None where it is absent."""
        column = self._column(name)
        if column is None:
            return None
        whole = self._all_texts(name, column)
        if name not in self._texts and self._chosen is not None:
            self._texts[name] = whole.take(self._chosen)
        return self._texts[name]

    def _all_texts(self, name: str, column: Column) -> Texts:
        if name not in self._whole_texts:
            self._whole_texts[name] = _texts(column)
        return self._whole_texts[name]

    def codes(self, name: str, vocabulary: Vocabulary) -> Codes | None:
        """Codes of a text column, -1 where it is missing or unknown; None where it is absent."""
        column = self._column(name)
        if column is None:
            return None
        if name not in self._whole_texts and len(column) < _MANY:
            return self._pick(vocabulary.find(_raw(column)))
        # Several sources ask the same of a long column.
        place = name, vocabulary
        if place not in self._whole_codes:
            self._whole_codes[place] = vocabulary.code_texts(self._all_texts(name, column))
        return self._pick(self._whole_codes[place])

    def shared_keys(self, names: Sequence[str]) -> tuple[Codes, list[Codes]] | None:
        """Which rows share their key with others, and equal values of each column numbered alike?

        A few more rows may be among them. None where a column is absent, or where no two rows have
        the same key.
        """
        if self.rows < 2 or not all(self.has(name) for name in names):
            return None
        hashes = np.ones(self._table.num_rows, dtype=np.uint64)
        for name in names:
            column = self._there(name)
            if pa.types.is_string(column.type):
                mix_texts(hashes, *_raw(column))
            else:
                mix_numbers(hashes, self._whole_numbers(name), MISSING)
        rows = repeated(hashes)
        return (rows, [self._equal_values(name, rows) for name in names]) if rows.size else None

    def _whole_numbers(self, name: str) -> Codes:
        column = self._there(name)
        values = _plain(column, np.int32 if self.is_date(name) else np.int64)
        return _filled(column, values.astype(np.int64, copy=False), MISSING)

    def _equal_values(self, name: str, rows: Codes) -> Codes:
        """Equal values of rows that have one, numbered alike."""
        column = self._there(name)
        if pa.types.is_string(column.type):
            offsets, octets, _ = _raw(column)
            some, packed = pack(offsets, octets, rows)
            code: Codes = encode(some, packed, _ALL)[0]
            return code
        return np.unique(self._whole_numbers(name)[rows], return_inverse=True)[1]

    def _there(self, name: str) -> Column:
        return self._column(name)


def _in_one(column: Column) -> Column:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _plain(column: Column, kind: type[Scalar]) -> NDArray[Scalar]:
    """Values of a column of fixed width, whatever stands where one is missing."""
    n, buffer = len(column), column.buffers()[1]
    if not n or buffer is None:
        return np.zeros(n, dtype=kind)
    return np.frombuffer(buffer, kind, column.offset + n)[column.offset :]


def _filled(column: Column, values: NDArray[Scalar], missing: float) -> NDArray[Scalar]:
    if not column.null_count:
        return values
    return np.where(_valid(column), values, np.asarray(missing, dtype=values.dtype))


def _valid(column: Column) -> Mask:
    """Which rows have a value? Nothing where all do."""
    bits = column.buffers()[0]
    if bits is None or not column.null_count:
        return _ALL
    valid: Mask = unpack_bits(np.frombuffer(bits, np.uint8), column.offset, len(column))
    return valid


def _raw(column: Column) -> Raw:
    """Buffers of a text column: where each text begins, and all of them in one."""
    n = len(column)
    _, offsets, octets = column.buffers()
    if not n or offsets is None:
        return np.zeros(n + 1, dtype=np.int32), _NOTHING, _ALL
    ends = np.frombuffer(offsets, np.int32, column.offset + n + 1)[column.offset :]
    return ends, _NOTHING if octets is None else np.frombuffer(octets, np.uint8), _valid(column)


def _texts(column: Column) -> Texts:
    offsets, octets, valid = _raw(column)
    code, first = encode(offsets, octets, valid)
    return Texts(code, lambda: pack(offsets, octets, first))


def _spelled(ends: NDArray[np.int32], octets: NDArray[np.uint8]) -> tuple[str, ...]:
    places, whole = ends.tolist(), octets.tobytes()
    if whole.isascii():
        text = whole.decode("ascii")
        return tuple([text[low:high] for low, high in pairwise(places)])
    return tuple([whole[low:high].decode() for low, high in pairwise(places)])
