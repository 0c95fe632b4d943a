"""How fast are exact contributions, beside LightGBM's own, shap's and woodelf's?

Every method explains the same model (50 features with missing values, 200 trees of 31 leaves, depth
6) on two threads. LightGBM's own method explains all rows once, since it takes most of a minute;
the others are read five times. What each says is compared with ours before its time counts.
"""

from __future__ import annotations

import warnings

import lightgbm
import numpy as np
import pandas as pd
import shap
from woodelf import WoodelfExplainer

from benchmarks.measuring import Row, faster, median_seconds, row, timed, together
from features.kernel import Floats
from training.contributions import contributions
from training.forest import read_forest
from training.twigs import build_tables

ROWS, FEATURES, TREES, LEAVES, DEPTH, THREADS = 100_000, 50, 200, 31, 6, 2
TIMES_FASTER, TIMES_OF_PREDICT, BUILD_SECONDS, AGREEMENT = 25.0, 3.0, 2.0, 1e-9


class Disagreement(Exception):
    """Two ways of sharing out the same margin gave different numbers: no time counts."""


def run(rows: int = ROWS, times: int = 5) -> list[Row]:
    """How fast are the contributions of many rows and of one, against each reference?"""
    booster, values = model_and_rows(rows)
    building, tables = timed(lambda: build_tables(read_forest(booster.model_to_string())))
    ours = contributions(tables, values, threads=THREADS)
    own, expected = timed(lambda: booster.predict(values, pred_contrib=True, num_threads=THREADS))
    _agree("LightGBM", ours, np.asarray(expected)[:, :-1], AGREEMENT)
    predicting = _median_predict(booster, values, times)
    seconds = median_seconds(lambda: contributions(tables, values, threads=THREADS), times)
    one = values[:1]
    alone = median_seconds(lambda: contributions(tables, one), 300)
    alone_own = median_seconds(lambda: booster.predict(one, pred_contrib=True, num_threads=1), 300)
    size = f"{rows:,} rows, {FEATURES} features, {TREES} trees of {LEAVES} leaves, depth {DEPTH}"
    parts = [
        faster(
            "contributions-100k/pred_contrib", seconds, "LightGBM's pred_contrib", own,
            goal=TIMES_FASTER, note=f"{size}; equal to it within {AGREEMENT:g}",
        ),
        row(
            "contributions-100k/predict", seconds, "s", reference="LightGBM's predict",
            reference_value=predicting, ratio=seconds / predicting,
            goal=f"at most {TIMES_OF_PREDICT:g} times as long",
            met=seconds <= TIMES_OF_PREDICT * predicting, note="the margin alone",
        ),
        faster(
            "contributions-100k/one-row", alone, "LightGBM's pred_contrib", alone_own, goal=1.0,
            note="median of 300",
        ),
        row(
            "contributions-100k/tables", building, "s", goal=f"at most {BUILD_SECONDS:g} s",
            met=building <= BUILD_SECONDS,
            note=f"once, when a model is registered; {tables.cells.nbytes / 1e6:.1f} MB",
        ),
        *_others(booster, values, ours, seconds),
    ]  # fmt: skip
    return [*parts, together("contributions-100k", seconds, "s", parts, size)]


def model_and_rows(n: int) -> tuple[lightgbm.Booster, Floats]:
    """Which model is explained, and for which rows?"""
    random = np.random.default_rng(7)
    values = random.normal(size=(n, FEATURES))
    values[random.random(values.shape) < 0.1] = np.nan
    known = np.nan_to_num(values)
    signal = 2 * known[:, 0] + known[:, 1] * known[:, 2] + np.sin(3 * known[:, 3])
    label = (signal + known[:, 4:].sum(axis=1) / 4 + random.normal(size=n) > 0).astype(float)
    settings = {
        "objective": "binary", "num_leaves": LEAVES, "max_depth": DEPTH, "feature_fraction": 0.5,
        "verbose": -1, "num_threads": THREADS, "seed": 7, "deterministic": True,
        "force_row_wise": True,
    }  # fmt: skip
    return lightgbm.train(settings, lightgbm.Dataset(values, label), TREES), values


def _median_predict(booster: lightgbm.Booster, values: Floats, times: int) -> float:
    return median_seconds(
        lambda: booster.predict(values, raw_score=True, num_threads=THREADS), times
    )


def _others(booster: lightgbm.Booster, values: Floats, ours: Floats, seconds: float) -> list[Row]:
    """How do other explainers do? Shown, not asked for."""
    some = slice(0, max(1, values.shape[0] // 10))
    explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "LightGBM binary classifier", UserWarning)
        by_shap, told = timed(lambda: explainer.shap_values(values[some]))
    _agree("shap", ours[some], np.asarray(told), AGREEMENT)
    frame = pd.DataFrame(values, columns=booster.feature_name())
    forest = WoodelfExplainer(booster)
    by_woodelf, told = timed(lambda: forest.shap_values(frame))
    _agree("woodelf", ours, np.asarray(told), 1e-4)
    return [
        faster(
            "contributions-100k/shap", seconds, "shap.TreeExplainer",
            by_shap * values.shape[0] / (some.stop - some.start), goal=0.0,
            note=f"it calls LightGBM; timed on {some.stop - some.start:,} rows",
        ),
        faster(
            "contributions-100k/woodelf", seconds, "woodelf-explainer", by_woodelf, goal=0.0,
            note="path-dependent; equal within 1e-4",
        ),
    ]  # fmt: skip


def _agree(who: str, ours: Floats, told: Floats, within: float) -> None:
    apart = float(np.abs(ours - told).max())
    if not apart <= within:
        raise Disagreement(f"{who} says something else, by up to {apart:g}")
