"""Are the probabilities what they say, and do they tell rows apart?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.kernel import Codes, Floats

BINS = 10
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class BrierParts:
    """What a Brier score is made of: ``reliability - resolution + uncertainty + within``.

    Attributes
    ----------
    reliability : float
        Squared distance of what was said from what happened, by bins: 0 is calibrated.
    resolution : float
        How far the bins lie from the base rate: the more, the better they tell rows apart.
    uncertainty : float
        Variance of the outcome, which no model changes.
    within : float
        What is lost by taking a bin for one probability (Stephenson, Coelho & Jolliffe 2008).
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


@dataclass(frozen=True)
class CalibrationPoint:
    """A bin of like probabilities: what was said, what happened, and how sure that is."""

    said: float
    happened: float
    low: float
    high: float
    count: int


def bins_of(probability: Floats, bins: int = BINS) -> Codes:
    """(n,) bin of each row, of about equal mass; equal probabilities share a bin."""
    cuts = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1], method="higher"))
    return np.searchsorted(cuts, probability, side="left")


def brier_parts(probability: Floats, label: Floats, bins: int = BINS) -> BrierParts:
    """What is a Brier score made of (Murphy, Journal of Applied Meteorology 1973)?

    Examples
    --------
    Of two rows said 0.5 one happened, of two said 1 both did: calibrated, and half a bin's
    distance from the base rate 0.75, squared, on either side.

    >>> said, label = np.array([0.5, 0.5, 1.0, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])
    >>> brier_parts(said, label)
    BrierParts(reliability=0.0, resolution=0.0625, uncertainty=0.1875, within=0.0)
    """
    place = bins_of(probability, bins)
    count = np.bincount(place).astype(np.float64)
    there = count > 0
    said = np.bincount(place, probability)[there] / count[there]
    happened = np.bincount(place, label)[there] / count[there]
    share = count[there] / label.size
    base = float(label.mean())
    reliability = float(share @ (said - happened) ** 2)
    resolution = float(share @ (happened - base) ** 2)
    uncertainty = base * (1.0 - base)
    score = float(((probability - label) ** 2).mean())
    within = score - (reliability - resolution + uncertainty)
    return BrierParts(reliability, resolution, uncertainty, 0.0 if abs(within) < 1e-15 else within)


def calibration_curve(
    probability: Floats, label: Floats, bins: int = BINS
) -> tuple[CalibrationPoint, ...]:
    """What was said, and what happened, by bins of equal mass with Wilson's 95 % intervals?"""
    place = bins_of(probability, bins)
    found = []
    for number in np.unique(place):
        rows = place == number
        count = int(rows.sum())
        share = float(label[rows].mean())
        low, high = wilson(share, count)
        found.append(CalibrationPoint(float(probability[rows].mean()), share, low, high, count))
    return tuple(found)


def wilson(share: float, count: int) -> tuple[float, float]:
    """How sure is a share of so many rows (95 %; Wilson 1927)?

    >>> tuple(round(end, 3) for end in wilson(0.5, 100))
    (0.404, 0.596)
    """
    if count <= 0:
        return 0.0, 1.0
    z2 = _Z95**2 / count
    middle = (share + z2 / 2.0) / (1.0 + z2)
    half = _Z95 / (1.0 + z2) * float(np.sqrt(share * (1.0 - share) / count + z2 / 4.0 / count))
    return max(0.0, middle - half), min(1.0, middle + half)
