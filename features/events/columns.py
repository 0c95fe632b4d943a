"""What is read off the columns of records in more than one place?"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from features.asof import NEVER, Instants
from features.errors import ModelError
from features.events.sheet import Sheet, Texts, Vocabulary
from features.kernel import Codes, Floats

Present = TypeVar("Present")


def required(column: Present | None) -> Present:
    """A column that the contract requires, and that checked records therefore have."""
    if column is None:
        raise ModelError("ME001", "records reached the signals unchecked", "Check them first.")
    return column


def later_of(sheet: Sheet, name: str) -> Instants | None:
    """Later instants, or None where their column is absent: what is open is then not known."""
    return sheet.instants(name, NEVER) if sheet.has(name) else None


def known_codes(code: Codes) -> Floats:
    """Codes as a measure: NaN where there is none."""
    return np.where(code < 0, np.nan, code)


def codes(sheet: Sheet, name: str, vocabulary: Vocabulary) -> Floats | None:
    """Codes of a text column, NaN where it is missing; None where it is absent."""
    code = sheet.codes(name, vocabulary)
    return None if code is None else known_codes(code)


def texts_as_numbers(texts: Texts) -> Floats:
    """Numbers written as text; NaN where a text is none, or none that is finite."""
    values = np.array([*(_number(word) for word in texts.words), np.nan])
    return np.where(np.isfinite(values), values, np.nan)[texts.code]


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")
