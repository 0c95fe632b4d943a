"""How does a list of Python values, of mixed types perhaps, become one Arrow array?

A request's JSON and a spreadsheet's cells hold anything anywhere; what does not belong is set aside
row by row, and nothing raises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.records.contract import Kind

Mask = npt.NDArray[np.bool_]

EXACT_IN_FLOAT = 2.0**53
"""Whole numbers below are exact in float64, so they print as integers."""
_JSON_TYPES: Mapping[Kind, frozenset[type]] = {
    "id": frozenset({str, type(None)}),
    "text": frozenset({str, type(None)}),
    "code": frozenset({str, type(None)}),
    "number": frozenset({int, float, type(None)}),
    "instant": frozenset({str, type(None)}),
    "date": frozenset({str, type(None)}),
    "flag": frozenset({bool, type(None)}),
}


def json_array(kind: Kind, values: Sequence[object]) -> tuple[Any, Mask | None]:
    """Which of these JSON values are of this kind, and which rows hold something else?

    Returns
    -------
    tuple of pyarrow.Array and mask or None
        The values, null where missing or of another kind; the rows of another kind.
    """
    allowed = _JSON_TYPES[kind]
    unfit: Mask | None = None
    if not set(map(type, values)) <= allowed:
        unfit = np.array([type(value) not in allowed for value in values], dtype=np.bool_)
        values = [value if type(value) in allowed else None for value in values]
    natural = {"number": pa.float64(), "flag": pa.bool_()}.get(kind, pa.string())
    try:
        return pa.array(values, type=natural), unfit
    except (pa.ArrowException, UnicodeError, OverflowError):
        read = _wide_number if kind == "number" else _encodable
        clean = [read(value) for value in values]
        lost = np.array(
            [v is not None and c is None for v, c in zip(values, clean, strict=True)], np.bool_
        )
        if lost.any():
            unfit = lost if unfit is None else unfit | lost
        return pa.array(clean, type=natural), unfit


def _wide_number(value: object) -> float | None:
    """Read a JSON number; beyond float64 it is infinite, which the finite rule then reports."""
    if not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _encodable(value: object) -> str | None:
    """Keep text unless it holds half a character, which JSON can spell and UTF-8 cannot."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def object_array(values: Sequence[object]) -> tuple[Any, Mask | None]:
    """What do these cells of a file hold, as one Arrow type, text where types are mixed?

    Returns
    -------
    tuple of pyarrow.Array and mask or None
        The values, and the rows whose value no text stands for (a list, a dict, bytes).
    """
    kinds = set(map(type, values)) - {type(None)}
    if len(kinds) <= 1 or kinds == {int, float}:
        try:
            return pa.array(values), None
        except (pa.ArrowException, UnicodeError, OverflowError):
            pass
    texts = [_object_text(value) for value in values]
    unfit = np.array(
        [
            text is None and value is not None and not isinstance(value, float)
            for text, value in zip(texts, values, strict=True)
        ],
        dtype=np.bool_,
    )
    return pa.array(texts, type=pa.string()), unfit if unfit.any() else None


def _object_text(value: object) -> str | None:
    """Write one value of a mixed column as text; None when missing or not to be written."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < EXACT_IN_FLOAT
        return str(int(value)) if whole else repr(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (int, Decimal)):
        return str(value)
    return _encodable(value)
