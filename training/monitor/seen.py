"""What does a watch look at, and in what does it answer?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

from features.kernel import Floats
from features.matrix import FeatureMatrix
from features.records.sentences import Sentence
from training.monitor.drift import Drift
from training.monitor.expected import Performance

Advice = Literal["retrain", "look"]
Verdict = Literal["steady", "look", "retrain"]


@dataclass(frozen=True)
class Limits:
    """From where on is a difference worth a person's time?

    Attributes
    ----------
    psi : float
        Population stability index of a feature or of the scores.
    missing : float
        Change of the share of missing values, 0 to 1.
    auc : float
        Loss of AUC, expected or measured.
    level : float
        Distance of the share that happened from the one that was said, 0 to 1.
    moved_weight : float
        Share of the contributions that shifted features must carry before retraining is advised.
    data_days, score_days, model_days : float
        Age of the records, of the newest scores, and of the model's newest outcomes.
    """

    psi: float = 0.2
    missing: float = 0.1
    auc: float = 0.05
    level: float = 0.03
    moved_weight: float = 0.2
    data_days: float = 35.0
    score_days: float = 35.0
    model_days: float = 180.0


@dataclass(frozen=True)
class Live:
    """Rows that are scored now, and their probabilities."""

    as_of: date
    rows: FeatureMatrix
    probability: Floats


@dataclass(frozen=True)
class Matured:
    """Scores whose horizon has passed, and what happened; one row per account or deal.

    Attributes
    ----------
    as_of : date
        Day they were given as of.
    version : str
        Of the model that gave them; empty when several did.
    probability, label : (n,) float64
        What was said, and 0 or 1.
    """

    as_of: date
    version: str
    probability: Floats
    label: Floats


@dataclass(frozen=True)
class Ages:
    """When things were made, and when they are looked at.

    Attributes
    ----------
    now : datetime
        Aware.
    data_as_of : datetime
        Latest instant the records know of.
    scored_as_of : date or None
        Day of the newest stored scores; None where there are none.
    trained_through : date or None
        Last day of the newest outcomes the model learnt from.
    """

    now: datetime
    data_as_of: datetime
    scored_as_of: date | None
    trained_through: date | None


@dataclass(frozen=True)
class Finding:
    """One thing that was found: its code, what it calls for, the feature or key, and a sentence."""

    code: str
    advice: Advice
    about: str
    text: Sentence


@dataclass(frozen=True)
class Realised:
    """What was said beside what happened.

    Attributes
    ----------
    as_of, version : date and str
        Of the scores.
    said, happened : float
        Mean probability, and share that had the outcome.
    by_chance : float
        How far apart chance takes the two (99 %).
    measured, expected : Performance
        What outcomes show, and what the probabilities had promised.
    """

    as_of: date
    version: str
    said: float
    happened: float
    by_chance: float
    measured: Performance
    expected: Performance


@dataclass(frozen=True)
class Watch:
    """What a watch found of one model.

    Attributes
    ----------
    model, version : str
        Which.
    as_of : date
        Day of the live rows.
    verdict : Verdict
        ``retrain`` when a finding calls for it, ``look`` when another asks for a person, else
        ``steady``.
    findings : tuple of Finding
        Those that call for training first.
    features : tuple of Drift
        Of every feature the model reads, the nearest to an alarm first.
    score : Drift
        Of its probabilities.
    unseen : mapping of str to float
        Share of the live rows with a word training never saw, by key.
    expected : Performance
        What its probabilities promise of the live rows.
    promised : Performance
        What they promised on the day it was trained.
    tested : mapping of str to float
        What the back-test measured.
    realised : tuple of Realised
        Of matured scores, newest day first.
    ages : Ages
        Of records, scores and model.
    limits : Limits
        From where on differences counted.
    """

    model: str
    version: str
    as_of: date
    verdict: Verdict
    findings: tuple[Finding, ...]
    features: tuple[Drift, ...]
    score: Drift
    unseen: Mapping[str, float]
    expected: Performance
    promised: Performance
    tested: Mapping[str, float]
    realised: tuple[Realised, ...]
    ages: Ages
    limits: Limits

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The form that `fanal monitor --json` prints."""
        findings = [
            {"code": f.code, "advice": f.advice, "about": f.about, "text": str(f.text)}
            for f in self.findings
        ]
        return {
            "model": self.model,
            "version": self.version,
            "as_of": self.as_of.isoformat(),
            "verdict": self.verdict,
            "findings": findings,
            "score": asdict(self.score),
            "features": [asdict(one) for one in self.features],
            "unseen": dict(self.unseen),
            "expected": asdict(self.expected),
            "promised": asdict(self.promised),
            "tested": dict(self.tested),
            "realised": [{**asdict(one), "as_of": one.as_of.isoformat()} for one in self.realised],
            "ages": {
                "watched_at": self.ages.now.isoformat(),
                "data_as_of": self.ages.data_as_of.isoformat(),
                "scored_as_of": _iso(self.ages.scored_as_of),
                "trained_through": _iso(self.ages.trained_through),
            },
        }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
