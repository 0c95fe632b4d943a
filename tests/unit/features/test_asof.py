"""What was known when: instants, versions, days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from features.asof import (
    MISSING,
    NEVER,
    US_PER_DAY,
    day_of,
    default_as_of,
    instant,
    is_matured,
    is_visible,
    known_intervals,
    label_window,
    local_days,
    to_instant,
)

NOON = datetime(2011, 3, 1, 12, tzinfo=UTC)


def test_an_instant_is_midnight_utc_and_names_its_day() -> None:
    assert instant(date(2011, 3, 1)) == 15_034 * 86_400_000_000
    assert to_instant(NOON) - instant(date(2011, 3, 1)) == US_PER_DAY // 2
    assert day_of(to_instant(NOON)) == date(2011, 3, 1)
    assert day_of(-1) == date(1969, 12, 31)


def test_the_default_day_sees_everything_even_from_another_zone() -> None:
    late = datetime(2011, 12, 9, 23, tzinfo=ZoneInfo("America/New_York"))
    assert default_as_of(late) == date(2011, 12, 11)
    assert default_as_of(datetime(2011, 12, 9, tzinfo=UTC)) == date(2011, 12, 10)


def test_a_label_window_is_half_open_and_begins_after_the_lead() -> None:
    start, end = label_window(instant(date(2011, 1, 1)), lead_days=7, horizon_days=30)
    assert (day_of(start), day_of(end)) == (date(2011, 1, 8), date(2011, 2, 7))


def test_a_window_that_ends_a_day_after_the_records_has_not_matured() -> None:
    records_end = datetime(2011, 12, 9, 12, 50, tzinfo=UTC)
    assert is_matured(instant(date(2011, 12, 10)), records_end)
    assert not is_matured(instant(date(2011, 12, 11)), records_end)


@pytest.mark.parametrize(
    ("at", "known_from", "known_until", "is_seen"),
    [
        (9, 9, NEVER, True),
        (10, 10, NEVER, False),  # the event falls on the instant itself
        (10, 9, NEVER, False),  # ... and was known before, as a plan is
        (9, 10, NEVER, False),  # learnt on the instant itself
        (9, 9, 10, True),  # its successor is learnt on the instant, so seen only later
        (9, 9, 9, False),
    ],
)
def test_what_is_seen_just_before_instant_ten(
    at: int, known_from: int, known_until: int, is_seen: bool
) -> None:
    assert is_visible(at, known_from, known_until, 10) is is_seen


def _intervals(keys: list[int] | None, at: list[int], known: list[int]) -> list[tuple[int, int]]:
    given = None if keys is None else np.array(keys)
    found = known_intervals(given, np.array(at), np.array(known))
    return list(zip(*(part.tolist() for part in found), strict=True))


def test_a_version_counts_until_its_successor_is_known() -> None:
    assert _intervals([7, 7], [1, 1], [1, 5]) == [(1, 5), (5, NEVER)]


def test_the_successor_is_the_one_learnt_next_whatever_the_order_of_the_rows() -> None:
    assert _intervals([7, 7, 7], [1, 1, 1], [9, 1, 5]) == [(9, NEVER), (1, 5), (5, 9)]


def test_rows_of_no_key_and_of_tables_without_keys_replace_nothing() -> None:
    assert _intervals([-1, -1], [1, 1], [1, 5]) == [(1, NEVER), (5, NEVER)]
    assert _intervals(None, [1, 1], [1, 5]) == [(1, NEVER), (5, NEVER)]


def test_of_two_versions_learnt_together_the_later_row_counts() -> None:
    assert _intervals([7, 7], [1, 1], [5, 5]) == [(5, 5), (5, NEVER)]


def test_a_correction_that_moves_the_event_later_hides_nothing_before_then() -> None:
    # An order of day 1 is moved to day 10, which we learn on day 5.
    assert _intervals([7, 7], [1, 10], [1, 5]) == [(1, 10), (10, NEVER)]


def test_a_version_overtaken_before_its_event_never_counts() -> None:
    # Planned for day 10, moved to day 3 as we learn on day 5.
    (start, end), last = _intervals([7, 7], [10, 3], [1, 5])
    assert start >= end
    assert last == (5, NEVER)


@pytest.mark.parametrize(
    "zone", ["Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Asia/Tehran"]
)
def test_local_days_are_those_of_the_zone_database(zone: str) -> None:
    step = timedelta(hours=71, minutes=17)
    moments = [datetime(1999, 1, 1, tzinfo=UTC) + n * step for n in range(4000)]
    found = local_days(np.array([to_instant(moment) for moment in moments]), zone)
    expected = [
        (moment.astimezone(ZoneInfo(zone)).date() - date(1970, 1, 1)).days for moment in moments
    ]
    assert found.tolist() == expected


def test_the_day_changes_at_local_midnight_on_the_night_the_clocks_change() -> None:
    # Paris goes to summer time on 2011-03-27 at 01:00 UTC; that day ends at 22:00 UTC.
    before = to_instant(datetime(2011, 3, 27, 21, 59, 59, tzinfo=UTC))
    after = to_instant(datetime(2011, 3, 27, 22, tzinfo=UTC))
    first, second = local_days(np.array([before, after]), "Europe/Paris").tolist()
    assert second - first == 1


def test_a_missing_instant_stays_before_every_other() -> None:
    for zone in ("UTC", "America/New_York", "Asia/Kolkata"):
        missing, first = local_days(np.array([MISSING, 0]), zone).tolist()
        assert missing != first
