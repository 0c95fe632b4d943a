"""How do chances per period become chances by a day?

Discrete-time hazards with two competing risks (Tutz & Schmid, Modeling Discrete Time-to-Event Data,
2016, chapter 8): in each period a deal that is still open is won, is lost, or stays open, with
log-odds against staying open. Within a period the chance of closing is the same on each day.

Worked example: periods of 10 and 20 days; 50 % are won in the first, and of those left 50 % are
lost in the second. After 10 days 0.5 are won; after 30 days 0.5 are won and 0.25 lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.kernel import Codes, Floats
from training.labels import LOST, OPEN, WON, Durations

_MOST_PERIODS = 14
_CLOSINGS_PER_PERIOD = 20
_LONGEST_STEP = 1.5
_SHIFT = 12.0
_HALVINGS = 50


@dataclass(frozen=True)
class PeriodRows:
    """One row per deal row and period in which it could be seen to close.

    Attributes
    ----------
    row, period : (m,) int64
        Which deal row, which period.
    cause : (m,) int64
        `OPEN`, `WON` or `LOST` at the end of the period.
    """

    row: Codes
    period: Codes
    cause: Codes


def choose_edges(found: Durations) -> Floats:
    """(k + 1,) days between which periods lie: as many closings in each, as far as days tell.

    >>> days = np.array([1.0, 2.0, 3.0, 4.0] * 10)
    >>> choose_edges(Durations(days, np.ones(40, dtype=np.int64), days + 9)).tolist()
    [0.0, 2.5, 4.0]
    """
    days = found.days[found.cause != OPEN]
    longest = float(found.followed.max(initial=1.0))
    if not days.size:
        return np.array([0.0, longest])
    count = int(np.clip(days.size // _CLOSINGS_PER_PERIOD, 1, _MOST_PERIODS))
    cuts = np.quantile(days, np.linspace(0.0, 1.0, count + 1)[1:])
    # Half days are as fine as the dates of deals are; the last closing lies within the last period.
    cuts = np.unique(np.minimum(np.maximum(np.ceil(cuts * 2.0) / 2.0, 0.5), max(longest, 0.5)))
    edges = [0.0]
    for cut in cuts:
        # A long last period would hold the few slow deals to one rate.
        while edges[-1] > 0.0 and cut > _LONGEST_STEP * edges[-1] + 1.0:
            edges.append(float(np.ceil(_LONGEST_STEP * edges[-1])))
        edges.append(float(cut))
    return np.array(edges)


def expand(found: Durations, edges: Floats) -> PeriodRows:
    """Which periods can each deal row teach?

    Those that it entered open and that end before it is lost from sight, whether it closed in them
    or not: a period that is cut short would show its closings and hide its survivors.
    """
    entered = np.searchsorted(edges[:-1], found.days, side="right")
    seen = np.searchsorted(edges[1:], found.followed, side="right")
    count = np.minimum(entered, seen)
    row = np.repeat(np.arange(count.size), count)
    period = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)
    ends_here = found.days[row] < edges[period + 1]
    return PeriodRows(row, period, np.where(ends_here, found.cause[row], OPEN))


def life_table(rows: PeriodRows, n_periods: int, prior: Floats, weight: float) -> Floats:
    """(2, n_periods) log-odds of being won and lost, against staying open, in each period.

    Parameters
    ----------
    rows : PeriodRows
        What was seen.
    n_periods : int
        How many periods.
    prior : (2, n_periods) or (2, 1) float64
        Chances that thin counts lean on.
    weight : float
        As if by so many rows.
    """
    at_risk = np.bincount(rows.period, minlength=n_periods) + weight
    won, lost = (
        (np.bincount(rows.period[rows.cause == cause], minlength=n_periods) + weight * share)
        / at_risk
        for cause, share in zip((WON, LOST), prior, strict=True)
    )
    stays = np.maximum(1.0 - won - lost, 1e-6)
    return np.asarray(np.log(np.maximum(np.stack((won, lost)), 1e-9) / stays))


def chances(margins: Floats) -> Floats:
    """(n, 2, k) log-odds against staying open -> (n, 2, k) chances in each period.

    >>> chances(np.zeros((1, 2, 1))).round(4).tolist()
    [[[0.3333], [0.3333]]]
    """
    top = np.maximum(margins.max(axis=1, keepdims=True), 0.0)
    odds = np.exp(margins - top)
    return np.asarray(odds / (np.exp(-top) + odds.sum(axis=1, keepdims=True)))


def losses(rows: PeriodRows, margins: Floats) -> Floats:
    """(m,) negative log-likelihood of each period row, in nats."""
    found = chances(margins)
    stays = 1.0 - found.sum(axis=1)
    three: Floats = np.stack((stays, found[:, 0], found[:, 1]), axis=1)
    said = np.asarray(three[rows.row, rows.cause, rows.period], dtype=np.float64)
    return np.asarray(-np.log(np.clip(said, 1e-9, 1.0)))


@dataclass(frozen=True)
class Curves:
    """When does each deal close, and how?

    Attributes
    ----------
    edges : (k + 1,) float64
        Days between the periods.
    chance : (n, 2, k) float64
        Of being won and of being lost in each, while open. Beyond the last edge, the chances per
        day of the last period go on.
    """

    edges: Floats
    chance: Floats

    @property
    def open_after(self) -> Floats:
        """(n, k + 1) chance of being open at each edge."""
        stays = np.clip(1.0 - self.chance.sum(axis=1), 1e-12, 1.0)
        return np.hstack((np.ones((stays.shape[0], 1)), np.cumprod(stays, axis=1)))

    def by(self, days: Floats | float) -> tuple[Floats, Floats]:
        """(n,) chances of having been won, and of having been lost, so many days on.

        >>> curves = Curves(np.array([0.0, 10.0, 30.0]), np.array([[[0.5, 0.0], [0.0, 0.5]]]))
        >>> [part.tolist() for part in curves.by(10.0)], [part.tolist() for part in curves.by(30.0)]
        ([[0.5], [0.0]], [[0.5], [0.25]])
        """
        n, _, k = self.chance.shape
        day = np.broadcast_to(np.asarray(days, dtype=np.float64), (n,))
        period = np.clip(np.searchsorted(self.edges, day, side="right") - 1, 0, k - 1)
        width = np.diff(self.edges)
        left = self.open_after
        before = np.cumsum(left[:, None, :-1] * self.chance, axis=2) - (
            left[:, None, :-1] * self.chance
        )
        pick = np.arange(n)
        here = self.chance[pick, :, period]
        total = np.clip(here.sum(axis=1), 1e-12, 1.0 - 1e-12)
        share = (day - self.edges[period]) / width[period]
        gone = left[pick, period] * -np.expm1(share * np.log1p(-total))
        found = before[pick, :, period] + gone[:, None] * here / total[:, None]
        return found[:, 0], found[:, 1]

    def days_until(self, share: float) -> Floats:
        """(n,) days until a deal is closed with this chance (0.5: the median).

        >>> curves = Curves(np.array([0.0, 10.0, 30.0]), np.array([[[0.5, 0.0], [0.0, 0.5]]]))
        >>> curves.days_until(0.5).tolist(), curves.days_until(0.75).tolist()
        ([10.0], [30.0])
        """
        left = self.open_after
        n, k = left.shape[0], left.shape[1] - 1
        wanted = 1.0 - share
        period = np.clip((left[:, 1:] > wanted + 1e-12).sum(axis=1), 0, k - 1)
        pick = np.arange(n)
        rate = np.log(left[pick, period + 1] / left[pick, period]) / np.diff(self.edges)[period]
        rest = np.log(wanted / left[pick, period]) / np.minimum(rate, -1e-9)
        return np.asarray(self.edges[period] + np.maximum(rest, 0.0))


def shifted_to(edges: Floats, margins: Floats, p_win: Floats, horizon_days: float) -> Curves:
    """Which curves say of the horizon what the close model says?

    The log-odds of being won move by one number per deal, the same in all periods, until the chance
    of having been won at the horizon is the one given: a chance that is multiplied could pass 1.

    Parameters
    ----------
    edges : (k + 1,) float64
        Days.
    margins : (n, 2, k) float64
        Log-odds against staying open.
    p_win : (n,) float64
        Chance of being won within the horizon; missing leaves a deal as it is.
    horizon_days : float
        Of `p_win`.
    """
    low, high = np.full(p_win.size, -_SHIFT), np.full(p_win.size, _SHIFT)
    is_known = ~np.isnan(p_win)
    moved = margins.copy()
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        moved[:, 0] = margins[:, 0] + middle[:, None]
        is_short = Curves(edges, chances(moved)).by(horizon_days)[0] < p_win
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    moved[:, 0] = margins[:, 0] + np.where(is_known, (low + high) / 2.0, 0.0)[:, None]
    return Curves(edges, chances(moved))
