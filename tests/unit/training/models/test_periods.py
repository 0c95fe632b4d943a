"""Periods, life tables and curves, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit

from training.labels import LOST, OPEN, WON, Durations
from training.models.periods import (
    Curves,
    chances,
    choose_edges,
    expand,
    life_table,
    losses,
    shifted_to,
)

EDGES = np.array([0.0, 10.0, 30.0])


def _deals(*rows: tuple[float, int, float]) -> Durations:
    days, cause, followed = zip(*rows, strict=True)
    return Durations(np.array(days), np.array(cause), np.array(followed))


def test_a_deal_teaches_the_periods_it_entered_that_ended_before_it_was_lost_from_sight() -> None:
    deals = _deals(
        (4.0, WON, 40.0),  # closed in the first period
        (12.0, LOST, 40.0),  # survived the first, closed in the second
        (35.0, OPEN, 35.0),  # survived both
        (12.0, OPEN, 12.0),  # the second is cut short
        (12.0, WON, 20.0),  # so it is here, though the deal closed in it
        (5.0, OPEN, 5.0),  # even the first is cut short
    )
    found = expand(deals, EDGES)
    assert list(zip(found.row, found.period, found.cause, strict=True)) == [
        (0, 0, WON), (1, 0, OPEN), (1, 1, LOST), (2, 0, OPEN), (2, 1, OPEN), (3, 0, OPEN),
        (4, 0, OPEN),
    ]  # fmt: skip


def test_a_life_table_counts_and_leans_on_what_it_is_given() -> None:
    deals = _deals(*[(4.0, WON, 40.0)] * 3, *[(12.0, LOST, 40.0)] * 2, *[(40.0, OPEN, 40.0)] * 5)
    rows = expand(deals, EDGES)
    bare = chances(life_table(rows, 2, np.array([[0.5], [0.5]]), 0.0)[None])[0]
    # 3 of 10 won in the first period; of the 7 left, 2 lost in the second.
    np.testing.assert_allclose(bare, [[0.3, 0.0], [0.0, 2 / 7]], atol=1e-6)
    leaning = chances(life_table(rows, 2, np.array([[0.2], [0.1]]), 10.0)[None])[0]
    np.testing.assert_allclose(leaning, [[5 / 20, 2 / 17], [1 / 20, 3 / 17]], atol=1e-9)


def test_the_loss_is_what_was_said_of_what_came() -> None:
    rows = expand(_deals((12.0, LOST, 40.0)), EDGES)
    margins = np.log(np.array([[[0.2 / 0.7, 0.2 / 0.5], [0.1 / 0.7, 0.3 / 0.5]]]))
    np.testing.assert_allclose(losses(rows, margins), [-np.log(0.7), -np.log(0.3)])


def test_within_a_period_every_day_is_alike_and_beyond_the_last_it_goes_on() -> None:
    curves = Curves(EDGES, np.array([[[0.19, 0.5], [0.0, 0.0]]]))
    # 0.81 are left after ten days: 0.9 after five.
    np.testing.assert_allclose(curves.by(5.0)[0], 0.1)
    np.testing.assert_allclose(curves.by(30.0)[0], 1 - 0.81 * 0.5)
    # Half are gone every twenty days.
    np.testing.assert_allclose(curves.by(50.0)[0], 1 - 0.81 * 0.25)
    np.testing.assert_allclose(curves.days_until(1 - 0.81 * 0.25), 50.0)
    np.testing.assert_allclose(curves.days_until(0.1), 5.0)


def test_curves_are_moved_to_what_the_close_model_says() -> None:
    random = np.random.default_rng(4)
    margins = random.normal(-2.0, 1.0, size=(50, 2, 2))
    p_win = random.uniform(0.02, 0.9, size=50)
    p_win[7] = np.nan
    moved = shifted_to(EDGES, margins, p_win, 25.0)
    won, lost = moved.by(25.0)
    known = ~np.isnan(p_win)
    np.testing.assert_allclose(won[known], p_win[known], atol=1e-9)
    assert (won + lost < 1.0).all()
    as_it_was = Curves(EDGES, chances(margins))
    np.testing.assert_allclose(moved.chance[7], as_it_was.chance[7])
    later = [moved.by(day)[0] for day in (5.0, 25.0, 60.0, 1e4)]
    assert (np.diff(later, axis=0) >= 0).all()


def test_few_closings_make_few_periods_and_none_make_one() -> None:
    assert choose_edges(_deals((3.0, OPEN, 3.0), (9.0, OPEN, 9.0))).tolist() == [0.0, 9.0]
    assert choose_edges(_deals((3.0, WON, 30.0), (9.0, OPEN, 9.0))).tolist() == [0.0, 3.0]


def test_no_period_after_the_first_is_over_half_as_long_again_as_its_start() -> None:
    days = np.concatenate((np.linspace(1, 20, 200), [200.0]))
    edges = choose_edges(Durations(days, np.full(201, WON), np.full(201, 300.0)))
    assert edges[-1] == 200.0
    assert (edges[2:] <= np.ceil(1.5 * edges[1:-1]) + 1.0).all()


def test_log_odds_of_a_chance_are_against_staying_open() -> None:
    assert chances(np.array([[[logit(0.5)], [-50.0]]]))[0, 0, 0] == pytest.approx(0.5)
