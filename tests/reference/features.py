"""All features of accounts and of deals, as known on a day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.reference.contracts import contracts, happenings
from tests.reference.deals import calendar, own_deals, people_and_origin, progress, talk
from tests.reference.grouping import Columns, ratio
from tests.reference.known import Known
from tests.reference.relationship import people, relationship
from tests.reference.rhythm import rhythm
from tests.reference.spend import invoices, products, spend
from tests.reference.surroundings import surroundings
from tests.reference.track_record import TrackRecord, track_record

OF_ACCOUNT = (
    "days_since_last_order", "overdue_ratio", "orders_365d", "revenue_365d",
    "average_basket_365d", "days_since_last_meaningful_contact", "interactions_90d",
    "complaints_365d", "open_complaints", "last_survey_score", "account_win_rate", "open_deals",
)  # fmt: skip


def account_features(known: Known, record: TrackRecord | None = None) -> pd.DataFrame:
    """Features of every account, by id; columns that the records cannot tell are left out."""
    record = record or track_record(known)
    of_orders = rhythm(known)
    columns = {
        **of_orders,
        **spend(known),
        **products(known),
        **invoices(known),
        **relationship(known, of_orders.get("orders_365d")),
        **people(known),
        **contracts(known),
        **surroundings(known),
        **happenings(known),
        **({} if record is None else own_deals(known, record)),
    }
    return _framed(columns, known.prepared.accounts)


def deal_features(known: Known, of_accounts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Features of every deal known on the day, by id, those of its account included.

    ``of_accounts`` are the features of the accounts on that day, where they are at hand.
    """
    record = track_record(known)
    if record is None:
        return pd.DataFrame()
    of_accounts = account_features(known, record) if of_accounts is None else of_accounts
    columns = {
        **progress(known, record),
        **talk(known, record),
        **people_and_origin(known, record),
        **calendar(known),
        **_carried(known, record, of_accounts),
    }
    if {"amount", "account_average_basket_365d"} <= set(columns):
        basket = columns["account_average_basket_365d"]
        columns["amount_to_basket"] = ratio(columns["amount"], basket)
    return _framed(columns, known.prepared.deals).iloc[np.sort(record.deals.index)]


def _carried(known: Known, record: TrackRecord, of_accounts: pd.DataFrame) -> Columns:
    account = record.deals["account"]
    return {
        name if name.startswith("account_") else f"account_{name}": known.by_deal.spread(
            pd.Series(of_accounts[name].to_numpy()[account], account.index)
        )
        for name in OF_ACCOUNT
        if name in of_accounts
    }


def _framed(columns: Columns, ids: pd.Index) -> pd.DataFrame:
    found = {name: values for name, values in columns.items() if not name.startswith("_")}
    return pd.DataFrame(found, index=ids)
