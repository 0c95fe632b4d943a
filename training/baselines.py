"""What would a dull rule say? The rules that stand beside every model, always the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, gammaln, logit
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB

from features.kernel import Floats
from features.matrix import DEAL_KEYS, FeatureMatrix
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
    """Repeat purchase days, age at the last purchase and age, in weeks (Fader et al. 2005)."""
    age = rows.column("days_since_first_order") / 7.0
    last = age - rows.column("days_since_last_order") / 7.0
    days = rows.column("orders_all")
    # Several orders within the first day are one purchase.
    repeats = np.where(last <= 1e-9, 0.0, np.maximum(days - 1.0, 0.0))
    return repeats, np.maximum(last, 0.0), np.maximum(age, 1e-6)


def _bgnbd_log_likelihood(parameters: Floats, x: Floats, last: Floats, age: Floats) -> float:
    r, alpha, a, b = np.exp(parameters)
    beta = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    front = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + beta
    alive = -(r + x) * np.log(alpha + age)
    with np.errstate(divide="ignore"):
        gone = np.log(a) - np.log(b + np.maximum(x, 1.0) - 1.0) - (r + x) * np.log(alpha + last)
    either = np.where(x > 0, np.logaddexp(alive, gone), alive)
    return float((front + either).sum())


def fit_bgnbd(data: Dataset, task: Task) -> Predict:
    """Fit the BG/NBD model to the newest day's accounts: P(no purchase in the horizon).

    Fader, Hardie & Lee, "Counting Your Customers" the Easy Way, Marketing Science 24(2), 2005.
    Accounts without any order get the base rate.
    """
    newest = data.take(data.matrix.as_of == data.matrix.as_of.max())
    x, last, age = _bgnbd_quantities(newest.matrix)
    known = np.isfinite(age) & np.isfinite(last)
    x, last, age = x[known], last[known], age[known]

    def loss(parameters: Floats) -> float:
        # A faint prior keeps parameters of thin data finite.
        return -_bgnbd_log_likelihood(parameters, x, last, age) / x.size + 1e-3 * float(
            parameters @ parameters
        )

    start = np.log(np.array([1.0, 5.0, 0.5, 2.0]))
    found = minimize(loss, start, method="L-BFGS-B", bounds=[(-6.0, 6.0)] * 4)
    base = float(logit(np.clip(data.label.mean(), 1e-4, 1 - 1e-4)))
    lead = task.horizon.lead_days / 7.0
    ahead = task.horizon.horizon_days / 7.0
    return lambda rows: _bgnbd_predict(rows, found.x, lead, ahead, base)


def _bgnbd_predict(
    rows: FeatureMatrix, parameters: Floats, lead: float, ahead: float, base: float
) -> Floats:
    r, alpha, a, b = np.exp(parameters)
    x, last, age = _bgnbd_quantities(rows)
    with np.errstate(invalid="ignore"):
        odds_gone = np.where(
            x > 0,
            a / (b + np.maximum(x, 1.0) - 1.0) * ((alpha + age) / (alpha + last)) ** (r + x),
            0.0,
        )
        alive = 1.0 / (1.0 + odds_gone)
        silent = ((alpha + age + lead) / (alpha + age + lead + ahead)) ** (r + x)
        p = 1.0 - alive * (1.0 - silent)
    return np.asarray(np.where(np.isfinite(p), p, expit(base)))
