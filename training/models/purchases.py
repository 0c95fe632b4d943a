"""What does a model of the purchase process say: BG/NBD with Gamma-Gamma?

Fader, Hardie & Lee, "RFM and CLV", Journal of Marketing Research 42(4), 2005. It reads four
numbers per account, so it stands beside every model of `value` as a baseline; and it knows no
horizon, so it carries what a model says of its own on to a year that the history cannot teach.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from features import bgnbd, gammagamma
from features.kernel import Floats
from features.matrix import FeatureMatrix
from training.labels import Horizon
from training.models.numbers import table

_DAYS_PER_WEEK = 7.0
COLUMNS = ("bgnbd_frequency", "days_since_first_order", "days_since_last_order", "revenue_all")


@dataclass(frozen=True)
class Process:
    """BG/NBD of the purchase days, Gamma-Gamma of the amounts (``revenue`` or ``margin``)."""

    purchases: bgnbd.BgNbd
    amounts: gammagamma.GammaGamma
    basis: str = "revenue"

    def expected_purchases(self, rows: FeatureMatrix, days: float) -> Floats:
        """(n,) purchase days to be expected within some days; missing without an order."""
        x, last, age = quantities(rows)
        numbers = [np.asarray(value) for value in asdict(self.purchases).values()]
        alive = bgnbd.p_alive(x, last, age, *numbers)
        if not set(COLUMNS) <= set(rows.names):
            return np.full(rows.code.size, np.nan)
        return alive * bgnbd.expected_if_alive(x, age, *numbers, ahead=days / _DAYS_PER_WEEK)

    def expected(self, rows: FeatureMatrix, horizon: Horizon) -> Floats:
        """(n,) expected amount within the horizon; missing without an order."""
        x, _, _ = quantities(rows)
        until = horizon.lead_days + horizon.horizon_days
        count = self.expected_purchases(rows, until)
        if horizon.lead_days:
            count = count - self.expected_purchases(rows, horizon.lead_days)
        spent = _spent(rows, self.basis)
        return np.asarray(count * gammagamma.expected_amount(x + 1.0, spent, self.amounts))

    def growth(self, rows: FeatureMatrix, horizon: Horizon, days: float) -> Floats:
        """(n,) how many times what comes within the horizon comes within so many days?

        At most in proportion to the days, and less where accounts leave; in proportion where
        nothing is known of an account's purchases.
        """
        near = self.expected_purchases(rows, horizon.horizon_days)
        most = days / horizon.horizon_days
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.expected_purchases(rows, days) / near
        return np.clip(np.where(np.isfinite(ratio), ratio, most), 1.0, max(most, 1.0))

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Its seven numbers, and of which money."""
        purchases, amounts = asdict(self.purchases), asdict(self.amounts)
        return {"purchases": purchases, "amounts": amounts, "basis": self.basis}


def process_from_json(body: Any) -> Process:  # Any: JSON
    """Read what `Process.to_json` wrote.

    Raises
    ------
    ValueError, KeyError, TypeError
        When it is something else.
    """
    one, other = body["purchases"], body["amounts"]
    r, alpha, a, b = table([one[name] for name in ("r", "alpha", "a", "b")], (4,))
    p, q, v = table([other[name] for name in ("p", "q", "v")], (3,))
    return Process(
        bgnbd.BgNbd(float(r), float(alpha), float(a), float(b)),
        gammagamma.GammaGamma(float(p), float(q), float(v)),
        str(body["basis"]),
    )


def quantities(rows: FeatureMatrix) -> tuple[Floats, Floats, Floats]:
    """Repeat purchase days, age at the last purchase and age, in weeks."""
    age = rows.column("days_since_first_order") / _DAYS_PER_WEEK
    last = age - rows.column("days_since_last_order") / _DAYS_PER_WEEK
    return rows.column("bgnbd_frequency"), np.maximum(last, 0.0), np.maximum(age, 1e-6)


def _spent(rows: FeatureMatrix, basis: str) -> Floats:
    """(n,) money per purchase day; margins by the account's own rate, else by that of all."""
    x, _, _ = quantities(rows)
    spent = np.maximum(rows.column("revenue_all"), 0.0) / (x + 1.0)
    if basis != "margin":
        return spent
    rate = np.clip(rows.column("margin_rate_365d"), 0.0, 1.0)
    usual = np.nanmean(rate) if np.isfinite(rate).any() else 1.0
    return np.asarray(spent * np.where(np.isnan(rate), usual, rate))


def fit_process(rows: FeatureMatrix, basis: str = "revenue") -> Process | None:
    """Fit both parts to the newest day's accounts; None where too few ordered."""
    if not set(COLUMNS) <= set(rows.names):
        return None
    newest = rows.take(np.flatnonzero(rows.as_of == rows.as_of.max()))
    x, last, age = quantities(newest)
    known = np.isfinite(age) & np.isfinite(last) & np.isfinite(x)
    spent = _spent(newest, basis)[known]
    purchases = bgnbd.fit(x[known], last[known], age[known])
    amounts = gammagamma.fit(x[known] + 1.0, spent)
    if purchases is None or amounts is None:
        return None
    return Process(purchases, amounts, basis)
