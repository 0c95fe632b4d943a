"""How do the rows of a portfolio reach the one kernel, wherever they lie?

Engines only move rows: sorted as ``features.records.reading`` says, as Arrow, never computing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from features.records.folder import Records

T = TypeVar("T")


class Engine(Protocol):
    """A store of records that can bring every account's rows together."""

    def load(self) -> Records:
        """Bring all rows of the portfolio, in the one order."""
        ...

    def map_buckets(
        self, function: Callable[[Records], T], *, buckets: int | None = None
    ) -> Iterator[T]:
        """Apply a function to one hash bucket of accounts at a time.

        Parameters
        ----------
        function : callable
            Takes the records of the bucket's accounts; tables without accounts come whole.
        buckets : int, optional
            Number of buckets; default: as memory asks. Empty ones are passed over.
        """
        ...
