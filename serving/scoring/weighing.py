"""How is an action weighed: on which money scale, with which weights?"""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from features.context import PORTFOLIO, ContextTable
from features.kernel import Floats
from features.matrix import FeatureMatrix
from portfolio.actions import PlayPriors
from portfolio.priority import Actions, MoneyScale, Priority, Weights, prioritise
from serving.champions import Champions
from serving.settings import Settings

Words = NDArray[np.object_]


def money_context(champions: Champions, moment: int) -> ContextTable:
    """Segment values of the newest context of either champion, later ones only if all are.

    A champion whose contexts all lie later answers with its earliest: that must not displace the
    other's context of the day.
    """
    found = [
        champion.context_for(moment)
        for champion in champions.by_model.values()
        if champion is not None
    ]
    newest, _ = max(found, key=lambda pair: (pair[1], pair[0].as_of))
    return newest.tables["segment"]


def margin_rates(rows: FeatureMatrix, money: ContextTable) -> Floats:
    """Margin rate of each row: its own, else its segment's; 1 where none is known."""
    usual = of_segment(rows.keys["segment"], money, "margin_rate")
    own = (
        rows.column("margin_rate_365d")
        if "margin_rate_365d" in rows.names
        else np.full(usual.size, np.nan)
    )
    rate = np.where(np.isnan(own), usual, np.clip(own, 0.0, 1.0))
    return np.where(np.isnan(rate), 1.0, rate)


def of_segment(segment: Words, money: ContextTable, name: str) -> Floats:
    """Which value of its segment has each row?"""
    return np.array([money.get(word, name) for word in segment], dtype=np.float64)


def plays_of(settings: Settings) -> PlayPriors:
    """What do the settings assume of the plays?"""
    save, back = settings.plays.save, settings.plays.reactivate
    return PlayPriors(save.success, save.void, save.days, back.probability, back.days)


def quarter_of(day: date) -> str:
    """Which quarter does a day belong to?

    >>> quarter_of(date(2026, 11, 22))
    '2026Q4'
    """
    return f"{day.year}Q{(day.month - 1) // 3 + 1}"


def weigh(
    actions: Actions, segment: Words, money: ContextTable, as_of: date, settings: Settings
) -> Priority:
    """How urgent is each action, by the weights of its quarter and segment?"""
    found = {
        word: settings.weights_for(quarter_of(as_of), word or "*") for word in {*segment.tolist()}
    }
    names = ("potential", "probability", "risk", "duration_penalty")
    weights = Weights(
        *(np.array([getattr(found[word], name) for word in segment]) for name in names)
    )
    scale = MoneyScale(
        money.get(PORTFOLIO, "stake_median"),
        money.get(PORTFOLIO, "stake_p95"),
        of_segment(segment, money, "stake_p95"),
    )
    return prioritise(actions, scale, weights, reference_days=settings.priority.reference_days)
