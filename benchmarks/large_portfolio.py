"""Large portfolios of made-up records that fill every feature, from a seed and a size.

Amounts are multiples of a quarter, whose sums are exact in any order: two ways of adding up must
not differ in what is zero. About one row in a hundred is corrected or withdrawn later, and one
order in twenty-five is in another currency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.asof import MISSING, US_PER_DAY, instant
from features.records.checking import arrow_schema
from features.records.contract import TABLES
from features.records.folder import Portfolio, Records
from features.records.reading import TableReader

START, END = date(2022, 1, 1), date(2025, 1, 1)
AS_OF = tuple(date(2024 + month // 12, month % 12 + 1, 1) for month in range(1, 13))
"""Twelve months, up to the end of the records."""
LINES_PER_ACCOUNT = 20
STATIC = frozenset(
    f"{table}.{column}"
    for table in ("accounts", "opportunities")
    for column in TABLES[table].mutable
)
STAGES = ("lead", "qualified", "offer", "negotiation", "won", "lost")

Values = Any  # numpy arrays of any type, or Arrow arrays
Columns = dict[str, Values]
Ints = NDArray[np.int64]
_MINUTE = 60_000_000


def large_records(n_accounts: int, seed: int = 7) -> Records:
    """Which records have so many accounts, as a loader would bring them?"""
    tables = TableReader(large_tables(n_accounts, seed)).tables()
    return Records(large_header(), tables)


def large_header() -> Portfolio:
    """What holds for a large portfolio?"""
    end = datetime(END.year, END.month, END.day, tzinfo=UTC)
    return Portfolio("large", "EUR", "Europe/Paris", STATIC, end)


def large_tables(n_accounts: int, seed: int = 7) -> dict[str, pa.Table]:
    """Which rows have so many accounts, with 20 order lines and 5 interactions each?"""
    maker = _Maker(np.random.default_rng(seed), n_accounts)
    columns: Mapping[str, Columns] = {
        "accounts": maker.accounts(),
        "account_history": maker.account_history(),
        "contacts": maker.contacts(),
        "orders": maker.orders(),
        "fx_rates": maker.fx_rates(),
        "invoices": maker.invoices(),
        "interactions": maker.interactions(),
        "opportunities": maker.opportunities(),
        "opportunity_history": maker.opportunity_history(),
        "stages": {
            "stage": list(STAGES),
            "position": [float(place) for place in range(len(STAGES))],
            "outcome": ["open"] * 4 + ["won", "lost"],
        },
        "subscriptions": maker.subscriptions(),
        "account_events": maker.account_events(),
        "products": {
            "product_id": _ids("P", np.arange(maker.n_products)),
            "category": _words([f"category {number}" for number in range(12)],
                               np.arange(maker.n_products) % 12),
        },
    }  # fmt: skip
    return {name: _typed(name, found) for name, found in columns.items()}


class _Maker:
    """Draws the tables of one portfolio; ids tell whose a row is, so that tables agree."""

    n_products = 300
    n_owners = 60

    def __init__(self, random: np.random.Generator, n_accounts: int) -> None:
        self.random = random
        self.n = n_accounts
        self.n_deals = max(2 * n_accounts // 5, 3)
        self.start, self.end = instant(START), instant(END)
        # Who is busy, since when, and until when: a third leaves on the way.
        weight = random.gamma(0.7, size=n_accounts) + 0.02
        self.busy = np.cumsum(weight) / weight.sum()
        self.since = self.start + random.integers(0, 500 * US_PER_DAY, n_accounts)
        last = self.since + random.integers(60 * US_PER_DAY, 1600 * US_PER_DAY, n_accounts)
        self.until = np.minimum(last, self.end)
        self.deal_account = self._someone(self.n_deals)
        self.deal_opened = self._moments(self.deal_account)

    # -- draws
    def _someone(self, n: int) -> Ints:
        found = np.searchsorted(self.busy, self.random.random(n))
        return np.minimum(found, self.n - 1).astype(np.int64)

    def _moments(self, account: Ints) -> Ints:
        """Moments, to the minute, in the life of each account."""
        span = self.until[account] - self.since[account]
        at = self.since[account] + (self.random.random(account.size) * span).astype(np.int64)
        return at // _MINUTE * _MINUTE

    def _later(self, at: Ints, days: float, share: float) -> Values:
        """Moments after others, some days on; missing for the rest and after the end."""
        lag = self.random.exponential(days, at.size) * US_PER_DAY
        later = (at + lag.astype(np.int64)) // _MINUTE * _MINUTE
        is_there = (self.random.random(at.size) < share) & (later < self.end)
        return _instants(np.where(is_there, later, MISSING))

    def _pick(self, words: Sequence[str], n: int, shares: Sequence[float] | None = None) -> Values:
        """Words in some shares; what is left of 1 is missing."""
        weights = [1.0 / len(words)] * len(words) if shares is None else list(shares)
        cuts = np.cumsum(weights)
        code = np.searchsorted(cuts, self.random.random(n) * max(1.0, cuts[-1]))
        return _words(words, np.where(code < len(words), code, -1))

    def _quarters(self, low: int, high: int, n: int) -> NDArray[np.float64]:
        return self.random.integers(low, high, n) / 4

    def _some(self, values: NDArray[np.float64], share: float) -> Values:
        is_there = self.random.random(values.size) < share
        return pa.array(values, mask=~is_there)

    def _corrected(self, columns: Columns, at: Ints, amount: str) -> Columns:
        """Add rows that correct or withdraw one in a hundred, learnt two weeks later."""
        n = at.size
        again = np.flatnonzero(self.random.random(n) < 0.01)
        rows = pa.array(np.concatenate((np.arange(n), again)))
        found = {name: _array(values).take(rows) for name, values in columns.items()}
        values = found[amount].to_numpy(zero_copy_only=False).copy()
        values[n:] += 1.0
        found[amount] = pa.array(values, from_pandas=True)
        learnt = np.minimum(at[again] + 14 * US_PER_DAY, self.end - 1)
        found["known_at"] = _instants(np.concatenate((np.full(n, MISSING), learnt)))
        is_deleted = np.zeros(n + again.size, dtype=bool)
        is_deleted[n:] = self.random.random(again.size) < 0.1
        return found | {"is_deleted": is_deleted}

    # -- tables
    def accounts(self) -> Columns:
        n = self.n
        return {
            "account_id": _ids("A", np.arange(n)),
            "segment": self._pick(("small", "medium", "large", "key"), n, (0.5, 0.3, 0.1, 0.05)),
            "country": self._pick(("FR", "DE", "BE", "ES", "IT", "GB"), n),
            "created_at": _instants(self.since),
            "parent_account_id": _ids("G", self.random.integers(0, n // 20 + 1, n),
                                      self.random.random(n) < 0.2),
            "employees": self._some(np.ceil(self.random.lognormal(3, 1.5, n)), 0.8),
            "potential_revenue": self._some(self._quarters(400, 200_000, n), 0.5),
            "wallet_revenue": self._some(self._quarters(400, 400_000, n), 0.5),
        }  # fmt: skip

    def account_history(self) -> Columns:
        n = self.n // 3 + 1
        account = self._someone(n)
        is_size = self.random.random(n) < 0.3
        segments = self._pick(("small", "medium", "large", "key"), n)
        sizes = _words([str(size) for size in range(1, 400)], self.random.integers(0, 399, n))
        return {
            "account_id": _ids("A", account),
            "changed_at": _instants(self._moments(account)),
            "field": _words(("segment", "employees"), is_size.astype(np.int64)),
            "value": np.where(is_size, sizes.to_pylist(), segments.to_pylist()),
        }

    def contacts(self) -> Columns:
        n = 3 * self.n
        at = np.repeat(self.since, 3) + self.random.integers(0, 300 * US_PER_DAY, n)
        at = np.minimum(at, self.end - 1)
        return {
            "contact_id": _ids("K", np.arange(n)),
            "account_id": _ids("A", np.repeat(np.arange(self.n), 3)),
            "created_at": _instants(at),
            "left_at": self._later(at, 500, 0.3),
        }

    def orders(self) -> Columns:
        n = LINES_PER_ACCOUNT * self.n
        of_order = np.repeat(np.arange(n), 1 + self.random.binomial(3, 0.5, n))[:n]
        n_orders = int(of_order[-1]) + 1
        account = self._someone(n_orders)
        at = self._moments(account)[of_order]
        net = self._quarters(40, 2_000, n)
        net[self.random.random(n) < 0.03] *= -1
        columns: Columns = {
            "order_id": _ids("O", of_order),
            "account_id": _ids("A", account[of_order]),
            "ordered_at": _instants(at),
            "net_amount": net,
            "line_id": _ids("L", np.arange(n) - np.searchsorted(of_order, of_order)),
            "product_id": _ids("P", (self.random.random(n) ** 2 * self.n_products).astype(int)),
            "margin_amount": self._some(np.round(net * 1.2) / 4, 0.9),
            "discount_amount": self._some(self._quarters(0, 80, n), 0.4),
            "currency": self._pick(("USD", "EUR"), n_orders, (0.04, 0.5)).take(pa.array(of_order)),
        }
        return self._corrected(columns, at, "net_amount")

    def fx_rates(self) -> Columns:
        """Rates of each working day, learnt the day after, some corrected later."""
        days = np.arange(self.start, self.end, US_PER_DAY)
        days = days[(days // US_PER_DAY + 3) % 7 < 5]
        again = np.flatnonzero(self.random.random(days.size) < 0.02)
        row = np.concatenate((np.arange(days.size), again))
        lag = np.where(np.arange(row.size) < days.size, 1, 20) * US_PER_DAY
        return {
            "date": pa.array((days[row] // US_PER_DAY).astype(np.int32)).cast(pa.date32()),
            "currency": _words(("USD",), np.zeros(row.size, dtype=np.int64)),
            # Sixty-fourths, as exact as the quarters that they multiply.
            "rate": self.random.integers(54, 66, row.size) / 64,
            "known_at": _instants(np.minimum(days[row] + lag, self.end - 1)),
        }

    def invoices(self) -> Columns:
        n = 2 * self.n
        account = self._someone(n)
        at = self._moments(account)
        return {
            "invoice_id": _ids("I", np.arange(n)),
            "account_id": _ids("A", account),
            "issued_at": _instants(at),
            "due_date": pa.array((at // US_PER_DAY + 30).astype(np.int32)).cast(pa.date32()),
            "amount": self._quarters(40, 4_000, n),
            "paid_at": self._later(at, 35, 0.95),
        }

    def interactions(self) -> Columns:
        n = 5 * self.n
        account = self._someone(n)
        at = self._moments(account)
        # A quarter is about a deal, and then of the deal's account while it is open.
        deal = self.random.integers(0, self.n_deals, n)
        has_deal = self.random.random(n) < 0.25
        account = np.where(has_deal, self.deal_account[deal], account)
        talked = self.deal_opened[deal] + self.random.integers(0, 120 * US_PER_DAY, n)
        at = np.where(has_deal, np.minimum(talked, self.end - 1) // _MINUTE * _MINUTE, at)
        kinds = ("call", "email", "meeting", "visit", "ticket", "complaint", "survey", "web",
                 "proposal_viewed", "campaign", "other")  # fmt: skip
        kind = self.random.choice(
            len(kinds), n, p=(0.22, 0.2, 0.1, 0.06, 0.12, 0.05, 0.06, 0.08, 0.04, 0.06, 0.01)
        )
        is_asked = kind == 6
        columns: Columns = {
            "interaction_id": _ids("T", np.arange(n)),
            "account_id": _ids("A", account),
            "occurred_at": _instants(at),
            "kind": _words(kinds, kind),
            "direction": self._pick(("inbound", "outbound"), n, (0.4, 0.5)),
            "outcome": self._pick(("objection", "buying_signal", "answered", "clicked", "none"), n,
                                  (0.1, 0.1, 0.2, 0.05, 0.2)),
            "sentiment": self._some(self.random.integers(-4, 5, n) / 4, 0.5),
            "survey_score": pa.array(self.random.integers(0, 11, n).astype(float), mask=~is_asked),
            "resolved_at": _only(self._later(at, 4, 0.85), (kind == 4) | (kind == 5)),
            "contact_id": _ids("K", 3 * account + self.random.integers(0, 3, n),
                               self.random.random(n) < 0.7),
            "opportunity_id": _ids("D", deal, has_deal),
            "duration_minutes": self._some(self.random.integers(1, 90, n).astype(float), 0.5),
        }  # fmt: skip
        return self._corrected(columns, at, "duration_minutes")

    def opportunities(self) -> Columns:
        n = self.n_deals
        return {
            "opportunity_id": _ids("D", np.arange(n)),
            "account_id": _ids("A", self.deal_account),
            "created_at": _instants(self.deal_opened),
            "owner_id": _ids("R", self.random.integers(0, self.n_owners, n)),
            "kind": self._pick(("new", "expansion", "renewal"), n, (0.5, 0.3, 0.1)),
            "source": self._pick(("web", "fair", "partner", "call"), n, (0.3, 0.2, 0.2, 0.2)),
            "product_id": _ids("P", self.random.integers(0, 40, n), self.random.random(n) < 0.9),
            "competitor": self._pick(("Acme", "Globex", "Initech"), n, (0.2, 0.1, 0.1)),
        }

    def opportunity_history(self) -> Columns:
        """Moves one stage on or, now and then, back, until won or lost."""
        count = 1 + self.random.binomial(5, 0.6, self.n_deals)
        deal = np.repeat(np.arange(self.n_deals), count)
        place = np.arange(deal.size) - np.repeat(np.cumsum(count) - count, count)
        stage = np.minimum(place, 3) - (self.random.random(deal.size) < 0.1) * (place > 0)
        is_last = place == count[deal] - 1
        ends = is_last & (self.random.random(deal.size) < 0.75)
        stage = np.where(ends, 4 + (self.random.random(deal.size) < 0.6), stage)
        step = self.random.integers(US_PER_DAY, 40 * US_PER_DAY, deal.size)
        step[place == 0] = 0
        gone = np.cumsum(step)
        at = self.deal_opened[deal] + gone - np.repeat(gone[place == 0], count)
        at = at // _MINUTE * _MINUTE
        is_kept = at < self.end
        deal, stage, at = deal[is_kept], stage[is_kept], at[is_kept]
        n = deal.size
        expected = at // US_PER_DAY + self.random.integers(5, 120, n)
        return {
            "opportunity_id": _ids("D", deal),
            "changed_at": _instants(at),
            "stage": _words(STAGES, stage),
            "amount": self._some(self._quarters(4_000, 400_000, n), 0.9),
            "expected_close_date": pa.array(expected.astype(np.int32),
                                            mask=self.random.random(n) < 0.1).cast(pa.date32()),
            "owner_id": _ids("R", self.random.integers(0, self.n_owners, n),
                             self.random.random(n) < 0.3),
        }  # fmt: skip

    def subscriptions(self) -> Columns:
        n = 2 * self.n // 5 + 1
        account = self._someone(n)
        at = self._moments(account) // US_PER_DAY * US_PER_DAY
        day = at // US_PER_DAY
        return {
            "subscription_id": _ids("S", np.arange(n)),
            "account_id": _ids("A", account),
            "start_date": pa.array(day.astype(np.int32)).cast(pa.date32()),
            "term_end_date": pa.array((day + 365).astype(np.int32)).cast(pa.date32()),
            "cancelled_at": self._later(at, 300, 0.4),
            "ended_at": self._later(at, 400, 0.5),
            "mrr_amount": self._some(self._quarters(40, 2_000, n), 0.95),
        }

    def account_events(self) -> Columns:
        n = self.n // 2 + 1
        account = self._someone(n)
        kinds = ("growth", "funding", "project", "move", "merger", "new_contact_role", "weather")
        return {
            "account_id": _ids("A", account),
            "occurred_at": _instants(self._moments(account)),
            "kind": self._pick(kinds, n),
        }


def _words(words: Sequence[str], code: Values) -> pa.Array[Any]:
    """Words by their codes; missing where a code is -1."""
    return pa.array(list(words), pa.string()).take(pa.array(code, mask=np.asarray(code) < 0))


def _ids(letter: str, number: Ints, is_there: NDArray[np.bool_] | None = None) -> pa.Array[Any]:
    width = 8
    words = [f"{letter}{one:0{width}d}" for one in range(int(number.max(initial=0)) + 1)]
    return _words(words, number if is_there is None else np.where(is_there, number, -1))


def _instants(moments: Ints) -> pa.Array[Any]:
    return pa.array(moments, mask=moments == MISSING).cast(pa.timestamp("us", tz="UTC"))


def _only(values: Values, is_there: NDArray[np.bool_]) -> Values:
    moments = values.cast(pa.int64()).fill_null(MISSING).to_numpy(zero_copy_only=False)
    return _instants(np.where(is_there, moments, MISSING))


def _array(values: Values) -> Values:
    return values if isinstance(values, pa.Array) else pa.array(values)


def _typed(name: str, columns: Columns) -> pa.Table:
    schema = arrow_schema(TABLES[name])
    ordered = [column.name for column in TABLES[name].columns if column.name in columns]
    return pa.table(
        {column: _array(columns[column]).cast(schema.field(column).type) for column in ordered}
    )
