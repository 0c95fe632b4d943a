"""What an account has under contract, and what happened to it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.reference.grouping import Columns, ratio
from tests.reference.known import Known
from tests.reference.prepared import DAY

GROWTH = ["growth", "funding", "project", "opening", "hiring", "acquisition"]
CHANGES = ["new_contact_role", "move", "merger", "reorganisation", "new_management", "contact_left"]


def contracts(known: Known) -> Columns:
    """Subscriptions that run, their amounts and terms."""
    rows = known.table("subscriptions")
    if rows is None:
        return {}
    who = known.accounts
    never = pd.Series(pd.NaT, rows.index, dtype="datetime64[us]")
    ended = known.past(rows.get("ended_at", never))
    runs = ended.isna()
    found = who.sums(rows, {"live_subscriptions": runs})
    found["subscription_tenure_days"] = who.most(rows)
    if "term_end_date" in rows:
        found["days_to_renewal"] = who.least(rows[runs], "term_end_date") - known.local_day
    if "cancelled_at" in rows:
        given = known.past(rows["cancelled_at"]).notna() & runs
        found["notices_given"] = who.sums(rows, {"given": given})["given"]
    if "mrr_amount" in rows:
        found |= _amounts(known, rows, ended)
    return found


def _amounts(known: Known, rows: pd.DataFrame, ended: pd.Series) -> Columns:
    who, amount, edge = known.accounts, rows["mrr_amount"], known.as_of - 180 * DAY
    gone = ended.where(ended > rows["at"], rows["at"]).where(ended.notna())
    found = who.sums(
        rows,
        {
            "mrr": amount.where(ended.isna()),
            "priced": amount.notna() & ended.isna(),
            "runs": ended.isna(),
            "came": amount.where(rows["at"] >= edge),
            "went": amount.where(gone >= edge),
        },
    )
    is_unknown = (found["runs"] > 0) & (found["priced"] == 0)
    now, moved = np.where(is_unknown, np.nan, found["mrr"]), found["came"] - found["went"]
    upgrades, downgrades = who.steps(rows, "mrr_amount")
    return {
        "mrr": now,
        "mrr_change_180d": ratio(moved, np.maximum(now, now - moved)),
        "upgrades": upgrades,
        "downgrades": downgrades,
    }


def happenings(known: Known) -> Columns:
    """What happened at the account."""
    rows = known.table("account_events")
    if rows is None:
        return {}
    age, kind = rows["age"], rows["kind"]
    found = known.accounts.sums(
        rows,
        {
            "account_events_90d": age <= 90,
            "growth_events_365d": kind.isin(GROWTH) & (age <= 365),
            "change_events_180d": kind.isin(CHANGES) & (age <= 180),
        },
    )
    return found | {"days_since_account_event": known.accounts.least(rows)}
