"""What the backward pass reads off the events of one entity, worked out by hand."""

from __future__ import annotations

from math import nan, sqrt

import numpy as np
import pytest

from features.asof import NEVER, US_PER_DAY
from features.events import sort_events
from features.kernel import Events, Output, State, compile_program, run
from features.kernel import Statistic as S

# Events on days 0, 10, 10.5, 30 and 40 of values 5, 1, 3, 3, missing; the one of day 10 is settled
# on day 20, that of day 30 on day 50.
DAYS = np.array([0.0, 10.0, 10.5, 30.0, 40.0])
VALUES = np.array([5.0, 1.0, 3.0, 3.0, nan])


def _events() -> Events:
    at = (DAYS * US_PER_DAY).astype(np.int64)
    later = np.array([NEVER, 20 * US_PER_DAY, NEVER, 50 * US_PER_DAY, NEVER])
    return sort_events(
        1,
        np.zeros(5, dtype=np.int64),
        at,
        known_from=at,
        known_until=np.full(5, NEVER),
        later=later,
        zone="UTC",
        flags={"is_early": DAYS < 20},
        measures={"value": VALUES},
    )


def _read(output: Output, as_of_day: float = 50, events: Events | None = None) -> float:
    events = events or _events()
    out = np.full((1, 1), -1.0)
    as_of = np.array([int(as_of_day * US_PER_DAY)])
    run(events, compile_program(events, {0: output}), np.zeros(1, dtype=np.int64), as_of, out)
    return float(out[0, 0])


@pytest.mark.parametrize(
    ("statistic", "measure", "expected"),
    [
        (S.COUNT, None, 5),
        (S.COUNT, "value", 4),
        (S.SUM, "value", 12),
        (S.MEAN, "value", 3),
        (S.STD, "value", sqrt(8 / 3)),
        (S.MIN, "value", 1),
        (S.MAX, "value", 5),
        (S.MEDIAN, "value", 3),
        (S.LAST, "value", 3),
        (S.FIRST, "value", 5),
        (S.DAYS, None, 4),
        (S.AGE_LAST, None, 10),
        (S.AGE_FIRST, None, 50),
        (S.AGE_OF_VALUE, "value", 39.5),
        (S.GAP_MEAN, None, 40 / 3),  # gaps of 10, 20 and 10 days
        (S.GAP_STD, None, sqrt(100 / 3)),
        (S.GAP_MEDIAN, None, 10),
        (S.GAP_MAX, None, 20),
        (S.RISES, "value", 1),
        (S.FALLS, "value", 1),
        (S.DISTINCT, "value", 3),
        (S.P80, "value", 3.8),  # of 1, 3, 3, 5: 0.4 of the way from 3 to 5
    ],
)
def test_a_statistic_of_the_whole_history(
    statistic: S, measure: str | None, expected: float
) -> None:
    assert _read(Output(statistic, measure)) == pytest.approx(expected, rel=1e-12)


def test_the_slope_is_least_squares_per_thirty_days() -> None:
    expected = 30 * np.polyfit(DAYS[:4], VALUES[:4], 1)[0]
    assert _read(Output(S.SLOPE, "value")) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("statistic", list(S))
def test_without_events_counts_are_zero_and_all_else_is_missing(statistic: S) -> None:
    counts = {S.COUNT, S.SUM, S.DAYS, S.RISES, S.FALLS, S.DISTINCT}
    found = _read(Output(statistic, "value"), as_of_day=0)
    assert found == 0 if statistic in counts else np.isnan(found)


@pytest.mark.parametrize("statistic", [S.STD, S.GAP_MEAN, S.GAP_STD, S.GAP_MAX, S.SLOPE])
def test_one_event_has_no_spread_gap_or_slope(statistic: S) -> None:
    assert np.isnan(_read(Output(statistic, "value"), as_of_day=5))


def test_an_event_on_the_as_of_instant_is_not_seen() -> None:
    assert _read(Output(S.COUNT), as_of_day=40) == 4
    assert _read(Output(S.COUNT), as_of_day=40.5) == 5


def test_a_window_holds_what_is_exactly_as_old() -> None:
    assert _read(Output(S.COUNT, window_days=10)) == 1
    assert _read(Output(S.COUNT, window_days=9.99)) == 0
    assert _read(Output(S.COUNT, window_days=20)) == 2


def test_what_is_skipped_ends_where_the_window_before_begins() -> None:
    # Seen on day 50, the events are 50, 40, 39.5, 20 and 10 days old.
    assert _read(Output(S.COUNT, skip_days=10)) == 4
    assert _read(Output(S.COUNT, skip_days=9.99)) == 5
    assert _read(Output(S.COUNT, window_days=40, skip_days=20)) == 2
    assert _read(Output(S.COUNT, window_days=20, skip_days=20)) == 0
    assert _read(Output(S.SUM, "value", window_days=40, skip_days=20)) == 4
    assert _read(Output(S.AGE_LAST, skip_days=20)) == 39.5
    assert np.isnan(_read(Output(S.MEAN, "value", window_days=15)))


def _shares(values: list[float], weights: list[float]) -> float:
    n = len(values)
    at = np.arange(n, dtype=np.int64) * US_PER_DAY
    events = sort_events(
        1, np.zeros(n, dtype=np.int64), at,
        known_from=at, known_until=np.full(n, NEVER), zone="UTC",
        measures={"value": np.array(values), "weight": np.array(weights)},
    )  # fmt: skip
    return _read(Output(S.TOP_SHARE, "value", weight="weight"), events=events)


def test_the_top_share_is_the_heaviest_value_over_all_of_them() -> None:
    assert _shares([1, 2, 1, 3], [10, 25, 20, 5]) == 0.5  # 30 of 60
    assert _shares([7], [3]) == 1
    # What has no value counts nowhere; what weighs nothing, or less, or is unknown, adds nothing.
    assert _shares([1, 2, nan], [1, 3, 100]) == 0.75
    assert _shares([1, 2, 2, 2], [1, 3, -5, nan]) == 0.75
    assert np.isnan(_shares([1, 2], [0, -1]))


@pytest.mark.parametrize("n", [15, 16, 17, 33, 200])
def test_what_needs_its_values_sorted_sorts_lists_of_any_length(n: int) -> None:
    values = (np.arange(n) * 7 % 23).astype(float)
    weights = np.arange(1.0, n + 1)
    at = np.arange(n, dtype=np.int64) * US_PER_DAY
    events = sort_events(
        1, np.zeros(n, dtype=np.int64), at,
        known_from=at, known_until=np.full(n, NEVER), zone="UTC",
        measures={"value": values, "weight": weights},
    )  # fmt: skip
    heaviest = max(weights[values == value].sum() for value in set(values.tolist()))
    assert _read(Output(S.MEDIAN, "value"), n, events) == np.median(values)
    assert _read(Output(S.P80, "value"), n, events) == pytest.approx(np.quantile(values, 0.8))
    assert _read(Output(S.DISTINCT, "value"), n, events) == np.unique(values).size
    found = _read(Output(S.TOP_SHARE, "value", weight="weight"), n, events)
    assert found == pytest.approx(heaviest / weights.sum())


def test_flags_must_all_be_set() -> None:
    assert _read(Output(S.COUNT, where=("is_early",))) == 3


def test_what_is_settled_on_the_as_of_instant_is_still_open() -> None:
    assert _read(Output(S.COUNT, state=State.SETTLED)) == 1
    assert _read(Output(S.COUNT, state=State.OPEN)) == 4
    assert _read(Output(S.COUNT, state=State.SETTLED), as_of_day=50.5) == 2


def test_outputs_of_one_pass_do_not_disturb_each_other() -> None:
    events = _events()
    outputs = {
        3: Output(S.COUNT, window_days=20),
        0: Output(S.COUNT),
        1: Output(S.SUM, "value", window_days=40),
        2: Output(S.SUM, "value"),
    }
    out = np.full((1, 5), -1.0)
    as_of = np.array([50 * US_PER_DAY])
    run(events, compile_program(events, outputs), np.zeros(1, dtype=np.int64), as_of, out)
    assert out.tolist() == [[5, 7, 12, 2, -1]]


def test_threads_change_no_bit() -> None:
    dice = np.random.default_rng(7)
    n = 20_000
    entity = np.sort(dice.integers(0, 500, n))
    at = dice.integers(0, 400 * US_PER_DAY, n)
    events = sort_events(
        500, entity, at, known_from=at, known_until=np.full(n, NEVER), zone="UTC",
        measures={"value": dice.normal(size=n)},
    )  # fmt: skip
    program = compile_program(
        events, {0: Output(S.STD, "value"), 1: Output(S.GAP_MEDIAN), 2: Output(S.P80, "value")}
    )
    rows = np.repeat(np.arange(500), 12)
    as_of = np.tile(np.arange(12) * 30 * US_PER_DAY, 500)
    one, two = np.empty((rows.size, 3)), np.empty((rows.size, 3))
    run(events, program, rows, as_of, one, threads=1)
    run(events, program, rows, as_of, two, threads=2)
    assert one.tobytes() == two.tobytes()


def test_many_days_at_once_are_those_of_each_day_alone() -> None:
    random = np.random.default_rng(5)
    # Entities of no event, of few, and of more than are kept sorted one by one; of every other
    # entity some events come late or are replaced.
    entity = np.repeat(np.arange(8), [0, 1, 5, 30, 33, 70, 200, 0])
    n = entity.size
    at = random.integers(0, 900, n) * US_PER_DAY // 2
    is_late = (random.random(n) < 0.3) & (entity % 2 == 0)
    known_from = np.where(is_late, at + random.integers(0, 90, n) * US_PER_DAY, at)
    is_replaced = (random.random(n) < 0.2) & (entity % 2 == 0)
    known_until = np.where(is_replaced, known_from + 60 * US_PER_DAY, NEVER)
    value = np.where(random.random(n) < 0.1, nan, random.integers(0, 9, n) / 7)
    events = sort_events(
        8, entity, at, known_from=known_from, known_until=known_until, zone="UTC",
        later=np.where(random.random(n) < 0.5, at + 40 * US_PER_DAY, NEVER),
        flags={"is_early": random.random(n) < 0.6},
        measures={"value": value, "weight": random.normal(size=n)},
    )  # fmt: skip
    outputs = [
        Output(statistic, "value", where, state, window, skip, "weight")
        for statistic in S
        for where, state, window, skip in (
            ((), State.ANY, None, 0.0),
            (("is_early",), State.ANY, 120, 0.0),
            ((), State.ANY, 300, 100),
            ((), State.OPEN, None, 0.0),
        )
    ]
    program = compile_program(events, dict(enumerate(outputs)))
    days = np.array([500, 30, 450, 100, 101, 170, 300, 440], dtype=np.int64) * US_PER_DAY
    who, when = np.repeat(np.arange(8), days.size), np.tile(np.sort(days), 8)
    together = np.empty((who.size, len(outputs)))
    run(events, program, who, when, together)
    alone = np.empty_like(together)
    for row in range(who.size):
        run(events, program, who[[row]], when[[row]], alone[row : row + 1])
    shuffled, order = np.empty_like(together), random.permutation(who.size)
    run(events, program, who[order], when[order], shuffled)
    assert np.isfinite(together).mean() > 0.5
    assert together.tobytes() == alone.tobytes()
    assert together[order].tobytes() == shuffled.tobytes()
