from __future__ import annotations

from itertools import combinations
from math import factorial

import lightgbm
import numpy as np
import pytest
import shap
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.contributions import contributions, margins
from training.forest import read_forest
from training.twigs import Tables, TooDeep, build_tables

Floats = NDArray[np.float64]

# One tree by hand: x0 <= 1 asks first, then x1 <= 5 where it does not hold. 60 rows of 100 pass
# the first, 10 of the other 40 the second.
TWO_SPLITS = """tree
num_tree_per_iteration=1
max_feature_idx=1

Tree=0
num_leaves=3
num_cat=0
split_feature=0 1
threshold=1 5
decision_type=2 2
left_child=-1 -2
right_child=1 -3
leaf_value=10 20 40
leaf_count=60 10 30
internal_count=100 40
is_linear=0
shrinkage=1


end of trees
"""


def test_a_tree_of_two_splits_is_shared_out_as_by_hand() -> None:
    # Base: 0.6 * 10 + 0.1 * 20 + 0.3 * 40 = 20.
    # A row with x0 = 2, x1 = 9 gets 40. Knowing x0 alone: 0.25 * 20 + 0.75 * 40 = 35.
    # Knowing x1 alone: 0.6 * 10 + 0.4 * 40 = 22.
    # x0: half of (35 - 20) and half of (40 - 22) = 16.5; x1: half of 2 and half of 5 = 3.5.
    tables = build_tables(read_forest(TWO_SPLITS))
    assert tables.base == pytest.approx(20.0)
    assert contributions(tables, np.array([[2.0, 9.0]])).tolist() == [pytest.approx([16.5, 3.5])]


def brute_force(text: str, row: Floats) -> list[float]:
    """Shapley values by the definition, of the path-dependent game of the first tree."""
    forest = read_forest(text)

    def value(known: frozenset[int], split: int) -> tuple[float, float]:
        """Expected leaf value below a child, and the rows that passed it."""
        if split < 0:
            return forest.leaf_value[-split - 1], forest.leaf_count[-split - 1]
        count = forest.split_count[split]
        children = [int(forest.left[split]), int(forest.right[split])]
        if int(forest.feature[split]) in known:
            side = 0 if row[forest.feature[split]] <= forest.threshold[split] else 1
            return value(known, children[side])[0], count
        parts = [value(known, child) for child in children]
        return sum(mean * n for mean, n in parts) / count, count

    n = forest.n_features
    found = []
    for own in range(n):
        others = [other for other in range(n) if other != own]
        total = 0.0
        for size in range(n):
            for known in combinations(others, size):
                weight = factorial(size) * factorial(n - 1 - size) / factorial(n)
                with_own = value(frozenset((*known, own)), 0)[0]
                total += weight * (with_own - value(frozenset(known), 0)[0])
        found.append(total)
    return found


def booster(values: Floats, label: Floats, rounds: int = 1, **settings: object) -> lightgbm.Booster:
    data = lightgbm.Dataset(
        values, label, categorical_feature=settings.pop("categories", "auto"),
        params={"verbose": -1, "min_data_in_bin": 1},
    )  # fmt: skip
    parameters = {
        "objective": "binary", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 2,
        "min_data_per_group": 2, "cat_smooth": 0.0, "min_sum_hessian_in_leaf": 0.0,
        "seed": 3, **settings,
    }  # fmt: skip
    return lightgbm.train(parameters, data, rounds)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_small_trees_give_the_shapley_values_of_the_definition(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(size=(60, 4)).round(1)
    label = (values[:, 0] + values[:, 1] * values[:, 2] + random.normal(size=60) > 0).astype(float)
    if label.min() == label.max():
        return
    text = booster(values, label, num_leaves=6).model_to_string()
    tables = build_tables(read_forest(text))
    for row in values[:3]:
        told = contributions(tables, row[None, :])[0]
        if tables.feature.size:
            assert told.tolist() == pytest.approx(brute_force(text, row), abs=1e-9)


ODD = (np.nan, 0.0, -0.0, 1e-36, -1e-36, 2e-35, -2e-35, np.inf, -np.inf, 1e300, -0.5, -1.0, 0.999,
       1.5, 31.0, 32.0, 63.0, 64.0, 2147483647.0, 2147483648.0, -2147483649.0)  # fmt: skip
"""Values at the borders of LightGBM's rules."""


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_decisions_are_those_of_lightgbm(
    seed: int, zero_as_missing: bool, use_missing: bool
) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(size=(300, 5)).round(1)
    values[:, 4] = random.integers(0, 70, 300)
    values[random.random(values.shape) < 0.15] = 0.0
    holes = random.random((300, 2)) < 0.2
    values[:, :2][holes] = np.nan
    signal = np.nan_to_num(values[:, 0]) + (values[:, 4] % 3) - 1 + 0.5 * values[:, 2]
    label = (signal + random.normal(size=300) > 0).astype(float)
    trees = booster(
        values, label, 8, num_leaves=8, max_depth=6, categories=[4],
        zero_as_missing=zero_as_missing, use_missing=use_missing,
    )  # fmt: skip
    thresholds = read_forest(trees.model_to_string()).threshold
    odd = np.array([*ODD, *np.unique(thresholds), *np.nextafter(thresholds, np.inf)])
    asked = np.vstack((values[:50], random.choice(odd, size=(300, 5))))
    forest = read_forest(trees.model_to_string())
    parts = contributions(tables := build_tables(forest), asked)
    assert np.abs(margins(tables, parts) - trees.predict(asked, raw_score=True)).max() < 1e-9
    expected = np.asarray(trees.predict(asked, pred_contrib=True))
    assert np.abs(parts - expected[:, :-1]).max() < 1e-9
    assert abs(tables.base - expected[0, -1]) < 1e-9


def test_a_real_model_is_explained_as_shap_does_and_in_threads_alike() -> None:
    random = np.random.default_rng(5)
    values = random.normal(size=(9_000, 12))
    values[random.random(values.shape) < 0.1] = np.nan
    label = (np.nan_to_num(values[:, 0]) * 2 + random.normal(size=9_000) > 0).astype(float)
    trees = booster(values, label, 40, num_leaves=31, max_depth=6)
    tables = build_tables(read_forest(trees.model_to_string()))
    parts = contributions(tables, values)
    explainer = shap.TreeExplainer(trees, feature_perturbation="tree_path_dependent")
    with pytest.warns(UserWarning, match="list of ndarray"):
        told = np.asarray(explainer.shap_values(values[:200]))
    assert np.abs(parts[:200] - told).max() < 1e-9
    assert np.array_equal(parts, contributions(tables, values, threads=1))
    assert np.array_equal(parts[4321], contributions(tables, values[4321:4322])[0])


def test_a_path_that_asks_too_many_features_is_said_to_be_too_deep() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(4_000, 12))
    label = (values.sum(axis=1) + random.normal(size=4_000) > 0).astype(float)
    trees = booster(values, label, 20, num_leaves=200, max_depth=-1)
    with pytest.raises(TooDeep, match="at most 8"):
        build_tables(read_forest(trees.model_to_string()))


def test_a_model_without_a_split_has_nothing_but_its_base() -> None:
    trees = booster(np.ones((40, 2)), np.array([0.0, 1.0] * 20), 2)
    tables = build_tables(read_forest(trees.model_to_string()))
    assert contributions(tables, np.ones((3, 2))).tolist() == [[0.0, 0.0]] * 3
    assert tables.base == pytest.approx(float(trees.predict(np.ones((1, 2)), raw_score=True)[0]))


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="2 features"):
        contributions(build_tables(read_forest(TWO_SPLITS)), np.ones((1, 3)))


def test_tables_are_read_back_from_plain_arrays_and_nothing_else() -> None:
    tables = build_tables(read_forest(TWO_SPLITS))
    again = Tables.from_bytes(tables.to_bytes())
    row = np.array([[2.0, 9.0]])
    assert contributions(again, row).tolist() == contributions(tables, row).tolist()
    assert again.base == tables.base
    with pytest.raises(ValueError, match="pickle"):
        Tables.from_bytes(b"not arrays")
