"""The BG/NBD model gives what its paper and a slow, separate calculation give."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from features.bgnbd import BgNbd, _log_likelihood, expected_if_alive, fit, p_alive, p_silent

CDNOW = BgNbd(0.243, 4.414, 0.793, 2.426)
"""The estimates of table 2 of the paper, in weeks."""
LOGS = np.array([log(0.243), log(4.414), log(0.793), log(2.426)])


def _one(*values: float) -> tuple[np.ndarray, ...]:
    return tuple(np.array([value]) for value in values)


def _expected(x: float, last: float, age: float, *model: np.ndarray) -> np.ndarray:
    count, recency, tenure = _one(x, last, age)
    alive = p_alive(count, recency, tenure, *model)
    return alive * expected_if_alive(count, tenure, *model, ahead=39.0)


def test_the_customer_of_the_paper_is_expected_to_buy_about_once_in_39_weeks() -> None:
    # x = 2, t_x = 30.43, T = 38.86: 1.226 in the paper and in its spreadsheet.
    model = _one(CDNOW.r, CDNOW.alpha, CDNOW.a, CDNOW.b)
    found = _expected(2, 30.43, 38.86, *model)
    assert found[0] == pytest.approx(1.226028174767135, rel=1e-9)


def test_whoever_never_came_back_is_expected_to_buy_far_less() -> None:
    model = _one(CDNOW.r, CDNOW.alpha, CDNOW.a, CDNOW.b)
    found = _expected(0, 0, 38.86, *model)
    assert found[0] == pytest.approx(0.19509805201125396, rel=1e-9)


def test_the_customer_of_the_paper_is_probably_alive() -> None:
    model = _one(CDNOW.r, CDNOW.alpha, CDNOW.a, CDNOW.b)
    # 0.793 / 3.426 * (43.274 / 34.844) ** 2.243 = 0.37631 against 1.
    found = p_alive(*_one(2, 30.43, 38.86), *model)
    assert found[0] == pytest.approx(0.726578570080673, rel=1e-12)


def test_one_purchase_leaves_a_customer_alive_and_none_is_not_known() -> None:
    model = _one(CDNOW.r, CDNOW.alpha, CDNOW.a, CDNOW.b)
    assert p_alive(*_one(0, 0, 300), *model).tolist() == [1.0]
    assert np.isnan(p_alive(*_one(0, np.nan, np.nan), *model)).all()


@pytest.mark.parametrize(
    ("x", "last", "age", "expected"),
    [(2.0, 30.43, 38.86, -9.458606307066272), (0.0, 0.0, 38.86, -0.5547132764381585)],
)
def test_the_likelihood_is_that_of_the_paper(
    x: float, last: float, age: float, expected: float
) -> None:
    customer = np.array([x]), np.array([0]), np.array([last]), np.array([age])
    likelihood, _ = _log_likelihood(LOGS, *customer)
    assert likelihood == pytest.approx(expected, rel=1e-10)


def test_the_slope_of_the_likelihood_is_that_of_its_differences() -> None:
    some, which = np.array([0.0, 2.0, 7.0]), np.array([1, 0, 2, 1])
    last, age = np.array([30.43, 0.0, 38.0, 0.5]), np.array([38.86, 12.0, 38.86, 60.0])
    _, slope = _log_likelihood(LOGS, some, which, last, age)
    for place, step in enumerate(np.eye(4) * 1e-6):
        above, _ = _log_likelihood(LOGS + step, some, which, last, age)
        below, _ = _log_likelihood(LOGS - step, some, which, last, age)
        assert slope[place] == pytest.approx((above - below) / 2e-6, rel=1e-7)


def test_silence_is_the_chance_of_being_gone_or_alive_without_a_purchase() -> None:
    # alive 0.7265786, and then (43.274 / 53.274) ** 2.243 without a purchase in ten weeks
    found = p_silent(*_one(2, 30.43, 38.86), CDNOW, lead=0.0, ahead=10.0)
    silent = (43.274 / 53.274) ** 2.243
    assert found[0] == pytest.approx(1 - 0.726578570080673 * (1 - silent), rel=1e-12)


def test_nobody_has_no_model() -> None:
    assert fit(np.empty(0), np.empty(0), np.empty(0)) is None


def test_the_fit_is_where_another_optimiser_ends() -> None:
    found = fit(np.array([3.0, 0.0]), np.array([60 / 7, 0.0]), np.array([89.5 / 7, 1 / 7]))
    assert found is not None
    values = (found.r, found.alpha, found.a, found.b)
    # Nelder-Mead from the same start, on a likelihood written apart.
    assert values == pytest.approx((39.5214647, 167.338697, 0.159689328, 10.6841723), rel=2e-3)


def test_a_fit_finds_back_what_made_the_customers() -> None:
    dice = np.random.default_rng(5)
    rows = []
    for _ in range(3000):
        rate, drop, age = dice.gamma(1.5, 1 / 6.0), dice.beta(0.8, 2.5), dice.uniform(20, 60)
        x, at, alive = 0, 0.0, True
        while alive:
            step = dice.exponential(1 / rate)
            if at + step > age:
                break
            at, x = at + step, x + 1
            alive = dice.random() > drop
        rows.append((x, at, age))
    x, last, age = np.array(rows, dtype=float).T
    model = fit(x, last, age)
    assert model is not None
    assert model.r / model.alpha == pytest.approx(1.5 / 6.0, rel=0.1)
    assert model.a / (model.a + model.b) == pytest.approx(0.8 / 3.3, rel=0.15)
