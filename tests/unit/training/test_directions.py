"""A belief of the trade binds the trees until the records refute it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from tests.unit.training.made import NAMES, TASK, dataset
from training.dataset import task
from training.directions import kept_directions, rank_surplus, stated_directions
from training.models import TreeSettings, fit_trees, select


def test_the_catalogue_states_more_silence_more_churn_and_fewer_deals_won() -> None:
    assert stated_directions(TASK, ("days_since_last_order", "orders_90d")) == (1, -1)
    names = ("stage_win_rate", "stage_age_days", "amount_change", "nowhere")
    assert stated_directions(task("close"), names) == (1, -1, 0, 0)


def test_what_the_rows_agree_with_is_kept_and_what_they_refute_is_dropped() -> None:
    # The first column decides, upwards, as the catalogue says; the others are noise.
    assert kept_directions(dataset(400), TASK, NAMES)[0] == 1
    assert kept_directions(dataset(400, effect=-1.5), TASK, NAMES)[0] == 0


def test_the_rank_surplus_is_the_standardised_rank_sum() -> None:
    random = np.random.default_rng(3)
    value, label = random.normal(size=60), (random.random(60) < 0.4).astype(np.float64)
    u = mannwhitneyu(value[label == 1], value[label == 0]).statistic
    ones, zeros = label.sum(), 60 - label.sum()
    expected = (u - ones * zeros / 2) / np.sqrt(ones * zeros * 61 / 12)
    assert rank_surplus(value, label) == pytest.approx(expected)
    assert np.isnan(rank_surplus(value[:9], label[:9]))


def test_bound_trees_never_fall_where_they_may_only_rise() -> None:
    data = dataset(600, effect=0.1)
    settings = TreeSettings(leaves=12, rows_per_leaf=5, learning_rate=0.3, rounds=50)

    def least_step(directions: tuple[int, ...]) -> float:
        rung = fit_trees(data, NAMES, settings, directions)
        values = select(data.matrix.take(np.zeros(201, dtype=np.int64)), NAMES)
        values[:] = np.nan_to_num(values)
        values[:, 0] = np.linspace(-3, 3, 201)
        return float(np.diff(rung.booster.predict(values, raw_score=True, num_threads=1)).min())

    assert least_step((1, 0, 0, 0)) >= 0.0
    assert least_step(()) < 0.0
