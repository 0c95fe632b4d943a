"""Whom would the reps have called, and how many of those were right to be called?

Worked example: two reps with 20 accounts each and time for a tenth of their list call two accounts
each; of three that score alike at the edge of a list, where two places are left, each counts 2/3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.kernel import Codes, Floats


@dataclass(frozen=True)
class Capacity:
    """How many rows of each list can be worked on one day.

    Attributes
    ----------
    places : int or None
        So many per rep (or on the one list, where no reps are known); None for a share.
    share : float
        Share of each rep's list, rounded up, where no number is stated.
    """

    places: int | None = None
    share: float = 0.1

    def of(self, size: int) -> int:
        """How many of a list of this size are worked?

        >>> Capacity().of(11), Capacity(places=20).of(11), Capacity(places=3).of(11)
        (2, 11, 3)
        """
        wanted = int(np.ceil(self.share * size)) if self.places is None else self.places
        return min(size, wanted)


def lists_of(owner: NDArray[np.object_] | None, size: int) -> Codes:
    """On which list is each row: its rep's, or nobody's; one list where no rep is known."""
    if owner is None or all(name is None for name in owner):
        return np.zeros(size, dtype=np.int64)
    words = np.array(["" if name is None else f"={name}" for name in owner])
    return np.asarray(np.unique(words, return_inverse=True)[1], dtype=np.int64)


def flagged(score: Floats, lists: Codes, capacity: Capacity) -> Floats:
    """(n,) share of each row that is flagged: 1, 0, or between where scores at the edge are equal.

    Examples
    --------
    >>> score = np.array([0.9, 0.5, 0.5, 0.1])
    >>> flagged(score, np.zeros(4, np.int64), Capacity(places=2)).tolist()
    [1.0, 0.5, 0.5, 0.0]
    """
    found = np.zeros(score.size)
    for number in np.unique(lists):
        rows = np.flatnonzero(lists == number)
        wanted = capacity.of(rows.size)
        own = score[rows]
        threshold = np.sort(own)[-wanted] if wanted else np.inf
        above, tied = own > threshold, own == threshold
        part = (wanted - above.sum()) / max(int(tied.sum()), 1)
        found[rows] = np.where(above, 1.0, np.where(tied, part, 0.0))
    return found


def gain_curve(score: Floats, weight: Floats, places: Floats) -> Floats:
    """Which share of the outcomes (or of their money) is in the top of the list?

    Parameters
    ----------
    score : (n,) float64
        Highest first on the list; equal scores share what they hold.
    weight : (n,) float64
        1 for a row that had the outcome, 0 for another; or its money.
    places : (k,) float64
        Shares of the list, 0 to 1.

    Returns
    -------
    (k,) float64
        0 to 1; NaN where nothing is there to be found.

    Examples
    --------
    >>> curve = gain_curve(np.array([0.9, 0.8, 0.1, 0.1]), np.array([1.0, 0, 1, 0]), [0.25, 0.75])
    >>> curve.tolist()
    [0.5, 0.75]
    """
    total = weight.sum()
    if total <= 0:
        return np.full(len(places), np.nan)
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), score.size - 1)
    found = np.concatenate(([0.0], np.cumsum(weight[order])[ends] / total))
    share = np.concatenate(([0.0], (ends + 1) / score.size))
    return np.interp(places, share, found)
