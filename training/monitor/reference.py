"""What did the rows look like that a model was trained on?

Kept beside the model as ``distributions.json``: counts in bins, never a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix
from training.artefact import Champion
from training.dataset import Dataset
from training.models import Boosted, Logistic, select
from training.monitor.drift import psi
from training.monitor.expected import Performance, expected_performance

FILE = "distributions.json"
BINS = 10
_WEIGHED_ROWS = 2_000
_LEAST_ROWS = 50
_MOST_WORDS = 1_000
_TESTED = ("auc", "brier", "log_loss")


@dataclass(frozen=True)
class Distribution:
    """How the values of one column lay in training.

    Attributes
    ----------
    cuts : tuple of float
        Upper ends of all bins but the last; a value on a cut lies below it.
    counts : tuple of int
        Rows per bin, one more than cuts.
    missing : int
        Rows without a value.
    usual : float
        The most that a single day already known at training differed from all of them (PSI):
        seasons and a growing age are no alarm.
    missing_usual : float
        The most that the share of missing values of such a day differed, 0 to 1.
    """

    cuts: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int
    usual: float
    missing_usual: float

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(self.counts) + self.missing

    def count(self, values: Floats) -> Codes:
        """(n_bins,) how many of some values lie in each bin; missing ones in none."""
        return _counts(values, np.array(self.cuts))


@dataclass(frozen=True)
class Reference:
    """What a model saw in training, and how well it did.

    Attributes
    ----------
    rows, accounts : int
        Training rows, and how many accounts they are of.
    features : mapping of str to Distribution
        Of every feature it reads.
    score : Distribution
        Of its probability.
    weights : mapping of str to float
        Share of each feature in the mean absolute contributions; they add up to 1.
    words : mapping of str to tuple of str
        Words of each key (segment, stage, ...) that training rows had.
    base_rate : float
        Share of the training rows that had the outcome.
    expected : Performance
        What its probabilities promised on the day it was trained.
    tested : mapping of str to float
        What the back-test measured: ``auc``, ``brier``, ``log_loss``.
    """

    rows: int
    accounts: int
    features: Mapping[str, Distribution]
    score: Distribution
    weights: Mapping[str, float]
    words: Mapping[str, tuple[str, ...]]
    base_rate: float
    expected: Performance
    tested: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The form that is kept beside the model."""
        return asdict(self)


def reference_from_json(body: Mapping[str, Any]) -> Reference:
    """Read what `Reference.to_json` wrote."""
    return Reference(
        body["rows"],
        body["accounts"],
        {name: _distribution(one) for name, one in body["features"].items()},
        _distribution(body["score"]),
        body["weights"],
        {name: tuple(words) for name, words in body["words"].items()},
        body["base_rate"],
        Performance(**body["expected"]),
        body["tested"],
    )


def _distribution(body: Mapping[str, Any]) -> Distribution:
    return Distribution(
        tuple(body["cuts"]), tuple(body["counts"]), body["missing"], body["usual"],
        body["missing_usual"],
    )  # fmt: skip


def seen_in_training(
    champion: Champion, data: Dataset, newest: FeatureMatrix, tested: Mapping[str, float]
) -> Reference:
    """What did a model see in training?

    Parameters
    ----------
    champion : Champion
        The model.
    data : Dataset
        Its training rows.
    newest : FeatureMatrix
        Everyone eligible on the day it was trained, whose outcome is not known.
    tested : mapping of str to float
        What the back-test measured.
    """
    names = _read_features(champion)
    days = [*_days(data.matrix), newest]
    values = select(data.matrix, names)
    by_day = [select(day, names) for day in days]
    said = champion.probability(data.matrix)
    said_by_day = [champion.probability(day) for day in days]
    return Reference(
        data.size,
        int(np.unique(data.group).size),
        {
            name: _describe(values[:, place], [day[:, place] for day in by_day])
            for place, name in enumerate(names)
        },
        _describe(said, said_by_day),
        _weights(champion, data.matrix, names),
        _words([data.matrix, newest]),
        float(data.label.mean()),
        expected_performance(said_by_day[-1]),
        {name: float(tested[name]) for name in _TESTED if np.isfinite(tested.get(name, np.nan))},
    )


def _read_features(champion: Champion) -> tuple[str, ...]:
    """Columns of feature rows that the rung reads (the key of shrunken rates is none)."""
    is_featured = isinstance(champion.rung, Boosted | Logistic)
    return champion.rung.features if is_featured else ()


def _days(rows: FeatureMatrix) -> list[FeatureMatrix]:
    return [rows.take(np.flatnonzero(rows.as_of == day)) for day in np.unique(rows.as_of)]


def _describe(values: Floats, by_day: Sequence[Floats]) -> Distribution:
    """Count some values in bins of about equal mass, and see how far single days lie apart."""
    known = values[~np.isnan(values)]
    share = np.linspace(0, 1, BINS + 1)[1:-1]
    cuts = np.unique(np.quantile(known, share, method="higher")) if known.size else np.zeros(0)
    counts = _counts(values, cuts)
    missing = np.isnan(values)
    enough = [day for day in by_day if day.size >= _LEAST_ROWS]
    found = [_counts(day, cuts) for day in enough]
    usual = [psi(counts, day) for day in found if day.sum() >= _LEAST_ROWS]
    absent = [abs(float(np.isnan(day).mean() - missing.mean())) for day in enough]
    return Distribution(
        tuple(cuts.tolist()),
        tuple(int(count) for count in counts),
        int(missing.sum()),
        max(usual, default=0.0),
        max(absent, default=0.0),
    )


def _counts(values: Floats, cuts: Floats) -> Codes:
    known = values[~np.isnan(values)]
    return np.bincount(np.searchsorted(cuts, known, side="left"), minlength=cuts.size + 1)


def _weights(champion: Champion, rows: FeatureMatrix, names: tuple[str, ...]) -> dict[str, float]:
    if not names:
        return {}
    some = np.arange(rows.code.size)[:: max(1, rows.code.size // _WEIGHED_ROWS)]
    _, parts = champion.contributions(rows.take(some))
    size = np.abs(parts).mean(axis=0)
    total = float(size.sum()) or 1.0
    return {name: float(one) / total for name, one in zip(names, size, strict=True)}


def _words(parts: Sequence[FeatureMatrix]) -> dict[str, tuple[str, ...]]:
    """Words of every key; a key with more words than that names single things, not kinds."""
    found = {}
    for key in parts[0].keys:
        words = {word for part in parts for word in part.keys[key].tolist() if word is not None}
        if len(words) <= _MOST_WORDS:
            found[key] = tuple(sorted(str(word) for word in words))
    return found
