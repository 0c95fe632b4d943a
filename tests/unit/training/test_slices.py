from __future__ import annotations

from datetime import date

import pytest

from features.errors import NotReady
from training.labels import Horizon
from training.slices import Slice, rolling_slices, train_dates

FIRST = date(2010, 12, 1)
END = date(2011, 12, 10)


def test_a_model_learns_from_days_whose_outcomes_had_matured() -> None:
    # 2011-09-10 less 90 days is 06-12; 193 days of history less 45 leave 148: 13 days apart
    assert train_dates(date(2011, 9, 10), FIRST, Horizon(90)) == (
        date(2011, 6, 12), date(2011, 5, 30), date(2011, 5, 17), date(2011, 5, 4),
        date(2011, 4, 21), date(2011, 4, 8), date(2011, 3, 26), date(2011, 3, 13),
        date(2011, 2, 28), date(2011, 2, 15), date(2011, 2, 2), date(2011, 1, 20),
    )  # fmt: skip


def test_a_lead_time_moves_them_back() -> None:
    assert train_dates(date(2011, 9, 10), FIRST, Horizon(90, 30))[0] == date(2011, 5, 13)


def test_a_long_history_is_learnt_from_in_steps_of_thirty_days() -> None:
    found = train_dates(date(2011, 9, 10), date(2005, 1, 1), Horizon(90), count=3)
    assert found == (date(2011, 6, 12), date(2011, 5, 13), date(2011, 4, 13))


def test_a_short_history_gives_few_days() -> None:
    # 04-01 less 90 days is 01-01; 60 days after 2010-11-02, of which 45 are kept for signals
    assert train_dates(date(2011, 4, 1), date(2010, 11, 2), Horizon(90)) == (
        date(2011, 1, 1), date(2010, 12, 25), date(2010, 12, 18),
    )  # fmt: skip


def test_a_history_without_room_gives_none() -> None:
    assert train_dates(date(2011, 4, 14), FIRST, Horizon(90)) == ()
    assert train_dates(date(2011, 4, 15), FIRST, Horizon(90)) == (date(2011, 1, 15),)


def test_a_short_horizon_is_learnt_from_day_by_day() -> None:
    found = train_dates(date(2011, 1, 20), FIRST, Horizon(10))
    assert found[:3] == (date(2011, 1, 10), date(2011, 1, 7), date(2011, 1, 4))
    assert found[-1] == date(2010, 12, 8)


def test_test_days_step_back_from_the_latest_matured_one_by_a_third_of_the_horizon() -> None:
    found = rolling_slices(FIRST, END, Horizon(90))
    assert [piece.test_date for piece in found] == [
        date(2011, 7, 13), date(2011, 8, 12), date(2011, 9, 11),
    ]  # fmt: skip
    for piece in found:
        assert (piece.test_date - piece.train_dates[0]).days == 90


def test_test_days_are_at_least_a_week_apart() -> None:
    found = rolling_slices(FIRST, END, Horizon(6), count=2)
    assert [piece.test_date for piece in found] == [date(2011, 11, 27), date(2011, 12, 4)]


def test_days_asked_for_come_oldest_first() -> None:
    asked = [date(2011, 9, 10), date(2011, 7, 15)]
    found = rolling_slices(FIRST, END, Horizon(90), test_dates=asked)
    assert [piece.test_date for piece in found] == [date(2011, 7, 15), date(2011, 9, 10)]


def test_a_day_whose_outcome_is_not_known_yet_is_refused() -> None:
    last = date(2011, 9, 11)
    assert rolling_slices(FIRST, END, Horizon(90), test_dates=[last]) == (
        Slice(last, train_dates(last, FIRST, Horizon(90))),
    )
    with pytest.raises(NotReady, match="2011-09-12 is not known yet") as refused:
        rolling_slices(FIRST, END, Horizon(90), test_dates=[date(2011, 9, 12)])
    assert refused.value.code == "NR010"


def test_days_without_anything_to_learn_from_give_no_slice() -> None:
    assert rolling_slices(date(2011, 9, 1), END, Horizon(90)) == ()


def test_a_day_asked_for_without_anything_to_learn_from_is_refused_by_name() -> None:
    with pytest.raises(NotReady, match=r"NR012 .*2011-03-01"):
        rolling_slices(FIRST, END, Horizon(90), test_dates=[date(2011, 3, 1), date(2011, 9, 10)])
