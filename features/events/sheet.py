"""How are the columns of a table read as arrays, each of them once?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.asof import MISSING, Instants
from features.events.texts import encode, find, has_repeats, mix_numbers, mix_texts, unpack_bits
from features.kernel import Codes, Floats
from features.records.casting import days_to_instants

Mask = NDArray[np.bool_]
Raw = tuple[NDArray[np.int32], NDArray[np.uint8], Mask]
Column: TypeAlias = Any  # an Array of any type: the stubs list one class per type

Scalar = TypeVar("Scalar", bound=np.generic)

_ALL = np.empty(0, dtype=bool)
_NOTHING = np.empty(0, dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts of some rows.

    Attributes
    ----------
    code : (n,) int64
        Place of each text in `words`; -1 where it is missing.
    spell : callable
        Gives the words; not called where their order is all that is asked for.
    """

    code: Codes
    spell: Callable[[], tuple[str, ...]]

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Distinct texts, bytewise sorted."""
        return self.spell()

    def take(self, rows: Codes) -> Texts:
        """Texts of some of the rows; words that none of them has are gone."""
        present, code = np.unique(self.code[rows], return_inverse=True)
        # What is missing (-1) comes first, and is no word.
        has_gaps = present.size > 0 and present[0] < 0
        kept = present[1:] if has_gaps else present
        return Texts(code - has_gaps, lambda: tuple(self.words[word] for word in kept.tolist()))

    def holds(self, *words: str) -> Mask:
        """Which rows hold one of some words?"""
        return self.read(dict.fromkeys(words, 1)).astype(bool)

    def read(self, numbers: Mapping[str, int]) -> Codes:
        """What does each row's word stand for? 0 for a word that is not listed, or missing."""
        return np.array([*(numbers.get(word, 0) for word in self.words), 0])[self.code]


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
        found = {texts.words for texts in self._columns}
        if len(found) == 1:
            return found.pop()
        return tuple(sorted({word for words in found for word in words}, key=str.encode))

    @cached_property
    def _packed(self) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        packed = [word.encode() for word in self.words]
        ends = np.array([*accumulate(map(len, packed), initial=0)], dtype=np.int32)
        return ends, np.frombuffer(b"".join(packed), np.uint8)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def code_texts(self, texts: Texts) -> Codes:
        """Which code has each text? -1 where it is missing or unknown."""
        if self._columns == (texts,) or texts.words == self.words:
            return texts.code
        places = [self._place.get(word, -1) for word in texts.words]
        return np.array([*places, -1], dtype=np.int64)[texts.code]

    def find(self, raw: Raw) -> Codes:
        """Which code has each text? -1 where it is missing or unknown."""
        code: Codes = find(*raw, *self._packed)
        return code

    def code(self, column: Column) -> Codes:
        """Which code has each text of a column of a table? -1 where it is missing or unknown."""
        return self.find(_raw(_in_one(column)))


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
        if name not in self._whole_texts:
            self._whole_texts[name] = _texts(column)
        if name not in self._texts and self._chosen is not None:
            self._texts[name] = self._whole_texts[name].take(self._chosen)
        return self._texts[name]

    def codes(self, name: str, vocabulary: Vocabulary) -> Codes | None:
        """Codes of a text column, -1 where it is missing or unknown; None where it is absent."""
        column = self._column(name)
        if column is None:
            return None
        if name in self._texts:
            return vocabulary.code_texts(self._texts[name])
        return self._pick(vocabulary.find(_raw(column)))

    def key_parts(self, names: Sequence[str]) -> list[Codes] | None:
        """Equal values of each column numbered alike, -1 where it is missing, for all its rows.

        None where a column is absent, or where no two rows have the same key.
        """
        if self.rows < 2 or not all(self.has(name) for name in names) or self._are_distinct(names):
            return None
        return [self._equal_values(name) for name in names]

    def _are_distinct(self, names: Sequence[str]) -> bool:
        hashes = np.ones(self._table.num_rows, dtype=np.uint64)
        for name in names:
            column = self._there(name)
            if pa.types.is_string(column.type):
                mix_texts(hashes, *_raw(column))
            else:
                mix_numbers(hashes, self._whole_numbers(name), MISSING)
        return not has_repeats(hashes)

    def _whole_numbers(self, name: str) -> Codes:
        column = self._there(name)
        values = _plain(column, np.int32 if self.is_date(name) else np.int64)
        return _filled(column, values.astype(np.int64, copy=False), MISSING)

    def _equal_values(self, name: str) -> Codes:
        column = self._there(name)
        if pa.types.is_string(column.type):
            code: Codes = encode(*_raw(column))[0]
            return code
        values = self._whole_numbers(name)
        return np.where(values == MISSING, -1, np.unique(values, return_inverse=True)[1])

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
    if not len(column):
        return Texts(np.empty(0, dtype=np.int64), tuple)
    offsets, octets, valid = _raw(column)
    code, first = encode(offsets, octets, valid)

    def spell() -> tuple[str, ...]:
        lows, highs = offsets[first].tolist(), offsets[first + 1].tolist()
        base = int(offsets[0])
        whole = octets[base : offsets[-1]].tobytes()
        if whole.isascii():
            text = whole.decode("ascii")
            return tuple(
                [text[low - base : high - base] for low, high in zip(lows, highs, strict=True)]
            )
        return tuple(
            [
                whole[low - base : high - base].decode()
                for low, high in zip(lows, highs, strict=True)
            ]
        )

    return Texts(code, spell)
