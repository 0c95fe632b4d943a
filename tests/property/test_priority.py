"""What the formula promises whatever the numbers are."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from portfolio.actions import PlayPriors, save_actions
from portfolio.priority import Actions, MoneyScale, Priority, Weights, prioritise

shares = st.floats(0.0, 1.0)
money = st.floats(0.0, 1e9)
any_money = st.one_of(money, st.just(float("nan")), st.floats(-1e6, 0.0))
days = st.floats(0.0, 5000.0)
weights = st.tuples(*(st.floats(0.0, 10.0) for _ in range(4))).filter(lambda w: sum(w) > 1e-3)
scales = st.tuples(st.floats(1e-2, 1e6), st.floats(1.0, 1e3), st.floats(0.1, 1e3)).map(
    lambda drawn: MoneyScale(drawn[0], drawn[0] * drawn[1], drawn[0] * drawn[2])
)
SLACK = 1e-9


def _ask(
    rows: list[tuple[float, float, float, float]],
    scale: MoneyScale,
    weight: tuple[float, float, float, float],
) -> Priority:
    stake, probability, risk, taken = (np.array(column) for column in zip(*rows, strict=True))
    actions = Actions(stake, probability, risk, taken)
    return prioritise(actions, scale, Weights(*weight), reference_days=90.0)


@given(
    st.lists(st.tuples(any_money, shares, shares, days), min_size=1, max_size=5), scales, weights
)
def test_points_are_never_negative_and_add_up_to_a_score_from_0_to_100(
    rows: list[tuple[float, float, float, float]],
    scale: MoneyScale,
    weight: tuple[float, float, float, float],
) -> None:
    found = _ask(rows, scale, weight)
    assert (found.points >= 0).all()
    assert (found.score >= 0).all()
    assert (found.score <= 100 + SLACK).all()
    assert ((found.value >= 0) & (found.value <= 1)).all()
    np.testing.assert_allclose(found.points.sum(axis=1), found.score, rtol=0, atol=SLACK)
    assert np.isfinite(found.expected_amount).all()


@given(money, shares, shares, days, money, shares, shares, days, scales, weights)
def test_it_rises_with_potential_and_probability_and_falls_with_risk_and_duration(
    stake: float,
    probability: float,
    risk: float,
    taken: float,
    more_stake: float,
    more_probability: float,
    more_risk: float,
    longer: float,
    scale: MoneyScale,
    weight: tuple[float, float, float, float],
) -> None:
    base = (stake, probability, risk, taken)
    better = [
        (max(stake, more_stake), probability, risk, taken),
        (stake, max(probability, more_probability), risk, taken),
        (stake, probability, min(risk, more_risk), taken),
        (stake, probability, risk, min(taken, longer)),
    ]
    score = _ask([base, *better], scale, weight).score
    assert (score[1:] >= score[0] - SLACK).all()


@given(money, shares, shares, shares, st.floats(0.0, 1.0), scales, weights)
def test_saving_an_account_becomes_more_urgent_as_it_becomes_likelier_to_leave(
    value: float,
    one: float,
    other: float,
    success: float,
    void: float,
    scale: MoneyScale,
    weight: tuple[float, float, float, float],
) -> None:
    p_churn = np.array(sorted((one, other)))
    plays = PlayPriors(save_success=success, save_void=void)
    actions = save_actions(np.full(2, value), p_churn, plays)
    found = prioritise(actions, scale, Weights(*weight), reference_days=90.0)
    assert found.score[1] >= found.score[0] - SLACK
    assert found.expected_amount[1] >= found.expected_amount[0]


def test_it_rises_strictly_between_nothing_at_stake_and_the_cap() -> None:
    actions = save_actions(np.full(3, 1000.0), np.array([0.2, 0.5, 0.9]), PlayPriors())
    scale = MoneyScale(500.0, 2000.0, 2000.0)
    score = prioritise(actions, scale, Weights(), reference_days=90.0).score
    assert (np.diff(score) > 1.0).all()


@given(
    st.lists(st.tuples(money, shares, shares, days), min_size=1, max_size=5),
    scales,
    weights,
    st.floats(1e-3, 1e3),
)
def test_the_unit_of_the_currency_cancels(
    rows: list[tuple[float, float, float, float]],
    scale: MoneyScale,
    weight: tuple[float, float, float, float],
    unit: float,
) -> None:
    found = _ask(rows, scale, weight)
    cents = [(stake * unit, *rest) for stake, *rest in rows]
    in_cents = replace(
        scale, median=scale.median * unit, p95=scale.p95 * unit, cap=scale.cap * unit
    )
    np.testing.assert_allclose(
        _ask(cents, in_cents, weight).score, found.score, rtol=1e-9, atol=1e-7
    )


@given(
    st.lists(st.tuples(money, shares, shares, days), min_size=1, max_size=5),
    scales,
    weights,
    st.floats(0.01, 100.0),
)
def test_only_the_ratios_of_the_weights_matter(
    rows: list[tuple[float, float, float, float]],
    scale: MoneyScale,
    weight: tuple[float, float, float, float],
    factor: float,
) -> None:
    larger = tuple(factor * part for part in weight)
    np.testing.assert_allclose(
        _ask(rows, scale, larger).score,  # type: ignore[arg-type]
        _ask(rows, scale, weight).score,
        rtol=1e-9,
        atol=1e-7,
    )
