"""Distributions with an atom at zero, by hand and by draws."""

from __future__ import annotations

import numpy as np
import pytest

from training.models.spread import (
    LEVELS,
    Amounts,
    Predicted,
    distribution,
    fit_spread,
    spread_from_json,
)

NORMAL = np.array([-1.2816, 0.0, 1.2816])


def _amounts(p_any: float, centre: float, size: float) -> Amounts:
    shape = np.interp(LEVELS, (0.1, 0.5, 0.9), NORMAL)
    one = np.ones(1)
    return Amounts(p_any * one, centre * one, size * one, shape, 1.0)


def test_the_atom_is_the_lower_end_where_nothing_is_likely_enough() -> None:
    found = _amounts(0.5, np.log(100.0), 1.0)
    assert found.quantile(0.1)[0] == 0.0
    assert found.quantile(0.49)[0] == 0.0
    # The 90 % quantile is the 80 % quantile of what is bought.
    inner = np.interp(0.8, (0.5, 0.9), (0.0, 1.2816))
    assert found.quantile(0.9)[0] == pytest.approx(100.0 * np.exp(inner), rel=0.01)


def test_who_surely_buys_has_the_quantiles_of_what_is_bought() -> None:
    found = _amounts(1.0, np.log(100.0), 0.5)
    assert found.quantile(0.5)[0] == pytest.approx(100.0)
    assert found.quantile(0.9)[0] == pytest.approx(100.0 * np.exp(0.5 * 1.2816), rel=0.01)


def test_the_expected_amount_is_chance_times_mean() -> None:
    shape = np.where(LEVELS < 0.5, -np.log(2.0), np.log(2.0))
    one = np.ones(1)
    found = Amounts(0.5 * one, np.log(200.0) * one, one, shape, 1.0)
    # Given any: 100 or 400, 250 on average.
    assert found.expected[0] == pytest.approx(125.0)


def test_an_amount_lies_at_its_quantile_and_nothing_lies_in_the_atom() -> None:
    found = _amounts(0.6, np.log(100.0), 1.0)
    high = found.quantile(0.8)
    assert found.place(high, np.zeros(1))[0] == pytest.approx(0.8, abs=0.005)
    assert found.place(np.zeros(1), np.array([0.5]))[0] == pytest.approx(0.2)


def _made(n: int, seed: int) -> tuple[Predicted, np.ndarray]:
    random = np.random.default_rng(seed)
    any_ = random.normal(0.5, 1.0, size=n)
    centre = random.normal(5.0, 1.0, size=n)
    size = np.exp(-0.5 - 0.3 * (any_ - 0.5))
    bought = random.random(n) < 1.0 / (1.0 + np.exp(-any_))
    amount = np.where(bought, np.exp(centre + size * random.normal(size=n)), 0.0)
    return Predicted(any_, centre), amount


def test_the_80_percent_interval_holds_80_percent_whatever_the_size() -> None:
    said, amount = _made(6_000, 1)
    spread = fit_spread(said, amount, slope=1.0, intercept=0.0, fitted_on="rolling")
    fresh, truth = _made(6_000, 2)
    found = distribution(fresh, spread)
    place = found.place(truth, np.random.default_rng(3).random(truth.size))
    inside = (place >= 0.1) & (place <= 0.9)
    assert inside.mean() == pytest.approx(0.8, abs=0.015)
    # Not only on average: also of those who buy much and of those who buy little.
    for half in (fresh.any > 0.5, fresh.any <= 0.5):
        assert inside[half].mean() == pytest.approx(0.8, abs=0.025)
    assert found.expected.sum() == pytest.approx(truth.sum(), rel=0.08)


def test_too_few_purchases_get_a_wide_spread_and_say_so() -> None:
    said, amount = _made(40, 4)
    spread = fit_spread(said, np.where(np.arange(40) < 5, amount, 0.0), slope=1.0, intercept=0.0,
                        fitted_on="folds")  # fmt: skip
    assert spread.fitted_on == "none"
    assert distribution(said, spread).size.tolist() == [1.0] * 40


def test_a_spread_is_read_back_as_it_was_and_broken_ones_are_refused() -> None:
    said, amount = _made(500, 5)
    spread = fit_spread(said, amount, slope=0.9, intercept=0.1, fitted_on="folds")
    body = spread.to_json()
    again = spread_from_json(body)
    assert again.to_json() == body
    with pytest.raises(ValueError, match="finite numbers"):
        spread_from_json({**body, "shape": body["shape"][:-1]})
    with pytest.raises(ValueError, match="finite numbers"):
        spread_from_json({**body, "level": float("nan")})


def test_a_line_that_runs_away_is_held_near_what_was_ever_bought() -> None:
    said, amount = _made(500, 6)
    spread = fit_spread(said, amount, slope=1.0, intercept=0.0, fitted_on="folds")
    wild = Predicted(np.zeros(2), np.array([50.0, -50.0]))
    found = distribution(wild, spread)
    bought = amount[amount > 0.0]
    np.testing.assert_allclose(
        np.exp(found.log_amount), [1.5 * bought.max(), bought.min() / 1.5], rtol=1e-9
    )
