"""The features once more, in plain pandas, from what the catalogue says of them.

Written to be read, not to be fast, and without a line of the kernel: rows known on the day are
picked out, then each number is taken from them one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import nan

import numpy as np
import pandas as pd
from scipy.integrate import quad
from scipy.special import beta

DAY = pd.Timedelta(days=1)
ALWAYS = pd.Timestamp("1700-01-01", tz="UTC")
KEYS = {
    "orders": ("order_id", "line_id"),
    "invoices": ("invoice_id",),
    "interactions": ("interaction_id",),
    "contacts": ("contact_id",),
    "opportunities": ("opportunity_id",),
    "opportunity_history": ("opportunity_id", "changed_at", "stage"),
    "accounts": ("account_id",),
    "subscriptions": ("subscription_id",),
    "fx_rates": ("date", "currency"),
    "products": ("product_id",),
}
WITHDRAWN_BY = {
    "account_history": ["account_id", "changed_at", "field"],
    "account_events": ["account_id", "occurred_at", "kind"],
}
EVENT_TIME = {
    "orders": "ordered_at",
    "invoices": "issued_at",
    "interactions": "occurred_at",
    "contacts": "created_at",
    "opportunities": "created_at",
    "opportunity_history": "changed_at",
    "accounts": "created_at",
    "account_history": "changed_at",
    "subscriptions": "start_date",
    "account_events": "occurred_at",
}
RESPONSES = ["answered", "responded", "replied", "clicked", "interested", "buying_signal"]
GROWTH = ["growth", "funding", "project", "opening", "hiring", "acquisition"]
CHANGES = ["new_contact_role", "move", "merger", "reorganisation", "new_management", "contact_left"]
PRIOR = 20.0
Row = dict[str, float]


def visible(rows: pd.DataFrame, table: str, as_of: pd.Timestamp, zone: str) -> pd.DataFrame:
    """Rows that happened and were known before the day, the last known version of each key."""
    rows = rows.copy()
    event = EVENT_TIME.get(table, "always known")
    if event not in rows:
        rows[event] = pd.NaT
    at = pd.to_datetime(rows[event])
    # A day begins at its midnight in the portfolio's zone.
    at = at.dt.tz_localize(zone) if event == "start_date" else at
    rows["at"] = pd.to_datetime(at, utc=True).fillna(ALWAYS)
    known = rows["known_at"] if "known_at" in rows else pd.Series(pd.NaT, rows.index)
    rows["known"] = pd.to_datetime(known, utc=True).fillna(rows["at"])
    rows = rows[(rows["at"] < as_of) & (rows["known"] < as_of)]
    key = list(KEYS.get(table, ()))
    if key and set(key) <= set(rows):
        whole = rows[key].notna().all(axis=1)
        last = rows[whole].sort_values("known", kind="stable").drop_duplicates(key, keep="last")
        rows = rows[~whole | rows.index.isin(last.index)]
    if "is_deleted" in rows:
        if table in WITHDRAWN_BY:
            gone = rows[rows["is_deleted"].fillna(False).astype(bool)]
            last = gone.groupby(WITHDRAWN_BY[table])["known"].max().rename("gone")
            rows = rows.join(last, on=WITHDRAWN_BY[table])
            rows = rows[rows["gone"].isna() | (rows["gone"] < rows["known"])]
        rows = rows[~rows["is_deleted"].fillna(False).astype(bool)]
    return rows


@dataclass
class Seen:
    """What was known of a portfolio before a day; absent tables are None."""

    tables: Mapping[str, pd.DataFrame]
    as_of: pd.Timestamp
    zone: str
    static: frozenset[str]
    horizon: int
    model: tuple[float, ...] = (nan, nan, nan, nan)
    _found: dict[str, pd.DataFrame | None] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame | None:
        if name not in self._found:
            rows = self.tables.get(name)
            self._found[name] = None if rows is None else visible(rows, name, self.as_of, self.zone)
        return self._found[name]

    def of(self, name: str, column: str, value: str) -> pd.DataFrame | None:
        rows = self.table(name)
        return None if rows is None or column not in rows else rows[rows[column] == value]

    def days(self, at: pd.Series) -> pd.Series:
        """Calendar days in the portfolio's zone, as ordinals."""
        local = at.dt.tz_convert(self.zone)
        return local.map(lambda moment: moment.toordinal())

    def age(self, at: pd.Timestamp) -> float:
        return (self.as_of - at) / DAY

    def within(self, rows: pd.DataFrame, days: float) -> pd.DataFrame:
        return rows[rows["at"] >= self.as_of - days * DAY]

    def between(self, rows: pd.DataFrame, days: float, skip: float) -> pd.DataFrame:
        """Rows at most ``days`` and more than ``skip`` days old."""
        rows = self.within(rows, days)
        return rows[rows["at"] < self.as_of - skip * DAY]

    @property
    def local_day(self) -> int:
        return self.as_of.tz_convert(self.zone).toordinal()

    def later(self, rows: pd.DataFrame, column: str) -> pd.Series:
        """A later instant of each row; missing until it comes."""
        found = pd.to_datetime(rows[column], utc=True)
        return found.where(found < self.as_of)

    # -- orders
    def rate(self, line: pd.Series) -> float:
        """Euros per unit of a line's currency: the latest rate dated by its day; NaN without."""
        if pd.isna(line.get("currency")) or line["currency"] == "EUR":
            return 1.0
        rates = self.table("fx_rates")
        if rates is None:
            return nan
        rates = rates[(rates["currency"] == line["currency"]) & (rates["rate"] > 0)]
        rates = rates[rates["date"] <= line["at"].tz_convert(self.zone).date()]
        return last(rates.sort_values("date")["rate"])

    @cached_property
    def lines(self) -> pd.DataFrame | None:
        """Order lines in euros; `raw` is the net amount as it was."""
        lines = self.table("orders")
        if lines is None:
            return None
        rate = pd.Series([self.rate(line) for _, line in lines.iterrows()], lines.index, float)
        lines = lines.assign(raw=lines["net_amount"], has_rate=rate.notna())
        for name in ("net_amount", "margin_amount", "discount_amount"):
            if name in lines:
                lines[name] = lines[name] * rate
        return lines

    @cached_property
    def orders(self) -> pd.DataFrame | None:
        lines = self.lines
        if lines is None:
            return None
        groups = lines.groupby(["account_id", "order_id"], sort=False)
        found = pd.DataFrame({"at": groups["at"].min(), "lines": groups.size().astype(float)})
        for name in ("net_amount", "margin_amount", "discount_amount"):
            if name in lines:
                found[name] = groups[name].sum(min_count=1)
        without = lines[~lines["has_rate"]].groupby(["account_id", "order_id"])["raw"].sum()
        known = found["net_amount"]
        found["sign"] = known.where(known.fillna(0) != 0, without.reindex(found.index))
        return found.reset_index().sort_values(["at", "order_id"], kind="stable")

    # -- attributes
    def values(self, account: str, column: str) -> list[object]:
        """What an attribute was, one value after the other."""
        found: list[tuple[pd.Timestamp, object]] = []
        if f"accounts.{column}" in self.static:
            rows = self.of("accounts", "account_id", account)
            if rows is not None and column in rows:
                found += list(zip(rows["at"], rows[column], strict=True))
        rows = self.of("account_history", "account_id", account)
        if rows is not None:
            rows = rows[rows["field"] == column]
            found += list(zip(rows["at"], rows["value"], strict=True))
        # Sorting is stable: a change at the instant of the static value comes after it.
        return [value for _, value in sorted(found, key=lambda pair: pair[0])]

    def word(self, account: str, column: str) -> str | None:
        found = [word for word in self.values(account, column) if isinstance(word, str)]
        return found[-1] if found else None

    def number(self, account: str, column: str) -> float:
        found = pd.to_numeric(
            pd.Series(self.values(account, column), dtype=object), errors="coerce"
        )
        return last(found.astype(float).replace([np.inf, -np.inf], nan))

    def segment(self, account: str) -> str | None:
        return self.word(account, "segment")

    @cached_property
    def buying(self) -> pd.DataFrame:
        """How each account bought: a year's revenue and orders, and whether it was and is there."""
        found = {}
        for account in self.segments if self.orders is not None else ():
            mine, bought = own_orders(self, account), purchases(self, account)
            ago = self.between(bought, 180 + self.horizon, self.horizon)
            found[account] = {
                "revenue": float(self.within(mine, 365)["net_amount"].sum()),
                "orders": float(len(self.within(bought, 365))),
                "is_active": len(self.within(bought, 180)) > 0,
                "was_active": len(ago) > 0,
                "is_gone": len(self.within(bought, self.horizon)) == 0,
                "segment": self.segment(account),
                "country": self.word(account, "country"),
                "parent": self.word(account, "parent_account_id"),
            }
        return pd.DataFrame(found).T

    def peers(self, place: str, account: str) -> pd.DataFrame:
        """Accounts of the same place that are active; all of them for one of no known place."""
        rows = self.buying
        key = rows[place][account]
        rows = rows[rows["is_active"].astype(bool)]
        return rows if key is None else rows[rows[place] == key]

    def churn_rate(self, place: str, account: str) -> float:
        rows = self.buying[self.buying["was_active"].astype(bool)]
        key = self.buying[place][account]
        return self._rate(rows[place], rows["is_gone"].astype(bool), key)

    # -- deals
    @cached_property
    def deals(self) -> pd.DataFrame | None:
        """Deals known on the day, by id: opened, account, closed (NaT), is_won, owners, keys."""
        rows = self.table("opportunities")
        if rows is None:
            return None
        rows = rows.set_index("opportunity_id")
        found = pd.DataFrame({"opened": rows["at"], "account": rows["account_id"]})
        ends = {deal: self._end(deal) for deal in found.index}
        found["closed"] = _moments(end[0] for end in ends.values()).set_axis(found.index)
        found["is_won"] = pd.Series({d: end[1] for d, end in ends.items()}, dtype=bool)
        names = {"owner": "owner_id", "product": "product_id", "lead_source": "source",
                 "competitor": "competitor", "deal_kind": "kind"}  # fmt: skip
        for name, column in names.items():
            is_used = f"opportunities.{column}" in self.static and column in rows
            values = rows[column] if is_used else pd.Series(None, rows.index, dtype=object)
            found[name] = values.astype(object).where(values.notna(), None)
        found["first_owner"] = [self._owner(d, 0, found["owner"][d]) for d in found.index]
        found["owner"] = [self._owner(d, -1, found["owner"][d]) for d in found.index]
        return found

    def moves(self, deal: str) -> pd.DataFrame | None:
        return self.of("opportunity_history", "opportunity_id", deal)

    @cached_property
    def outcome(self) -> dict[str, str]:
        stages = self.tables.get("stages")
        return {} if stages is None else dict(zip(stages["stage"], stages["outcome"], strict=True))

    def _end(self, deal: str) -> tuple[object, bool]:
        moves = self.moves(deal)
        if moves is not None:
            for at, stage in zip(moves["at"], moves["stage"], strict=True):
                if self.outcome.get(stage, "open") != "open":
                    return at, self.outcome[stage] == "won"
        return pd.NaT, False

    def _owner(self, deal: str, place: int, static: object) -> object:
        moves = self.moves(deal)
        if moves is None or "owner_id" not in moves:
            return static
        owners = moves["owner_id"].dropna().tolist()
        return owners[place] if owners else static

    # -- surroundings
    @cached_property
    def entries(self) -> pd.DataFrame:
        """Entries of open deals into a stage, with when it was left and the deal closed."""
        found = []
        for deal, known in [] if self.deals is None else self.deals.iterrows():
            moves = self.moves(str(deal))
            assert moves is not None
            ends = [*moves["at"].tolist()[1:], pd.NaT][: len(moves)]
            for at, stage, left in zip(moves["at"], moves["stage"], ends, strict=True):
                if pd.isna(known["closed"]) or at < known["closed"]:
                    found.append((stage, at, left, known["closed"], known["is_won"]))
        rows = pd.DataFrame(found, columns=["stage", "at", "left", "closed", "is_won"])
        return rows.assign(**{name: _moments(rows[name]) for name in ("at", "left", "closed")})

    def _in_time(self, rows: pd.DataFrame, start: str) -> tuple[pd.DataFrame, pd.Series]:
        """Rows that have matured, and whether each was won within the horizon."""
        matured = rows[rows[start] + self.horizon * DAY <= self.as_of]
        won = matured["is_won"] & (matured["closed"] < matured[start] + self.horizon * DAY)
        return matured, won.astype(bool)

    def _rate(self, keys: pd.Series, won: pd.Series, key: object) -> float:
        if not len(won):
            return nan
        usual = float(won.mean())
        own = won[keys == key] if isinstance(key, str) else won[:0]
        return (float(own.sum()) + PRIOR * usual) / (len(own) + PRIOR)

    def deal_rate(self, column: str, key: object) -> float:
        if self.table("opportunity_history") is None or self.deals is None:
            return nan
        matured, won = self._in_time(self.deals, "opened")
        return self._rate(matured[column], won, key)

    def stage_rate(self, stage: str | None) -> float:
        matured, won = self._in_time(self.entries, "at")
        return self._rate(matured["stage"], won, stage)

    def stage_age(self, stage: str | None) -> float:
        rows = self.entries[self.entries["left"].notna()]
        rows = rows if stage is None else rows[rows["stage"] == stage]
        return float(((rows["left"] - rows["at"]) / DAY).median()) if len(rows) else nan

    def owner_load(self, owner: object) -> float:
        if self.table("opportunity_history") is None or self.deals is None:
            return nan
        is_open = self.deals["closed"].isna()
        loads = self.deals[is_open & self.deals["owner"].notna()].groupby("owner").size()
        if not isinstance(owner, str):
            return float(loads.median()) if len(loads) else 0.0
        return float(loads.get(owner, 0))

    def decided_rate(self, segment: str | None) -> float:
        if self.deals is None or self.table("opportunity_history") is None:
            return nan
        closed = self.deals[self.deals["closed"].notna()]
        segments = closed["account"].map(self.segments)
        return self._rate(segments, closed["is_won"], segment)

    @cached_property
    def segments(self) -> dict[str, str | None]:
        ids = {
            account
            for rows in self.tables.values()
            if "account_id" in rows
            for account in rows["account_id"]
        }
        return {account: self.segment(account) for account in sorted(ids)}

    @cached_property
    def _median_gaps(self) -> pd.Series:
        """Median gap of each account that bought within a year."""
        found = {}
        for account in [] if self.orders is None else self.segments:
            bought = purchases(self, account)
            gaps = np.diff(sorted(set(self.days(bought["at"]))))
            if len(gaps) and self.age(bought["at"].max()) <= 365:
                found[account] = float(np.median(gaps))
        return pd.Series(found, dtype=float)

    def usual_gap(self, segment: str | None) -> float:
        gaps = self._median_gaps
        if not len(gaps):
            return nan
        everyone = float(gaps.median())
        if segment is None:
            return everyone
        own = gaps[[self.segments[account] == segment for account in gaps.index]]
        weight = len(own) / (len(own) + PRIOR)
        return weight * (float(own.median()) if len(own) else 0.0) + (1 - weight) * everyone


def _moments(values: Iterable[object]) -> pd.Series:
    return pd.Series(pd.to_datetime(list(values), utc=True), dtype="datetime64[us, UTC]")


def over(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else nan


def growth(now: float, both: float) -> float:
    return over(now - (both - now), both)


def mean(values: pd.Series) -> float:
    return float(values.mean()) if values.notna().any() else nan


def last(values: pd.Series) -> float:
    values = values.dropna()
    return float(values.iloc[-1]) if len(values) else nan


def since(seen: Seen, rows: pd.DataFrame) -> float:
    return seen.age(rows["at"].max()) if len(rows) else nan


def gaps_of(seen: Seen, rows: pd.DataFrame) -> pd.Series:
    return pd.Series(np.diff(sorted(set(seen.days(rows["at"])))), dtype=float)


def own_orders(seen: Seen, account: str) -> pd.DataFrame:
    assert seen.orders is not None
    return seen.orders[seen.orders["account_id"] == account]


def purchases(seen: Seen, account: str) -> pd.DataFrame:
    mine = own_orders(seen, account)
    return mine[mine["sign"] > 0]


def rhythm(seen: Seen, account: str) -> Row:
    if seen.orders is None:
        return {}
    bought = purchases(seen, account)
    silence, gaps = since(seen, bought), gaps_of(seen, bought)
    life = seen.age(bought["at"].min()) if len(bought) else nan
    usual, spread, longest = mean(gaps), gaps.std(ddof=1), gaps.max() if len(gaps) else nan
    peers = seen.usual_gap(seen.segment(account))
    own = float(gaps.median()) if len(gaps) else 0.0
    expected = (len(gaps) * own + 2 * peers) / (len(gaps) + 2) if peers == peers else over(
        len(gaps) * own, len(gaps)
    )  # fmt: skip
    counts = {days: len(seen.within(bought, days)) for days in (30, 90, 180, 365)}
    rate_before = 1.5 * (counts[90] - counts[30])
    return {
        "days_since_last_order": silence,
        "days_since_first_order": life,
        "usual_gap_days": usual,
        "median_gap_days": float(gaps.median()) if len(gaps) else nan,
        "gap_spread_days": spread,
        "longest_gap_days": longest,
        "expected_gap_days": expected,
        "overdue_ratio": over(silence, expected),
        "overdue_days": silence - expected,
        "gap_irregularity": over(spread, usual),
        "overdue_spreads": (silence - expected) / (spread + 5),
        "silence_over_longest_gap": min(over(silence, longest), 20.0),
        "silence_over_active_life": over(silence, life - silence + 30),
        "silence_share_of_tenure": over(silence, life),
        **{f"orders_{days}d": float(count) for days, count in counts.items()},
        "orders_all": float(len(bought)),
        **{
            f"active_days_{days}d": float(seen.days(seen.within(bought, days)["at"]).nunique())
            for days in (30, 90, 180, 365)
        },
        "orders_change_180d": growth(counts[180], len(seen.within(bought, 360))),
        "active_days_change_90d": active_days_change(seen, bought),
        "orders_same_season": (float(len(seen.between(bought, 410, 320))) if life > 410 else nan),
        "orders_next_season": (float(len(seen.between(bought, 365, 275))) if life > 365 else nan),
        "orders_per_month": 30 * len(bought) / max(life, 30) if life == life else nan,
        "repeat_orders_per_quarter": (
            90 * (len(bought) - 1) / max(life, 1) if life == life else nan
        ),
        "recent_order_share": over(counts[180], len(bought)),
        "orders_change_90d": growth(counts[90], counts[180]),
        "orders_change_30d": growth(3 * counts[30], 3 * counts[30] + rate_before),
    }


def active_days_change(seen: Seen, bought: pd.DataFrame) -> float:
    now = seen.days(seen.within(bought, 90)["at"]).nunique()
    before = seen.days(seen.between(bought, 180, 90)["at"]).nunique()
    return over(now - before, now + before)


def still_buying(seen: Seen, account: str) -> Row:
    """BG/NBD by its story rather than by equation 10 of the paper: integrated, not summed up."""
    if seen.orders is None:
        return {}
    bought = purchases(seen, account)
    n_days = seen.days(bought["at"]).nunique()
    x = max(n_days - 1, 0)
    found = {"bgnbd_frequency": float(x)}
    if not len(bought):
        return found
    recency = (bought["at"].max() - bought["at"].min()) / DAY
    found["bgnbd_recency_days"] = recency
    r, alpha, a, b = seen.model
    life = seen.age(bought["at"].min()) / 7
    odds = a / (b + x - 1) * ((alpha + life) / (alpha + recency / 7)) ** (r + x) if x else 0.0

    def bought_at_dropout(chance: float) -> float:
        # Mean over the rate, gamma(r + x, alpha + age), of (1 - exp(-rate * chance * t)) / chance.
        shrinking = np.log1p(chance * 90 / 7 / (alpha + life))
        return float(-np.expm1(-(r + x) * shrinking) / max(chance, 1e-300))

    # Whoever is alive leaves after each purchase with a chance that is beta(a, b + x).
    total, *_ = quad(bought_at_dropout, 0, 1, weight="alg", wvar=(a - 1, b + x - 1),
                    epsabs=0, epsrel=1e-11, limit=500, full_output=1)  # fmt: skip
    found["bgnbd_p_alive"] = 1 / (1 + odds)
    found["bgnbd_orders_90d"] = total / beta(a, b + x) / (1 + odds)
    return found


def slope(seen: Seen, rows: pd.DataFrame) -> float:
    """Least squares of the net amount on time, per 30 days."""
    rows = rows[rows["net_amount"].notna()]
    time = np.array([-seen.age(at) for at in rows["at"]]) / 30
    if len(set(time)) < 2:
        return nan
    centred = time - time.mean()
    return float(centred @ rows["net_amount"].to_numpy(float) / (centred @ centred))


def surroundings(seen: Seen, account: str) -> Row:
    parent = seen.word(account, "parent_account_id")
    found = {"employees": seen.number(account, "employees")}
    if parent is not None:
        of_accounts = [seen.word(one, "parent_account_id") for one in seen.segments]
        found["group_accounts"] = float(of_accounts.count(parent))
    if seen.orders is None:
        return found
    everyone = seen.buying
    revenue = float(everyone["revenue"][account])
    if parent is not None:
        group = everyone[everyone["parent"] == parent]
        found["group_revenue_365d"] = float(group["revenue"].sum())
        found["group_active_share"] = float(group["is_active"].astype(float).mean())
    for place in ("segment", "country"):
        peers = seen.peers(place, account)["revenue"].astype(float)
        cuts = [np.quantile(peers, tenth / 10) for tenth in range(1, 10)] if len(peers) else []
        found[f"revenue_position_in_{place}"] = (
            sum(revenue >= cut for cut in cuts) / 10 if cuts else nan
        )
        found[f"{place}_churn_rate"] = seen.churn_rate(place, account)
    usual = seen.peers("segment", account)["orders"].astype(float)
    orders = float(everyone["orders"][account])
    found["orders_to_peers"] = over(orders, float(usual.median())) if len(usual) else nan
    found["share_of_wallet"] = over(revenue, seen.number(account, "wallet_revenue"))
    found["share_of_potential"] = over(revenue, seen.number(account, "potential_revenue"))
    return found


def happenings(seen: Seen, account: str) -> Row:
    rows = seen.of("account_events", "account_id", account)
    if rows is None:
        return {}
    return {
        "account_events_90d": float(len(seen.within(rows, 90))),
        "growth_events_365d": float(seen.within(rows, 365)["kind"].isin(GROWTH).sum()),
        "change_events_180d": float(seen.within(rows, 180)["kind"].isin(CHANGES).sum()),
        "days_since_account_event": since(seen, rows),
    }


def contracts(seen: Seen, account: str) -> Row:
    rows = seen.of("subscriptions", "account_id", account)
    if rows is None:
        return {}
    ended = seen.later(rows if "ended_at" in rows else rows.assign(ended_at=pd.NaT), "ended_at")
    runs = ended.isna()
    found = {
        "live_subscriptions": float(runs.sum()),
        "subscription_tenure_days": seen.age(rows["at"].min()) if len(rows) else nan,
    }
    if "term_end_date" in rows:
        ends = [day.toordinal() for day in rows[runs]["term_end_date"].dropna()]
        found["days_to_renewal"] = float(min(ends) - seen.local_day) if ends else nan
    if "cancelled_at" in rows:
        found["notices_given"] = float((seen.later(rows, "cancelled_at").notna() & runs).sum())
    if "mrr_amount" in rows:
        amount, edge = rows["mrr_amount"].astype(float), seen.as_of - 180 * DAY
        now = float(amount[runs].sum())
        gone = ended.where(ended > rows["at"], rows["at"])[~runs]
        moved = float(amount[rows["at"] >= edge].sum())
        moved -= float(amount[~runs][gone >= edge].sum())
        steps = amount.dropna().diff()
        found |= {
            "mrr": now,
            "mrr_change_180d": over(moved, max(now, now - moved)),
            "upgrades": float((steps > 0).sum()),
            "downgrades": float((steps < 0).sum()),
        }
    return found


def spend(seen: Seen, account: str) -> Row:
    if seen.orders is None:
        return {}
    mine = seen.orders[seen.orders["account_id"] == account]
    bought = mine[mine["sign"] > 0]
    year, year_bought = seen.within(mine, 365), seen.within(bought, 365)
    baskets = year_bought["net_amount"]
    revenue = {days: seen.within(mine, days)["net_amount"].sum() for days in (30, 90, 180, 365)}
    credits_year = year[year["sign"] < 0]["net_amount"].sum()
    life = seen.age(bought["at"].min()) if len(bought) else nan
    found = {
        **{f"revenue_{days}d": float(total) for days, total in revenue.items()},
        "revenue_all": float(mine["net_amount"].sum()),
        "revenue_change_90d": float(np.clip(growth(revenue[90], revenue[180]), -1, 1)),
        "average_basket_365d": mean(baskets),
        "median_basket_365d": float(baskets.median()),
        "basket_spread_365d": float(baskets.std(ddof=1)),
        "largest_order_365d": float(baskets.max()),
        "last_basket_ratio": over(last(bought["net_amount"]), mean(baskets)),
        "basket_volatility": over(float(baskets.std(ddof=1)), mean(baskets)),
        "revenue_per_month": over(30 * mine["net_amount"].sum(), max(life, 30)),
        "credit_note_rate_365d": min(over(-credits_year, baskets.sum()), 10.0),
        "credit_notes_180d": float((seen.within(mine, 180)["sign"] < 0).sum()),
        "lines_per_order_365d": mean(year_bought["lines"]),
        "revenue_change_180d": float(
            np.clip(growth(revenue[180], seen.within(mine, 360)["net_amount"].sum()), -1, 1)
        ),
        "basket_slope_365d": slope(seen, year_bought),
    }
    if not len(bought):
        found["revenue_per_month"] = nan
    if "margin_amount" in mine:
        margin = float(year["margin_amount"].sum())
        found["margin_rate_365d"] = over(margin, revenue[365]) if margin != 0 else nan
        found["margin_365d"] = (
            margin if found["margin_rate_365d"] == found["margin_rate_365d"] else nan
        )
    if "discount_amount" in mine:
        discount = float(year_bought["discount_amount"].sum())
        found["discount_rate_365d"] = over(discount, baskets.sum() + discount)
        if not len(year_bought):
            found["discount_rate_365d"] = nan
    return found | products(seen, account)


def products(seen: Seen, account: str) -> Row:
    if seen.lines is None or "product_id" not in seen.lines:
        return {}
    lines = seen.lines[(seen.lines["account_id"] == account) & (seen.lines["raw"] > 0)]
    totals = seen.within(lines, 365).groupby("product_id")["net_amount"].sum()
    found = {
        "products_180d": float(seen.within(lines, 180)["product_id"].nunique()),
        "products_all": float(lines["product_id"].nunique()),
        "top_product_share_365d": over(totals.max(), totals.sum()) if len(totals) else nan,
    }
    listed = seen.table("products")
    if listed is None:
        return found
    category = lines["product_id"].map(listed.set_index("product_id")["category"].to_dict())
    lines = lines.assign(category=category).dropna(subset="category")
    half, year = (set(seen.within(lines, days)["category"]) for days in (180, 365))
    before = set(lines[lines["at"] < seen.as_of - 180 * DAY]["category"])
    return found | {
        "categories_180d": float(len(half)),
        "dropped_categories_180d": float(len(year - half)),
        "new_categories_180d": float(len(half - before)),
    }


def invoices(seen: Seen, account: str) -> Row:
    rows = seen.of("invoices", "account_id", account)
    if rows is None or "paid_at" not in rows:
        return {}
    paid = seen.later(rows, "paid_at")
    day_after = (pd.to_datetime(rows["due_date"]) + DAY).dt.tz_localize(seen.zone)
    late = ((paid - day_after) / DAY).clip(lower=0)
    return {
        "payment_delay_days_365d": mean(late[rows["at"] >= seen.as_of - 365 * DAY]),
        "unpaid_amount": float(rows[paid.isna()]["amount"].sum()),
        "late_invoice_share_365d": mean(
            (late > 0).astype(float).where(late.notna())[rows["at"] >= seen.as_of - 365 * DAY]
        ),
    }


def relationship(seen: Seen, account: str) -> Row:
    rows = seen.of("interactions", "account_id", account)
    if rows is None:
        return {}
    kind = rows["kind"]
    real = rows[kind.isin(["call", "meeting", "visit"])]
    complaints, tickets = rows[kind == "complaint"], rows[kind == "ticket"]
    count: Callable[[str, int], float] = lambda one, days: float(  # noqa: E731
        (seen.within(rows, days)["kind"] == one).sum()
    )
    contact, usual = since(seen, real), mean(gaps_of(seen, real))
    quarter = len(seen.within(rows, 90))
    complained = since(seen, complaints)
    found = {
        "days_since_last_interaction": since(seen, rows),
        "days_since_last_meaningful_contact": contact,
        "usual_contact_gap_days": usual,
        "contact_overdue_ratio": over(contact, usual),
        "interactions_30d": float(len(seen.within(rows, 30))),
        "interactions_90d": float(quarter),
        "contact_change_90d": growth(quarter, len(seen.within(rows, 180))),
        "meaningful_contacts_90d": float(len(seen.within(real, 90))),
        "meetings_180d": count("meeting", 180),
        "calls_90d": count("call", 90),
        "emails_90d": count("email", 90),
        "complaints_90d": count("complaint", 90),
        "complaints_365d": count("complaint", 365),
        "tickets_90d": count("ticket", 90),
        "tickets_365d": count("ticket", 365),
        "silence_after_complaint_days": 0.0 if contact < complained else complained,
        "visits_180d": count("visit", 180),
        "web_visits_90d": count("web", 90),
        "proposals_viewed_30d": count("proposal_viewed", 30),
        "proposals_viewed_90d": count("proposal_viewed", 90),
        "tickets_change_90d": growth(count("ticket", 90), count("ticket", 180)),
    }
    if seen.orders is not None:
        orders = float(len(seen.within(purchases(seen, account), 365)))
        found["complaints_per_order_365d"] = over(count("complaint", 365), orders)
    if "contact_id" in rows:
        found["people_spoken_to_180d"] = float(seen.within(rows, 180)["contact_id"].nunique())
    if "outcome" in rows:
        found |= answers(seen, rows)
    if "resolved_at" in rows:
        resolved = seen.later(rows, "resolved_at")
        hours = (resolved - rows["at"]) / pd.Timedelta(hours=1)
        found["open_complaints"] = float(resolved[complaints.index].isna().sum())
        found["open_tickets"] = float(resolved[tickets.index].isna().sum())
        found["hours_to_resolve_365d"] = mean(hours[rows["at"] >= seen.as_of - 365 * DAY])
    if "survey_score" in rows:
        found["last_survey_score"] = last(rows["survey_score"])
        asked = rows[rows["survey_score"].notna()]
        found["days_since_last_survey"] = since(seen, asked)
        found["survey_change"] = last(rows["survey_score"]) - mean(rows["survey_score"])
    if "sentiment" in rows:
        found["last_sentiment"] = last(rows["sentiment"])
        found["sentiment_180d"] = mean(seen.within(rows, 180)["sentiment"])
    if "direction" in rows:
        inbound = (seen.within(rows, 90)["direction"] == "inbound").sum()
        found["inbound_share_90d"] = over(float(inbound), quarter)
    return found


def with_outcome(seen: Seen, rows: pd.DataFrame) -> pd.DataFrame:
    """Interactions whose outcome is known by now: that of a ticket once it is resolved."""
    given = pd.Series(pd.NaT, rows.index)
    given = pd.to_datetime(rows.get("resolved_at", given), utc=True)
    at_once = given.isna() & ~rows["kind"].isin(["ticket", "complaint"])
    return rows[at_once | (given < seen.as_of)]


def answers(seen: Seen, rows: pd.DataFrame) -> Row:
    known = with_outcome(seen, rows)
    half = seen.within(known, 180)
    found = {
        "objections_180d": float((half["outcome"] == "objection").sum()),
        "buying_signals_180d": float((half["outcome"] == "buying_signal").sum()),
    }
    year, year_known = seen.within(rows, 365), seen.within(known, 365)
    taken_up = year_known[year_known["kind"] == "campaign"]["outcome"].isin(RESPONSES)
    campaigns = float((year["kind"] == "campaign").sum())
    found["campaign_response_rate_365d"] = over(float(taken_up.sum()), campaigns)
    if "direction" in rows:
        sent = (seen.within(rows, 180)["direction"] == "outbound").sum()
        answered = half[half["direction"] == "outbound"]["outcome"].isin(RESPONSES)
        found["response_rate_180d"] = over(float(answered.sum()), float(sent))
    return found


def people(seen: Seen, account: str) -> Row:
    rows = seen.of("contacts", "account_id", account)
    if rows is None:
        return {}
    rows = rows if "left_at" in rows else rows.assign(left_at=pd.NaT)
    left = seen.later(rows, "left_at")
    return {
        "active_contacts": float(left.isna().sum()),
        "contacts_left": float(left.notna().sum()),
        "days_since_contact_left": seen.age(left.max()) if left.notna().any() else nan,
    }


def own_deals(seen: Seen, account: str) -> Row:
    if seen.deals is None or seen.table("opportunity_history") is None:
        return {}
    mine = seen.deals[seen.deals["account"] == account]
    closed = mine["closed"].notna()
    young = mine["opened"] >= seen.as_of - 365 * DAY
    won, lost = closed & mine["is_won"], closed & ~mine["is_won"]
    usual = seen.decided_rate(seen.segment(account))
    return {
        "open_deals": float((~closed).sum()),
        "won_deals_365d": float((won & young).sum()),
        "lost_deals_365d": float((lost & young).sum()),
        "account_win_rate": (won.sum() + 5 * usual) / (won.sum() + lost.sum() + 5),
    }


def account_row(seen: Seen, account: str) -> Row:
    """Every feature of an account; what is not in it is missing."""
    families = (
        rhythm, still_buying, spend, invoices, relationship, people, contracts, surroundings,
        happenings, own_deals,
    )  # fmt: skip
    return {name: value for family in families for name, value in family(seen, account).items()}


def progress(seen: Seen, deal: str) -> Row:
    moves = seen.moves(deal)
    if moves is None:
        return {}
    stage = str(moves["stage"].iloc[-1]) if len(moves) else None
    age = since(seen, moves)
    found = {
        "stage_win_rate": seen.stage_rate(stage),
        "stage_age_days": age,
        "usual_stage_age_days": seen.stage_age(stage),
        "stage_age_ratio": over(age, max(seen.stage_age(stage), 0.01)),
        "moves": float(len(moves)),
        "moves_7d": float(len(seen.within(moves, 7))),
        "moves_30d": float(len(seen.within(moves, 30))),
        "stages_seen": float(moves["stage"].nunique()),
        "mean_move_gap_days": mean(gaps_of(seen, moves)),
    }
    if "stages" in seen.tables:
        stages = seen.tables["stages"]
        place = dict(zip(stages["stage"], stages["position"], strict=True))
        positions = moves["stage"].map(place).astype(float).dropna()
        found["stage_position"] = last(positions)
        found["highest_stage_position"] = float(positions.max()) if len(positions) else nan
        found["stage_setbacks"] = float((positions.diff() < 0).sum())
    if "owner_id" in moves:
        found["owners_seen"] = float(moves["owner_id"].nunique())
    if "expected_close_date" in moves:
        plan = moves["expected_close_date"].dropna()
        days = pd.Series([day.toordinal() for day in plan], dtype=float)
        found["days_past_expected_close"] = seen.local_day - last(days)
        found["expected_close_shift_days"] = last(days) - days.iloc[0] if len(days) else nan
        found["close_date_postponements"] = float((days.diff() > 0).sum())
    if "amount" in moves:
        amounts = moves["amount"].dropna()
        found["amount"] = last(amounts)
        found["amount_change"] = (
            over(last(amounts) - amounts.iloc[0], amounts.iloc[0]) if len(amounts) else nan
        )
        found["amount_cuts"] = float((amounts.diff() < 0).sum())
        found["amount_changes"] = float(amounts.nunique())
    return found


def talk(seen: Seen, deal: str) -> Row:
    rows = seen.of("interactions", "opportunity_id", deal)
    if rows is None:
        return {}
    assert seen.deals is not None
    rows = rows[rows["account_id"] == seen.deals["account"][deal]]
    calls = rows[rows["kind"] == "call"]
    found = {
        "deal_interactions": float(len(rows)),
        "deal_interactions_7d": float(len(seen.within(rows, 7))),
        "deal_interactions_30d": float(len(seen.within(rows, 30))),
        "deal_activity_change_30d": growth(len(seen.within(rows, 30)), len(seen.within(rows, 60))),
        "days_since_deal_interaction": since(seen, rows),
        "deal_calls": float(len(calls)),
        "deal_calls_14d": float(len(seen.within(calls, 14))),
        "days_since_deal_call": since(seen, calls),
        "deal_meetings": float((rows["kind"] == "meeting").sum()),
        "days_since_first_deal_interaction": seen.age(rows["at"].min()) if len(rows) else nan,
        "mean_deal_contact_gap_days": mean(gaps_of(seen, rows)),
    }
    if "duration_minutes" in rows:
        minutes = rows["duration_minutes"]
        found["deal_talk_minutes"] = float(minutes.sum())
        found["deal_talk_minutes_14d"] = float(seen.within(rows, 14)["duration_minutes"].sum())
        found["longest_talk_minutes"] = float(minutes.max()) if minutes.notna().any() else nan
    if "outcome" in rows:
        outcome = with_outcome(seen, rows)["outcome"]
        found["buying_signals"] = float((outcome == "buying_signal").sum())
        found["objections"] = float((outcome == "objection").sum())
    return found


def deal_row(seen: Seen, deal: str, of_account: tuple[str, ...]) -> Row:
    """Every feature of a deal known on the day; what is not in it is missing."""
    assert seen.deals is not None
    known = seen.deals.loc[deal]
    account = account_row(seen, str(known["account"]))
    today = seen.as_of.tz_convert(seen.zone).tz_localize(None).normalize()
    quarter_end = today.to_period("Q").end_time.normalize() + DAY
    found = {
        **progress(seen, deal),
        **talk(seen, deal),
        "deal_age_days": seen.age(known["opened"]),
        "days_to_quarter_end": (quarter_end - today) / DAY,
        "weekday": float(today.weekday()),
        "kind_win_rate": seen.deal_rate("deal_kind", known["deal_kind"]),
        "owner_win_rate": seen.deal_rate("first_owner", known["owner"]),
        "owner_open_deals": seen.owner_load(known["owner"]),
        "product_win_rate": seen.deal_rate("product", known["product"]),
        "source_win_rate": seen.deal_rate("lead_source", known["lead_source"]),
        "competitor_win_rate": seen.deal_rate("competitor", known["competitor"]),
    }
    found["amount_to_basket"] = over(
        found.get("amount", nan), account.get("average_basket_365d", nan)
    )
    for name in of_account:
        carried = name if name.startswith("account_") else f"account_{name}"
        found[carried] = account.get(name, nan)
    return found
