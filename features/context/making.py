"""How is the context of a day computed, from what the kernel reads of each entity?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from features.asof import NEVER
from features.closings import closing_spells
from features.context.buying import Buying, buying_of
from features.context.tables import PORTFOLIO, Context, ContextTable
from features.events import EventSet
from features.kernel import Codes, Floats, Output
from features.kernel import Statistic as S
from features.sight import Read, Sight, last_codes
from features.signals.surroundings import DECILES
from features.track_record import (
    DEAL_KEYS,
    PRIOR_DEALS,
    TrackRecord,
    rates,
    track_record,
)

_PEER_ACTIVITY_DAYS = 365
THREADS = 2
_MANY = 5_000
"""From so many entities on, a second thread is worth its start."""
_ROWS_AT_ONCE = 2_000_000
"""So many entities, times instants, are read together."""


class ContextMaker:
    """Makes the contexts of one portfolio for any number of dates.

    Parameters
    ----------
    events : EventSet
        All events of the portfolio.
    horizon_days : int
        Within how many days a deal must be won to count as won.
    """

    def __init__(self, events: EventSet, horizon_days: int) -> None:
        self.events = events
        self.horizon_days = horizon_days
        has_deals = {"created", "moves"} <= set(events.sources)
        self._spells = closing_spells(events.sources["moves"]) if has_deals else None

    def make_all(self, moments: Sequence[int]) -> dict[int, Context]:
        """Make the contexts of some instants, each from what was known before it alone.

        What is read of every entity is read for several instants in one pass.
        """
        entities = max(len(self.events.accounts.words), len(self.events.deals.words), 1)
        together = max(1, _ROWS_AT_ONCE // entities)
        found: dict[int, Context] = {}
        for first in range(0, len(moments), together):
            some = moments[first : first + together]
            make = partial(self._make, Sight(some))
            if entities < _MANY:
                found |= {moment: make(moment) for moment in some}
                continue
            with ThreadPoolExecutor(THREADS) as pool:
                found |= dict(zip(some, pool.map(make, some), strict=True))
        return found

    def make(self, as_of: int) -> Context:
        """Make the context of one instant, from what was known before it alone."""
        return self.make_all([as_of])[as_of]

    def _make(self, sight: Sight, as_of: int) -> Context:
        read = sight.at(as_of)
        record = (
            None
            if self._spells is None
            else track_record(self.events, self._spells, read, as_of, self.horizon_days)
        )
        buying = buying_of(self.events, read, self.horizon_days)
        tables = _Surroundings(self.events, read, record, buying).tables()
        return Context(as_of, self.horizon_days, tables)


@dataclass(frozen=True)
class _Surroundings:
    """What the tables of one context are computed from.

    Attributes
    ----------
    events : EventSet
        All events of the portfolio.
    read : Read
        Reads them at the instant.
    record : TrackRecord or None
        Of the deals; None where there are none.
    buying : Buying
        Of the accounts.
    """

    events: EventSet
    read: Read
    record: TrackRecord | None
    buying: Buying

    def tables(self) -> dict[str, ContextTable]:
        """Every table that a context has."""
        record = self.record
        tables = {
            "segment": self._segment(), "country": self._country(), "parent": self._parent(),
        }  # fmt: skip
        if record is None:
            unknown = _table((), {"win_rate": np.array([np.nan])}, np.empty(0, dtype=np.int64))
            return tables | dict.fromkeys(("stage", "owner", *DEAL_KEYS), unknown)
        tables |= {"stage": self._stage(record), "owner": self._owner(record)}
        for name in DEAL_KEYS:
            words, key = self.events.words[name].words, record.keys[name]
            win_rate = record.matured_rates(key, len(words))
            tables[name] = _table(words, {"win_rate": win_rate}, key)
        return tables

    def _stage(self, record: TrackRecord) -> ContextTable:
        words = self.events.words["stage"].words
        listed = np.flatnonzero(~np.isnan(self.events.stage_position))
        seen = np.append(record.entries.seen, listed)
        return _table(words, record.of_stages(len(words)), seen)

    def _owner(self, record: TrackRecord) -> ContextTable:
        words = self.events.words["owner"].words
        columns = {
            "win_rate": record.matured_rates(record.first_owner, len(words)),
            "open_deals": record.open_deals(len(words)),
        }
        # Moves may be known before the opening of their deal: it counts for nobody until then.
        known = record.opened < NEVER
        return _table(words, columns, np.append(record.first_owner[known], record.owner[known]))

    def _segment(self) -> ContextTable:
        words = self.events.words["segment"].words
        record, segment = self.record, self._code_of_accounts("segment")
        values = {"usual_gap_days": self._usual_gaps(segment)}
        if record is not None:
            # One more at the end, for the deals (-1) whose account is not known.
            of_deal = np.append(segment, -1)[record.account]
            values["decided_win_rate"] = record.decided_rates(of_deal, len(words))
        values |= self._money(segment)
        return _table(words, values | self._peers_in(segment, len(words)), segment)

    def _country(self) -> ContextTable:
        words = self.events.words["country"].words
        country = self._code_of_accounts("country")
        return _table(words, self._peers_in(country, len(words)), country)

    def _code_of_accounts(self, attribute: str) -> Codes:
        n = len(self.events.accounts.words)
        return last_codes(self.read, self.events.sources.get(attribute), n)

    def _peers_in(self, place: Codes, n: int) -> dict[str, Floats]:
        """How active accounts of each segment or country buy, how many left, and their BG/NBD."""
        buying = self.buying
        revenue, orders = buying.revenue, buying.orders
        active = np.flatnonzero(buying.is_active)
        shares = [number / 10 for number in DECILES]
        deciles = _quantiles(place[active], revenue[active], n, shares)
        values = {f"revenue_d{number}": deciles[row] for row, number in enumerate(DECILES)}
        values["orders_median"] = _quantiles(place[active], orders[active], n, [0.5])[0]
        known = np.flatnonzero(buying.was_active)
        values["churn_rate"] = rates(place[known], buying.is_gone[known], n)
        model = buying.model
        for name in ("r", "alpha", "a", "b"):
            value = np.nan if model is None else getattr(model, name)
            values[f"bgnbd_{name}"] = np.full(n + 1, value)
        return values

    def _parent(self) -> ContextTable:
        """What the accounts of each group add up to."""
        words = self.events.words["parent"].words
        parent, buying, n = self._code_of_accounts("parent"), self.buying, len(words)
        accounts = _sums(parent, np.ones(parent.size), n)[:-1]
        revenue = _sums(parent, buying.revenue, n)[:-1]
        active = np.bincount(parent[buying.is_active & (parent >= 0)], minlength=n)
        with np.errstate(invalid="ignore"):
            # Without orders, what the group buys is not known, rather than nothing.
            share = np.where(np.isnan(revenue), np.nan, active / accounts)
        columns = {"accounts": accounts, "revenue_365d": revenue, "active_share": share}
        return _table(
            words, {name: np.append(values, np.nan) for name, values in columns.items()}, parent
        )

    def _money(self, segment: Codes) -> dict[str, Floats]:
        """Margin rate, and quantiles of what may be at stake, per segment and (last) for all.

        At stake are the trailing 365 days of every account that bought (margin where margins are
        known, revenue else) and the margin of every open deal: one scale for every kind of action.
        """
        n = len(self.events.words["segment"].words)
        revenue, margin = self._trailing()
        rate = _or_last(_margin_rates(segment, revenue, margin, n))
        known = rate[np.where(segment < 0, n, segment)]
        value = np.where(np.isnan(known), revenue, revenue * known)
        account, amount = self._open_amounts()
        deal_rate = known[account]
        amount = np.where(np.isnan(deal_rate), amount, amount * deal_rate)
        stake = np.concatenate((value, amount))
        member = np.concatenate((segment, segment[account]))
        is_real = stake > 0
        stake, member = stake[is_real], member[is_real]
        stakes = _quantiles(member, stake, n, [0.5, 0.95])
        return {"margin_rate": rate, "stake_median": stakes[0], "stake_p95": stakes[1]}

    def _trailing(self) -> tuple[Floats, Floats]:
        """Net revenue and margin of each account over 365 days; NaN where margins are unknown."""
        orders = self.events.sources.get("orders")
        nothing = np.zeros(len(self.events.accounts.words))
        if orders is None:
            return nothing, np.full(nothing.size, np.nan)
        window = float(_PEER_ACTIVITY_DAYS)
        names = [name for name in ("net_amount", "margin_amount") if name in orders.measure_names]
        found = self.read(orders, [Output(S.SUM, name, window_days=window) for name in names])
        return found[:, 0], found[:, 1] if len(names) == 2 else np.full(nothing.size, np.nan)

    def _open_amounts(self) -> tuple[Codes, Floats]:
        """Accounts and amounts of the deals that are open."""
        record, moves = self.record, self.events.sources.get("moves")
        if record is None or moves is None or "amount" not in moves.measure_names:
            return np.empty(0, dtype=np.int64), np.empty(0)
        amount = self.read(moves, [Output(S.LAST, "amount")])[:, 0]
        is_open = (record.opened < NEVER) & (record.closed == NEVER) & (amount > 0)
        return record.account[is_open], amount[is_open]

    def _usual_gaps(self, segment: Codes) -> Floats:
        """Median over accounts of their median gap, per segment and (last) for all."""
        n_segments = len(self.events.words["segment"].words)
        usual = np.full(n_segments + 1, np.nan)
        orders = self.events.sources.get("orders")
        if orders is None:
            return usual
        gap, age = self.read(
            orders,
            [Output(S.GAP_MEDIAN, where=("is_purchase",)),
             Output(S.AGE_LAST, where=("is_purchase",))],
        ).T  # fmt: skip
        known = ~np.isnan(gap) & (age <= _PEER_ACTIVITY_DAYS)
        if not known.any():
            return usual
        middle = _quantiles(segment[known], gap[known], n_segments, [0.5])[0]
        count = np.bincount(segment[known & (segment >= 0)], minlength=n_segments)
        # A thin segment leans on the portfolio.
        weight = count / (count + PRIOR_DEALS)
        own = np.where(count > 0, middle[:-1], 0.0)
        return np.append(weight * own + (1.0 - weight) * middle[-1], middle[-1])


def _sums(code: Codes, values: Floats, n: int) -> Floats:
    """Sum per key, and last of everybody; who has no key (-1) counts in the last alone.

    Added up one after the other: accounts that come later, still without revenue, must not change a
    digit.
    """
    known = code >= 0
    whole = np.bincount(np.zeros(code.size, dtype=np.int64), values, minlength=1)
    return np.concatenate((np.bincount(code[known], values[known], minlength=n), whole))


def _margin_rates(code: Codes, revenue: Floats, margin: Floats, n: int) -> Floats:
    known = ~np.isnan(margin)
    total, earned = (_sums(code[known], values[known], n) for values in (revenue, margin))
    found: Floats = np.divide(earned, total, out=np.full(n + 1, np.nan), where=total > 0)
    return found


def _quantiles(code: Codes, values: Floats, n: int, shares: Sequence[float]) -> Floats:
    """Quantiles of each key, and last of everybody: (n_shares, n + 1); NaN without a value.

    Who has no key (-1) counts in the last alone.
    """
    order = np.argsort(values)
    # Small integers are sorted without comparing them.
    key = code[order].astype(np.int16 if n < 2**15 else np.int64)
    by_key = np.argsort(key, kind="stable")
    ordered = values[np.concatenate((order[by_key], order))]
    ends = np.searchsorted(key[by_key], np.arange(n + 1))
    low = np.append(ends[:-1], values.size)
    size = np.append(np.diff(ends), values.size)
    place = np.multiply.outer(np.array(shares), size - 1)
    below = np.floor(place).astype(np.int64)
    part = place - below
    below = np.maximum(below, 0)
    # One more at the end, for keys without a value.
    ordered = np.append(ordered, np.nan)
    smaller = ordered[np.where(size > 0, low + below, -1)]
    larger = ordered[np.where(size > 0, low + np.minimum(below + 1, size - 1), -1)]
    found: Floats = smaller + part * (larger - smaller)
    return found


def _or_last(values: Floats) -> Floats:
    """The portfolio's value (the last) where a key has none."""
    return np.where(np.isnan(values), values[-1], values)


def _table(words: tuple[str, ...], columns: Mapping[str, Floats], seen: Codes) -> ContextTable:
    """Values of the keys seen so far: a key first met later must not change an older context."""
    codes = np.flatnonzero(np.bincount(seen[seen >= 0], minlength=1)).tolist()
    keys = [*(words[code] for code in codes), PORTFOLIO]
    rows = np.stack(list(columns.values()), axis=1)[[*codes, len(words)]].tolist()
    return ContextTable(
        {key: dict(zip(columns, row, strict=True)) for key, row in zip(keys, rows, strict=True)}
    )
