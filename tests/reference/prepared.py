"""Contract tables as DataFrames made ready once, for any number of days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

DAY = pd.Timedelta(days=1)
ALWAYS = pd.Timestamp("1700-01-01")
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
KEYS = {
    "orders": ["order_id", "line_id"],
    "invoices": ["invoice_id"],
    "interactions": ["interaction_id"],
    "contacts": ["contact_id"],
    "opportunities": ["opportunity_id"],
    "opportunity_history": ["opportunity_id", "changed_at", "stage"],
    "accounts": ["account_id"],
    "subscriptions": ["subscription_id"],
}
NUMBERS = (
    "net_amount", "margin_amount", "discount_amount", "amount", "sentiment", "survey_score",
    "duration_minutes", "mrr_amount", "employees", "wallet_revenue", "potential_revenue",
)  # fmt: skip
WORDS = (
    "product_id", "kind", "direction", "outcome", "contact_id", "stage", "owner_id", "source",
    "competitor", "segment", "country", "parent_account_id", "field",
)  # fmt: skip
INSTANTS = ("resolved_at", "paid_at", "left_at", "ended_at", "cancelled_at")
PLANS = ("due_date", "term_end_date", "expected_close_date")


@dataclass(frozen=True)
class Prepared:
    """Tables of a portfolio with what every day needs of them.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        Rows in the loader's order, with ``at``, ``known``, ``account`` (code), ``day`` (calendar
        day in the zone), and ``fact`` where one row may replace another.
    accounts, deals : Index
        Ids; a code is a position.
    lists : mapping of str to DataFrame
        Tables without time, as they are: stages, products.
    """

    tables: Mapping[str, pd.DataFrame]
    accounts: pd.Index
    deals: pd.Index
    lists: Mapping[str, pd.DataFrame]
    zone: str
    static: frozenset[str]
    horizon_days: int


def prepare(
    tables: Mapping[str, pd.DataFrame], *, zone: str, static: Iterable[str], horizon_days: int
) -> Prepared:
    """Make contract tables ready for any number of days."""
    accounts = _ids(rows["account_id"] for rows in tables.values() if "account_id" in rows)
    opportunities = tables.get("opportunities")
    deals = _ids([] if opportunities is None else [opportunities["opportunity_id"]])
    lists = {name: rows for name, rows in tables.items() if name in ("stages", "products")}
    ready = {
        name: _ready(name, rows, accounts, deals, zone)
        for name, rows in tables.items()
        if name in EVENT_TIME
    }
    if "orders" in ready and "products" in lists and "product_id" in ready["orders"]:
        ready["orders"]["category"] = _categories(ready["orders"]["product_id"], lists["products"])
    return Prepared(ready, accounts, deals, lists, zone, frozenset(static), horizon_days)


def utc(values: pd.Series) -> pd.Series:
    """Instants as naive UTC microseconds; a day is its midnight."""
    return pd.to_datetime(values, utc=True).dt.tz_localize(None).dt.as_unit("us")


def local_days(at: pd.Series, zone: str) -> pd.Series:
    """Calendar days of instants in a zone, since 1970-01-01."""
    local = at.dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    return days_of(local)


def days_of(at: pd.Series) -> pd.Series:
    """Days since 1970-01-01 of naive instants."""
    return (at.dt.as_unit("us").astype("int64") // 86_400_000_000).astype("int32")


def _ids(columns: Iterable[pd.Series]) -> pd.Index:
    found = [pd.Series(column.unique()) for column in columns]
    return pd.Index(sorted(pd.concat(found).unique()) if found else [], dtype="str")


def _ready(
    name: str, rows: pd.DataFrame, accounts: pd.Index, deals: pd.Index, zone: str
) -> pd.DataFrame:
    event = EVENT_TIME[name]
    at = utc(rows[event]).fillna(ALWAYS) if event in rows else pd.Series(ALWAYS, rows.index)
    found = pd.DataFrame({"at": at.dt.as_unit("us")})
    found["known"] = utc(rows["known_at"]).fillna(found["at"]) if "known_at" in rows else at
    found["day"] = local_days(found["at"], zone)
    if "account_id" in rows:
        found["account"] = accounts.get_indexer(rows["account_id"])
    if "opportunity_id" in rows:
        found["deal"] = deals.get_indexer(rows["opportunity_id"])
    if "is_deleted" in rows:
        found["is_deleted"] = rows["is_deleted"].astype("boolean").fillna(False).astype(bool)
    if name == "orders":
        found["order"] = rows.groupby(["account_id", "order_id"], sort=True).ngroup()
    if set(KEYS.get(name, ("?",))) <= set(rows):
        # A row with a missing part of its key replaces none and is replaced by none.
        found["fact"] = rows.groupby(KEYS[name], sort=False).ngroup()
        found["is_repeated"] = found["fact"].duplicated(keep=False) & (found["fact"] >= 0)
    return found.assign(**_columns(rows))


def _columns(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Give columns that features are read from, in types that are quick to select and group."""
    found = {name: rows[name].astype(float) for name in NUMBERS if name in rows}
    found |= {name: rows[name].astype("category") for name in WORDS if name in rows}
    found |= {name: utc(rows[name]) for name in INSTANTS if name in rows}
    found |= {name: _plan(rows[name]) for name in PLANS if name in rows}
    if "value" in rows:
        found["value"] = rows["value"]
    return found


def _plan(values: pd.Series) -> pd.Series:
    days = utc(values)
    return days_of(days.fillna(ALWAYS)).astype(float).where(days.notna())


def _categories(product: pd.Series, products: pd.DataFrame) -> pd.Series | None:
    if "category" not in products:
        return pd.Series(np.nan, product.index)
    of_product = products.dropna(subset="category").set_index("product_id")["category"]
    return product.astype("str").map(of_product).astype("category")
