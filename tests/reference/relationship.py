"""What is exchanged with an account, and with whom."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.reference.grouping import Columns, Numbers, growth, ratio
from tests.reference.known import Known
from tests.reference.prepared import DAY

RESPONSES = ["answered", "responded", "replied", "clicked", "interested", "buying_signal"]
COUNTS = {
    "meetings_180d": ("meeting", 180),
    "calls_90d": ("call", 90),
    "emails_90d": ("email", 90),
    "visits_180d": ("visit", 180),
    "web_visits_90d": ("web", 90),
    "proposals_viewed_30d": ("proposal_viewed", 30),
    "proposals_viewed_90d": ("proposal_viewed", 90),
    "complaints_90d": ("complaint", 90),
    "complaints_365d": ("complaint", 365),
    "tickets_90d": ("ticket", 90),
    "tickets_365d": ("ticket", 365),
}


def relationship(known: Known, orders_365d: Numbers | None) -> Columns:
    """Everything read off the interactions of an account."""
    rows = known.table("interactions")
    if rows is None:
        return {}
    found = _counts(known, rows) | _contact(known, rows) | _opinions(known, rows)
    if orders_365d is not None:
        found["complaints_per_order_365d"] = ratio(found["complaints_365d"], orders_365d)
    if "outcome" in rows:
        found |= _answers(known, rows)
    if "resolved_at" in rows:
        found |= _resolution(known, rows)
    return found


def _counts(known: Known, rows: pd.DataFrame) -> Columns:
    age, kind = rows["age"], rows["kind"]
    is_kind = {name: kind == name for name in {kind for kind, _ in COUNTS.values()}}
    is_real = is_kind["call"] | is_kind["meeting"] | is_kind["visit"]
    columns = {name: is_kind[kind] & (age <= days) for name, (kind, days) in COUNTS.items()}
    columns |= {
        "interactions_30d": age <= 30,
        "interactions_90d": age <= 90,
        "_before_90": (age > 90) & (age <= 180),
        "meaningful_contacts_90d": is_real & (age <= 90),
        "_tickets_before": is_kind["ticket"] & (age > 90) & (age <= 180),
    }
    if "direction" in rows:
        columns["_inbound"] = (rows["direction"] == "inbound") & (age <= 90)
    found = known.accounts.sums(rows, columns)
    quarter = found["interactions_90d"]
    found["contact_change_90d"] = growth(quarter, found.pop("_before_90"))
    found["tickets_change_90d"] = growth(found["tickets_90d"], found.pop("_tickets_before"))
    if "direction" in rows:
        found["inbound_share_90d"] = ratio(found.pop("_inbound"), quarter)
    return found


def _contact(known: Known, rows: pd.DataFrame) -> Columns:
    who, kind = known.accounts, rows["kind"]
    real = rows[kind.isin(["call", "meeting", "visit"])]
    contact, usual = who.least(real), who.mean(who.gaps(real), "gap")
    complained = who.least(rows[kind == "complaint"])
    found = {
        "days_since_last_interaction": who.least(rows),
        "days_since_last_meaningful_contact": contact,
        "usual_contact_gap_days": usual,
        "contact_overdue_ratio": ratio(contact, usual),
        "silence_after_complaint_days": np.where(contact < complained, 0.0, complained),
    }
    if "contact_id" in rows:
        found["people_spoken_to_180d"] = who.distinct(rows[rows["age"] <= 180], "contact_id")
    return found


def _opinions(known: Known, rows: pd.DataFrame) -> Columns:
    who = known.accounts
    found = {}
    if "survey_score" in rows:
        asked = rows[rows["survey_score"].notna()]
        score = who.last(asked, "survey_score")
        found["last_survey_score"] = score
        found["days_since_last_survey"] = who.least(asked)
        found["survey_change"] = score - who.mean(asked, "survey_score")
    if "sentiment" in rows:
        found["last_sentiment"] = who.last(rows, "sentiment")
        found["sentiment_180d"] = who.mean(rows[rows["age"] <= 180], "sentiment")
    return found


def _resolution(known: Known, rows: pd.DataFrame) -> Columns:
    resolved = known.past(rows["resolved_at"])
    hours = (resolved - rows["at"]) / pd.Timedelta(hours=1)
    is_open = resolved.isna()
    found = known.accounts.sums(
        rows,
        {
            "open_complaints": is_open & (rows["kind"] == "complaint"),
            "open_tickets": is_open & (rows["kind"] == "ticket"),
        },
    )
    year = rows.assign(hours=hours)[rows["age"] <= 365]
    return found | {"hours_to_resolve_365d": known.accounts.mean(year, "hours")}


def with_outcome(known: Known, rows: pd.DataFrame) -> pd.DataFrame:
    """Interactions whose outcome is known by now: that of a ticket once it is resolved."""
    at_once = ~rows["kind"].isin(["ticket", "complaint"])
    if "resolved_at" not in rows:
        return rows[at_once]
    given = rows["resolved_at"]
    return rows[(given.isna() & at_once) | (given < known.as_of)]


def _answers(known: Known, rows: pd.DataFrame) -> Columns:
    told = with_outcome(known, rows)
    outcome, age = told["outcome"], told["age"]
    is_taken_up = outcome.isin(RESPONSES)
    is_campaign = told["kind"] == "campaign"
    columns = {
        "objections_180d": (outcome == "objection") & (age <= 180),
        "buying_signals_180d": (outcome == "buying_signal") & (age <= 180),
        "_campaign": is_taken_up & is_campaign & (age <= 365),
    }
    begun = {"campaign": (rows["kind"] == "campaign") & (rows["age"] <= 365)}
    if "direction" in rows:
        columns["_answered"] = is_taken_up & (told["direction"] == "outbound") & (age <= 180)
        begun["outbound"] = (rows["direction"] == "outbound") & (rows["age"] <= 180)
    found, begun_by_us = known.accounts.sums(told, columns), known.accounts.sums(rows, begun)
    found["campaign_response_rate_365d"] = ratio(found.pop("_campaign"), begun_by_us["campaign"])
    if "direction" in rows:
        found["response_rate_180d"] = ratio(found.pop("_answered"), begun_by_us["outbound"])
    return found


def people(known: Known) -> Columns:
    """Whom we know at an account, and who left."""
    rows = known.table("contacts")
    if rows is None:
        return {}
    if "left_at" not in rows:
        return {"active_contacts": known.accounts.count(rows)}
    left = known.past(rows["left_at"])
    found = known.accounts.sums(
        rows, {"active_contacts": left.isna(), "contacts_left": left.notna()}
    )
    gone = rows.assign(since=(known.as_of - left) / DAY)
    return found | {"days_since_contact_left": known.accounts.least(gone, "since")}
