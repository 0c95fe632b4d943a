"""Whose is each row of a back-test, and what is at stake on it?

For reports, never for models: who owns an account is taken as it is now, since it decides whose
list the account goes on and not whether it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.asof import day_of
from features.context import PORTFOLIO
from features.events import EventSet
from features.kernel import Floats
from features.matrix import FeatureMatrix
from training.dataset import Workshop

Words = NDArray[np.object_]
_MONTHS = 12.0


@dataclass(frozen=True)
class Stakes:
    """What is known of some rows besides their features.

    Attributes
    ----------
    segment, owner : (n,) object
        Names, None where unknown; the owner of a deal as known on the row's day.
    value : (n,) float64
        At stake, in currency, 0 or more. Accounts: margin of the trailing 365 days, or revenue
        where no margin is known, or a year of recurring revenue where there are no orders. Deals:
        their amount.
    is_margin : bool
        Whether the value of accounts is a margin.
    """

    segment: Words
    owner: Words
    value: Floats
    is_margin: bool = False


def stakes_of(workshop: Workshop, rows: FeatureMatrix) -> Stakes:
    """Whose is each row, and what is at stake on it?"""
    nobody: Words = np.full(rows.code.size, None, dtype=object)
    segment = rows.keys.get("segment", nobody)
    if rows.entity == "deal":
        amount = _column(rows, "amount")
        return Stakes(segment, rows.keys.get("owner", nobody), _positive(amount))
    revenue = _positive(_column(rows, "revenue_365d"))
    recurring = _positive(_column(rows, "mrr")) * _MONTHS
    rate, is_margin = _margin_rate(workshop, rows)
    value = np.where(revenue > 0, revenue, recurring) * rate
    return Stakes(segment, _owners(workshop.events, rows), value, is_margin)


def _column(rows: FeatureMatrix, name: str) -> Floats:
    return rows.column(name) if name in rows.names else np.full(rows.code.size, np.nan)


def _positive(values: Floats) -> Floats:
    return np.maximum(np.nan_to_num(values, nan=0.0), 0.0)


def _margin_rate(workshop: Workshop, rows: FeatureMatrix) -> tuple[Floats, bool]:
    """Margin rate of each row, its own or the portfolio's of that day; 1 where none is known."""
    own = np.clip(_column(rows, "margin_rate_365d"), 0.0, 1.0)
    for moment in {*rows.as_of.tolist()}:
        usual = workshop.context(day_of(moment)).tables["segment"].get(PORTFOLIO, "margin_rate")
        own[(rows.as_of == moment) & np.isnan(own)] = usual
    return np.where(np.isnan(own), 1.0, own), bool((~np.isnan(own)).any())


def _owners(events: EventSet, rows: FeatureMatrix) -> Words:
    """Who owns each account now."""
    found: Words = np.full(rows.code.size, None, dtype=object)
    table = events.records.tables.get("accounts")
    if table is None or "owner_id" not in table.column_names:
        return found
    accounts, owners = (table.column(name).to_pylist() for name in ("account_id", "owner_id"))
    by_account = dict(zip(accounts, owners, strict=True))
    found[:] = [by_account.get(events.accounts.words[int(code)]) for code in rows.code]
    return found
