from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    roc_auc_score,
)
from sklearn.metrics import log_loss as sklearn_log_loss

from training.evaluate import (
    METRICS,
    Scored,
    auc,
    auc_gain,
    calibration_error_by_chance,
    calibration_intercept,
    calibration_slope,
    expected_calibration_error,
    lift_at,
    log_loss_gain,
    mean_metrics,
    measure,
    metric_interval,
)

RANDOM = np.random.default_rng(7)
LABEL = (RANDOM.random(500) < 0.3).astype(np.float64)
SCORE = np.clip(0.2 * LABEL + RANDOM.random(500) * 0.8, 0.01, 0.99)
TIED = np.round(SCORE, 1).clip(0.05, 0.95)


@pytest.mark.parametrize("score", [SCORE, TIED, np.full(500, 0.4)], ids=["free", "tied", "flat"])
def test_metrics_are_those_of_scikit_learn(score: np.ndarray) -> None:
    found = measure(score, LABEL)
    assert tuple(found) == METRICS
    expected = {
        "auc": roc_auc_score(LABEL, score),
        "average_precision": average_precision_score(LABEL, score),
        "brier": brier_score_loss(LABEL, score),
        "log_loss": sklearn_log_loss(LABEL, score),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12)


def test_an_auc_needs_both_outcomes() -> None:
    assert np.isnan(auc(np.array([0.1, 0.2]), np.array([1.0, 1.0])))
    assert np.isnan(measure(np.array([0.1, 0.2]), np.array([0.0, 0.0]))["average_precision"])


def test_a_model_that_says_what_happens_has_no_calibration_error() -> None:
    # ten tenths of ten rows; in the k-th, k of ten happen
    probability = np.repeat(np.arange(10) / 10, 10)
    label = (np.tile(np.arange(10), 10) < np.repeat(np.arange(10), 10)).astype(float)
    assert expected_calibration_error(probability, label) == pytest.approx(0.0, abs=1e-15)


def test_a_model_that_says_a_fifth_too_much_has_an_error_of_a_fifth() -> None:
    probability = np.repeat(np.arange(10) / 10, 10)
    label = (np.tile(np.arange(10), 10) < np.repeat(np.arange(10), 10)).astype(float)
    assert expected_calibration_error(probability + 0.2, label) == pytest.approx(0.2)


def test_errors_of_either_sign_do_not_cancel() -> None:
    probability = np.array([0.4] * 10 + [0.6] * 10)
    label = np.array([1.0] * 10 + [0.0] * 10)
    assert expected_calibration_error(probability, label, bins=2) == pytest.approx(0.6)
    assert expected_calibration_error(probability, label, bins=1) == pytest.approx(0.0)


def test_the_error_by_chance_is_that_of_a_perfect_model_of_the_same_size() -> None:
    random = np.random.default_rng(11)
    probability = random.beta(2, 5, size=1000)
    seen = [
        expected_calibration_error(probability, (random.random(1000) < probability).astype(float))
        for _ in range(300)
    ]
    assert calibration_error_by_chance(probability) == pytest.approx(np.mean(seen), rel=0.05)


def test_an_overconfident_model_has_a_calibration_slope_below_one() -> None:
    random = np.random.default_rng(5)
    margin = random.normal(size=40_000)
    label = (random.random(margin.size) < expit(margin)).astype(float)
    assert calibration_slope(expit(2 * margin), label) == pytest.approx(0.5, abs=0.02)
    assert calibration_slope(expit(margin), label) == pytest.approx(1.0, abs=0.03)
    assert np.isnan(calibration_slope(np.full(10, 0.3), np.array([0.0, 1.0] * 5)))


def test_the_lift_says_how_many_times_the_base_rate_the_top_holds() -> None:
    label = np.array([1.0, 1.0, 0.0, 1.0] + [0.0] * 16)
    score = np.linspace(1, 0, 20)
    assert lift_at(score, label) == pytest.approx((2 / 2) / (3 / 20))
    assert lift_at(score, label, share=0.2) == pytest.approx((3 / 4) / (3 / 20))


def test_ties_at_the_edge_of_the_top_are_counted_in_part() -> None:
    # the top two of twenty: one row surely, and one of four equal rows of which one is positive
    score = np.array([0.9, 0.8, 0.8, 0.8, 0.8] + [0.1] * 15)
    label = np.array([1.0, 1.0, 0.0, 0.0, 0.0] + [0.0] * 15)
    assert lift_at(score, label) == pytest.approx(((1 + 0.25) / 2) / (2 / 20))
    assert lift_at(np.full(20, 0.5), label) == pytest.approx(1.0)
    assert np.isnan(lift_at(score, np.zeros(20)))


def _slices() -> tuple[Scored, ...]:
    """Two days; accounts 0 to 29 recur, each with the same luck."""
    random = np.random.default_rng(3)
    found = []
    for day, size in (("2011-07-15", 40), ("2011-08-12", 30)):
        label = (random.random(size) < 0.4).astype(float)
        good = np.round(expit(1.5 * label + random.normal(size=size) - 0.7), 1).clip(0.05, 0.95)
        dull = np.round(random.random(size), 1).clip(0.05, 0.95)
        found.append(Scored(day, label, np.arange(size), {"good": good, "dull": dull}))
    return tuple(found)


def _repeat(piece: Scored, times: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    rows = np.repeat(np.arange(piece.label.size), times[piece.group])
    return piece.label[rows], piece.probability[name][rows]


def _resampled(slices: tuple[Scored, ...], draws: int) -> list[np.ndarray]:
    """How often each account is drawn, drawn as the bootstrap says it draws."""
    random = np.random.default_rng(7)
    groups = np.unique(np.concatenate([piece.group for piece in slices]))
    share = np.full(groups.size, 1 / groups.size)
    return [random.multinomial(groups.size, share) for _ in range(draws)]


def test_the_gain_in_auc_is_that_of_rows_written_out_as_often_as_they_are_drawn() -> None:
    slices = _slices()
    gains = []
    for times in _resampled(slices, 60):
        per_slice = [
            roc_auc_score(*_repeat(piece, times, "good"))
            - roc_auc_score(*_repeat(piece, times, "dull"))
            for piece in slices
        ]
        gains.append(np.mean(per_slice))
    found = auc_gain(slices, "good", "dull", draws=60)
    expected = np.mean(
        [
            roc_auc_score(p.label, p.probability["good"])
            - roc_auc_score(p.label, p.probability["dull"])
            for p in slices
        ]
    )
    assert found.mean == pytest.approx(expected)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(gains, [2.5, 97.5])))


def test_the_gain_in_log_loss_is_that_of_rows_written_out_as_often_as_they_are_drawn() -> None:
    slices = _slices()
    gains = []
    for times in _resampled(slices, 60):
        per_slice = [
            sklearn_log_loss(*_repeat(piece, times, "dull"))
            - sklearn_log_loss(*_repeat(piece, times, "good"))
            for piece in slices
        ]
        gains.append(np.mean(per_slice))
    found = log_loss_gain(slices, "good", "dull", draws=60)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(gains, [2.5, 97.5])))


def test_days_with_the_same_accounts_are_no_more_evidence_than_one_of_them() -> None:
    one = _slices()[0]
    again = Scored("2011-08-12", one.label, one.group, one.probability)
    alone, twice = (auc_gain(slices, "good", "dull", draws=200) for slices in ([one], [one, again]))
    assert twice == alone
    others = Scored("2011-08-12", one.label, one.group + 40, one.probability)
    apart = auc_gain([one, others], "good", "dull", draws=200)
    assert apart.high - apart.low < 0.8 * (alone.high - alone.low)


def test_a_model_gains_nothing_over_itself() -> None:
    found = auc_gain(_slices(), "good", "good", draws=20)
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


def test_means_over_days_leave_out_what_is_missing() -> None:
    found = mean_metrics(
        [dict.fromkeys(METRICS, 0.2), {**dict.fromkeys(METRICS, 0.4), "auc": float("nan")}]
    )
    assert (found["auc"], found["brier"]) == (0.2, pytest.approx(0.3))


@pytest.mark.parametrize(
    ("metric", "reference"),
    [("auc", roc_auc_score), ("brier", brier_score_loss), ("log_loss", sklearn_log_loss)],
)
def test_the_interval_of_a_metric_is_that_of_rows_written_out_as_often_as_they_are_drawn(
    metric: str, reference: Callable[..., float]
) -> None:
    slices = _slices()
    means = [
        np.mean([reference(*_repeat(piece, times, "good")) for piece in slices])
        for times in _resampled(slices, 60)
    ]
    found = metric_interval(slices, "good", metric, draws=60)
    assert found is not None
    expected = np.mean([reference(p.label, p.probability["good"]) for p in slices])
    assert found.mean == pytest.approx(expected)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])))


def test_a_day_on_which_one_outcome_alone_came_about_has_no_auc_and_is_left_out() -> None:
    one, other = _slices()
    lost = Scored(other.as_of_date, np.zeros(other.label.size), other.group, other.probability)
    assert auc_gain([one, lost], "good", "dull").mean == auc_gain([one], "good", "dull").mean
    assert metric_interval([lost], "good", "auc") is None


def test_a_base_rate_that_moved_shows_as_an_intercept() -> None:
    random = np.random.default_rng(6)
    margin = random.normal(size=40_000)
    label = (random.random(margin.size) < expit(margin + 0.7)).astype(float)
    assert calibration_intercept(expit(margin), label) == pytest.approx(0.7, abs=0.03)
    assert calibration_slope(expit(margin), label) == pytest.approx(1.0, abs=0.04)
    assert np.isnan(calibration_intercept(np.array([0.2, 0.3]), np.zeros(2)))
