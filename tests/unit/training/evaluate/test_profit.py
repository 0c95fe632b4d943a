"""The expected maximum profit, beside sums and integrals done the long way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta
from sklearn.metrics import roc_curve

from training.evaluate.profit import Campaign, expected_maximum_profit, profit_curve

RANDOM = np.random.default_rng(9)
LABEL = (RANDOM.random(200) < 0.3).astype(np.float64)
SCORE = np.round(0.3 * LABEL + RANDOM.random(200), 1)
VALUE = RANDOM.lognormal(6.0, 1.0, 200)
RATES = np.linspace(0.0, 1.0, 20_001)


def _long_way(score: np.ndarray, value: np.ndarray, plan: Campaign) -> float:
    """Try every cutoff for each of many save rates, row by row."""
    best = np.zeros(RATES.size)
    for threshold in np.unique(score):
        earned = np.zeros(RATES.size)
        for left, worth in zip(LABEL[score >= threshold], value[score >= threshold], strict=True):
            if left:
                earned += RATES * (1 - plan.offer_share) * worth - plan.contact_cost
            else:
                earned -= plan.offer_share * worth + plan.contact_cost
        best = np.maximum(best, earned)
    return float(np.trapezoid(best * beta.pdf(RATES, plan.alpha, plan.beta), RATES)) / score.size


@pytest.mark.parametrize(
    "plan", [Campaign(), Campaign(80.0, 0.1, 2.0, 3.0), Campaign(1.0, 0.0), Campaign(5000.0)]
)
def test_it_is_the_profit_of_the_best_cutoff_averaged_over_save_rates(plan: Campaign) -> None:
    found = expected_maximum_profit(SCORE, LABEL, value=VALUE, campaign=plan)
    assert found.per_account == pytest.approx(_long_way(SCORE, VALUE, plan), rel=1e-4, abs=1e-6)
    assert 0.0 <= found.contacted <= 1.0


def test_with_one_value_for_all_it_is_the_measure_for_consumers() -> None:
    # EMPC as its authors write it: shares of churners and others above a cutoff (F0, F1), their
    # priors, and offer and call as fractions of one lifetime value; their defaults 200, 10 and 1.
    worth, delta, phi = 200.0, 10.0 / 200.0, 1.0 / 200.0
    others, churners, _ = roc_curve(LABEL, SCORE, drop_intermediate=False)
    prior = LABEL.mean()
    gains = worth * (RATES[:, None] * (1 - delta) - phi) * prior * churners
    losses = worth * (delta + phi) * (1 - prior) * others
    best = (gains - losses).max(axis=1)
    expected = np.trapezoid(best * beta.pdf(RATES, 6, 14), RATES)
    found = expected_maximum_profit(
        SCORE, LABEL, value=np.full(200, worth), campaign=Campaign(1.0, 0.05)
    )
    assert found.per_account == pytest.approx(expected, rel=1e-5)


def test_nobody_is_called_where_a_call_costs_more_than_it_saves() -> None:
    found = expected_maximum_profit(SCORE, LABEL, value=np.full(200, 1.0))
    assert (found.per_account, found.contacted) == (0.0, 0.0)


def test_whom_it_is_worth_keeping_counts_for_more() -> None:
    label, score = np.array([1.0, 1.0, 0.0]), np.array([0.9, 0.5, 0.1])
    large_first = expected_maximum_profit(score, label, value=np.array([900.0, 100.0, 100.0]))
    small_first = expected_maximum_profit(score, label, value=np.array([100.0, 900.0, 100.0]))
    assert large_first.per_account > small_first.per_account


def test_a_curve_ends_where_everyone_is_called() -> None:
    plan = Campaign(10.0, 0.1, 3.0, 7.0)
    label, value = np.array([1.0, 0.0]), np.array([1000.0, 500.0])
    found = profit_curve(
        np.array([0.9, 0.1]), label, value=value, places=np.array([0.0, 0.5, 1.0]), campaign=plan
    )
    # the first: 0.3 * 900 - 10 = 260; the second costs 10 + 50
    assert found.tolist() == pytest.approx([0.0, 130.0, 100.0])
