"""When does each account order, what, and when does it pay?

Orders are a renewal process on the account's own clock: gaps are gamma with mean 1 and shape
1 + `regularity`. The clock runs with the season, at 1 / gap_days, and at 0.45 of that once the
account declines (at decline strength 1); it stops when the account leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.records.simulator.accounts import Accounts
from features.records.simulator.clock import (
    NEVER,
    Flags,
    Floats,
    Ints,
    business_by_day,
    office_hours,
)
from features.records.simulator.life import Life
from features.records.simulator.products import MARGIN_RATES, N_PRODUCTS, PRICES
from features.records.simulator.settings import SimulatorSettings
from features.records.simulator.tables import choose, contract_table, dates, ids, instants, numbers

_WARM_UP = 15.0
"""Gaps that customers from before the history have behind them at day 0."""


@dataclass(frozen=True)
class Rhythm:
    """The clock of each account, in usual gaps.

    Attributes
    ----------
    gap_days : ndarray
        Usual days between orders before any decline.
    start, decline : ndarray of int
        First day of the clock, and day from which it runs at `slow` of its speed.
    slow : float
        Speed in decline, 0 to 1.
    business : ndarray
        `business_by_day` of the history.
    """

    gap_days: Floats
    start: Ints
    decline: Ints
    slow: float
    business: Floats

    def clock(self, accounts: Ints, days: Ints) -> Floats:
        """What does the clock of each account show at the midnight that begins the day?

        0 at `start`; days lie between `start` and the end of the history.
        """
        turn = np.clip(self.decline[accounts], 0, days)
        start = self.business[self.start[accounts]]
        usual = self.business[np.maximum(turn, self.start[accounts])] - start
        slowed = self.business[days] - start - usual
        return np.asarray((usual + self.slow * slowed) / self.gap_days[accounts])

    def day(self, accounts: Ints, shown: Floats) -> Ints:
        """On which day does the clock of each account show this? The inverse of `clock`."""
        last = self.business.size - 1
        start = self.business[self.start[accounts]]
        business = shown * self.gap_days[accounts]
        usual = self.business[np.minimum(self.decline[accounts], last)] - start
        late = np.maximum(business - usual, 0)
        moment = np.minimum(business, usual) + late / self.slow + start
        days = np.interp(moment, self.business, np.arange(last + 1.0))
        return np.asarray(days, dtype=np.int64)


@dataclass(frozen=True)
class Orders:
    """Orders by account and time, those before the history included (negative `shown`).

    Attributes
    ----------
    account, day : ndarray of int
        Who, and on which day; -1 before the history.
    shown : ndarray
        What the account's clock showed.
    """

    account: Ints
    day: Ints
    shown: Floats


def slow_rate(settings: SimulatorSettings) -> float:
    """At which share of its usual speed does a declining account order?"""
    return 1 - 0.55 * min(settings.decline, 1.0)


def rhythm_of(accounts: Accounts, life: Life, settings: SimulatorSettings) -> Rhythm:
    """Which clock does each account order by?"""
    return Rhythm(
        gap_days=accounts.gap_days,
        start=np.minimum(life.start, settings.days),
        decline=life.first_day("decline"),
        slow=slow_rate(settings),
        business=business_by_day(settings),
    )


def draw_orders(
    random: np.random.Generator, life: Life, rhythm: Rhythm, settings: SimulatorSettings
) -> Orders:
    """On which days does each account order? None before it starts nor after it left."""
    customers = np.flatnonzero(life.start < settings.days)
    ends = np.minimum(life.departed[customers], settings.days)
    spans = rhythm.clock(customers, ends)
    warm_up = np.where(life.start[customers] == 0, _WARM_UP, 0.0)
    counts = np.ceil(spans + warm_up + 6 * np.sqrt(spans + warm_up) + 10).astype(np.int64)
    shape = 1 + settings.regularity
    gaps = random.gamma(shape, 1 / shape, int(counts.sum()))
    firsts = np.cumsum(counts) - counts
    sums = np.cumsum(gaps)
    before = np.repeat(sums[firsts] - gaps[firsts] + warm_up, counts)
    shown, account = sums - before, np.repeat(customers, counts)
    kept = shown < np.repeat(spans, counts)
    shown, account = shown[kept], account[kept]
    day = np.where(shown < 0, -1, rhythm.day(account, np.maximum(shown, 0)))
    return Orders(account, day, shown)


def order_tables(
    random: np.random.Generator,
    accounts: Accounts,
    life: Life,
    orders: Orders,
    settings: SimulatorSettings,
) -> dict[str, pa.Table]:
    """Which order lines and invoices do the orders leave?

    About 1.6 lines per order; after 2.5 % of orders a credit note of its own order_id returns
    part of the first line.
    """
    seen = np.flatnonzero(orders.day >= 0)
    by_time = seen[np.argsort(orders.day[seen], kind="stable")]
    account, day = orders.account[by_time], orders.day[by_time]
    ordered = office_hours(random, day)
    delivered = ordered + random.integers(1, 8, day.size)
    has_discount = ~life.has("price")[day, account]
    lines = _draw_lines(random, accounts, account, has_discount)
    totals = np.bincount(lines.order, lines.net, minlength=day.size).astype(np.float64)
    return {
        "orders": pa.concat_tables(
            [
                _line_table(lines, account, ordered, delivered, settings),
                _credit_notes(random, lines, account, ordered, settings),
            ]
        ),
        "invoices": _invoices(random, accounts, account, delivered, totals, settings),
    }


@dataclass(frozen=True)
class _Lines:
    order: Ints
    line: Ints
    product: Ints
    quantity: Floats
    net: Floats
    discount: Floats
    margin: Floats


def _draw_lines(
    random: np.random.Generator, accounts: Accounts, account: Ints, has_discount: Flags
) -> _Lines:
    counts = 1 + random.poisson(0.6, account.size)
    order = np.repeat(np.arange(account.size), counts)
    line = np.arange(order.size) - np.repeat(np.cumsum(counts) - counts, counts)
    product = random.integers(N_PRODUCTS, size=order.size)
    wanted = accounts.basket[account[order]] / 1.6 * np.exp(random.normal(0, 0.5, order.size))
    quantity = np.ceil(wanted / PRICES[product])
    gross = quantity * PRICES[product]
    rate = np.where(has_discount[order], random.uniform(0.05, 0.12, order.size), 0.0)
    discount = np.round(gross * rate, 2)
    margin = gross * MARGIN_RATES[product] - discount
    return _Lines(order, line, product, quantity, gross - discount, discount, margin)


def _line_table(
    lines: _Lines, account: Ints, ordered: Floats, delivered: Floats, settings: SimulatorSettings
) -> pa.Table:
    return contract_table(
        "orders",
        {
            "order_id": ids("O", lines.order, 7),
            "account_id": ids("A", account[lines.order]),
            "ordered_at": instants(settings, ordered[lines.order]),
            "net_amount": numbers(lines.net),
            "line_id": ids("", lines.line + 1, 1),
            "product_id": ids("P", lines.product, 3),
            "quantity": numbers(lines.quantity),
            "currency": choose(("EUR",), np.zeros_like(lines.order)),
            "margin_amount": numbers(lines.margin),
            "discount_amount": numbers(lines.discount),
            "delivered_at": instants(settings, delivered[lines.order]),
        },
    )


def _credit_notes(
    random: np.random.Generator,
    lines: _Lines,
    account: Ints,
    ordered: Floats,
    settings: SimulatorSettings,
) -> pa.Table:
    issued = ordered[lines.order] + random.integers(10, 25, lines.order.size)
    returned = (lines.line == 0) & (random.random(lines.order.size) < 0.025)
    row = np.flatnonzero(returned & (issued < settings.days))
    share = random.uniform(0.1, 0.9, row.size)
    n = row.size
    return contract_table(
        "orders",
        {
            "order_id": ids("C", lines.order[row], 7),
            "account_id": ids("A", account[lines.order[row]]),
            "ordered_at": instants(settings, issued[row]),
            "net_amount": numbers(-lines.net[row] * share),
            "line_id": ids("", np.ones(n, dtype=np.int64), 1),
            "product_id": ids("P", lines.product[row], 3),
            "quantity": numbers(-np.ceil(lines.quantity[row] * share)),
            "currency": choose(("EUR",), np.zeros(n, dtype=np.int64)),
            "margin_amount": numbers(-lines.margin[row] * share),
            "discount_amount": numbers(np.zeros(n)),
            "delivered_at": instants(settings, np.full(n, float(NEVER))),
        },
    )


def _invoices(
    random: np.random.Generator,
    accounts: Accounts,
    account: Ints,
    delivered: Floats,
    totals: Floats,
    settings: SimulatorSettings,
) -> pa.Table:
    terms = random.choice([30, 45, 60], accounts.size)
    lateness = random.normal(4, 8, accounts.size)
    issued = np.flatnonzero(delivered < settings.days)
    who = account[issued]
    due = np.floor(delivered[issued]).astype(np.int64) + terms[who]
    wait = terms[who] + lateness[who] + random.normal(0, 5, issued.size)
    paid = office_hours(random, np.floor(delivered[issued] + np.maximum(wait, 1)).astype(np.int64))
    return contract_table(
        "invoices",
        {
            "invoice_id": ids("F", issued, 7),
            "account_id": ids("A", who),
            "issued_at": instants(settings, delivered[issued]),
            "due_date": dates(settings, due),
            "amount": numbers(totals[issued]),
            "paid_at": instants(settings, paid),
        },
    )
