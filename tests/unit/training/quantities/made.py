"""Rows of deals and of accounts with planted causes, made without any portfolio."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from scipy.special import expit

from features.asof import US_PER_DAY, instant
from features.matrix import FeatureMatrix
from training.dataset import Dataset
from training.labels import LOST, OPEN, WON, Durations

DEAL_NAMES = ("amount", "deal_interactions_30d", "stage_age_days")
ACCOUNT_NAMES = (
    "days_since_last_order", "revenue_365d", "bgnbd_frequency", "days_since_first_order",
    "revenue_all",
)  # fmt: skip
DAYS = tuple(date(2025, 1, 1) + timedelta(days=30 * step) for step in range(8))
END = instant(date(2025, 9, 1))


def deals(per_day: int = 150, *, seed: int = 7, effect: float = 1.0) -> Dataset:
    """Deals of two stages: those talked to close sooner, and are won more often."""
    random = np.random.default_rng(seed)
    n = per_day * len(DAYS)
    as_of = np.repeat(np.array([instant(day) for day in DAYS]), per_day)
    values = random.normal(size=(n, len(DEAL_NAMES)))
    stage = np.array(["proposal", "lead"], dtype=object)[random.integers(0, 2, n)]
    pace = np.where(stage == "proposal", 0.03, 0.01) * np.exp(effect * values[:, 1])
    days = np.ceil(random.exponential(1.0 / pace) * 2.0) / 2.0
    won = random.random(n) < expit(effect * values[:, 1])
    followed = (END - as_of) / US_PER_DAY
    is_open = days >= followed
    cause = np.where(is_open, OPEN, np.where(won, WON, LOST))
    ended = Durations(np.where(is_open, followed, days), cause.astype(np.int64), followed)
    values[random.random(values.shape) < 0.05] = np.nan
    code = np.arange(n)
    keys = {"stage": stage, "segment": np.full(n, None)}
    matrix = FeatureMatrix("deal", code, as_of, DEAL_NAMES, values, keys)
    return Dataset(matrix, ended.days, code // 2, ended)


def accounts(per_day: int = 250, *, seed: int = 7) -> Dataset:
    """Accounts that buy about what they bought, the less surely the longer they were silent."""
    random = np.random.default_rng(seed)
    n = per_day * len(DAYS)
    as_of = np.repeat(np.array([instant(day) for day in DAYS]), per_day)
    silent = random.exponential(40.0, size=n)
    revenue = np.exp(random.normal(7.0, 1.0, size=n))
    frequency = random.poisson(5.0, size=n).astype(np.float64)
    age = silent + random.uniform(30.0, 400.0, size=n)
    bought = random.random(n) < expit(1.5 - silent / 30.0)
    amount = np.where(bought, revenue / 4.0 * np.exp(random.normal(0.0, 0.4, size=n)), 0.0)
    values = np.column_stack((silent, revenue, frequency, age, 1.5 * revenue))
    segment = np.array(["retail", "public", None], dtype=object)[random.integers(0, 3, n)]
    code = np.tile(np.arange(per_day), len(DAYS))
    matrix = FeatureMatrix("account", code, as_of, ACCOUNT_NAMES, values, {"segment": segment})
    return Dataset(matrix, amount, code)
