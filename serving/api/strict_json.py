"""Is this body JSON that two readers would read alike?

Python's reader takes NaN, 1e999, a key given twice and half a character, each of which another
reader takes otherwise or not at all; RFC 7493 (I-JSON) forbids them, and so does Fanal.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from serving.api.problems import RequestError

_EXACT_DIGITS = 18
"""Whole numbers of so many digits fit 64 bits; longer ones are read as float64."""


def read_json(body: bytes) -> object:
    """Which JSON value do these bytes hold?

    Raises
    ------
    RequestError
        RQ001 to RQ005.
    """
    try:
        value: object = json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_constant=_not_finite,
            parse_float=_number,
            parse_int=_whole_number,
        )
        if b"\\ud" in body or b"\\uD" in body:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise RequestError(
            "RQ001",
            f"The body is not JSON: line {error.lineno}, column {error.colno}.",
            "Send one JSON object.",
        ) from None
    except UnicodeEncodeError:
        raise RequestError(
            "RQ005", "A text holds half a surrogate pair.", "Send whole characters."
        ) from None
    except UnicodeDecodeError as error:
        raise RequestError(
            "RQ001", f"The body is not UTF-8: byte {error.start}.", "Send it as UTF-8."
        ) from None
    except RecursionError:
        raise RequestError(
            "RQ004", "The body is nested too deeply.", "Send it as the example shows."
        ) from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: what JSON holds
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RequestError("RQ003", "An object has one key twice.", "Send each key once.")
    return found


def _whole_number(text: str) -> float:
    return int(text) if len(text) <= _EXACT_DIGITS else _number(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _not_finite(text)
    return value


def _not_finite(_: str) -> NoReturn:
    raise RequestError("RQ002", "A number is not finite.", "Send null where a number is not known.")
