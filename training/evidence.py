"""On how much does a probability rest?

Each account or deal counts once, however many days it recurs on: with its newest known outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import beta, norm

from features.counting import counted
from training.dataset import Dataset, Task
from training.models import PRIOR_ROWS, Rates, Rung

_SHARE = 0.95


@dataclass(frozen=True)
class Share:
    """How many of how many, with the 95 % interval of the share (0..1)."""

    n: int
    outcomes: int
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Counts and bounds; the share itself is outcomes / n."""
        return {"n": self.n, "outcomes": self.outcomes, "low": self.low, "high": self.high}


def wilson(outcomes: int, n: int) -> Share:
    """Between which shares lies the true one, with 95 % confidence (Wilson 1927)?

    Without any row it may lie anywhere.

    >>> found = wilson(15, 61)
    >>> round(found.low, 3), round(found.high, 3)
    (0.155, 0.367)
    """
    if n == 0:
        return Share(0, 0, 0.0, 1.0)
    z = float(norm.ppf(0.5 + _SHARE / 2))
    share = outcomes / n
    middle = share + z**2 / (2 * n)
    width = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = (float((middle + side * width) / (1 + z**2 / n)) for side in (-1, 1))
    return Share(n, outcomes, max(low, 0.0), min(high, 1.0))


def shrunken(outcomes: int, n: int, base: float) -> Share:
    """Where does a rate lie that leans on the base rate with the weight of 20 rows (95 %)?

    Quantiles of the beta distribution with the counts and the prior added up.
    """
    edge = (1 - _SHARE) / 2
    ends = beta.ppf(
        [edge, 1 - edge], outcomes + PRIOR_ROWS * base, n - outcomes + PRIOR_ROWS * (1 - base)
    )
    return Share(n, outcomes, float(ends[0]), float(ends[1]))


def newest(data: Dataset) -> Dataset:
    """The newest row of each account or deal."""
    order = np.argsort(data.matrix.as_of, kind="stable")[::-1]
    _, first = np.unique(data.matrix.code[order], return_index=True)
    return data.take(np.sort(order[first]))


def evidence(data: Dataset | None, task: Task, rung: Rung) -> dict[str, Any]:  # Any: JSON
    """On how many outcomes does a model rest, and between which bounds does their share lie?

    Returns
    -------
    dict
        ``n``, ``outcomes``, ``low``, ``high`` (95 % interval of the share), ``text`` for people,
        and for the rates rung ``by_key``: the same for each segment or stage, with the interval of
        the shrunken rate.
    """
    once = None if data is None or not data.size else newest(data)
    total = wilson(0, 0) if once is None else wilson(int(once.label.sum()), once.size)
    found = {**total.to_json(), "text": _sentence(total, task)}
    if once is not None and isinstance(rung, Rates):
        found["by_key"] = {
            key: share.to_json() for key, share in _by_key(once, rung, total).items()
        }
    return found


def _by_key(once: Dataset, rung: Rates, total: Share) -> Mapping[str, Share]:
    keys = once.matrix.keys[rung.key]
    base = (total.outcomes + 0.5) / (total.n + 1.0)
    return {
        key: shrunken(int(once.label[keys == key].sum()), int((keys == key).sum()), base)
        for key in sorted(rung.log_odds)
    }


def _sentence(total: Share, task: Task) -> str:
    what, came = ("account", "left") if task.entity == "account" else ("deal", "were won")
    if total.n == 0:
        return f"rests on no {what} whose outcome is known"
    return (
        f"rests on {counted(total.n, what)} whose outcome is known;"
        f" {100 * total.outcomes / total.n:.0f} % {came} within {task.horizon.horizon_days} days"
        f" (95 % interval {100 * total.low:.0f} to {100 * total.high:.0f} %)"
    )
