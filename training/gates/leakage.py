"""Does the model see the answer?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.kernel import Floats
from training.dataset import Dataset
from training.evaluate import auc
from training.gates.evidence import Answer, Evidence, Words
from training.models import select

MOST_AUC_OF_ONE = 0.95
MOST_AUC = 0.97
_LEAST_ROWS, _LEAST_OUTCOMES = 100, 20
_LEAST_TOLD = 0.25
_SURE = 0.995
_SEED = 7


def no_feature_tells_alone(evidence: Evidence) -> Answer:
    """GT004: neither a column, nor its being missing, nor a word separates the outcomes."""
    found = max(_tellings(evidence.data), default=(0.0, "none", ""))
    strength, name, how = found
    if how == "missing":
        text = f"{name} is missing on {100 * strength:.0f} % of one outcome, and on no other row"
        return Answer(passed=False, text=text)
    text = f"the strongest single feature, {name}{how}, has AUC {strength:.3f}"
    return Answer(strength <= MOST_AUC_OF_ONE, f"{text} (at most {MOST_AUC_OF_ONE})")


def is_not_too_good(evidence: Evidence) -> Answer:
    """GT005: AUC on the test days at most 0.97 on average."""
    found = evidence.result.mean()["fanal"]["auc"]
    text = f"AUC {found:.3f} on the test days (at most {MOST_AUC})"
    return Answer(not found > MOST_AUC, text)


def _tellings(data: Dataset) -> Iterator[tuple[float, str, str]]:
    """How well does each thing alone tell the outcome, and how?"""
    label = data.label
    for column in data.matrix.names:
        values = select(data.matrix, (column,))[:, 0]
        missing = np.isnan(values)
        low = float(np.nanmin(values, initial=0.0)) - 1.0
        yield _strength(np.where(missing, low, values), label), column, ""
        yield _strength(missing.astype(np.float64), label), column, " (its being missing)"
        if _is_rich(label[~missing]) and missing.any():
            yield _strength(values[~missing], label[~missing]), column, " (where it is known)"
    for name, words in data.matrix.keys.items():
        yield _of_words(words, data), name, ""
    yield from _telling_absences(data)


def _strength(score: Floats, label: Floats) -> float:
    found = auc(score, label)
    return 0.0 if np.isnan(found) else max(found, 1.0 - found)


def _is_rich(label: Floats) -> bool:
    positives = label.sum()
    return bool(
        label.size >= _LEAST_ROWS and min(positives, label.size - positives) >= _LEAST_OUTCOMES
    )


def _telling_absences(data: Dataset) -> Iterator[tuple[float, str, str]]:
    """Columns that are missing on a good part of the rarer outcome, and on nothing else.

    The rarer outcome alone: that young deals without a visit are never won at once is no leak.
    Their strength is lifted above any AUC, so that they are named first.
    """
    rarer = 1.0 if data.label.mean() <= 0.5 else 0.0
    is_rarer = data.label == rarer
    for column in data.matrix.names:
        missing = np.isnan(data.matrix.column(column))
        for is_told in (missing, ~missing):
            told = is_told.sum()
            if told < _LEAST_ROWS or told == is_told.size:
                continue
            caught = (is_told & is_rarer).sum()
            share = caught / max(is_rarer.sum(), 1)
            if caught / told >= _SURE and share >= _LEAST_TOLD:
                yield 1.0 + share, column, "missing"


def _of_words(words: Words, data: Dataset) -> float:
    """AUC of the rates of words, each half of the accounts told by the rates of the other."""
    texts = np.array(["" if word is None else str(word) for word in words])
    known, code = np.unique(texts, return_inverse=True)
    groups, member = np.unique(data.group, return_inverse=True)
    half = np.random.default_rng(_SEED).permutation(groups.size)[member] % 2
    rate = np.empty(code.size)
    for part in (0, 1):
        learnt = half != part
        seen = np.bincount(code[learnt], minlength=known.size)
        came = np.bincount(code[learnt], data.label[learnt], minlength=known.size)
        rates = (came + 0.5) / (seen + 1.0)
        rate[half == part] = rates[code[half == part]]
    return auc(rate, data.label)
