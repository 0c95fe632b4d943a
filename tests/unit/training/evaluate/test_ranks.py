from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from training.evaluate.measures import lift_at
from training.evaluate.ranks import rank, rank_figures
from training.evaluate.resampling import Scored, draw_accounts, interval, weighted_mean

RANDOM = np.random.default_rng(5)
GROUP = RANDOM.integers(0, 80, 300)
LABEL = (RANDOM.random(300) < 0.3).astype(np.float64)
FREE = 0.2 * LABEL + RANDOM.random(300)
SCORES = {"free": FREE, "tied": np.round(FREE, 1), "flat": np.full(300, 0.4)}
WEIGHT = np.vstack(
    (np.ones(80, np.int64), RANDOM.multinomial(80, np.full(80, 1 / 80), size=20))
).astype(np.int32)


@pytest.mark.parametrize("name", SCORES)
def test_figures_are_those_of_rows_written_out_as_often_as_their_account_was_drawn(
    name: str,
) -> None:
    score = SCORES[name]
    found = rank_figures(rank(score, LABEL, GROUP), WEIGHT)
    for draw, weight in enumerate(WEIGHT):
        rows = np.repeat(np.arange(300), weight[GROUP])
        label, said = LABEL[rows], score[rows]
        assert found.auc[draw] == pytest.approx(roc_auc_score(label, said))
        assert found.average_precision[draw] == pytest.approx(average_precision_score(label, said))
        assert found.lift[draw] == pytest.approx(lift_at(said, label))


def test_a_draw_without_both_outcomes_has_no_auc() -> None:
    weight = np.zeros((2, 80), np.int32)
    weight[0, GROUP[LABEL == 0]] = 1
    weight[0, np.unique(GROUP[LABEL == 1])] = 0
    found = rank_figures(rank(FREE, LABEL, GROUP), weight)
    assert np.isnan(found.auc).all()
    assert np.isnan(found.lift).all()


def test_means_weigh_accounts_as_they_were_drawn() -> None:
    group, values = np.array([0, 0, 1]), np.array([1.0, 2.0, 6.0])
    weight = np.array([[1, 1], [2, 0], [0, 0]], np.int32)
    assert weighted_mean(values, group, weight)[:2].tolist() == [3.0, 1.5]
    assert np.isnan(weighted_mean(values, group, weight)[2])


def test_the_first_row_of_the_draws_counts_every_account_once() -> None:
    pieces = [Scored("d", np.zeros(3), np.array([2, 5, 5]), {})]
    weight = draw_accounts(pieces, 50, 7)
    assert weight.shape == (51, 6)
    assert weight[0].tolist() == [0, 0, 1, 0, 0, 1]
    assert weight[1:].sum(axis=1).tolist() == [2] * 50


def test_an_interval_leaves_out_draws_without_a_figure() -> None:
    found = interval(np.array([0.5, np.nan, 0.4, 0.6]))
    assert (found.mean, found.low, found.high) == (0.5, pytest.approx(0.405), pytest.approx(0.595))
    assert np.isnan(interval(np.array([0.5, np.nan])).low)
