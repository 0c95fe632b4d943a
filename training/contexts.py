"""What do peers look like, and where do the grades lie?

The part of a context that needs a model.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from features.context import PORTFOLIO, Context
from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix
from training.artefact import Champion
from training.dataset import QUANTITIES, Workshop

_LEAST_PEERS = 10
"""Fewer accounts than this are no peers to compare with."""


def context_at(workshop: Workshop, champion: Champion, day: date) -> Context:
    """Context of a day, with its peers and the quartiles of what the champion says of them.

    Grades are of probabilities: models of durations and amounts have none.
    """
    rows = workshop.rows(day)
    said = np.empty(0) if champion.model in QUANTITIES else champion.probability(rows)
    return complete(workshop.context(day), rows, said, model=champion.model)


def complete(context: Context, rows: FeatureMatrix, probability: Floats, *, model: str) -> Context:
    """Add peers' medians and the quartiles of the probability to a context of the same day.

    Parameters
    ----------
    context : Context
        Of the rows' day.
    rows : FeatureMatrix
        Everyone eligible on that day.
    probability : (n,) float64
        What the model says of them.
    model : str
        Name the quartiles are kept under.
    """
    scales = dict(context.scales)
    if probability.size:
        scales[model] = tuple(float(cut) for cut in np.quantile(probability, [0.25, 0.5, 0.75]))
    return replace(context, peers=_peers(rows), scales=scales)


def _peers(rows: FeatureMatrix) -> dict[str, dict[str, float]]:
    segment = rows.keys["segment"]
    words = sorted({word for word in segment if word is not None})
    members = {word: np.flatnonzero(segment == word) for word in words}
    found = {
        word: _medians(rows, places)
        for word, places in members.items()
        if places.size >= _LEAST_PEERS
    }
    return {PORTFOLIO: _medians(rows, np.arange(rows.code.size)), **found}


def _medians(rows: FeatureMatrix, places: Codes) -> dict[str, float]:
    """Median of each feature that at least some of the rows have."""
    medians = {}
    for column, name in enumerate(rows.names):
        values = rows.values[places, column]
        known = values[~np.isnan(values)]
        if known.size:
            medians[name] = float(np.median(known))
    return medians
