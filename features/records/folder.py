"""How does a portfolio lie on disk, and what is a set of records in memory?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa


@dataclass(frozen=True)
class Portfolio:
    """What holds for a whole portfolio, whoever reads its rows.

    Attributes
    ----------
    name : str
        Name of the portfolio.
    currency : str
        ISO 4217 code all money is in.
    timezone : str
        IANA zone of calendar days and of naive instants.
    static : frozenset of str
        ``table.column`` names of attributes that may be used without history.
    data_as_of : datetime
        Latest instant the records know of (aware, UTC).
    folder : Path or None
        Where it lies; None for records that came over HTTP.
    row_counts : mapping of str to int
        Rows kept per table.
    mapping_digest : str or None
        sha256 of the mapping it was imported with; None for a hand-made folder.
    """

    name: str
    currency: str
    timezone: str
    static: frozenset[str]
    data_as_of: datetime
    folder: Path | None = None
    row_counts: Mapping[str, int] = field(default_factory=dict)
    mapping_digest: str | None = None


@dataclass(frozen=True)
class Records:
    """Checked rows of some (or all) accounts of a portfolio.

    Attributes
    ----------
    portfolio : Portfolio
        What holds for all of them.
    tables : mapping of str to pyarrow.Table
        Contract tables as ``checking.arrow_schema`` types them: only tables and columns that exist;
        an absent optional column is absent, never full of nulls.
    """

    portfolio: Portfolio
    tables: Mapping[str, pa.Table]
