"""The rungs: prior, shrunken rates, logistic, LightGBM. What log-odds does each give a row?

Every rung answers with a margin (log-odds) and with contributions that add up to it, so that
calibration, reasons and artefacts are the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import lightgbm
import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix
from training.contributions import contributions
from training.dataset import Dataset
from training.forest import read_forest
from training.twigs import Tables, TooDeep, build_tables

RUNGS = ("prior", "rates", "logistic", "lightgbm")
"""From the dullest to the keenest."""

_ROWS_WORTH_THREADS = 100_000
_PRIOR_ROWS = 20.0
_MAX_DEPTH = 6
"""Paths of at most six conditions keep exact reasons cheap."""


class Rung(Protocol):
    """A fitted model of any kind."""

    @property
    def name(self) -> str:
        """One of `RUNGS`."""
        ...

    @property
    def features(self) -> tuple[str, ...]:
        """Columns it reads, in the order of its contributions."""
        ...

    def margin(self, rows: FeatureMatrix) -> Floats:
        """(n,) log-odds, before calibration."""
        ...

    def contributions(self, rows: FeatureMatrix) -> tuple[float, Floats]:
        """Base value and (n, n_features) contributions that add up to the margin."""
        ...

    @property
    def boosters(self) -> Mapping[str, lightgbm.Booster]:
        """Trees by name, each kept as a file of LightGBM's own text."""
        ...

    def outputs(self, rows: FeatureMatrix) -> Floats:
        """(n, k) raw numbers that everything else it says is computed from."""
        ...

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """What must be kept beside the boosters to rebuild it."""
        ...


def log_odds(share: float) -> float:
    """Log-odds of a share, kept away from certainty.

    >>> round(log_odds(0.5), 12)
    0.0
    """
    return float(logit(min(max(share, 1e-4), 1.0 - 1e-4)))


class _OneMargin:
    """What rungs share whose only output is the margin, and that have no trees."""

    @property
    def boosters(self) -> Mapping[str, lightgbm.Booster]:
        """None."""
        return {}

    def margin(self, rows: FeatureMatrix) -> Floats:
        """(n,) log-odds."""
        raise NotImplementedError

    def outputs(self, rows: FeatureMatrix) -> Floats:
        """(n, 1) log-odds."""
        return self.margin(rows)[:, None]


@dataclass(frozen=True)
class Prior(_OneMargin):
    """Everyone has the base rate."""

    log_odds: float
    name: str = "prior"
    features: tuple[str, ...] = ()

    def margin(self, rows: FeatureMatrix) -> Floats:
        """(n,) log-odds."""
        return np.full(rows.code.size, self.log_odds)

    def contributions(self, rows: FeatureMatrix) -> tuple[float, Floats]:
        """Nothing but the base."""
        return self.log_odds, np.zeros((rows.code.size, 0))

    def to_json(self) -> dict[str, Any]:
        """See `Rung`."""
        return {"log_odds": self.log_odds}


@dataclass(frozen=True)
class Rates(_OneMargin):
    """Everyone has the rate of their segment or stage, leaning on the base rate."""

    key: str
    log_odds: Mapping[str, float]
    base: float
    name: str = "rates"

    @property
    def features(self) -> tuple[str, ...]:
        """One pseudo-feature: the key."""
        return (self.key,)

    def margin(self, rows: FeatureMatrix) -> Floats:
        """(n,) log-odds."""
        keys = rows.keys.get(self.key)
        if keys is None:
            return np.full(rows.code.size, self.base)
        return np.array([self.log_odds.get(key, self.base) for key in keys], dtype=np.float64)

    def contributions(self, rows: FeatureMatrix) -> tuple[float, Floats]:
        """The key's distance from the base."""
        return self.base, (self.margin(rows) - self.base)[:, None]

    def to_json(self) -> dict[str, Any]:
        """See `Rung`."""
        return {"key": self.key, "log_odds": dict(self.log_odds), "base": self.base}


@dataclass(frozen=True)
class Logistic(_OneMargin):
    """Logistic regression on all features.

    Signed log1p, standardised, missing replaced by the mean with an indicator of its own; a
    feature's contribution is that of its value and of its indicator together.

    Attributes
    ----------
    mean, scale : (n_features,) float64
        Of the transformed training values.
    weight, weight_missing : (n_features,) float64
        Coefficients of the value and of the indicator.
    share_missing : (n_features,) float64
        Share of the training rows in which the value was missing.
    intercept : float
        Log-odds of a row with mean values.
    """

    features: tuple[str, ...]
    mean: Floats
    scale: Floats
    weight: Floats
    weight_missing: Floats
    share_missing: Floats
    intercept: float
    name: str = "logistic"

    def margin(self, rows: FeatureMatrix) -> Floats:
        """(n,) log-odds."""
        base, parts = self.contributions(rows)
        return np.asarray(base + parts.sum(axis=1))

    def contributions(self, rows: FeatureMatrix) -> tuple[float, Floats]:
        """Coefficient times centred value, indicator included."""
        values = signed_log(select(rows, self.features))
        missing = np.isnan(values)
        centred = np.where(missing, 0.0, (values - self.mean) / self.scale)
        parts = centred * self.weight + (missing - self.share_missing) * self.weight_missing
        return self.intercept + float(self.share_missing @ self.weight_missing), parts

    def to_json(self) -> dict[str, Any]:
        """See `Rung`."""
        arrays = ("mean", "scale", "weight", "weight_missing", "share_missing")
        return {
            "features": list(self.features),
            "intercept": self.intercept,
            **{name: getattr(self, name).tolist() for name in arrays},
        }


@dataclass(frozen=True)
class Boosted(_OneMargin):
    """Small, strongly regularised gradient-boosted trees."""

    features: tuple[str, ...]
    booster: lightgbm.Booster
    name: str = "lightgbm"

    @property
    def boosters(self) -> Mapping[str, lightgbm.Booster]:
        """The one booster, as ``margin``."""
        return {"margin": self.booster}

    def margin(self, rows: FeatureMatrix) -> Floats:
        """(n,) log-odds."""
        return np.asarray(
            self.booster.predict(
                select(rows, self.features), raw_score=True, num_threads=threads_for(rows.code.size)
            )
        )

    @cached_property
    def tables(self) -> Tables | None:
        """Contributions of every leaf; None where paths are too deep for tables."""
        try:
            return build_tables(read_forest(self.booster.model_to_string()))
        except TooDeep:
            return None

    def contributions(self, rows: FeatureMatrix) -> tuple[float, Floats]:
        """Exact TreeSHAP values; the base is the mean margin of the trees' training rows.

        Read off tables; trees whose paths are too deep for them are left to LightGBM, which takes
        some thirty times as long for the same numbers.
        """
        values = select(rows, self.features)
        if not values.shape[0]:
            return 0.0, np.zeros(values.shape)
        if self.tables is not None:
            return self.tables.base, contributions(self.tables, values)
        parts = np.asarray(
            self.booster.predict(values, pred_contrib=True, num_threads=threads_for(rows.code.size))
        )
        return float(parts[0, -1]), parts[:, :-1]

    def to_json(self) -> dict[str, Any]:
        """See `Rung`; the trees themselves are kept in LightGBM's own text."""
        return {"features": list(self.features)}


def margins_from_json(body: Mapping[str, Any], boosters: Mapping[str, lightgbm.Booster]) -> Rung:
    """Which rung with one margin do these parts make? See `training.models.rung_from_json`."""
    name = body["name"]
    if name == "prior":
        return Prior(_finite(body["log_odds"]))
    if name == "rates":
        rates = {str(key): _finite(value) for key, value in body["log_odds"].items()}
        return Rates(str(body["key"]), rates, _finite(body["base"]))
    features = tuple(str(feature) for feature in body["features"])
    if name == "logistic":
        mean, scale, weight, weight_missing, share_missing = (
            _column(body[part], len(features))
            for part in ("mean", "scale", "weight", "weight_missing", "share_missing")
        )
        return Logistic(
            features, mean, scale, weight, weight_missing, share_missing,
            _finite(body["intercept"]),
        )  # fmt: skip
    if name != "lightgbm":
        raise ValueError(f"no rung {name!r}")
    booster = boosters["margin"]
    if tuple(booster.feature_name()) != features:
        raise ValueError("features of the booster")
    return Boosted(features, booster)


def _finite(value: object) -> float:
    if not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError("not a finite number")
    return float(value)


def _column(values: Sequence[object], size: int) -> Floats:
    found = np.array([_finite(value) for value in values], dtype=np.float64)
    if found.size != size:
        raise ValueError("as many numbers as features were expected")
    return found


def select(rows: FeatureMatrix, features: Sequence[str]) -> Floats:
    """(n, len(features)) values of the named columns."""
    places = {name: place for place, name in enumerate(rows.names)}
    return np.ascontiguousarray(rows.values[:, [places[name] for name in features]])


def signed_log(values: Floats) -> Floats:
    """Squeeze heavy tails on both sides: sign(x) * log(1 + |x|).

    >>> signed_log(np.array([0.0, -1.0])).round(4).tolist()
    [0.0, -0.6931]
    """
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def usable_features(data: Dataset) -> tuple[str, ...]:
    """Which columns vary in the training rows (a missing value counts as a value)?"""
    values = data.matrix.values
    missing = np.isnan(values)
    low = np.nanmin(np.where(missing, np.inf, values), axis=0, initial=np.inf)
    high = np.nanmax(np.where(missing, -np.inf, values), axis=0, initial=-np.inf)
    varies = (high > low) | (missing.any(axis=0) & ~missing.all(axis=0))
    return tuple(name for name, is_used in zip(data.matrix.names, varies, strict=True) if is_used)


def fit_prior(data: Dataset) -> Prior:
    """Fit the base rate (with half a row of either outcome added)."""
    return Prior(log_odds((data.label.sum() + 0.5) / (data.size + 1.0)))


def fit_rates(data: Dataset, key: str) -> Rates:
    """Fit one rate per segment or stage, shrunken towards the base rate."""
    base = (data.label.sum() + 0.5) / (data.size + 1.0)
    keys = data.matrix.keys.get(key, np.array([], dtype=object))
    rates = {}
    for word in sorted({word for word in keys if word is not None}):
        own = data.label[keys == word]
        rates[word] = log_odds((own.sum() + _PRIOR_ROWS * base) / (own.size + _PRIOR_ROWS))
    return Rates(key, rates, log_odds(base))


def fit_logistic(data: Dataset, features: tuple[str, ...], *, strength: float) -> Logistic:
    """Fit logistic regression with L2 penalty 1 / (2 * strength)."""
    design = design_of(data.matrix, features)
    model = LogisticRegression(C=strength, solver="newton-cholesky", max_iter=100)
    model.fit(design.matrix, data.label)
    return design.predictor(model.coef_[0], float(model.intercept_[0]))


@dataclass(frozen=True)
class Design:
    """Columns of a linear predictor: standardised values, and indicators of missing ones.

    Attributes
    ----------
    features : tuple of str
        Columns of the feature rows.
    mean, scale, share_missing : (n_features,) float64
        Of the transformed values.
    indicators : (n_indicators,) int64
        Features with an indicator of their own.
    matrix : (n, n_features + n_indicators) float64
        The columns.
    """

    features: tuple[str, ...]
    mean: Floats
    scale: Floats
    share_missing: Floats
    indicators: Codes
    matrix: Floats

    def predictor(self, weights: Floats, intercept: float) -> Logistic:
        """Which predictor do these weights of the columns make?"""
        n = len(self.features)
        weight_missing = np.zeros(n)
        weight_missing[self.indicators] = weights[n:]
        return Logistic(
            self.features, self.mean, self.scale, weights[:n], weight_missing, self.share_missing,
            intercept,
        )  # fmt: skip


def design_of(rows: FeatureMatrix, features: tuple[str, ...]) -> Design:
    """Signed log1p, standardised; missing values at the mean, with indicators."""
    values = signed_log(select(rows, features))
    missing = np.isnan(values)
    with np.errstate(invalid="ignore"):
        counts = np.maximum((~missing).sum(axis=0), 1)
        mean = np.where(missing, 0.0, values).sum(axis=0) / counts
        spread = np.where(missing, 0.0, values - mean)
        scale = np.sqrt((spread**2).sum(axis=0) / counts)
    scale = np.where(scale > 1e-12, scale, 1.0)
    indicators = np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0))
    matrix = np.hstack((np.where(missing, 0.0, spread / scale), missing[:, indicators]))
    return Design(features, mean, scale, missing.mean(axis=0), indicators, matrix)


def threads_for(n_rows: int) -> int:
    """How many threads are worth starting for so many rows (0: as OpenMP is set)?

    Small trees on few rows gain little from a second thread, and waiting for one another on a busy
    machine was measured at 30 times the time of one thread.
    """
    return 1 if n_rows < _ROWS_WORTH_THREADS else 0


@dataclass(frozen=True)
class TreeSettings:
    """What shapes the trees; the defaults are for small portfolios."""

    leaves: int = 6
    rows_per_leaf: int = 200
    learning_rate: float = 0.02
    column_share: float = 0.3
    l2: float = 20.0
    rounds: int = 400
    seed: int = 7

    def parameters(self, n_rows: int) -> dict[str, Any]:  # Any: LightGBM's own parameters
        """LightGBM parameters for so many rows; a leaf never asks for over a fiftieth of them."""
        return {
            "objective": "binary",
            "num_leaves": self.leaves,
            "max_depth": _MAX_DEPTH,
            "min_data_in_leaf": max(5, min(self.rows_per_leaf, n_rows // 50)),
            "learning_rate": self.learning_rate,
            "feature_fraction": self.column_share,
            "lambda_l2": self.l2,
            "seed": self.seed,
            "num_threads": threads_for(n_rows),
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }


def fit_trees(data: Dataset, features: tuple[str, ...], settings: TreeSettings) -> Boosted:
    """Fit gradient-boosted trees."""
    return Boosted(features, train_booster(data, features, settings))


def train_booster(
    data: Dataset, features: tuple[str, ...], settings: TreeSettings
) -> lightgbm.Booster:
    """Train a LightGBM booster of ``settings.rounds`` trees."""
    columns = lightgbm.Dataset(
        select(data.matrix, features),
        data.label,
        feature_name=list(features),
        params={"verbose": -1},
    )
    return lightgbm.train(settings.parameters(data.size), columns, settings.rounds)


def default_trees(data: Dataset, features: tuple[str, ...]) -> Boosted:
    """LightGBM as it comes out of the box: a baseline, never a rung."""
    columns = lightgbm.Dataset(select(data.matrix, features), data.label, params={"verbose": -1})
    threads = threads_for(data.size)
    parameters = {"objective": "binary", "verbose": -1, "seed": 7, "num_threads": threads}
    return Boosted(features, lightgbm.train(parameters, columns, 100))


def to_probability(margin: Floats) -> Floats:
    """Probability of some log-odds."""
    return np.asarray(expit(margin), dtype=np.float64)
