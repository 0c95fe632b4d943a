"""How do the rows of a folder of Parquet files reach the kernel, out of core when they must?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from features.records.folder import Portfolio, Records, open_reader

T = TypeVar("T")


class DuckDBEngine:
    """Reads a portfolio's folder; of one bucket of accounts at a time, for large ones.

    A hand-made folder that holds faulty rows or CSV is checked first, in memory: import it when it
    is large.

    Parameters
    ----------
    portfolio : Portfolio
        As ``open_portfolio`` gives it.
    """

    def __init__(self, portfolio: Portfolio) -> None:
        self._portfolio = portfolio
        self._reader = open_reader(portfolio)

    def load(self) -> Records:
        """Bring all rows of the portfolio, in the one order."""
        return Records(self._portfolio, self._reader.tables())

    def map_buckets(
        self, function: Callable[[Records], T], *, buckets: int | None = None
    ) -> Iterator[T]:
        """Apply a function to one hash bucket of accounts at a time.

        Parameters
        ----------
        function : callable
            Takes the records of the bucket's accounts; tables without accounts come whole.
        buckets : int, optional
            Number of buckets; default: near two million rows each. Empty ones are passed over.
        """
        for tables in self._reader.buckets(buckets):
            yield function(Records(self._portfolio, tables))
