"""What do the contexts of some days say of some words?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from features.context import Context, ContextTable
from features.errors import NotReady
from features.kernel import Codes, Floats

Tables = tuple[tuple[str, tuple[str, ...]], ...]
"""Context tables, with the names of the values that are looked up in each."""


@dataclass(frozen=True)
class LookUps:
    """Values of all contexts one after the other, and where those of each word begin.

    Attributes
    ----------
    places : (n_contexts, n_words) int64
        Per context, where in `values` the row of each word begins; the words of one table follow
        each other, then comes the portfolio's row, for whatever is not known.
    first_word : (n_tables + 1,) int64
        Column of `places` at which the words of each table begin.
    values : (n_values,) float64
    """

    places: Codes
    first_word: Codes
    values: Floats


def look_ups(
    tables: Tables,
    words: Mapping[str, Sequence[str]],
    contexts: Mapping[int, Context],
    moments: Sequence[int],
) -> LookUps:
    """Where do the values lie that the contexts of some instants have for some words?

    Raises
    ------
    NotReady
        NR001 when an instant has no context, or one without a table that is asked for.
    """
    places: list[int] = []
    values: list[Floats] = [np.empty(0)]
    size = 0
    for moment in moments:
        for table, names in tables:
            place_of, found = _context(contexts, moment, table).flat(names)
            last = size + found.size - len(names)
            places += [
                last if (place := place_of.get(word)) is None else size + place
                for word in words[table]
            ]
            places.append(last)
            values.append(found)
            size += found.size
    ends = [*accumulate((len(words[table]) + 1 for table, _ in tables), initial=0)]
    return LookUps(
        np.array(places, dtype=np.int64).reshape(len(moments), ends[-1]),
        np.array(ends, dtype=np.int64),
        np.concatenate(values),
    )


def _context(contexts: Mapping[int, Context], moment: int, table: str) -> ContextTable:
    try:
        return contexts[moment].tables[table]
    except KeyError:
        raise NotReady(
            "NR001",
            f"no context was made for the as_of instant of a row, or one without its {table} table"
            " by an earlier version",
            "Make it first; where a champion brought it, train anew.",
        ) from None
