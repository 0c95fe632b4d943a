"""Can money be computed from the model's probabilities?"""

from __future__ import annotations

import numpy as np

from training.evaluate import log_loss, log_loss_gain
from training.gates.evidence import Answer, Evidence
from training.gates.skill import dull_rules, is_clearly_worse

_MATTERS = 0.001
"""Nats a row."""


def hold_against_the_base_rate(evidence: Evidence) -> Answer:
    """GT003: mean log loss below that of the prior."""
    gain = log_loss_gain(evidence.scored, evidence.result.rung, "prior")
    mean = evidence.result.mean()["fanal"]
    text = (
        f"log loss {gain.mean:+.4f} better than the base rate's; calibration error"
        f" {mean['ece']:.3f}, {mean['ece_by_chance']:.3f} by chance"
    )
    return Answer(gain.mean > 0, text)


def hold_against_the_best_rule(evidence: Evidence) -> Answer:
    """GT009: log loss not clearly above that of the dull rule with the least."""
    scored = evidence.scored
    rules = dull_rules(scored)
    if not rules:
        return Answer(passed=True, text="no dull rule to compare with")
    losses = {
        name: np.mean([log_loss(piece.probability[name], piece.label) for piece in scored])
        for name in rules
    }
    best = min(rules, key=lambda name: losses[name])
    gain = log_loss_gain(scored, evidence.result.rung, best)
    text = (
        f"log loss {gain.mean:+.4f} better than that of {best}, the best dull rule"
        f" (95 % interval {gain.low:+.4f} to {gain.high:+.4f})"
    )
    return Answer(not is_clearly_worse(gain, _MATTERS), text)
