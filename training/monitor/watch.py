"""Is a model still where it was trained, and if not, what should be done about it?

Worked example: a churn model was trained through 2011-09-01 with a horizon of 90 days. On
2011-10-01 its records, features and scores are compared with training, and its performance can only
be expected. On 2011-12-15 the scores of 2011-09-10 have matured: what happened is laid beside what
was said.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from features.kernel import Floats
from features.matrix import FeatureMatrix
from training.evaluate import auc, brier, log_loss
from training.monitor.drift import (
    LEVEL,
    Drift,
    jensen_shannon,
    missing_by_chance,
    psi,
    psi_by_chance,
)
from training.monitor.expected import Performance, auc_by_chance, expected_performance
from training.monitor.findings import LEAST_ROWS, of_ages, of_distributions, of_performance
from training.monitor.reference import Distribution, Reference
from training.monitor.seen import Ages, Limits, Live, Matured, Realised, Verdict, Watch


def watch(
    reference: Reference,
    live: Live,
    *,
    model: str,
    version: str,
    ages: Ages,
    matured: tuple[Matured, ...] = (),
    limits: Limits | None = None,
) -> Watch:
    """Is a model still where it was trained?

    Parameters
    ----------
    reference : Reference
        What it saw in training.
    live : Live
        What it scores now; fewer than 50 rows tell nothing of their distribution.
    model, version : str
        Which.
    ages : Ages
        Of records, scores and model.
    matured : tuple of Matured
        Scores whose outcome is known, newest day first; the newest decides.
    limits : Limits, optional
        From where on a difference counts.
    """
    bounds = limits or Limits()
    features = _drifts(reference, live, bounds)
    score = _drift("score", reference.score, live.probability, tests=1, weight=1.0)
    unseen = _unseen(reference, live.rows)
    expected = expected_performance(live.probability)
    realised = tuple(_realised(one, reference) for one in matured)
    findings = [
        *of_distributions(features, score, unseen, live, bounds),
        *of_performance(reference, expected, realised, bounds),
        *of_ages(ages, bounds),
    ]
    findings.sort(key=lambda found: found.advice == "look")
    verdict: Verdict = findings[0].advice if findings else "steady"
    return Watch(
        model, version, live.as_of, verdict, tuple(findings), features, score, unseen, expected,
        reference.expected, reference.tested, realised, ages, bounds,
    )  # fmt: skip


def _drifts(reference: Reference, live: Live, limits: Limits) -> tuple[Drift, ...]:
    tests = max(1, len(reference.features))
    found = [
        _drift(name, then, live.rows.column(name), tests, reference.weights.get(name, 0.0))
        for name, then in reference.features.items()
        if name in live.rows.names
    ]
    return tuple(sorted(found, key=lambda drift: -drift.psi / drift.level(limits.psi)))


def _drift(name: str, then: Distribution, values: Floats, tests: int, weight: float) -> Drift:
    now = then.count(values)
    n_then, n_now = sum(then.counts), int(now.sum())
    before, after = then.missing / max(then.rows, 1), 1.0 - n_now / max(values.size, 1)
    enough = n_now >= LEAST_ROWS and n_then >= LEAST_ROWS
    by_chance = psi_by_chance(n_then, n_now, len(then.counts), tests=tests)
    slack = missing_by_chance(before, after, rows=(then.rows, values.size), tests=tests)
    return Drift(
        name, n_now, psi(then.counts, now) if enough else 0.0, by_chance, then.usual,
        jensen_shannon(then.counts, now) if enough else 0.0, before, after,
        slack if values.size >= LEAST_ROWS else 1.0, then.missing_usual, weight,
    )  # fmt: skip


def _unseen(reference: Reference, rows: FeatureMatrix) -> dict[str, float]:
    """Share of the rows with a word that training never saw, by key."""
    found = {}
    for key, words in reference.words.items():
        known, size = {*words, None}, rows.code.size
        if key in rows.keys and size:
            found[key] = sum(word not in known for word in rows.keys[key].tolist()) / size
    return found


def _realised(matured: Matured, reference: Reference) -> Realised:
    said, label = matured.probability, matured.label
    # The level that was learnt is itself no surer than as many accounts as it was learnt from.
    learnt = reference.base_rate * (1.0 - reference.base_rate) / max(reference.accounts, 1)
    drawn = float((said * (1.0 - said)).sum()) / said.size**2
    spread = float(np.sqrt(drawn + learnt))
    found = auc(said, label)
    low, high = auc_by_chance(said)
    measured = Performance(
        int(label.size), found if np.isfinite(found) else None, brier(said, label),
        log_loss(said, label), low, high,
    )  # fmt: skip
    return Realised(
        matured.as_of, matured.version, float(said.mean()), float(label.mean()),
        float(norm.ppf(0.5 + LEVEL / 2.0)) * spread, measured, expected_performance(said),
    )  # fmt: skip
