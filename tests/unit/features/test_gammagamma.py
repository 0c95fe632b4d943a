"""Gamma-Gamma against published figures and against customers made by its own assumptions."""

from __future__ import annotations

import numpy as np
import pytest

from features.gammagamma import GammaGamma, expected_amount, fit

# Fader & Hardie's note 025 on the CDNOW sample: p 6.25, q 3.74, gamma 15.44.
CDNOW = GammaGamma(6.25, 3.74, 15.44)


@pytest.mark.parametrize(
    ("purchases", "mean", "expected"),
    [
        # What users of that sample are shown for its first customers, to two digits.
        (2, 22.35, 24.66),
        (1, 11.77, 18.91),
        (7, 73.74, 71.46),
        (2, 25.55, 27.28),
        (0, 0.0, 35.17),
    ],
)
def test_expected_amounts_of_cdnow_customers(purchases: int, mean: float, expected: float) -> None:
    found = expected_amount(np.array([float(purchases)]), np.array([mean]), CDNOW)
    # The published parameters are rounded.
    assert found[0] == pytest.approx(expected, abs=0.06)


def test_customers_made_by_its_assumptions_give_their_numbers_back() -> None:
    random = np.random.default_rng(5)
    p, q, v, n = 4.0, 3.0, 60.0, 4000
    x = random.integers(1, 12, size=n).astype(np.float64)
    rate = random.gamma(q, 1.0 / v, size=n)
    mean = random.gamma(p * x, 1.0 / rate) / x
    found = fit(x, mean)
    assert found is not None
    assert found.p == pytest.approx(p, rel=0.1)
    assert found.q == pytest.approx(q, rel=0.1)
    # The mean of all customers, p v / (q - 1) = 120.
    assert found.p * found.v / (found.q - 1.0) == pytest.approx(120.0, rel=0.05)


def test_the_currency_unit_cancels() -> None:
    random = np.random.default_rng(6)
    x = random.integers(1, 6, size=300).astype(np.float64)
    mean = random.gamma(3.0, 20.0, size=300)
    one, other = fit(x, mean), fit(x, 100.0 * mean)
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(
        (other.p, other.q, other.v), (one.p, one.q, 100.0 * one.v), rtol=1e-3
    )


def test_a_handful_of_customers_is_too_few() -> None:
    assert fit(np.ones(9), np.full(9, 20.0)) is None
    assert fit(np.array([]), np.array([])) is None
