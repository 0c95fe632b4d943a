"""On which days does a model learn, and on which is it tested?

A *slice* is one test day and the days to learn from whose labels had matured before it. With a
horizon of 90 days, the test day 2011-09-10 learns from 2011-06-12 and steps back from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from features.errors import NotReady
from training.labels import Horizon

CODES: Mapping[str, str] = {
    "NR010": "a test day whose outcome is not known yet",
    "NR012": "a test day without days to learn from before it",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

TRAIN_DATES = 12
"""Several days teach more than one (Gattermann-Itschert & Thonemann, EJOR 2021)."""

_SPACING_DAYS = (7, 30)
_HISTORY_DAYS = 45
"""Before so much history, signals say more about the records' beginning than about accounts."""


@dataclass(frozen=True)
class History:
    """Which past days does a model learn from?

    Attributes
    ----------
    dates : int
        At most so many.
    spacing_days : int or None
        Days between two of them; None spreads them evenly over the history, 7 to 30 days apart
        (closer where the horizon is short).
    """

    dates: int = TRAIN_DATES
    spacing_days: int | None = None

    def before(self, day: date, first_day: date, horizon: Horizon) -> tuple[date, ...]:
        """Days to learn from on a day, newest first; see `train_dates`."""
        return train_dates(
            day, first_day, horizon, count=self.dates, spacing_days=self.spacing_days
        )


EVEN = History()
"""Twelve days, evenly over the history."""


@dataclass(frozen=True)
class Slice:
    """One test day with the days to learn from, newest first."""

    test_date: date
    train_dates: tuple[date, ...]


def train_dates(
    before: date,
    first_day: date,
    horizon: Horizon,
    *,
    count: int = TRAIN_DATES,
    spacing_days: int | None = None,
) -> tuple[date, ...]:
    """From which days can a model learn on a day, newest first?

    Parameters
    ----------
    before : date
        Labels must have matured by the beginning of this day.
    first_day : date
        First day of the records.
    horizon : Horizon
        Of the label.
    count : int
        At most so many days.
    spacing_days : int or None
        Days between two of them; None spreads them evenly over the history, 7 to 30 days apart
        (closer where the horizon is short).

    Returns
    -------
    tuple of date
        Empty when the history is too short.
    """
    latest = before - timedelta(days=horizon.lead_days + horizon.horizon_days)
    room = (latest - first_day).days - min(_HISTORY_DAYS, horizon.horizon_days // 2)
    if room < 0:
        return ()
    closest = max(1, min(_SPACING_DAYS[0], horizon.horizon_days // 10))
    even = max(closest, min(_SPACING_DAYS[1], room // max(count - 1, 1)))
    spacing = even if spacing_days is None else spacing_days
    steps = min(count, room // spacing + 1)
    return tuple(latest - timedelta(days=step * spacing) for step in range(steps))


def rolling_slices(
    first_day: date,
    data_end: date,
    horizon: Horizon,
    *,
    test_dates: Sequence[date] = (),
    count: int = 3,
    history: History = EVEN,
) -> tuple[Slice, ...]:
    """Which slices test a model, oldest first?

    Parameters
    ----------
    first_day : date
        First day of the records.
    data_end : date
        First midnight after the records: labels must have matured by it.
    horizon : Horizon
        Of the label.
    test_dates : sequence of date
        As asked for; by default `count` days stepping back from the latest matured one by a third
        of the horizon, but at least a week.
    count : int
        How many test days by default.
    history : History
        Which past days each of them learns from.

    Raises
    ------
    NotReady
        NR010 when a day asked for has not matured, NR012 when it has no days to learn from.
    """
    latest = data_end - timedelta(days=horizon.lead_days + horizon.horizon_days)
    late = [day for day in test_dates if day > latest]
    if late:
        raise NotReady(
            "NR010",
            f"the outcome of {late[0]} is not known yet: the records end before {data_end}.",
            f"Ask for test dates up to {latest}, or a shorter horizon.",
        )
    step = max(7, horizon.horizon_days // 3)
    days = list(test_dates) or [latest - timedelta(days=step * i) for i in range(count)]
    found = [Slice(day, history.before(day, first_day, horizon)) for day in sorted(days)]
    untaught = [piece.test_date for piece in found if not piece.train_dates]
    if test_dates and untaught:
        raise NotReady(
            "NR012",
            f"no day to learn from lies before {untaught[0]}: the records begin on {first_day}.",
            "Ask for later test dates, or a shorter horizon.",
        )
    return tuple(piece for piece in found if piece.train_dates)
