"""Are the scores of the newest day like those of the days the model learnt from?"""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from features.kernel import Floats
from training.gates.evidence import Answer, Evidence, Spoken

MOST_PSI = 0.2
_BINS, _AGES = 10, 5
_RARE = 0.01


def scores_are_familiar(evidence: Evidence) -> Answer:
    """GT011: PSI at most 0.2, or not above what chance alone would show 99 times in 100.

    Compared at equal age: where the last weeks of an export bring no new deals, those that are left
    are older, and none the stranger for it.
    """
    past, new = evidence.past, evidence.new
    if past is None or new is None or not new.score.size:
        return Answer(passed=True, text="nobody is there to be scored on the newest day")
    weight = at_equal_age(past, new)
    if not weight.any():
        return Answer(passed=True, text="nobody of the newest day's ages was learnt from")
    found, bins = stability(past.score, weight, new.score)
    # Rows of one account are not independent: it counts once.
    share = np.unique(past.group).size / past.group.size
    n_past = share * weight.sum() ** 2 / (weight**2).sum()
    chance = by_chance(n_past, new.score.size, bins)
    text = (
        f"PSI {found:.3f} between {past.score.size} training rows and {new.score.size} of the"
        f" newest day, at equal age (refused above {MOST_PSI} and above the {chance:.3f} of pure"
        " chance)"
    )
    return Answer(not (found > MOST_PSI and found > chance), text)


def at_equal_age(past: Spoken, new: Spoken) -> Floats:
    """(n_past,) weights under which the past rows are as old as the new ones, by fifths."""
    known = new.age[~np.isnan(new.age)]
    if not known.size:
        return np.ones(past.age.size)
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, _AGES + 1)[1:-1]))
    # Rows younger than the youngest of today are like none of them; unknown ages are alike.
    old, young = (
        np.where(np.isnan(rows.age), cuts.size + 1, np.searchsorted(cuts, rows.age))
        for rows in (past, new)
    )
    is_like = ~(past.age < known.min())
    of_past = np.bincount(old[is_like], minlength=cuts.size + 2)
    of_new = np.bincount(young, minlength=cuts.size + 2)
    return np.where(is_like, (of_new / np.maximum(of_past, 1))[old], 0.0)


def stability(past: Floats, weight: Floats, new: Floats) -> tuple[float, int]:
    """Population stability index over tenths of the past scores, and how many bins there are.

    The sum over bins of (new share - past share) x ln(new share / past share); half a row is added
    to each bin. Scores that few values share give fewer bins.
    """
    order = np.argsort(past, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    places = np.searchsorted(reached, np.linspace(0, 1, _BINS + 1)[1:-1])
    cuts = np.unique(past[order[np.minimum(places, past.size - 1)]])
    bins = cuts.size + 1
    shares = []
    for scores, weights in ((past, weight * past.size / weight.sum()), (new, np.ones(new.size))):
        mass = np.bincount(np.searchsorted(cuts, scores, side="left"), weights, minlength=bins)
        shares.append((mass + 0.5) / (scores.size + 0.5 * bins))
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum()), bins


def by_chance(n_past: float, n_new: int, bins: int) -> float:
    """Which index do samples of one distribution exceed once in a hundred times?

    The index is then near (1/n + 1/m) times chi-square with bins - 1 degrees of freedom (Yurdakul
    & Naranjo, Statistical properties of the population stability index, Journal of Risk Model
    Validation, 2020).

    >>> round(by_chance(1000, 1000, 10), 4)
    0.0433
    """
    if bins < 2:
        return float("inf")
    return float((1 / n_past + 1 / n_new) * chi2.ppf(1 - _RARE, bins - 1))
