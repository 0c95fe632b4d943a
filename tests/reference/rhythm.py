"""When and how often an account orders."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import roots_jacobi

from tests.reference.grouping import PRIOR, Columns, Entities, Numbers, growth, ratio
from tests.reference.known import Known

NODES = 128


def rhythm(known: Known) -> Columns:
    """Silence and gaps, orders by window, and what is to be expected of them."""
    bought = known.purchases
    if bought is None:
        return {}
    who = known.accounts
    silence, life = who.least(bought), who.most(bought)
    found = {"days_since_last_order": silence, "days_since_first_order": life}
    found |= _counts(who, bought, life) | _active_days(who, bought)
    found |= _gaps(known, bought, silence, life)
    return found | _still_buying(known, found["_order_days"], silence, life)


def _counts(who: Entities, bought: pd.DataFrame, life: Numbers) -> Columns:
    age = bought["age"]
    windows = {f"orders_{days}d": age <= days for days in (30, 90, 180, 365)}
    count = who.sums(
        bought,
        windows
        | {
            "all": age >= 0,
            "before_180": (age > 180) & (age <= 360),
            "around": (age > 320) & (age <= 410),
            "next": (age > 275) & (age <= 365),
        },
    )
    month, quarter, half = (count[f"orders_{days}d"] for days in (30, 90, 180))
    everything = count["all"]
    return {
        **{name: count[name] for name in windows},
        "orders_all": everything,
        "orders_per_month": ratio(30 * everything, np.maximum(life, 30)),
        "repeat_orders_per_quarter": ratio(90 * (everything - 1), np.maximum(life, 1)),
        "recent_order_share": ratio(half, everything),
        "orders_change_30d": growth(3 * month, 1.5 * (quarter - month)),
        "orders_change_90d": growth(quarter, half - quarter),
        "orders_change_180d": growth(half, count["before_180"]),
        "orders_same_season": np.where(life > 410, count["around"], np.nan),
        "orders_next_season": np.where(life > 365, count["next"], np.nan),
    }


def _active_days(who: Entities, bought: pd.DataFrame) -> Columns:
    newest = who.days(bought)
    age = newest["age"]
    windows = {f"active_days_{days}d": age <= days for days in (30, 90, 180, 365)}
    found = who.sums(newest, windows | {"_order_days": age >= 0})
    # A day that a window's edge cuts through has orders on both sides.
    before = who.count(who.days(bought[(bought["age"] > 90) & (bought["age"] <= 180)]))
    return found | {"active_days_change_90d": growth(found["active_days_90d"], before)}


def _gaps(known: Known, bought: pd.DataFrame, silence: Numbers, life: Numbers) -> Columns:
    who = known.accounts
    groups = who.gaps(bought).groupby("account", sort=False)["gap"]
    names = ("mean", "median", "std", "max")
    usual, median, spread, longest = (
        who.spread(groups.agg(name)) for name in names
    )  # fmt: skip
    n = who.spread(groups.size(), 0.0)
    peers = _usual_of_segment(known, median, silence)
    prior = np.where(np.isnan(peers), 0.0, 2.0)
    expected = ratio(n * np.nan_to_num(median) + prior * np.nan_to_num(peers), n + prior)
    return {
        "usual_gap_days": usual,
        "median_gap_days": median,
        "gap_spread_days": spread,
        "longest_gap_days": longest,
        "expected_gap_days": expected,
        "overdue_ratio": ratio(silence, expected),
        "overdue_days": silence - expected,
        "gap_irregularity": ratio(spread, usual),
        "overdue_spreads": (silence - expected) / (spread + 5),
        "silence_over_longest_gap": np.minimum(ratio(silence, longest), 20.0),
        "silence_over_active_life": ratio(silence, life - silence + 30),
        "silence_share_of_tenure": ratio(silence, life),
    }


def _usual_of_segment(known: Known, median: Numbers, silence: Numbers) -> Numbers:
    """Median gap of the accounts of a segment that bought within a year, leaning on all."""
    gaps = pd.Series(np.where(silence <= 365, median, np.nan)).dropna()
    everyone = gaps.median()
    own = gaps.groupby(known.segment.loc[gaps.index]).agg(["median", "size"]).reindex(known.segment)
    own = own.fillna(0.0).to_numpy(dtype=float)
    weight = own[:, 1] / (own[:, 1] + PRIOR)
    return np.asarray(weight * own[:, 0] + (1 - weight) * everyone)


def _still_buying(known: Known, days: Numbers, silence: Numbers, life: Numbers) -> Columns:
    """BG/NBD by its story rather than by equation 10 of the paper: integrated, not summed up."""
    x, recency = np.maximum(days - 1, 0.0), life - silence
    r, alpha, a, b = known.model
    with np.errstate(all="ignore"):
        odds = a / (b + x - 1) * ((alpha + life / 7) / (alpha + recency / 7)) ** (r + x)
    alive = 1 / (1 + np.where(x > 0, odds, np.where(np.isnan(life), np.nan, 0.0)))
    bought = np.full(x.size, np.nan)
    ordered = np.flatnonzero(days > 0)
    for repeats in np.unique(x[ordered]):
        rows = ordered[x[ordered] == repeats]
        # Whoever is alive leaves after each purchase with a chance that is beta(a, b + x).
        node, weight = roots_jacobi(NODES, b + repeats - 1, a - 1)
        chance = (node + 1) / 2
        shrinking = np.log1p(np.outer(1 / (alpha + life[rows] / 7), chance * 90 / 7))
        # Mean over the rate, gamma(r + x, alpha + age), of (1 - exp(-rate * chance * t)) / chance.
        each = -np.expm1(-(r + repeats) * shrinking) / chance
        bought[rows] = each @ weight / weight.sum()
    return {
        "bgnbd_frequency": x,
        "bgnbd_recency_days": recency,
        "bgnbd_p_alive": alive,
        "bgnbd_orders_90d": bought * alive,
    }
