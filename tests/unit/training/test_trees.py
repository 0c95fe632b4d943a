from __future__ import annotations

import re

import lightgbm
import numpy as np
import pytest

from features.errors import ModelError
from tests.unit.training.made import NAMES, dataset, rungs
from training.artefact.trees import readable_trees
from training.models import Boosted, select

DATA = dataset()
RUNG = rungs(DATA)["lightgbm"]
assert isinstance(RUNG, Boosted)
TEXT = RUNG.booster.model_to_string()


def _read(text: str) -> str:
    return readable_trees("boosters/margin.txt", text.encode())


def _refused(text: str) -> str:
    with pytest.raises(ModelError) as refused:
        _read(text)
    assert refused.value.code == "ME008"
    return refused.value.message


def _changed(pattern: str, by: str) -> str:
    found, count = re.subn(pattern, by, TEXT, count=1, flags=re.MULTILINE)
    assert count == 1
    assert found != TEXT
    # as if LightGBM had written it: the sizes of the trees agree
    sizes = [len(part) for part in re.split(r"(?=^Tree=)", _trees(found), flags=re.MULTILINE)[1:]]
    return re.sub("^tree_sizes=.*$", f"tree_sizes={' '.join(map(str, sizes))}", found, flags=re.M)


def _trees(text: str) -> str:
    return text[text.index("Tree=0") : text.index("end of trees")]


def test_what_lightgbm_reads_says_the_same_without_its_notes() -> None:
    text = _read(TEXT)
    assert "parameters" not in text
    values = select(DATA.matrix, NAMES)
    again = lightgbm.Booster(model_str=text)
    for how in ({"raw_score": True}, {"pred_contrib": True}):
        assert (again.predict(values, **how) == RUNG.booster.predict(values, **how)).all()


OBJECTIVES = {
    "multiclass": {"num_class": 3},
    "poisson": {}, "quantile": {"alpha": 0.9}, "cross_entropy": {}, "gamma": {}, "regression": {},
}  # fmt: skip


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_trees_of_other_objectives_with_directions_are_read(objective: str) -> None:
    random = np.random.default_rng(3)
    values = random.normal(size=(400, 2))
    target = np.digitize(values[:, 0], (-0.5, 0.5)).astype(float)
    target = target / 2 + 0.1 if objective in ("cross_entropy", "gamma") else target
    target = np.minimum(target, 1.0) if objective == "cross_entropy" else target
    settings = {"objective": objective, "num_leaves": 4, "verbose": -1, "num_threads": 1}
    more = {"monotone_constraints": [1, 0]} if objective == "regression" else {}
    data = lightgbm.Dataset(values, target, feature_name=["one", "other"])
    booster = lightgbm.train({**settings, **OBJECTIVES[objective], **more}, data, 3)
    again = lightgbm.Booster(model_str=_read(booster.model_to_string()))
    assert (again.predict(values) == booster.predict(values)).all()


def test_a_split_of_the_missing_from_the_known_has_no_upper_end() -> None:
    _read(_changed(r"^threshold=\S+", "threshold=inf"))
    assert "no" in _refused(_changed(r"^threshold=\S+", "threshold=nan"))
    assert "no" in _refused(_changed(r"^threshold=\S+", "threshold=-inf"))


def test_a_model_that_found_nothing_to_split_is_read() -> None:
    values, target = np.zeros((50, 2)), np.tile([0.0, 1.0], 25)
    data = lightgbm.Dataset(values, target, feature_name=["one", "other"])
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, data, 2)
    assert "num_leaves=1" in _read(booster.model_to_string())


WRONG = {
    "a child outside its tree": (r"^left_child=\S+", "left_child=99"),
    "a leaf outside its tree": (r"^right_child=\S+", "right_child=-99"),
    "a circle": (r"^left_child=\S+", "left_child=0"),
    "a node reached twice": (r"^(right_child=)(\S+) (\S+)", r"\g<1>\g<3> \g<3>"),
    "a feature that is not there": (r"^split_feature=\S+", "split_feature=4"),
    "a feature below the first": (r"^split_feature=\S+", "split_feature=-1"),
    "a split by words": (r"^decision_type=\S+", "decision_type=1"),
    "a tree of words": (r"^num_cat=0", "num_cat=1"),
    "a linear tree": (r"^is_linear=0", "is_linear=1"),
    "more leaves than listed": (r"^num_leaves=\d+", "num_leaves=31"),
    "no leaf": (r"^num_leaves=\d+", "num_leaves=0"),
    "a leaf that is no number": (r"^leaf_value=\S+", "leaf_value=nan"),
    "a leaf that is infinite": (r"^leaf_value=\S+", "leaf_value=1e999"),
    "a number with a comma": (r"^threshold=\S+", "threshold=1,5"),
    "rows that do not add up": (r"^internal_count=600", "internal_count=601"),
    "rows below none": (r"^leaf_count=\S+", "leaf_count=-3"),
    "a list cut short": (r"^(leaf_count=.*) \S+$", r"\1"),
    "a name that is not known": (r"^shrinkage=", "shrinkagf="),
    "another version": (r"^version=v4", "version=v3"),
    "an unknown objective": (r"^objective=binary", "objective=binart"),
    "classes without trees": (r"^num_class=1", "num_class=2"),
    "rounds of two trees": (r"^num_tree_per_iteration=1", "num_tree_per_iteration=2"),
    "more features than names": (r"^max_feature_idx=3", "max_feature_idx=4"),
    "a name twice": (r"^(feature_names=)(\S+) \S+", r"\1\2 \2"),
    "a mean of trees": (r"^(objective=.*)$", r"\1\naverage_output"),
    "words of pandas": (r"^pandas_categorical:null", 'pandas_categorical:[["a"]]'),
    "letters of another script": (r"^\[boosting: gbdt\]", "[boosting: gbd\u0167]"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_text_that_lightgbm_would_not_write_is_refused(what: str) -> None:
    _refused(_changed(*WRONG[what]))


def test_sizes_of_trees_must_be_theirs() -> None:
    _refused(re.sub(r"^tree_sizes=(\d+)", "tree_sizes=1", TEXT, flags=re.MULTILINE))
    _refused(re.sub(r"^tree_sizes=.*$", "tree_sizes=", TEXT, flags=re.MULTILINE))
    _refused(re.sub(r"^(tree_sizes=.*) \d+$", r"\1", TEXT, flags=re.MULTILINE))


def test_a_path_may_not_be_longer_than_reasons_can_follow() -> None:
    # each split takes off the largest value: a tree like a comb
    values = np.arange(40.0)[:, None].repeat(5, axis=0)
    data = lightgbm.Dataset(values, 3.0 ** values[:, 0], feature_name=["one"])
    deep = {"objective": "regression", "num_leaves": 12, "min_data_in_leaf": 1, "verbose": -1,
            "num_threads": 1}  # fmt: skip
    assert "depth" in _refused(lightgbm.train(deep, data, 1).model_to_string())
    data = lightgbm.Dataset(values, 3.0 ** values[:, 0], feature_name=["one"])
    _read(lightgbm.train({**deep, "max_depth": 8}, data, 1).model_to_string())


def test_every_cut_of_the_text_is_refused() -> None:
    for length in range(0, len(TEXT), 97):
        _refused(TEXT[:length])
