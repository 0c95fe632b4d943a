"""Numbers of every entity, read off the rows that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = dict[str, Numbers]

PRIOR = 20.0


@dataclass(frozen=True)
class Entities:
    """Entities numbered from 0 to ``n - 1`` by a column of their rows.

    Rows come sorted by entity and time. What is read of an entity without rows is missing, and its
    sums and counts are 0.
    """

    column: str
    n: int

    def spread(self, found: pd.Series, missing: float = np.nan) -> Numbers:
        """Values by code as an array over all entities."""
        return found.reindex(range(self.n)).fillna(missing).to_numpy(dtype=float)

    def sums(self, rows: pd.DataFrame, columns: Mapping[str, object]) -> Columns:
        """Sums of several columns, or counts of several conditions, in one pass."""
        codes = rows[self.column].to_numpy()
        wide = pd.DataFrame(columns, index=rows.index)
        found = wide.groupby(codes, sort=False).sum().reindex(range(self.n))
        return {name: found[name].fillna(0.0).to_numpy(dtype=float) for name in wide}

    def count(self, rows: pd.DataFrame) -> Numbers:
        """Rows of each entity."""
        return np.bincount(rows[self.column], minlength=self.n).astype(float)

    def _read(self, rows: pd.DataFrame, column: str, how: str) -> Numbers:
        groups = rows.groupby(self.column, sort=False)[column]
        return self.spread(groups.agg(how))

    def least(self, rows: pd.DataFrame, column: str = "age") -> Numbers:
        """Smallest value: of ages, the time since the newest row."""
        return self._read(rows, column, "min")

    def most(self, rows: pd.DataFrame, column: str = "age") -> Numbers:
        """Largest value: of ages, the time since the oldest row."""
        return self._read(rows, column, "max")

    def last(self, rows: pd.DataFrame, column: str) -> Numbers:
        """Newest value that is not missing."""
        return self._read(rows, column, "last")

    def first(self, rows: pd.DataFrame, column: str) -> Numbers:
        """Oldest value that is not missing."""
        return self._read(rows, column, "first")

    def mean(self, rows: pd.DataFrame, column: str) -> Numbers:
        """Mean of the values that are not missing."""
        return self._read(rows, column, "mean")

    def distinct(self, rows: pd.DataFrame, column: str) -> Numbers:
        """How many different values."""
        known = rows[[self.column, column]].dropna()
        return self.count(known.drop_duplicates())

    def days(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The newest row of each calendar day of each entity."""
        return rows[~rows.duplicated([self.column, "day"], keep="last")]

    def gaps(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Days between consecutive calendar days with a row."""
        days = self.days(rows)
        gap = days.groupby(self.column, sort=False)["day"].diff()
        return pd.DataFrame({self.column: days[self.column], "gap": gap}).dropna()

    def steps(self, rows: pd.DataFrame, column: str) -> tuple[Numbers, Numbers]:
        """How often a value rose, and fell, from one row that has it to the next."""
        known = rows[rows[column].notna()]
        step = known.groupby(self.column, sort=False)[column].diff()
        found = self.sums(known, {"rises": step > 0, "falls": step < 0})
        return found["rises"], found["falls"]


def ratio(numerator: Numbers, denominator: Numbers) -> Numbers:
    """Missing where the denominator is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def growth(now: Numbers, before: Numbers) -> Numbers:
    """Change from one window to the next over both, from -1 to 1 for counts."""
    return ratio(now - before, now + before)


def shrunken(keys: pd.Series, is_won: pd.Series, of: pd.Series) -> Numbers:
    """Share won of each key asked for, leaning on the share of all like 20 more."""
    if not len(is_won):
        return np.full(len(of), np.nan)
    usual = float(is_won.mean())
    found = is_won.groupby(keys, observed=True).agg(["sum", "size"]).reindex(of).fillna(0.0)
    wins, count = found["sum"].to_numpy(dtype=float), found["size"].to_numpy(dtype=float)
    return (wins + PRIOR * usual) / (count + PRIOR)
