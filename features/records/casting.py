"""How does a raw column become a column of the contract, and which values refuse?

Everything is cast in bulk; only the distinct values of a column that a bulk cast refuses are looked
at one by one. Order 536365, read as the naive ``2010-12-01 08:26`` in Europe/London, becomes the
instant 2010-12-01T08:26:00Z.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from features.records.contract import Column, Kind
from features.records.python_values import EXACT_IN_FLOAT, json_array, object_array

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

Mask = npt.NDArray[np.bool_]
Values: TypeAlias = Any
"""A pyarrow.Array. Any, because the stubs refuse compute kernels on an array of unknown type."""
RawColumn: TypeAlias = Any
"""A pyarrow.Array or ChunkedArray, or a sequence of Python values of mixed types."""

INSTANT = pa.timestamp("us", tz="UTC")
_LOCAL = pa.timestamp("us")
ARROW_TYPES: Mapping[Kind, pa.DataType] = {
    "id": pa.string(),
    "text": pa.string(),
    "code": pa.string(),
    "number": pa.float64(),
    "instant": INSTANT,
    "date": pa.date32(),
    "flag": pa.bool_(),
}
WRONG_KIND: Mapping[Kind, str] = {
    "id": "CT011",
    "text": "CT011",
    "code": "CT011",
    "number": "CT014",
    "instant": "CT013",
    "date": "CT013",
    "flag": "CT018",
}
_FIRST_DAY = (date(1900, 1, 1) - date(1970, 1, 1)).days
_END_DAY = (date(2201, 1, 1) - date(1970, 1, 1)).days
_TICKS_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_TRUE = ("true", "yes", "1")
_FALSE = ("false", "no", "0")


@dataclass(frozen=True)
class Cast:
    """A column as the contract types it.

    Attributes
    ----------
    values : pyarrow.Array
        Typed values; null where missing or refused.
    faults : mapping of str to mask
        Violation code to the rows that carry it; empty when every value could be cast.
    """

    values: Values
    faults: Mapping[str, Mask] = field(default_factory=dict)


def cast_column(column: Column, raw: RawColumn, *, timezone: str, strict: bool) -> Cast:
    """How do these raw values read as this column of the contract?

    Parameters
    ----------
    column : Column
        What the contract wants.
    raw : pyarrow array or sequence of Python values
        What the source holds; a sequence may mix types.
    timezone : str
        Zone of naive instants and of local days.
    strict : bool
        True for JSON: only strings are text, only JSON numbers are numbers.

    Returns
    -------
    Cast
        One value per row, and the rows that could not be cast, by violation code.
    """
    if isinstance(raw, (pa.Array, pa.ChunkedArray)):
        return _cast_array(column.kind, _plain(raw), timezone, strict)
    array, unfit = json_array(column.kind, raw) if strict else object_array(raw)
    cast = _cast_array(column.kind, _plain(array), timezone, strict)
    if unfit is None:
        return cast
    code = WRONG_KIND[column.kind] if strict else "CT021"
    return Cast(cast.values, {**cast.faults, code: unfit | cast.faults.get(code, False)})


def days_to_instants(days: Values, timezone: str) -> Values:
    """When do these days begin, as UTC instants, in this zone?"""
    return _localise(days.cast(_LOCAL), timezone)


def no_values(kind: Kind, n_rows: int) -> Values:
    """Give a column of this kind in which every value is missing."""
    empty: Any = pa.nulls  # the stubs list one overload per type
    return empty(n_rows, ARROW_TYPES[kind])


def valid_mask(array: Values) -> Mask:
    """Which values are there?"""
    mask: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    return mask


def _plain(raw: Values) -> Values:
    array = raw.combine_chunks() if isinstance(raw, pa.ChunkedArray) else raw
    if isinstance(array, pa.ChunkedArray):  # strings beyond 2 GB need 64-bit offsets
        array = raw.cast(pa.large_string()).combine_chunks()
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array


def _cast_array(kind: Kind, array: Values, timezone: str, strict: bool) -> Cast:
    if pa.types.is_null(array.type):
        return Cast(no_values(kind, len(array)))
    if kind == "number":
        return _number(array, strict)
    if kind == "instant":
        return _instant(array, timezone, strict)
    if kind == "date":
        return _day(array, timezone, strict)
    if kind == "flag":
        return _flag(array, strict)
    return _text(array, strict)


def _all_wrong(kind: Kind, array: Values) -> Cast:
    present = valid_mask(array)
    faults = {WRONG_KIND[kind]: present} if present.any() else {}
    return Cast(no_values(kind, len(array)), faults)


def _faults(code: str, wrong: Mask | None) -> dict[str, Mask]:
    return {} if wrong is None or not wrong.any() else {code: wrong}


def _is_text(array: Values) -> bool:
    kind = array.type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _trimmed(array: Values) -> Values:
    text = array if pa.types.is_string(array.type) else array.cast(pa.string())
    text = pc.utf8_trim_whitespace(text)
    empty = pc.equal(text, "")
    return pc.if_else(empty, None, text) if empty.true_count else text


def _text(array: Values, strict: bool) -> Cast:
    kind = array.type
    if _is_text(array):
        return _without_nul(_trimmed(array))
    plain = pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_temporal(kind)
    if strict:
        return _all_wrong("text", array)
    if pa.types.is_floating(kind):
        return Cast(_float_text(array.cast(pa.float64())))
    if pa.types.is_decimal(kind):
        text = array.cast(pa.string())
        if kind.scale > 0:
            text = pc.utf8_rtrim(pc.utf8_rtrim(text, characters="0"), characters=".")
        return Cast(text)
    if plain and not pa.types.is_interval(kind) and not pa.types.is_duration(kind):
        return Cast(array.cast(pa.string()))
    return _all_wrong("text", array)


def _without_nul(text: Values) -> Cast:
    """Refuse what no database keeps."""
    holds = pc.match_substring(text, "\0")
    if not holds.true_count:
        return Cast(text)
    wrong = holds.fill_null(False).to_numpy(zero_copy_only=False)
    return Cast(pc.if_else(holds, None, text), _faults("CT023", wrong))


def _float_text(array: Values) -> Values:
    finite = pc.if_else(pc.is_finite(array), array, None)
    whole = pc.and_(pc.equal(pc.floor(finite), finite), pc.less(pc.abs(finite), EXACT_IN_FLOAT))
    integers = pc.if_else(whole, finite, None).cast(pa.int64()).cast(pa.string())
    if integers.null_count == finite.null_count:
        return integers
    return pc.if_else(whole, integers, finite.cast(pa.string()))


def _by_distinct(text: Values, read: Callable[[str], object], kind: pa.DataType) -> Values:
    encoded = text.dictionary_encode()
    values = [read(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(values, type=kind).take(encoded.indices)


def _read_number(text: str) -> float | None:
    if "_" in text or not text.isascii():  # Python reads 1_000 and other scripts' digits
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _number(array: Values, strict: bool) -> Cast:
    kind, wrong = array.type, None
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = array.cast(pa.float64(), safe=False)
    elif _is_text(array) and not strict:
        text = _trimmed(array)
        try:
            values = text.cast(pa.float64())
        except pa.ArrowInvalid:
            values = _by_distinct(text, _read_number, pa.float64())
            wrong = valid_mask(text) & ~valid_mask(values)
    else:
        return _all_wrong("number", array)
    faults = _faults("CT014", wrong)
    finite = pc.is_finite(values)
    if finite.true_count + values.null_count == len(values):
        return Cast(values, faults)
    endless = ~finite.fill_null(True).to_numpy(zero_copy_only=False)
    if not strict:
        endless = endless & ~pc.is_nan(values).fill_null(False).to_numpy(zero_copy_only=False)
    return Cast(pc.if_else(finite, values, None), {**faults, **_faults("CT012", endless)})


def _instant(array: Values, timezone: str, strict: bool) -> Cast:
    local, aware, wrong = _moments(array, strict)
    if local is None and aware is None:
        return _all_wrong("instant", array)
    placed = None if local is None else _localise(local, timezone)
    both = placed if aware is None else aware if placed is None else pc.coalesce(placed, aware)
    return Cast(both, _faults("CT013", wrong))


def _day(array: Values, timezone: str, strict: bool) -> Cast:
    if _is_text(array):
        text = _trimmed(array)
        try:
            days, wrong = _within_years(text.cast(pa.date32()))
            return Cast(days, _faults("CT013", wrong))
        except pa.ArrowInvalid:
            array = text
    local, aware, wrong = _moments(array, strict)
    if local is None and aware is None:
        return _all_wrong("date", array)
    days = None if local is None else local.cast(pa.date32())
    if aware is not None:
        there = pc.local_timestamp(aware.cast(pa.timestamp("us", tz=timezone))).cast(pa.date32())
        days = there if days is None else pc.coalesce(days, there)
    return Cast(days, _faults("CT013", wrong))


def _moments(array: Values, strict: bool) -> tuple[Values | None, Values | None, Mask | None]:
    """Split into local and aware timestamps, both in microseconds, and the rows refused."""
    kind = array.type
    unread: Mask | None = None
    local: Values | None = None
    aware: Values | None = None
    if _is_text(array):
        local, aware, unread = _read_moments(_trimmed(array))
    elif pa.types.is_timestamp(kind) and kind.tz is not None:
        aware = array
    elif pa.types.is_timestamp(kind) or (pa.types.is_date(kind) and not strict):
        local = array
    if local is not None:
        local, wrong = _within_years(local)
        local, unread = local.cast(_LOCAL, safe=False), _either(unread, wrong)
    if aware is not None:
        aware, wrong = _within_years(aware)
        aware, unread = aware.cast(INSTANT, safe=False), _either(unread, wrong)
    return local, aware, unread


def _either(one: Mask | None, other: Mask | None) -> Mask | None:
    return other if one is None else one if other is None else one | other


def _read_moments(text: Values) -> tuple[Values | None, Values | None, Mask | None]:
    for kind in (INSTANT, _LOCAL):
        try:
            moments = text.cast(kind)
        except pa.ArrowInvalid:
            continue
        return (moments, None, None) if kind is _LOCAL else (None, moments, None)
    local = _by_distinct(text, lambda value: _read_moment(value, aware=False), _LOCAL)
    aware = _by_distinct(text, lambda value: _read_moment(value, aware=True), INSTANT)
    return local, aware, valid_mask(text) & ~valid_mask(local) & ~valid_mask(aware)


def _read_moment(text: str, *, aware: bool) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        if (moment.tzinfo is not None) is not aware:
            return None
        return moment.astimezone(UTC) if aware else moment
    except (ValueError, OverflowError):
        return None


def _within_years(array: Values) -> tuple[Values, Mask | None]:
    """Blank what lies outside 1900 to 2200: a slip of the source, or a stand-in for 'never'."""
    kind = array.type
    ticks = {pa.date32(): 1, pa.date64(): 86_400_000}.get(kind) or _TICKS_PER_DAY[kind.unit]
    low, end = _FIRST_DAY * ticks, _END_DAY * ticks
    whole = pa.int32() if pa.types.is_date32(kind) else pa.int64()
    numbers = array.view(whole)
    span = pc.min_max(numbers)
    least, most = span["min"].as_py(), span["max"].as_py()
    if least is None or (least >= low and most < end):
        return array, None
    # nanoseconds end in 2262, so the bounds of every unit fit its integers
    outside = pc.or_(
        pc.less(numbers, pa.scalar(low, whole)), pc.greater_equal(numbers, pa.scalar(end, whole))
    )
    wrong: Mask = outside.fill_null(False).to_numpy(zero_copy_only=False)
    return pc.if_else(outside, None, array), wrong


def _localise(local: Values, timezone: str) -> Values:
    if timezone == "UTC":
        return local.cast(INSTANT)
    # 01:30 is the first of the two where a night has two; where it has none, the next instant
    placed = pc.assume_timezone(local, timezone, ambiguous="earliest", nonexistent="latest")
    return placed.cast(INSTANT)


def _flag(array: Values, strict: bool) -> Cast:
    kind = array.type
    if pa.types.is_boolean(kind):
        return Cast(array)
    if strict or not (_is_text(array) or pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return _all_wrong("flag", array)
    text = pc.utf8_lower(_text(array, strict).values)
    true = pc.is_in(text, value_set=pa.array(_TRUE))
    known = pc.or_(true, pc.is_in(text, value_set=pa.array(_FALSE)))
    values = pc.if_else(known, true, None)
    return Cast(values, _faults("CT018", valid_mask(text) & ~valid_mask(values)))
