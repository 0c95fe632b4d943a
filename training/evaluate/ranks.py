"""What do rankings come to when each row counts as often as its account was drawn?

A bootstrap by account needs the same figures some hundred times for other weights. Rows are sorted
once per model; a draw is then one pass over them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.kernel import Codes, Floats

Weights = NDArray[np.int32]

TOP_SHARE = 0.1
"""Share of the list that the lift looks at."""


@dataclass(frozen=True)
class Ranking:
    """Rows of one model on one day (or on all), the highest score first.

    Attributes
    ----------
    label : (n,) float64
        Outcomes in that order.
    group : (n,) int64
        Account of each row, in that order.
    ends : (n,) bool
        Whether a row is the last of those with its score.
    """

    label: Floats
    group: Codes
    ends: NDArray[np.bool_]


def rank(score: Floats, label: Floats, group: Codes) -> Ranking:
    """Sort some rows by their score, the highest first."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    ends = np.append(ordered[1:] != ordered[:-1], True)
    return Ranking(label[order], group[order], ends)


@njit(cache=True, nogil=True)
def _figures(label, group, ends, weight, share):  # type: ignore[no-untyped-def]
    found = np.full((weight.shape[0], 3), np.nan)
    for draw in range(weight.shape[0]):
        total, positive = 0.0, 0.0
        for row in range(label.size):
            w = weight[draw, group[row]]
            total += w
            positive += w * label[row]
        negative = total - positive
        if positive <= 0.0:
            continue
        wanted = max(1.0, np.round(share * total))
        seen, hits, top = 0.0, 0.0, 0.0
        pairs, precision = 0.0, 0.0
        tied, tied_hits = 0.0, 0.0
        for row in range(label.size):
            w = weight[draw, group[row]]
            tied += w
            tied_hits += w * label[row]
            if not ends[row]:
                continue
            if tied > 0.0:
                misses = tied - tied_hits
                below = negative - (seen - hits) - misses
                pairs += tied_hits * (below + 0.5 * misses)
                if seen < wanted:
                    top += tied_hits * min(1.0, (wanted - seen) / tied)
                seen += tied
                hits += tied_hits
                precision += tied_hits / positive * hits / seen
            tied, tied_hits = 0.0, 0.0
        if negative > 0.0:
            found[draw, 0] = pairs / positive / negative
        found[draw, 1] = precision
        found[draw, 2] = top / wanted / (positive / total)
    return found


@dataclass(frozen=True)
class RankFigures:
    """Figures of one ranking, one per draw; each (n_draws,) float64, NaN where there is none.

    Attributes
    ----------
    auc : AUC, 0 to 1; ties count half.
    average_precision : 0 to 1.
    lift : how many times the base rate the top tenth holds; ties at its edge count in part.
    """

    auc: Floats
    average_precision: Floats
    lift: Floats


def rank_figures(ranking: Ranking, weight: Weights, share: float = TOP_SHARE) -> RankFigures:
    """What do AUC, average precision and lift come to under each draw?

    Parameters
    ----------
    ranking : Ranking
        Rows, sorted once.
    weight : (n_draws, n_groups) int32
        How often each account counts in each draw.
    share : float
        Share of the list that the lift looks at, above 0 and at most 1.

    Examples
    --------
    >>> label, group = np.array([0.0, 0.0, 1.0, 1.0]), np.arange(4)
    >>> found = rank(np.array([0.1, 0.4, 0.35, 0.8]), label, group)
    >>> float(rank_figures(found, np.ones((1, 4), np.int32)).auc[0])
    0.75
    """
    found = _figures(ranking.label, ranking.group, ranking.ends, weight, share)
    return RankFigures(found[:, 0], found[:, 1], found[:, 2])
