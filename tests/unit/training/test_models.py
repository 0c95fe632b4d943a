from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from features.matrix import FeatureMatrix
from tests.unit.training.made import NAMES, champion, dataset, rungs
from training.models import RUNGS, TreeSettings, fit_prior, fit_rates, fit_trees, usable_features

DATA = dataset()


def _two_rows() -> FeatureMatrix:
    data = dataset(accounts=30, seed=3)
    values = data.matrix.values.copy()
    values[0] = np.nan
    values[1] = (1e12, -1e12, 0.0, np.nan)
    return replace(data.matrix, values=values)


@pytest.mark.parametrize("name", RUNGS)
def test_base_and_contributions_add_up_to_the_margin(name: str) -> None:
    rung, rows = rungs(DATA)[name], _two_rows()
    base, parts = rung.contributions(rows)
    assert parts.shape == (rows.code.size, len(rung.features))
    np.testing.assert_allclose(base + parts.sum(axis=1), rung.margin(rows), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", RUNGS)
def test_they_add_up_after_calibration_too(name: str) -> None:
    model, rows = champion(rungs(DATA)[name]), _two_rows()
    base, parts = model.contributions(rows)
    np.testing.assert_allclose(base + parts.sum(axis=1), model.margin(rows), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", RUNGS)
def test_no_rows_get_no_margins_and_no_contributions(name: str) -> None:
    rung, none = rungs(DATA)[name], DATA.matrix.take(np.array([], dtype=np.int64))
    assert rung.margin(none).shape == (0,)
    assert rung.contributions(none)[1].shape == (0, len(rung.features))


@pytest.mark.parametrize("name", RUNGS)
def test_a_row_gets_the_same_margin_alone_and_among_others(name: str) -> None:
    rung, rows = rungs(DATA)[name], _two_rows()
    together = rung.margin(rows)
    alone = [rung.margin(rows.take(np.array([i])))[0] for i in range(12)]
    assert alone == together[:12].tolist()
    parts = rung.contributions(rows)[1]
    np.testing.assert_array_equal(rung.contributions(rows.take(np.arange(3, 7)))[1], parts[3:7])


def test_the_mean_row_has_the_logistic_base() -> None:
    rung = rungs(DATA)["logistic"]
    base, parts = rung.contributions(DATA.matrix)
    np.testing.assert_allclose(parts.mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(base, rung.margin(DATA.matrix).mean(), atol=1e-9)


def test_the_logistic_rung_is_that_of_scikit_learn_on_standardised_columns() -> None:
    values = np.where(np.isnan(DATA.matrix.values), 0.0, DATA.matrix.values)
    data = replace(DATA, matrix=replace(DATA.matrix, values=values))
    squeezed = np.sign(values) * np.log1p(np.abs(values))
    design = (squeezed - squeezed.mean(axis=0)) / squeezed.std(axis=0)
    reference = LogisticRegression(C=0.1, tol=1e-10, max_iter=1000).fit(design, data.label)
    expected = logit(reference.predict_proba(design)[:, 1])
    np.testing.assert_allclose(rungs(data)["logistic"].margin(data.matrix), expected, atol=2e-3)


def test_the_prior_is_the_base_rate_with_half_a_row_of_either_outcome() -> None:
    four = DATA.take(np.flatnonzero(DATA.label == 1)[:3])
    prior = fit_prior(four)
    np.testing.assert_allclose(prior.margin(four.matrix), np.log(3.5 / 0.5))


def test_a_rate_leans_on_the_base_rate_by_twenty_rows() -> None:
    rows = np.concatenate(
        (np.flatnonzero(DATA.label == 1)[:30], np.flatnonzero(DATA.label == 0)[:30])
    )
    data = DATA.take(rows)
    segment = np.array(["good"] * 30 + ["bad"] * 30, dtype=object)
    data = replace(data, matrix=replace(data.matrix, keys={"segment": segment}))
    rates = fit_rates(data, "segment")
    # base rate 30.5 / 61 = 1/2: 30 of 30 becomes (30 + 10) / 50, 0 of 30 becomes 10 / 50
    np.testing.assert_allclose(rates.log_odds["good"], np.log(4.0))
    np.testing.assert_allclose(rates.log_odds["bad"], np.log(0.25))
    unknown = replace(data.matrix, keys={"segment": np.array([None, "new"] * 30, dtype=object)})
    np.testing.assert_allclose(rates.margin(unknown), 0.0, atol=1e-12)


def test_columns_that_never_vary_are_left_out_and_missingness_counts_as_varying() -> None:
    values = DATA.matrix.values.copy()
    values[:, 0] = 3.0
    values[:, 1] = np.nan
    values[:, 2] = np.where(np.arange(DATA.size) % 2 == 0, 1.0, np.nan)
    data = replace(DATA, matrix=replace(DATA.matrix, values=values))
    assert usable_features(data) == NAMES[2:]


def test_the_same_rows_and_seed_grow_the_same_trees() -> None:
    settings = TreeSettings(rounds=10)
    one, other = (fit_trees(DATA, NAMES, settings).booster.model_to_string() for _ in range(2))
    assert one == other


def test_no_path_has_more_than_six_conditions() -> None:
    settings = TreeSettings(leaves=31, rows_per_leaf=5, rounds=20)
    found = fit_trees(DATA, NAMES, settings).booster.trees_to_dataframe()
    assert found["node_depth"].max() <= 7
