"""How alive is the relationship: contacts, complaints, surveys, people?"""

from __future__ import annotations

import numpy as np

from features.kernel import Floats, Output, State
from features.kernel import Statistic as S
from features.signals.declare import About, Signal, Theme, aggregate, change, derived, ratio

_IN = "interactions"


def _count(kind: str, days: int, reason: str, words: str, *, churn: int, win: int) -> Signal:
    theme: Theme = "service" if reason in ("COMPLAINTS", "TICKETS") else "relationship"
    return aggregate(
        f"{kind}s_{days}d", _IN, Output(S.COUNT, where=(f"is_{kind}",), window_days=days),
        About(f"{kind}s", theme, reason, f"{words} in the last {days} days", churn=churn, win=win,
              is_actionable=True),
    )  # fmt: skip


def silence_after_complaint(complaint: Floats, contact: Floats) -> Floats:
    """For how many days has nobody called back since the last complaint? 0 when somebody did.

    >>> silence_after_complaint(np.array([20.0, 20.0]), np.array([5.0, np.nan])).tolist()
    [0.0, 20.0]
    """
    is_silent = ~(contact < complaint)
    return np.where(np.isnan(complaint), np.nan, np.where(is_silent, complaint, 0.0))


SIGNALS = (
    aggregate(
        "days_since_last_interaction", _IN, Output(S.AGE_LAST),
        About("days", "relationship", "CONTACT_SILENCE", "days since anything was exchanged",
              churn=1, win=-1, is_actionable=True, missing="without any interaction"),
    ),
    aggregate(
        "days_since_last_meaningful_contact", _IN, Output(S.AGE_LAST, where=("is_meaningful",)),
        About("days", "relationship", "CONTACT_SILENCE",
              "days since the last call, meeting or visit", churn=1, win=-1, is_actionable=True,
              missing="without any call, meeting or visit"),
    ),
    aggregate(
        "usual_contact_gap_days", _IN, Output(S.GAP_MEAN, where=("is_meaningful",)),
        About("days", "relationship", "CONTACT_RHYTHM",
              "mean days between days with a call, meeting or visit", churn=1, is_actionable=True,
              missing="with contact on fewer than two days"),
    ),
    derived(
        "contact_overdue_ratio", _IN,
        ("days_since_last_meaningful_contact", "usual_contact_gap_days"), ratio,
        About("times", "relationship", "CONTACT_SILENCE",
              "time without contact over the usual time between contacts", churn=1,
              is_actionable=True, missing="with contact on fewer than two days"),
    ),
    aggregate(
        "interactions_30d", _IN, Output(S.COUNT, window_days=30),
        About("interactions", "relationship", "CONTACT_ACTIVITY",
              "interactions in the last 30 days", churn=-1, win=1, is_actionable=True),
    ),
    aggregate(
        "interactions_90d", _IN, Output(S.COUNT, window_days=90),
        About("interactions", "relationship", "CONTACT_ACTIVITY",
              "interactions in the last 90 days", churn=-1, win=1, is_actionable=True),
    ),
    aggregate("_interactions_180d", _IN, Output(S.COUNT, window_days=180)),
    derived(
        "contact_change_90d", _IN, ("interactions_90d", "_interactions_180d"), change,
        About("share", "relationship", "CONTACT_TREND",
              "interactions of the last 90 days against the 90 before, from -1 to 1", churn=-1,
              win=1, is_actionable=True, missing="without interactions in the last 180 days"),
    ),
    aggregate(
        "meaningful_contacts_90d", _IN,
        Output(S.COUNT, where=("is_meaningful",), window_days=90),
        About("contacts", "relationship", "CONTACT_ACTIVITY",
              "calls, meetings and visits in the last 90 days", churn=-1, win=1,
              is_actionable=True),
    ),
    _count("meeting", 180, "CONTACT_ACTIVITY", "meetings", churn=-1, win=1),
    _count("call", 90, "CONTACT_ACTIVITY", "calls", churn=-1, win=1),
    _count("email", 90, "CONTACT_ACTIVITY", "e-mails", churn=-1, win=1),
    _count("complaint", 90, "COMPLAINTS", "complaints", churn=1, win=-1),
    _count("complaint", 365, "COMPLAINTS", "complaints", churn=1, win=-1),
    _count("ticket", 90, "TICKETS", "support tickets", churn=1, win=-1),
    _count("ticket", 365, "TICKETS", "support tickets", churn=1, win=-1),
    aggregate(
        "open_complaints", _IN, Output(S.COUNT, where=("is_complaint",), state=State.OPEN),
        About("complaints", "service", "COMPLAINTS", "complaints not yet answered", churn=1, win=-1,
              is_actionable=True),
    ),
    aggregate(
        "open_tickets", _IN, Output(S.COUNT, where=("is_ticket",), state=State.OPEN),
        About("tickets", "service", "TICKETS", "support tickets not yet resolved", churn=1, win=-1,
              is_actionable=True),
    ),
    aggregate("_days_since_complaint", _IN, Output(S.AGE_LAST, where=("is_complaint",))),
    derived(
        "silence_after_complaint_days", _IN,
        ("_days_since_complaint", "days_since_last_meaningful_contact"), silence_after_complaint,
        About("days", "service", "COMPLAINTS", "days without a call back since a complaint",
              churn=1, win=-1, is_actionable=True, missing="without any complaint"),
    ),
    aggregate(
        "hours_to_resolve_365d", _IN,
        Output(S.MEAN, "hours_to_resolve", state=State.SETTLED, window_days=365),
        About("hours", "service", "RESOLUTION", "mean hours until resolved, last 365 days",
              churn=1, is_actionable=True, missing="without resolved matters in the last 365 days"),
    ),
    aggregate(
        "last_survey_score", _IN, Output(S.LAST, "survey_score"),
        About("points", "relationship", "SURVEY", "last answer to the recommendation question",
              churn=-1, win=1, missing="without any survey"),
    ),
    aggregate("_mean_survey_score", _IN, Output(S.MEAN, "survey_score")),
    derived(
        "survey_change", _IN, ("last_survey_score", "_mean_survey_score"), np.subtract,
        About("points", "relationship", "SURVEY", "last survey answer against the account's mean",
              churn=-1, missing="without any survey"),
    ),
    aggregate(
        "sentiment_180d", _IN, Output(S.MEAN, "sentiment", window_days=180),
        About("points", "relationship", "SENTIMENT", "mean tone of the last 180 days, -1 to 1",
              churn=-1, win=1, missing="without a tone noted in the last 180 days"),
    ),
    aggregate("_inbound_90d", _IN, Output(S.COUNT, where=("is_inbound",), window_days=90)),
    derived(
        "inbound_share_90d", _IN, ("_inbound_90d", "interactions_90d"), ratio,
        About("share", "relationship", "CONTACT_ACTIVITY",
              "share of the interactions of 90 days that the account began", win=1,
              missing="without interactions in the last 90 days"),
    ),
    aggregate(
        "active_contacts", "contacts", Output(S.COUNT, state=State.OPEN),
        About("people", "relationship", "CONTACT_BREADTH", "people we know there", churn=-1, win=1,
              is_actionable=True),
    ),
    aggregate("_last_left_day", "contacts", Output(S.MAX, "left_day", state=State.SETTLED)),
    aggregate(
        "contacts_left", "contacts", Output(S.COUNT, state=State.SETTLED),
        About("people", "relationship", "CONTACT_LOST", "people we knew who left", churn=1),
    ),
    derived(
        "days_since_contact_left", "contacts", ("_as_of_utc_day", "_last_left_day"), np.subtract,
        About("days", "relationship", "CONTACT_LOST", "days since somebody we knew left", churn=-1,
              missing="when nobody left"),
    ),
)  # fmt: skip
