"""Which few causes explain a score, how strongly, and with which numbers?

Worked example: account 17850 ordered last 97 days ago and used to order every 15 days. The features
of RHYTHM_BROKEN contribute +0.9 log-odds together, so it is a strong reason that points up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix
from features.signals.declare import Entity
from serving.explanations.figures import (
    FIGURES,
    STANDING_FOR,
    Figure,
    Form,
    code_and_theme,
    unit_of,
)
from serving.explanations.points import points_per_log_odds, share_out

Model = Literal["churn", "close"]
Direction = Literal["up", "down", "neutral"]
Strength = Literal["strong", "moderate", "slight"]

ENTITY_OF_MODEL: Mapping[Model, Entity] = {"churn": "account", "close": "deal"}
NOTHING, PRIOR, OTHER = "NONE", "PRIOR", "other"
"""Codes of a score where nothing stands out and of one that is everybody's; theme of the rest."""

SHOWN_FROM = 0.10
"""A weaker contribution (log-odds) is not shown: it changes the odds by less than a tenth."""
_MODERATE_FROM = 0.30
_STRONG_FROM = 0.69
"""The odds are doubled, or halved."""
MAX_PER_DIRECTION = 3
_DIGITS: Mapping[Form, int] = {
    "days": 1, "every": 1, "hours": 1, "count": 0, "money": 2, "share": 4, "number": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """One cause of a score.

    Attributes
    ----------
    code, theme : str
        Stable code, and the group it belongs to.
    direction : str
        ``up`` raises the probability (of leaving, of winning), ``down`` lowers it.
    strength : str
        By the size of the contribution.
    points : int
        Percentage points of the probability; those of all codes add up to its distance from the
        base.
    value, usual_value, peer_value : float or None
        The number people read, what is usual for this entity, and the median of its peers.
    unit : str
        Unit of the three; an ISO 4217 code for money.
    feature : str
        Feature whose number is shown; empty when nothing stands out.
    evidence : tuple of str
        Ids of the records behind it, filled in by `serving.evidence.find_evidence`.
    """

    code: str
    theme: str
    direction: Direction
    strength: Strength
    points: int
    value: float | None
    usual_value: float | None
    peer_value: float | None
    unit: str
    feature: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one score is what it is.

    Attributes
    ----------
    probability, base_probability : float
        The score, and that of a row about which nothing is known; 0..1.
    themes : mapping of str to int
        Percentage points per theme, shown or not; they add up to the rounded difference of the two.
    reasons : tuple of Reason
        The strongest first; a single neutral one when nothing stands out.
    """

    probability: float
    base_probability: float
    themes: Mapping[str, int]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class _ByCode:
    """Codes and themes of the columns of `sums` (log-odds) and `points`, both (n, n_codes)."""

    codes: list[str]
    themes: list[str]
    sums: Floats
    points: NDArray[np.int64]


@dataclass(frozen=True)
class _Numbers:
    """What is shown with some (row, code) pairs; None where there is no number."""

    feature: list[str]
    value: list[float | None]
    usual: list[float | None]


@dataclass(frozen=True)
class _Rows:
    """Everything a figure may be read from, by column name."""

    entity: Entity
    features: Sequence[str]
    contributions: Floats
    values: Floats
    matrix: FeatureMatrix

    def column(self, name: str, rows: Codes) -> Floats:
        """Values of a column; NaN where there is none."""
        if name in self.features:
            return np.asarray(self.values[rows, self.features.index(name)])
        if name in self.matrix.names:
            return np.asarray(self.matrix.values[rows, self.matrix.names.index(name)])
        return np.full(rows.size, np.nan)

    def weight(self, name: str, code: str, rows: Codes) -> Floats:
        """How much does a column contribute to this very code?"""
        found = code_and_theme(self.entity, name)
        if name not in self.features or found is None or found[0] != code:
            return np.zeros(rows.size)
        return np.asarray(np.abs(self.contributions[rows, self.features.index(name)]))


def explain(
    *,
    model: Model,
    features: Sequence[str],
    base: float,
    contributions: Floats,
    values: Floats,
    row_values: FeatureMatrix,
    peers: Sequence[Mapping[str, float]],
    currency: str,
) -> list[Explanation]:
    """Why is each row's score what it is?

    Parameters
    ----------
    model : str
        churn or close; `up` means more likely to leave, or to be won.
    features : sequence of str
        Features of the rung, in the order of the columns of `contributions` and `values`.
    base : float
        Calibrated log-odds of a row about which nothing is known.
    contributions : (n, n_features) float64
        Calibrated log-odds; with the base they add up to the margin of each row.
    values : (n, n_features) float64
        Feature values; NaN is missing.
    row_values : FeatureMatrix
        The whole rows, for usual values.
    peers : sequence of n mappings of str to float
        Feature -> median of each row's segment.
    currency : str
        ISO 4217 code of money.
    """
    rows = _Rows(ENTITY_OF_MODEL[model], list(features), contributions, values, row_values)
    margin = base + contributions.sum(axis=1)
    p, p_base = np.asarray(expit(margin)), float(expit(base))
    names, sums = _sum_by_code(rows)
    total = np.rint(100.0 * (p - p_base)).astype(np.int64)
    points = share_out(100.0 * sums * points_per_log_odds(margin, base)[:, None], total)
    by_code = _ByCode([code for code, _ in names], [theme for _, theme in names], sums, points)
    row, place = _choose(by_code)
    numbers = _numbers(rows, by_code.codes, row, place, p, p_base)
    reasons = _collect(by_code, row, place, numbers, peers, rows.entity, currency)
    fallback = NOTHING if features else PRIOR
    return [
        Explanation(probability, p_base, themes, tuple(own) or (_neutral(fallback, probability),))
        for probability, themes, own in zip(p.tolist(), _themes(by_code), reasons, strict=True)
    ]


def _sum_by_code(rows: _Rows) -> tuple[list[tuple[str, str]], Floats]:
    """Codes with their themes, and the (n, n_codes) sums of their contributions."""
    found = [code_and_theme(rows.entity, name) or (OTHER, OTHER) for name in rows.features]
    pairs = list(dict.fromkeys(found))
    belongs = np.zeros((len(found), len(pairs)))
    for position, pair in enumerate(found):
        belongs[position, pairs.index(pair)] = 1.0
    return pairs, rows.contributions @ belongs


def _choose(by_code: _ByCode) -> tuple[Codes, Codes]:
    """Rows and places of the codes that are shown: few per direction, the strongest first."""
    # What has no code has no words.
    sums = np.where([code == OTHER for code in by_code.codes], 0.0, by_code.sums)
    order = np.argsort(-np.abs(sums), axis=1, kind="stable")
    ordered = np.take_along_axis(sums, order, axis=1)
    is_up, is_down = ordered >= SHOWN_FROM, ordered <= -SHOWN_FROM
    is_shown = (is_up & (is_up.cumsum(axis=1) <= MAX_PER_DIRECTION)) | (
        is_down & (is_down.cumsum(axis=1) <= MAX_PER_DIRECTION)
    )
    row, rank = np.nonzero(is_shown)
    return row, order[row, rank]


def _numbers(
    rows: _Rows, codes: list[str], row: Codes, place: Codes, p: Floats, p_base: float
) -> _Numbers:
    """Read off, code by code, the figure of every chosen pair."""
    feature = np.full(row.size, "", dtype=object)
    value, usual = np.full(row.size, np.nan), np.full(row.size, np.nan)
    pseudo = {code: name for name, (code, _) in STANDING_FOR.items()}
    for position in np.unique(place).tolist():
        at = np.flatnonzero(place == position)
        code = codes[position]
        if code in pseudo:
            feature[at], value[at] = pseudo[code], np.round(p[row[at]], 4)
            usual[at] = round(p_base, 4)
        else:
            feature[at], value[at], usual[at] = _leading(rows, code, row[at])
    return _Numbers(feature.tolist(), _or_none(value), _or_none(usual))


def _leading(rows: _Rows, code: str, row: Codes) -> tuple[NDArray[np.object_], Floats, Floats]:
    """The figure that contributes most of those that have a value; the plainest of equal ones."""
    figures = FIGURES[rows.entity][code]
    values = np.stack([_figure_values(rows, figure, row) for figure in figures])
    weights = np.stack([rows.weight(figure.feature, code, row) for figure in figures])
    best = np.argmax(np.where(np.isnan(values), -1.0, weights), axis=0)
    usual = np.full(row.size, np.nan)
    for position, figure in enumerate(figures):
        at = np.flatnonzero(best == position)
        if figure.usual is not None and at.size:
            columns = [rows.column(name, row[at]) for name in figure.usual.columns]
            usual[at] = np.round(figure.usual.formula(*columns), _DIGITS[figure.usual.form])
    value = values[best, np.arange(row.size)]
    names = np.array([figure.feature for figure in figures], dtype=object)
    return names[best], value, np.where(np.isnan(value), np.nan, usual)


def _figure_values(rows: _Rows, figure: Figure, row: Codes) -> Floats:
    values = np.round(rows.column(figure.feature, row), _DIGITS[figure.form])
    keys = None if figure.key is None else rows.matrix.keys.get(figure.key)
    if keys is None:
        return values
    is_unknown = np.array([key is None for key in keys[row]], dtype=bool)
    return np.where(is_unknown, np.nan, values)


def _collect(
    by_code: _ByCode,
    rows: Codes,
    places: Codes,
    found: _Numbers,
    peers: Sequence[Mapping[str, float]],
    entity: Entity,
    currency: str,
) -> list[list[Reason]]:
    """The reasons of every row, in the order in which they were chosen."""
    reasons: list[list[Reason]] = [[] for _ in range(by_code.sums.shape[0])]
    units = {name: unit_of(entity, name, currency) for name in set(found.feature)}
    chosen = zip(
        rows.tolist(),
        places.tolist(),
        by_code.sums[rows, places].tolist(),
        by_code.points[rows, places].tolist(),
        found.feature,
        found.value,
        found.usual,
        strict=True,
    )
    shown: set[tuple[int, str]] = set()
    for row, place, weight, points, feature, value, usual in chosen:
        # The strongest comes first: a weaker one on the same figure would contradict or repeat it.
        if value is not None and (row, feature) in shown:
            continue
        shown.add((row, feature))
        direction: Direction = "up" if weight > 0 else "down"
        peer = None if value is None else _peer(peers[row], feature)
        reasons[row].append(
            Reason(
                by_code.codes[place], by_code.themes[place], direction, _strength(weight), points,
                value, usual, peer, units[feature], feature,
            )
        )  # fmt: skip
    return reasons


def _strength(contribution: float) -> Strength:
    """Put the size of a contribution into a word."""
    size = abs(contribution)
    if size >= _STRONG_FROM:
        return "strong"
    return "moderate" if size >= _MODERATE_FROM else "slight"


def _peer(peers: Mapping[str, float], feature: str) -> float | None:
    """The median of the peers, which may be kept under the account's own name of the feature."""
    found = peers.get(feature, peers.get(feature.removeprefix("account_")))
    return None if found is None or np.isnan(found) else float(found)


def _themes(by_code: _ByCode) -> list[dict[str, int]]:
    """Points per theme of every row."""
    names = list(dict.fromkeys(by_code.themes))
    belongs = np.zeros((len(by_code.themes), len(names)), dtype=np.int64)
    for position, theme in enumerate(by_code.themes):
        belongs[position, names.index(theme)] = 1
    return [dict(zip(names, row, strict=True)) for row in (by_code.points @ belongs).tolist()]


def _neutral(code: str, probability: float) -> Reason:
    """The reason of a score without any; that of the prior shows everybody's probability."""
    value = round(probability, 4) if code == PRIOR else None
    return Reason(code, "profile", "neutral", "slight", 0, value, None, None, "share", "")


def _or_none(values: Floats) -> list[float | None]:
    return [None if number != number else number for number in values.tolist()]
