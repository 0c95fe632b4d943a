"""What does one champion say of some rows, and why?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.context import PORTFOLIO, Context
from features.kernel import Floats
from features.matrix import FeatureMatrix
from serving.explanations import Explanation, explain
from serving.explanations.reasons import Model
from serving.store.rows import Trend
from training.artefact import Champion
from training.models import Boosted, Logistic, select, to_probability

STALE_DAYS = 35
"""A score is stale when its context is older than this on its day."""

TREND_STEP = 0.02
"""A probability moved when it differs by this much from the previous one."""


@dataclass(frozen=True)
class ModelScores:
    """What one champion says of some rows.

    Attributes
    ----------
    champion : Champion
        Who says it.
    context : Context
        The context the rows were made with.
    is_before_contexts : bool
        True when the as_of instant lies before every context that the champion keeps.
    rows : FeatureMatrix
        (n, n_features) the rows.
    margin, probability : (n,) float64
        Calibrated log-odds and probability.
    grade : (n,) str
        A to D, A the best for us; empty without a scale.
    explanations : tuple of Explanation
        Reasons, one per row.
    """

    champion: Champion
    context: Context
    is_before_contexts: bool
    rows: FeatureMatrix
    margin: Floats
    probability: Floats
    grade: NDArray[np.str_]
    explanations: tuple[Explanation, ...]

    def is_stale(self, as_of: int) -> bool:
        """Whether the context is too old on that day."""
        return as_of - self.context.as_of > STALE_DAYS * 86_400_000_000


def score_rows(
    champion: Champion, rows: FeatureMatrix, context: Context, *, is_before_contexts: bool = False
) -> ModelScores:
    """What does one champion say of some rows, and why?"""
    margin = champion.margin(rows)
    base, parts = champion.contributions(rows)
    is_featured = isinstance(champion.rung, Boosted | Logistic)
    values = select(rows, champion.rung.features) if is_featured else np.full(parts.shape, np.nan)
    peers = [
        context.peers.get(segment or PORTFOLIO, context.peers.get(PORTFOLIO, {}))
        for segment in rows.keys["segment"]
    ]
    probability = to_probability(margin)
    explanations = explain(
        model=model_of(champion), features=champion.rung.features, base=base, contributions=parts,
        values=values, row_values=_with_known_keys(rows, context), peers=peers,
        currency=champion.portfolio.currency,
    )  # fmt: skip
    return ModelScores(
        champion, context, is_before_contexts, rows, margin, probability,
        _grades(champion.model, probability, context), tuple(explanations),
    )  # fmt: skip


def model_of(champion: Champion) -> Model:
    """Which of the two models that give a probability, and reasons for it?"""
    return "churn" if champion.task.entity == "account" else "close"


def _with_known_keys(rows: FeatureMatrix, context: Context) -> FeatureMatrix:
    """Rows that belong to nothing the context does not know.

    A rep of whom it knows no deal has the portfolio's win rate as a feature; "this rep wins 30 %"
    would be said of somebody who never had a deal.
    """
    keys = {
        name: np.array([key if key in table.values else None for key in rows.keys[name]], object)
        for name, table in context.tables.items()
        if name in rows.keys
    }
    return replace(rows, keys={**rows.keys, **keys})


def _grades(model: str, probability: Floats, context: Context) -> NDArray[np.str_]:
    """A to D by the context's quartiles of the probability, A the best for us."""
    cuts = context.scales.get(model)
    if cuts is None:
        return np.full(probability.size, "", dtype="<U1")
    quarter = np.searchsorted(np.array(cuts), probability, side="left")
    letters = np.array(list("ABCD" if model == "churn" else "DCBA"))
    return letters[quarter]


def trend_of(previous: float | None, probability: float) -> Trend | None:
    """Did a probability move since the previous score: up, down, flat, or None for a first one?

    >>> trend_of(0.48, 0.61), trend_of(0.60, 0.61), trend_of(None, 0.61)
    ('up', 'flat', None)
    """
    if previous is None:
        return None
    change = probability - previous
    if abs(change) < TREND_STEP:
        return "flat"
    return "up" if change > 0 else "down"
