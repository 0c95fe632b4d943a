"""Is the challenger as good as the champion, for everybody?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from training.baselines import rule_name
from training.evaluate import Interval, Scored, auc_gain, log_loss_gain
from training.gates.evidence import CHALLENGER, CHAMPION, Answer, Evidence, Words
from training.gates.skill import is_clearly_worse, upper

_MATTERS_AUC = 0.002
_MATTERS_LOSS = 0.001
_MATTERS_SEGMENT = 0.02
_LEAST_ROWS, _LEAST_OUTCOMES = 100, 20


def is_no_worse(evidence: Evidence) -> Answer:
    """GT008: neither AUC nor, on later days, log loss is clearly worse, paired by account."""
    duel = evidence.duel
    if duel is None:
        return Answer(passed=True, text=evidence.why_no_duel)
    by_auc = auc_gain(duel.scored, CHALLENGER, CHAMPION)
    days = ", ".join(piece.as_of_date for piece in duel.scored)
    where = (
        f"on {days}, later than both were trained through"
        if duel.is_later
        else f"both recipes fitted anew for {days}, since no test day is later than its training"
    )
    is_worse = is_clearly_worse(by_auc, _MATTERS_AUC)
    text = f"AUC {_spoken(by_auc, 3)} against version {duel.version}"
    if duel.is_later:
        by_loss = log_loss_gain(duel.scored, CHALLENGER, CHAMPION)
        is_worse = is_worse or is_clearly_worse(by_loss, _MATTERS_LOSS)
        text += f", log loss {_spoken(by_loss, 4)} better"
    return Answer(not is_worse, f"{text} ({where})")


def _spoken(gain: Interval, digits: int) -> str:
    return f"{gain.mean:+.{digits}f} [{gain.low:+.{digits}f}, {gain.high:+.{digits}f}]"


@dataclass(frozen=True)
class _Part:
    """One segment or stage, with the gain in it."""

    name: str
    gain: Interval


def no_segment_is_worse(evidence: Evidence) -> Answer:
    """GT010: in no segment is the order clearly worse than the champion's, or the dull rule's.

    Intervals are widened for the number of segments (Bonferroni).
    """
    duel = evidence.duel
    if duel is not None and duel.is_later:
        scored, pair = duel.scored, (CHALLENGER, CHAMPION)
        against = f"version {duel.version}"
    else:
        scored, pair = evidence.scored, (evidence.result.rung, rule_name(evidence.result.task))
        against = pair[1]
    parts = list(_parts(evidence, scored, *pair))
    if not parts:
        return Answer(passed=True, text="no segment is large enough to be looked at alone")
    worst = min(parts, key=lambda part: upper(part.gain, of=len(parts)))
    is_worse = any(is_clearly_worse(p.gain, _MATTERS_SEGMENT, of=len(parts)) for p in parts)
    if is_worse:
        worst = min(
            (p for p in parts if is_clearly_worse(p.gain, _MATTERS_SEGMENT, of=len(parts))),
            key=lambda part: part.gain.mean,
        )
    text = (
        f"of {len(parts)} segments the worst is {worst.name}: AUC {worst.gain.mean:+.3f} over"
        f" {against} (upper end of the interval {upper(worst.gain, of=len(parts)):+.3f})"
    )
    return Answer(not is_worse, text)


def _parts(
    evidence: Evidence, scored: tuple[Scored, ...], model: str, against: str
) -> Iterator[_Part]:
    by_day = {piece.as_of_date: place for place, piece in enumerate(evidence.scored)}
    places = [by_day[piece.as_of_date] for piece in scored]
    if any(against not in piece.probability for piece in scored):
        return
    for key, slices in evidence.words.items():
        words = [slices[place] for place in places]
        for word in sorted({word for column in words for word in column if word is not None}):
            found = [
                _rows(piece, column, word) for piece, column in zip(scored, words, strict=True)
            ]
            found = [piece for piece in found if piece.label.size]
            label = np.concatenate([piece.label for piece in found])
            rarer = min(label.sum(), label.size - label.sum())
            has_both = any(piece.label.min() < piece.label.max() for piece in found)
            if label.size >= _LEAST_ROWS and rarer >= _LEAST_OUTCOMES and has_both:
                gain = auc_gain(found, model, against, draws=200)
                yield _Part(f"{key} {word}", gain)


def _rows(piece: Scored, column: Words, word: str) -> Scored:
    rows = np.flatnonzero(column == word)
    said = {name: probability[rows] for name, probability in piece.probability.items()}
    return replace(piece, label=piece.label[rows], group=piece.group[rows], probability=said)
