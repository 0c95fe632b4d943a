"""What does a check say, and what does a finding of it say?

Shares are of the rows (accounts, deals, columns) that were looked at, 0..1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute

from features.records.casting import Mask, Values, days_to_instants
from features.records.folder import Portfolio, Records
from features.records.sentences import Sentence

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

Severity = Literal["info", "warning", "error"]

N_EXAMPLES = 5


@dataclass(frozen=True)
class Check:
    """What one check looks for.

    Attributes
    ----------
    severity : str
        ``info``, ``warning`` or ``error``.
    title : str
        What was found, in a few words.
    how : str
        How it is detected.
    why : str
        Why it matters.
    fix : str
        How to mend it.
    """

    severity: Severity
    title: str
    how: str
    why: str
    fix: str


@dataclass(frozen=True)
class Finding:
    """What one check found in one column.

    Attributes
    ----------
    code : str
        Code of the check.
    severity : str
        ``info``, ``warning`` or ``error``.
    table, column : str, str or None
        Where.
    count : int
        Rows (or accounts, deals, attributes) concerned.
    share : float
        Of all of them, 0..1.
    examples : tuple of str
        The first ids concerned.
    message, how, why, fix : str
        What was found, how it is detected, why it matters, how to mend it.
    """

    code: str
    severity: Severity
    table: str
    column: str | None
    count: int
    share: float
    examples: tuple[str, ...]
    message: str
    how: str
    why: str
    fix: str


@dataclass(frozen=True)
class Audited:
    """What an audit looks at.

    Attributes
    ----------
    records : Records
        Checked rows of the whole portfolio.
    refused : mapping of str to pyarrow.Table
        Rows that broke the contract, as text, by table.
    exports : mapping of str to pyarrow.Table
        Rows of the export with their ``outcome``, kept for the audit alone.
    """

    records: Records
    refused: Mapping[str, pa.Table] = field(default_factory=dict)
    exports: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def tables(self) -> Mapping[str, pa.Table]:
        """Checked tables, by name."""
        return self.records.tables

    @property
    def portfolio(self) -> Portfolio:
        """What holds for all rows."""
        return self.records.portfolio


@dataclass(frozen=True)
class Place:
    """Where a check looked.

    Attributes
    ----------
    table : str
        Name of the table.
    column : str or None
        Name of the column; None for the rows as a whole.
    """

    table: str
    column: str | None = None


@dataclass(frozen=True)
class Family:
    """The checks of one module, and how they speak.

    Attributes
    ----------
    checks : mapping of str to Check
        Checks by code.
    """

    checks: Mapping[str, Check]

    def rows(self, code: str, place: Place, ids: Values, wrong: Mask | Values) -> Iterator[Finding]:
        """Give one finding on the rows marked as wrong, none when no row is.

        Parameters
        ----------
        code : str
            Code of the check.
        place : Place
            Where it looked.
        ids : pyarrow array
            What names each row in the examples.
        wrong : mask or pyarrow boolean array
            Rows concerned; null is not wrong.
        """
        mask = wrong if isinstance(wrong, np.ndarray) else np.asarray(wrong.fill_null(False))
        count = int(mask.sum())
        if count:
            chosen = pc.unique(ids.filter(pa.array(mask))).slice(0, N_EXAMPLES).to_pylist()
            examples = [str(value) for value in chosen if value is not None]
            yield self.count(code, place, count, len(mask), examples)

    def count(
        self,
        code: str,
        place: Place,
        count: int,
        of: int,
        examples: Sequence[str],
        more: Sentence | None = None,
    ) -> Finding:
        """Give the finding that so many of so many are concerned.

        Parameters
        ----------
        code : str
            Code of the check.
        place : Place
            Where it looked.
        count, of : int
            How many are concerned, of how many.
        examples : sequence of str
            Some of them.
        more : Sentence, optional
            What else there is to say.
        """
        check, share = self.checks[code], count / of if of else 0.0
        message = Sentence(
            "{count} of {of} ({share:.1%}): {title}.",
            count=count, of=of, share=share, title=Sentence(check.title),
        )  # fmt: skip
        if more is not None:
            message = Sentence("{message} {more}", message=message, more=more)
        return Finding(
            code, check.severity, place.table, place.column, count, share,
            tuple(examples[:N_EXAMPLES]), message, check.how, check.why, check.fix,
        )  # fmt: skip


def as_instants(values: Values, timezone: str) -> Values:
    """Which instants are these values? A day is its beginning in the portfolio's zone."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return days_to_instants(array, timezone) if pa.types.is_date(array.type) else array
