"""Does the model order rows better than dull rules do?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from training.evaluate import Interval, Scored, auc_gain
from training.gates.evidence import Answer, Evidence
from training.models import RUNGS

LEVEL = 0.05
"""A gate that compares is wrong about an equal model at most so often."""

_MATTERS = 0.005


def beats_the_rules(evidence: Evidence) -> Answer:
    """GT002: the back-test's own verdict."""
    return Answer(evidence.result.verdict == "skill", evidence.result.reason)


def dull_rules(scored: Sequence[Scored]) -> tuple[str, ...]:
    """Which baselines, rungs left out, said something on every slice?"""
    common = set.intersection(*(set(piece.probability) for piece in scored))
    return tuple(name for name in scored[0].probability if name in common and name not in RUNGS)


def no_rule_is_better(evidence: Evidence) -> Answer:
    """GT007: no dull rule orders rows clearly better, by more than 0.005 of AUC.

    Intervals are widened for the number of rules (Bonferroni).
    """
    scored, rung = evidence.scored, evidence.result.rung
    rules = dull_rules(scored)
    if not rules or not any(piece.label.min() < piece.label.max() for piece in scored):
        return Answer(passed=True, text="no dull rule to compare with")
    gains = {name: auc_gain(scored, rung, name) for name in rules}
    worst = min(gains, key=lambda name: gains[name].mean)
    high = upper(gains[worst], of=len(rules))
    text = (
        f"AUC {gains[worst].mean:+.3f} over {worst}, the best of {len(rules)} dull rules"
        f" (upper end of the interval {high:+.3f})"
    )
    is_worse = any(is_clearly_worse(gain, _MATTERS, of=len(rules)) for gain in gains.values())
    return Answer(not is_worse, text)


def upper(gain: Interval, *, of: int = 1) -> float:
    """Upper end of a gain's two-sided 95 % interval when it is one of several (Bonferroni).

    The spread is that of the bootstrap, taken for normal: 400 draws do not reach the far tails.

    >>> round(upper(Interval(0.0, -0.0196, 0.0196)), 4), upper(Interval(0.0, -0.1, 0.1), of=9) > 0.1
    (0.0196, True)
    """
    spread = (gain.high - gain.low) / (2 * norm.ppf(1 - LEVEL / 2))
    return float(gain.mean + norm.ppf(1 - LEVEL / (2 * of)) * spread)


def is_clearly_worse(gain: Interval, matters: float, *, of: int = 1) -> bool:
    """Whether a gain is negative beyond doubt, and by more than what matters."""
    return bool(np.isfinite(gain.mean)) and upper(gain, of=of) < 0 and gain.mean < -matters
