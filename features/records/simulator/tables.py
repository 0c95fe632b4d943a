"""How do simulated arrays become tables of the contract?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.records.checking import arrow_schema
from features.records.contract import TABLES
from features.records.simulator.clock import (
    MICROSECONDS_PER_DAY,
    Flags,
    Floats,
    Ints,
    origin_microseconds,
)
from features.records.simulator.settings import SimulatorSettings

Column: TypeAlias = "pa.Array[Any]"
"""One column of any type (Any: the type is checked against the contract when the table is made)."""


def contract_table(name: str, columns: Mapping[str, Column]) -> pa.Table:
    """Which contract table do these columns make, in the contract's order and types?"""
    fields = [field for field in arrow_schema(TABLES[name]) if field.name in columns]
    return pa.table([columns[field.name] for field in fields], schema=pa.schema(fields))


def ids(prefix: str, numbers: Ints, width: int = 6) -> Column:
    """Which id does each number have? Negative numbers have none."""
    known = pa.array(numbers, pa.int64(), mask=numbers < 0)
    digits: Column = pc.utf8_lpad(pc.cast(known, pa.string()), width, "0")
    return pc.utf8_replace_slice(digits, 0, 0, prefix)


def choose(words: Sequence[str], positions: Ints) -> Column:
    """Which word stands at each position? Negative positions have none."""
    return pa.array(words, pa.string()).take(pa.array(positions, pa.int64(), mask=positions < 0))


def numbers(values: Floats, decimals: int = 2) -> Column:
    """Which float64 column do the values make? Rounded; NaN is missing."""
    return pa.array(np.round(values, decimals), pa.float64(), mask=np.isnan(values))


def flags(values: Flags) -> Column:
    """Which boolean column do the values make?"""
    return pa.array(values, pa.bool_())


def instants(
    settings: SimulatorSettings, moments: Floats, *, may_be_future: bool = False
) -> Column:
    """Which UTC instants do the day numbers mean, to the second?

    NaN is missing, and so is what lies after the history unless it is a plan.
    """
    is_missing = np.isnan(moments) | ((moments >= settings.days) & (not may_be_future))
    seconds = np.floor(np.where(is_missing, 0.0, moments) * 86_400 + 1e-4).astype(np.int64)
    stamps = origin_microseconds(settings) + seconds * 1_000_000
    return pa.array(stamps, pa.int64(), mask=is_missing).cast(pa.timestamp("us", tz="UTC"))


def dates(settings: SimulatorSettings, days: Ints) -> Column:
    """Which calendar days do the day numbers mean? The future is allowed."""
    first = origin_microseconds(settings) // MICROSECONDS_PER_DAY
    return pa.array((first + days).astype(np.int32), pa.int32()).cast(pa.date32())
