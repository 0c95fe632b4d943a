"""What holds for the others, by key: how is it kept, and looked up?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np

from features.asof import day_of, instant
from features.kernel import Floats

PORTFOLIO = ""
"""Key of the row that holds for the whole portfolio, and for any key that is not known."""


@dataclass(frozen=True)
class ContextTable:
    """Values per key; the row ``PORTFOLIO`` answers for unknown keys.

    Attributes
    ----------
    values : mapping of str to mapping of str to float
        Key -> name -> value; NaN where nothing is known yet.
    """

    values: Mapping[str, Mapping[str, float]]
    _flat: dict[tuple[str, ...], tuple[Mapping[str, int], Floats]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def get(self, key: str | None, name: str) -> float:
        """Which value holds for a key; the portfolio's when the key is unknown."""
        row = self.values.get(key or PORTFOLIO) or self.values.get(PORTFOLIO, {})
        return row.get(name, float("nan"))

    @cached_property
    def digest(self) -> str:
        """Which sha256 has the table as canonical JSON: equal tables have equal ones."""
        body = {key: _nulls(row) for key, row in self.values.items()}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

    def flat(self, names: tuple[str, ...]) -> tuple[Mapping[str, int], Floats]:
        """Some values of all keys, one key after the other, and where each key's begin.

        The portfolio's stand last. Kept for the next who asks: a context serves many requests.
        """
        if names not in self._flat:
            rows = {key: row for key, row in self.values.items() if row and key != PORTFOLIO}
            places = {key: len(names) * place for place, key in enumerate(rows)}
            everyone = self.values.get(PORTFOLIO, {})
            self._flat[names] = (
                places,
                np.array(
                    [row.get(name, np.nan) for row in (*rows.values(), everyone) for name in names]
                ),
            )
        return self._flat[names]


@dataclass(frozen=True)
class Context:
    """What a row's signals may know of other entities on its day.

    Attributes
    ----------
    as_of : int
        Instant; only what was known before it went in.
    horizon_days : int
        Horizon of the win rates.
    tables : mapping of str to ContextTable
        stage, owner, product, lead_source, competitor, segment: what features look up.
    peers : mapping of str to mapping of str to float
        Segment -> feature -> median, and ``PORTFOLIO`` for all: what reasons compare with.
    scales : mapping of str to tuple of float
        Quartiles of the probability per model, and the money scale of the priority formula.
    """

    as_of: int
    horizon_days: int
    tables: Mapping[str, ContextTable]
    peers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    scales: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def as_of_date(self) -> date:
        """Day of the context."""
        return day_of(self.as_of)

    def to_json(self) -> str:
        """The context as canonical JSON: equal contexts give equal text. NaN is null."""
        body = {
            "as_of": self.as_of_date.isoformat(),
            "horizon_days": self.horizon_days,
            "tables": {
                name: {key: _nulls(row) for key, row in table.values.items()}
                for name, table in self.tables.items()
            },
            "peers": {key: _nulls(row) for key, row in self.peers.items()},
            "scales": {name: list(values) for name, values in self.scales.items()},
        }
        return json.dumps(body, sort_keys=True, ensure_ascii=False, allow_nan=False)

    @property
    def version(self) -> str:
        """First 12 digits of the sha256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]


def context_from_json(text: str) -> Context:
    """Read back what `Context.to_json` wrote."""
    body = json.loads(text)
    return Context(
        instant(date.fromisoformat(body["as_of"])),
        body["horizon_days"],
        {
            name: ContextTable({key: _nans(row) for key, row in table.items()})
            for name, table in body["tables"].items()
        },
        {key: _nans(row) for key, row in body["peers"].items()},
        {name: tuple(values) for name, values in body["scales"].items()},
    )


def _nulls(row: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else float(value) for name, value in row.items()}


def _nans(row: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float("nan") if value is None else value for name, value in row.items()}
