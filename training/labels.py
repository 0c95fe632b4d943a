"""What became of each account or deal?

A label is 1, 0 or unknown (NaN): never 0 merely because nothing has been seen yet. Labels look at
[as_of + lead, as_of + lead + horizon), at event times, among rows known before ``known_by``.

Worked example: account 17850 last orders on 2010-12-02. The churn label of 2010-12-15 with a
horizon of 90 days is 1 from 2011-03-15 on, and unknown before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.asof import NEVER, US_PER_DAY, Instants
from features.cohorts import live_subscriptions
from features.events import EventSet
from features.kernel import Codes, Events, Floats

OPEN, WON, LOST = 0, 1, 2
"""How a deal stands when it was last seen."""

_LEAST_MARGINS = 0.95

Mask = NDArray[np.bool_]

SUCCESSOR_DAYS = 30
"""A subscription that ends has a successor when another starts within so many days."""


@dataclass(frozen=True)
class Horizon:
    """How far ahead a label looks, in days."""

    horizon_days: int
    lead_days: int = 0

    def window(self, as_of: Instants) -> tuple[Instants, Instants]:
        """Start and end of the half-open label windows of some as_of instants."""
        start = as_of + self.lead_days * US_PER_DAY
        return start, start + self.horizon_days * US_PER_DAY


@njit(cache=True, nogil=True)
def _first_from(offsets, at, counts, entity, start):  # type: ignore[no-untyped-def]
    """When is the first event that counts at or after an instant, per row? NEVER if none."""
    found = np.full(entity.size, np.int64(9223372036854775807))
    for row in range(entity.size):
        low, high = offsets[entity[row]], offsets[entity[row] + 1]
        first, last = low, high
        while first < last:
            middle = (first + last) // 2
            if at[middle] < start[row]:
                first = middle + 1
            else:
                last = middle
        while first < high and not counts[first]:
            first += 1
        if first < high:
            found[row] = at[first]
    return found


def _flag(events: Events, name: str) -> Mask:
    return np.asarray((events.flags >> events.flag_names.index(name)) & 1 == 1)


def _known(events: Events, known_by: int) -> Mask:
    return np.asarray((events.known_from < known_by) & (known_by <= events.known_until))


def next_order_at(events: EventSet, code: Codes, start: Instants, known_by: int) -> Instants:
    """When does each account place its first order with a positive net amount from ``start`` on?"""
    orders = events.sources.get("orders")
    if orders is None:
        return np.full(code.size, NEVER, dtype=np.int64)
    counts = _flag(orders, "is_purchase") & _known(orders, known_by)
    return np.asarray(_first_from(orders.offsets, orders.at, counts, code, start))


@njit(cache=True, nogil=True)
def _cover_end(offsets, at, ended, counts, entity, as_of, bridge):  # type: ignore[no-untyped-def]
    """Until when is each account covered, gaps shorter than ``bridge`` bridged?"""
    found = np.empty(entity.size, dtype=np.int64)
    for row in range(entity.size):
        end = as_of[row]
        # Sorted by start: one sweep suffices, since a later start cannot bridge an earlier gap.
        for i in range(offsets[entity[row]], offsets[entity[row] + 1]):
            if not counts[i] or ended[i] < as_of[row]:
                continue
            if at[i] <= as_of[row] or (end < 9223372036854775807 and at[i] <= end + bridge):
                end = max(end, ended[i])
        found[row] = end
    return found


def covered_until(events: EventSet, code: Codes, as_of: Instants, known_by: int) -> Instants:
    """When do all subscriptions of each account end without a successor? NEVER if they run on."""
    found = events.sources["subscriptions"]
    ended = np.where(found.later < known_by, found.later, NEVER)
    return np.asarray(
        _cover_end(
            found.offsets, found.at, ended, _known(found, known_by), code, as_of,
            SUCCESSOR_DAYS * US_PER_DAY,
        )
    )  # fmt: skip


@dataclass(frozen=True)
class Labels:
    """Outcomes of some rows.

    Attributes
    ----------
    value : (n,) float64
        1, 0, or NaN for unknown (or settled inside the lead time: no row of any slice).
    rule : (n,) str
        By which rule: ``orders``, ``subscription`` or ``deal``.
    """

    value: Floats
    rule: NDArray[np.str_]


def churn_labels(
    events: EventSet, code: Codes, as_of: Instants, horizon: Horizon, *, known_by: int
) -> Labels:
    """Did each account leave within the horizon?

    By the order rule an account left when it placed no order with a positive net amount in the
    window. An account with a subscription that runs on the as_of instant left when, within the
    window, all its subscriptions end and none starts within 30 days of that.

    Parameters
    ----------
    events : EventSet
        Events of the accounts.
    code, as_of : (n,) int64
        Account and instant of each row.
    horizon : Horizon
        Where to look.
    known_by : int
        Only rows known before this instant are used; windows that end after it are unknown.
    """
    start, end = horizon.window(as_of)
    left = np.where(next_order_at(events, code, start, known_by) >= end, 1.0, 0.0)
    matured_at = end
    rule = np.full(code.size, "orders")
    if "subscriptions" in events.sources:
        live = np.zeros(code.size, dtype=bool)
        for moment in np.unique(as_of):
            rows = as_of == moment
            live[rows] = live_subscriptions(events, int(moment))[code[rows]] > 0
        until = covered_until(events, code, as_of, known_by)
        ended = np.where(until < end, 1.0, 0.0)
        left = np.where(live, np.where(until < start, np.nan, ended), left)
        matured_at = np.where(live, end + SUCCESSOR_DAYS * US_PER_DAY, end)
        rule = np.where(live, "subscription", rule)
    return Labels(np.where(matured_at <= known_by, left, np.nan), rule)


def closings(events: EventSet, known_by: int) -> tuple[Instants, Floats]:
    """When did each deal reach its first terminal stage (NEVER: open), and was it won?"""
    n = len(events.deals.words)
    closed_at, is_won = np.full(n, NEVER, dtype=np.int64), np.zeros(n)
    moves = events.sources.get("moves")
    if moves is None:
        return closed_at, is_won
    rows = np.flatnonzero(_flag(moves, "is_closed") & _known(moves, known_by))
    deal = np.repeat(np.arange(n), np.diff(moves.offsets))[rows]
    deal, first = np.unique(deal, return_index=True)
    closed_at[deal] = moves.at[rows[first]]
    is_won[deal] = _flag(moves, "is_won")[rows[first]]
    return closed_at, is_won


def close_labels(
    events: EventSet, code: Codes, as_of: Instants, horizon: Horizon, *, known_by: int
) -> Labels:
    """Was each open deal won within the horizon?

    A deal lost, or still open, at the end of its window was not. A deal closed inside the lead
    time is unknown: nothing is left to predict.

    Parameters
    ----------
    events, code, as_of, horizon, known_by
        As for `churn_labels`, with deals.
    """
    start, end = horizon.window(as_of)
    closed_at, is_won = closings(events, known_by)
    closed, won = closed_at[code], is_won[code]
    value = np.where((won == 1) & (closed < end), 1.0, 0.0)
    value[(closed < start) | (end > known_by)] = np.nan
    return Labels(value, np.full(code.size, "deal"))


@dataclass(frozen=True)
class Durations:
    """How long did each open deal take from its as_of instant on, and how did it end?

    Attributes
    ----------
    days : (n,) float64
        Days until its first terminal stage; of one still open (censored), until it was last seen.
    cause : (n,) int64
        `OPEN`, `WON` or `LOST`.
    followed : (n,) float64
        Days for which it was, or would have been, followed: whether a period lies within them does
        not depend on how the deal ended.
    """

    days: Floats
    cause: Codes
    followed: Floats

    def take(self, rows: Codes) -> Durations:
        """Some of the rows."""
        return Durations(self.days[rows], self.cause[rows], self.followed[rows])


def durations(events: EventSet, code: Codes, as_of: Instants, *, known_by: int) -> Durations:
    """How long did each open deal take, as known on a day? Deals still open are censored then.

    Parameters
    ----------
    events : EventSet
        Events of the deals.
    code, as_of : (n,) int64
        Deal and instant of each row.
    known_by : int
        Only rows known before this instant are used.
    """
    closed_at, is_won = closings(events, known_by)
    closed, won = closed_at[code], is_won[code]
    is_closed = closed < known_by
    days = (np.where(is_closed, closed, known_by) - as_of) / US_PER_DAY
    ended = np.where(won == 1, WON, LOST)
    return Durations(
        np.maximum(days, 0.0),
        np.where(is_closed, ended, OPEN).astype(np.int64),
        (known_by - as_of) / US_PER_DAY,
    )


@njit(cache=True, nogil=True)
def _sums_within(offsets, at, amount, counts, entity, start, end):  # type: ignore[no-untyped-def]
    """What do the events that count add up to in each window?"""
    found = np.zeros(entity.size)
    for row in range(entity.size):
        for i in range(offsets[entity[row]], offsets[entity[row] + 1]):
            if counts[i] and start[row] <= at[i] < end[row]:
                found[row] += amount[i]
    return found


def amount_basis(events: EventSet) -> str:
    """Which money is an account worth: ``margin`` where it is known of nearly all, or ``revenue``?

    Margins count as known when at least 95 % of the orders have one.
    """
    orders = events.sources.get("orders")
    if orders is None or "margin_amount" not in orders.measure_names or not orders.at.size:
        return "revenue"
    margins = orders.measures[orders.measure_names.index("margin_amount")]
    return "margin" if (~np.isnan(margins)).mean() >= _LEAST_MARGINS else "revenue"


def value_labels(
    events: EventSet, code: Codes, as_of: Instants, horizon: Horizon, *, known_by: int, basis: str
) -> Labels:
    """How much did each account bring in within the horizon, credit notes taken off?

    Never below 0: what is given back of earlier orders is no value of the days to come.

    Parameters
    ----------
    events, code, as_of, horizon, known_by
        As for `churn_labels`; amounts without a rate in ``fx_rates`` are left out.
    basis : str
        ``revenue`` or ``margin``, of `amount_basis`.
    """
    start, end = horizon.window(as_of)
    rule = np.full(code.size, basis)
    orders = events.sources.get("orders")
    if orders is None:
        return Labels(np.full(code.size, np.nan), rule)
    name = "margin_amount" if basis == "margin" else "net_amount"
    amount = orders.measures[orders.measure_names.index(name)]
    counts = _known(orders, known_by) & ~np.isnan(amount)
    found = _sums_within(orders.offsets, orders.at, amount, counts, code, start, end)
    return Labels(np.where(end <= known_by, np.maximum(found, 0.0), np.nan), rule)
