"""Contract tables as DataFrames made ready once, for any number of days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

DAY = pd.Timedelta(days=1)
ALWAYS = pd.Timestamp("1700-01-01")
EVENT_TIME: Mapping[str, str | None] = {
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
    # Tables without event time are known from the start.
    "fx_rates": None,
    "products": None,
    "stages": None,
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
    "fx_rates": ["date", "currency"],
    "products": ["product_id"],
    "stages": ["stage"],
}
WITHDRAWN_BY = {
    "account_history": ["account_id", "changed_at", "field"],
    "account_events": ["account_id", "occurred_at", "kind"],
}
NUMBERS = (
    "net_amount", "margin_amount", "discount_amount", "amount", "sentiment", "survey_score",
    "duration_minutes", "mrr_amount", "employees", "wallet_revenue", "potential_revenue",
    "rate", "position",
)  # fmt: skip
WORDS = (
    "product_id", "kind", "direction", "outcome", "contact_id", "stage", "owner_id", "source",
    "competitor", "segment", "country", "parent_account_id", "field", "currency", "category",
)  # fmt: skip
INSTANTS = ("resolved_at", "paid_at", "left_at", "ended_at", "cancelled_at")
DATES = ("due_date", "term_end_date", "expected_close_date", "date")


@dataclass(frozen=True)
class Prepared:
    """Tables of a portfolio with what every day needs of them.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        Rows in the loader's order, with ``at``, ``known``, ``account`` (code), ``day`` (calendar
        day in the zone), ``fact`` where one row may replace another, and ``twin`` where a deleted
        row ends the equal ones.
    accounts, deals : Index
        Ids; a code is a position.
    currency : str
        What amounts are counted in.
    """

    tables: Mapping[str, pd.DataFrame]
    accounts: pd.Index
    deals: pd.Index
    zone: str
    currency: str
    static: frozenset[str]
    horizon_days: int


def prepare(
    tables: Mapping[str, pd.DataFrame],
    *,
    zone: str,
    currency: str,
    static: Iterable[str],
    horizon_days: int,
) -> Prepared:
    """Make contract tables ready for any number of days."""
    accounts = _ids(rows["account_id"] for rows in tables.values() if "account_id" in rows)
    opportunities = tables.get("opportunities")
    deals = _ids([] if opportunities is None else [opportunities["opportunity_id"]])
    ready = {
        name: _ready(name, rows, accounts, deals, zone)
        for name, rows in tables.items()
        if name in EVENT_TIME
    }
    return Prepared(ready, accounts, deals, zone, currency, frozenset(static), horizon_days)


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


def day_starts(days: pd.Series, zone: str) -> pd.Series:
    """When days since 1970-01-01 begin in a zone, as naive UTC."""
    local = pd.to_datetime(days, unit="D")
    return utc(local.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward"))


def _ids(columns: Iterable[pd.Series]) -> pd.Index:
    found = [pd.Series(column.unique()) for column in columns]
    return pd.Index(sorted(pd.concat(found).unique()) if found else [], dtype="str")


def _ready(
    name: str, rows: pd.DataFrame, accounts: pd.Index, deals: pd.Index, zone: str
) -> pd.DataFrame:
    at = _event_times(rows, EVENT_TIME[name], zone)
    found = pd.DataFrame({"at": at})
    found["known"] = utc(rows["known_at"]).fillna(at) if "known_at" in rows else at
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
    if name in WITHDRAWN_BY:
        found["twin"] = rows.groupby(WITHDRAWN_BY[name], sort=False).ngroup()
    return found.assign(**_columns(rows))


def _event_times(rows: pd.DataFrame, event: str | None, zone: str) -> pd.Series:
    """When each row happened; a day happens from its beginning in the zone on."""
    if event is None or event not in rows:
        return pd.Series(ALWAYS, rows.index).dt.as_unit("us")
    if event.endswith("_date"):
        return day_starts(_day_numbers(rows[event]), zone)
    return utc(rows[event]).fillna(ALWAYS)


def _columns(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Give columns that features are read from, in types that are quick to select and group."""
    found = {name: rows[name].astype(float) for name in NUMBERS if name in rows}
    found |= {name: rows[name].astype("category") for name in WORDS if name in rows}
    found |= {name: utc(rows[name]) for name in INSTANTS if name in rows}
    found |= {name: _day_numbers(rows[name]) for name in DATES if name in rows}
    if "value" in rows:
        found["value"] = rows["value"]
    return found


def _day_numbers(values: pd.Series) -> pd.Series:
    days = utc(values)
    return days_of(days.fillna(ALWAYS)).astype(float).where(days.notna())
