"""What was known of a portfolio before a day?"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from tests.reference.grouping import Entities, Numbers
from tests.reference.prepared import DAY, Prepared, local_days

MONEY = ("net_amount", "margin_amount", "discount_amount")
LATER = pd.Timestamp("9999-01-01")


def visible(rows: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Rows that happened and were known before the day, the last known version of each fact."""
    rows = rows[(rows["at"] < as_of) & (rows["known"] < as_of)]
    if "is_repeated" in rows and rows["is_repeated"].any():
        again = rows[rows["is_repeated"]].sort_values("known", kind="stable")
        replaced = again.index[again.duplicated("fact", keep="last")]
        rows = rows.drop(index=replaced)
    if "is_deleted" in rows:
        if "twin" in rows:
            withdrawn = rows[rows["is_deleted"]].groupby("twin")["known"].max()
            until = withdrawn.reindex(rows["twin"]).to_numpy()
            rows = rows[~(rows["known"] <= until)]
        rows = rows[~rows["is_deleted"]]
    return rows.assign(age=(as_of - rows["at"]) / DAY)


@dataclass
class Known:
    """A portfolio as known on a day.

    Attributes
    ----------
    prepared : Prepared
        All of it.
    as_of : Timestamp
        Midnight UTC of the day, naive.
    model : tuple of float
        r, alpha, a, b of the BG/NBD model of the day: what an optimiser found is given.
    """

    prepared: Prepared
    as_of: pd.Timestamp
    model: tuple[float, ...] = (np.nan,) * 4
    _found: dict[str, pd.DataFrame | None] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame | None:
        """Rows of a table with their age in days; None where the portfolio has no such table."""
        if name not in self._found:
            rows = self.prepared.tables.get(name)
            self._found[name] = None if rows is None else visible(rows, self.as_of)
        return self._found[name]

    def past(self, instants: pd.Series) -> pd.Series:
        """Later instants of rows; missing until they come."""
        return instants.where(instants < self.as_of)

    @property
    def horizon(self) -> pd.Timedelta:
        """Within how long a deal must be won to count as won."""
        return self.prepared.horizon_days * DAY

    @cached_property
    def local_day(self) -> int:
        """Calendar day of the as_of instant in the zone."""
        return int(local_days(pd.Series([self.as_of]), self.prepared.zone).iloc[0])

    @cached_property
    def accounts(self) -> Entities:
        """Who rows of accounts are counted for."""
        return Entities("account", len(self.prepared.accounts))

    @cached_property
    def by_deal(self) -> Entities:
        """Who rows of deals are counted for."""
        return Entities("deal", len(self.prepared.deals))

    @cached_property
    def stages(self) -> pd.DataFrame | None:
        """What stages are by the latest word on each, whatever the day."""
        rows = self.prepared.tables.get("stages")
        return None if rows is None else visible(rows, LATER)

    # -- orders
    def _rates(self, lines: pd.DataFrame) -> pd.Series:
        """Portfolio currency per unit of the currency of each line; missing where unknown.

        The latest rate that is dated on or before the day of the line.
        """
        rate = pd.Series(1.0, lines.index)
        if "currency" not in lines:
            return rate
        is_own = lines["currency"].isna() | (lines["currency"] == self.prepared.currency)
        rate[~is_own] = np.nan
        rates = self.table("fx_rates")
        if rates is None or is_own.all():
            return rate
        foreign = lines.loc[~is_own, ["currency", "day"]].astype({"currency": "str", "day": float})
        foreign = foreign.sort_values("day", kind="stable")
        rates = rates.loc[rates["rate"] > 0, ["currency", "date", "rate"]].sort_values("date")
        rates = rates.astype({"currency": "str"})
        found = pd.merge_asof(foreign, rates, left_on="day", right_on="date", by="currency")
        rate[foreign.index] = found["rate"].to_numpy()
        return rate

    @cached_property
    def lines(self) -> pd.DataFrame | None:
        """Order lines known, in the portfolio's currency; ``raw`` is their net amount as it was."""
        lines = self.table("orders")
        if lines is None:
            return None
        rate = self._rates(lines)
        money = {name: lines[name] * rate for name in MONEY if name in lines}
        return lines.assign(raw=lines["net_amount"], has_rate=rate.notna(), **money)

    @cached_property
    def orders(self) -> pd.DataFrame | None:
        """Orders of the lines known, by account and time.

        The ``sign`` is that of what the lines add up to; where that is nothing, of what those
        without a rate do: rates are positive.
        """
        lines = self.lines
        if lines is None:
            return None
        groups = lines.groupby("order", sort=True)
        orders = groups[[name for name in MONEY if name in lines]].sum(min_count=1)
        net = orders["net_amount"]
        without = lines[~lines["has_rate"]].groupby("order")["raw"].sum()
        orders["sign"] = net.where(net.fillna(0) != 0, without.reindex(orders.index))
        orders[["at", "day"]] = groups[["at", "day"]].min()
        orders["age"] = groups["age"].max()
        orders["account"] = groups["account"].first()
        orders["lines"] = groups.size()
        return orders.sort_values(["account", "at"], kind="stable")

    @cached_property
    def purchases(self) -> pd.DataFrame | None:
        """Orders of a positive sign."""
        orders = self.orders
        return None if orders is None else orders[orders["sign"] > 0]

    # -- attributes
    def _history(self, column: str) -> pd.DataFrame | None:
        """Values of an attribute in the order in which they came true, the static one first."""
        parts = []
        accounts, changes = self.table("accounts"), self.table("account_history")
        is_static = f"accounts.{column}" in self.prepared.static
        if is_static and accounts is not None and column in accounts:
            rows = accounts[["account", "at", column]].rename(columns={column: "value"})
            parts.append(rows.astype({"value": object}))
        if changes is not None:
            rows = changes.loc[changes["field"] == column, ["account", "at", "value"]]
            parts.append(rows.astype({"value": object}))
        if not parts:
            return None
        rows = pd.concat(parts).dropna(subset="value")
        return rows.sort_values(["account", "at"], kind="stable")

    def word(self, column: str) -> pd.Series:
        """An attribute of every account, as known; missing where it is not."""
        rows = self._history(column)
        none = pd.Series(np.nan, range(self.accounts.n), dtype="str")
        if rows is None or not len(rows):
            return none
        return rows.groupby("account")["value"].last().astype("str").reindex(none.index)

    def number(self, column: str) -> Numbers:
        """A numeric attribute of every account, as known; missing where it is none."""
        rows = self._history(column)
        if rows is None:
            return np.full(self.accounts.n, np.nan)
        value = pd.to_numeric(rows["value"], errors="coerce").astype(float)
        return self.accounts.last(rows.assign(value=value.where(np.isfinite(value))), "value")

    @cached_property
    def segment(self) -> pd.Series:
        """Segment of every account."""
        return self.word("segment")
