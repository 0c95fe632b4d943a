"""What would a dull rule say? The rules that stand beside every model, always the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB

from features import bgnbd
from features.kernel import Floats
from features.matrix import FeatureMatrix
from features.plans import DEAL_KEYS
from training.dataset import Dataset, Task
from training.models import default_trees, fit_prior, fit_rates, signed_log, to_probability

Predict = Callable[[FeatureMatrix], Floats]
"""Rows -> probabilities."""


def fit_baselines(data: Dataset, task: Task, features: tuple[str, ...]) -> Mapping[str, Predict]:
    """Fit every dull rule that the records allow.

    Returns
    -------
    mapping of str to callable
        prior, default_lightgbm; recency and bg_nbd for accounts; stage_rate and naive_bayes for
        deals. Logistic regression is a rung and stands there.
    """
    prior = fit_prior(data)
    trees = default_trees(data, features)
    found: dict[str, Predict] = {
        "prior": lambda rows: to_probability(prior.margin(rows)),
        "default_lightgbm": lambda rows: to_probability(trees.margin(rows)),
    }
    if task.entity == "account":
        found["recency"] = one_column(data, "days_since_last_order")
        if np.isfinite(data.matrix.column("days_since_first_order")).any():
            found["bg_nbd"] = fit_bgnbd(data, task)
    else:
        stage = fit_rates(data, "stage")
        found["stage_rate"] = lambda rows: to_probability(stage.margin(rows))
        found["naive_bayes"] = naive_bayes(data)
    return found


def rule_name(task: Task) -> str:
    """Which baseline is the one-column rule of a task?"""
    return "recency" if task.entity == "account" else "stage_rate"


def one_column(data: Dataset, name: str) -> Predict:
    """Fit a probability to one column (signed log1p; missing takes the mean)."""

    def design(rows: FeatureMatrix) -> Floats:
        return signed_log(rows.column(name))

    seen = design(data.matrix)
    if np.isnan(seen).all():
        prior = fit_prior(data)
        return lambda rows: to_probability(prior.margin(rows))
    mean = float(np.nanmean(seen))
    model = LogisticRegression(C=1e3)
    model.fit(np.where(np.isnan(seen), mean, seen)[:, None], data.label)

    def predict(rows: FeatureMatrix) -> Floats:
        values = design(rows)
        values = np.where(np.isnan(values), mean, values)
        return np.asarray(model.predict_proba(values[:, None])[:, 1])

    return predict


def naive_bayes(data: Dataset) -> Predict:
    """Bernoulli naive Bayes on the fields of a deal, one indicator per word."""
    words = {
        name: sorted({word for word in data.matrix.keys[name] if word is not None})
        for name in DEAL_KEYS
    }

    def design(rows: FeatureMatrix) -> Floats:
        blocks = [
            (rows.keys[name][:, None] == np.array(found, dtype=object)[None, :])
            for name, found in words.items()
            if found
        ]
        return np.hstack(blocks).astype(np.float64)

    model = BernoulliNB(alpha=1.0).fit(design(data.matrix), data.label)
    return lambda rows: np.asarray(model.predict_proba(design(rows))[:, 1])


def _bgnbd_quantities(rows: FeatureMatrix) -> tuple[Floats, Floats, Floats]:
    """Repeat purchase days, age at the last purchase and age, in weeks."""
    age = rows.column("days_since_first_order") / 7.0
    last = age - rows.column("days_since_last_order") / 7.0
    days = rows.column("orders_all")
    # Several orders within the first day are one purchase.
    repeats = np.where(last <= 1e-9, 0.0, np.maximum(days - 1.0, 0.0))
    return repeats, np.maximum(last, 0.0), np.maximum(age, 1e-6)


def fit_bgnbd(data: Dataset, task: Task) -> Predict:
    """Fit the BG/NBD model to the newest day's accounts: P(no purchase in the horizon).

    Accounts without any order get the base rate.
    """
    newest = data.take(data.matrix.as_of == data.matrix.as_of.max())
    x, last, age = _bgnbd_quantities(newest.matrix)
    known = np.isfinite(age) & np.isfinite(last)
    model = bgnbd.fit(x[known], last[known], age[known])
    base = float(np.clip(data.label.mean(), 1e-4, 1 - 1e-4))
    lead = task.horizon.lead_days / 7.0
    ahead = task.horizon.horizon_days / 7.0

    def predict(rows: FeatureMatrix) -> Floats:
        if model is None:
            return np.full(rows.code.size, base)
        p = bgnbd.p_silent(*_bgnbd_quantities(rows), model, lead=lead, ahead=ahead)
        return np.where(np.isfinite(p), p, base)

    return predict
