"""When, in the calendar, does a simulated day lie, and how busy is it?

Simulated time is a day number: day 0 is the first day of the history, 730.4 the morning of day 730.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from features.records.simulator.settings import HORIZON_DAYS, SimulatorSettings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER = 10**6
"""Day number of what does not happen; beyond any history."""

MICROSECONDS_PER_DAY = 86_400_000_000
_OPENS, _CLOSES = 7 * 3600, 17 * 3600
_BUSY_MONTHS = (0.95, 1.0, 1.08, 1.0, 0.95, 1.08, 0.9, 0.6, 1.15, 1.15, 1.15, 0.95)


def origin_microseconds(settings: SimulatorSettings) -> int:
    """Which UTC instant (microseconds since 1970) is the midnight that begins day 0?"""
    origin = settings.origin
    midnight = datetime(origin.year, origin.month, origin.day, tzinfo=UTC)
    return (midnight - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def office_hours(random: np.random.Generator, days: Ints) -> Floats:
    """At which moment of its day does each event happen? Between 7:00 and 17:00 UTC.

    Returns
    -------
    ndarray
        Day numbers with a fraction; the day itself never changes, so that what an as_of_date
        (a midnight) sees does not depend on the hour.
    """
    return days + random.integers(_OPENS, _CLOSES, days.size) / 86_400


def business_by_day(settings: SimulatorSettings) -> Floats:
    """How much business, in average days, has passed at the midnight that begins each day?

    Returns
    -------
    ndarray
        Shape (days + horizon + 1,), 0 at day 0; with `season` 0 it is the day number itself.
    """
    n_days = settings.days + HORIZON_DAYS
    dates = np.datetime64(settings.origin, "D") + np.arange(n_days)
    weekend = max(0.0, 1 - settings.season)
    week = np.where(np.is_busday(dates), (7 - 2 * weekend) / 5, weekend)
    month = dates.astype("datetime64[M]").astype(np.int64) % 12
    year = 1 + settings.season * (np.array(_BUSY_MONTHS)[month] - 1)
    return np.concatenate([[0.0], np.cumsum(week * year)])
