"""How is something timed, and how is a figure written beside its reference?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Row = dict[str, Any]  # values of a row are text, numbers, booleans or null
T = TypeVar("T")


def timed(function: Callable[[], T]) -> tuple[float, T]:
    """How many seconds does a call take, and what does it give?"""
    start = time.perf_counter()
    found = function()
    return time.perf_counter() - start, found


def median_seconds(function: Callable[[], object], times: int) -> float:
    """How many seconds does a call take, as the median of several?"""
    return statistics.median(timed(function)[0] for _ in range(times))


def row(
    name: str,
    value: float,
    unit: str,
    *,
    goal: str,
    met: bool,
    note: str,
    reference: str | None = None,
    reference_value: float | None = None,
    ratio: float | None = None,
) -> Row:
    """How is one figure written, with every field that a bench row has?"""
    return {
        "name": name, "value": value, "unit": unit, "reference": reference,
        "reference_value": reference_value, "ratio": ratio, "goal": goal, "met": met, "note": note,
    }  # fmt: skip


def faster(
    name: str, seconds: float, reference: str, reference_seconds: float, *, goal: float, note: str
) -> Row:
    """How many times faster than a reference is something, against how many times are asked?"""
    ratio = reference_seconds / seconds
    return row(
        name, seconds, "s", reference=reference, reference_value=reference_seconds, ratio=ratio,
        goal=f"at least {goal:g} times faster", met=ratio >= goal, note=note,
    )  # fmt: skip


def together(name: str, value: float, unit: str, parts: Sequence[Row], note: str) -> Row:
    """Are all goals of a bench met?"""
    met = all(part["met"] for part in parts)
    return row(name, value, unit, goal="every part of it", met=met, note=note)
