"""Can the outcomes be believed?"""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from features.asof import day_of
from features.kernel import Floats
from training.dataset import Dataset
from training.gates.evidence import Answer, Evidence, Remembered

MOST_FLIPS = 0.05
MOST_JUMP = 1.5
"""Log-odds between the outcomes of one training day and those of the others."""

_MOST_TWINS = 0.3
_LEAST_ROWS = 50
_LEAST_KNOWN = 5
_SURE = 4.0


def are_sound(evidence: Evidence) -> Answer:
    """GT012: no row twice, no day unlike all others, no outcome that became another."""
    return (
        _duplicates(evidence.data)
        or _flips(evidence.remembered)
        or _jump(evidence.data)
        or Answer(passed=True, text=_sound(evidence))
    )


def _duplicates(data: Dataset) -> Answer | None:
    pairs = np.stack((data.matrix.code, data.matrix.as_of), axis=1)
    twice = pairs.shape[0] - np.unique(pairs, axis=0).shape[0]
    if twice:
        text = f"{twice} of {data.size} training rows are of an entity and a day that stand twice"
        return Answer(passed=False, text=text)
    share = _twins(data)
    if share > _MOST_TWINS:
        text = f"{share:.0%} of the training rows equal another one of their day in every value"
        return Answer(passed=False, text=text)
    return None


def _twins(data: Dataset) -> float:
    """Share of rows beyond the first of those that are equal in every value on one day.

    Rows with hardly a value known are equal for want of anything to differ in: they do not count.
    """
    values = np.nan_to_num(data.matrix.values, nan=-1e300)
    told = (~np.isnan(data.matrix.values) & (data.matrix.values != 0)).sum(axis=1) >= _LEAST_KNOWN
    rows = np.ascontiguousarray(
        np.column_stack((data.matrix.as_of.astype(np.float64), values, data.label))[told]
    )
    if not rows.shape[0]:
        return 0.0
    whole = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    return float(1.0 - np.unique(whole).size / data.size - (~told).sum() / data.size)


def _flips(found: Remembered | None) -> Answer | None:
    if found is None or found.was.size < _LEAST_ROWS:
        return None
    flipped = int((found.was != found.now).sum())
    if flipped <= MOST_FLIPS * found.was.size:
        return None
    text = (
        f"{flipped} of {found.was.size} outcomes that version {found.version} learnt from"
        f" ({flipped / found.was.size:.0%}) are the opposite now (at most {MOST_FLIPS:.0%})"
    )
    return Answer(passed=False, text=text)


def _jump(data: Dataset) -> Answer | None:
    size, day, rate, others = max(_jumps(data), key=lambda jump: jump[0], default=(0.0, 0, 0, 0))
    if size <= MOST_JUMP:
        return None
    text = (
        f"{rate:.0%} of the rows of {day_of(int(day))} came true, and {others:.0%} of those of the"
        " other training days"
    )
    return Answer(passed=False, text=text)


def _jumps(data: Dataset) -> list[tuple[float, int, float, float]]:
    """Each training day's distance from the others in log-odds, where it is beyond chance."""
    found = []
    for moment in np.unique(data.matrix.as_of):
        on = data.matrix.as_of == moment
        own, rest = data.label[on], data.label[~on]
        if min(own.size, rest.size) < _LEAST_ROWS:
            continue
        apart = abs(_log_odds(own) - _log_odds(rest))
        error = np.sqrt(_variance(own) + _variance(rest))
        if apart > _SURE * error:
            found.append((float(apart), int(moment), float(own.mean()), float(rest.mean())))
    return found


def _log_odds(label: Floats) -> float:
    return float(logit((label.sum() + 0.5) / (label.size + 1.0)))


def _variance(label: Floats) -> float:
    """Of the log-odds of a share (delta method)."""
    positives = label.sum() + 0.5
    return float(1 / positives + 1 / (label.size + 1.0 - positives))


def _sound(evidence: Evidence) -> str:
    found = evidence.remembered
    text = f"{evidence.data.size} rows, each once, no day unlike the others"
    if found is None or not found.was.size:
        return f"{text}; no earlier labels to compare with"
    flipped = int((found.was != found.now).sum())
    return f"{text}; {flipped} of {found.was.size} outcomes of version {found.version} changed"
