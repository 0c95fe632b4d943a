"""How alive is the relationship: contacts, complaints, surveys, people?"""

from __future__ import annotations

from features.formulas import MISSING, Expression, change, col, is_missing, ratio, where
from features.kernel import Output, State
from features.kernel import Statistic as S
from features.signals.declare import About, Signal, Theme, aggregate, derived

_IN = "interactions"
_OUT = "interaction_outcomes"


_PLURALS = {"proposal_viewed": "proposals_viewed", "web": "web_visits"}


def _count(kind: str, days: int, reason: str, words: str, *, churn: int, win: int) -> Signal:
    theme: Theme = "service" if reason in ("COMPLAINTS", "TICKETS") else "relationship"
    plural = _PLURALS.get(kind, f"{kind}s")
    return aggregate(
        f"{plural}_{days}d", _IN, Output(S.COUNT, where=(f"is_{kind}",), window_days=days),
        About(plural.replace("_", " "), theme, reason, f"{words} in the last {days} days",
              churn=churn, win=win, is_actionable=True),
    )  # fmt: skip


def _outcome(flag: str, name: str, reason: str, words: str, *, churn: int, win: int) -> Signal:
    return aggregate(
        name, _OUT, Output(S.COUNT, where=(flag,), window_days=180),
        About(words.split(" noted")[0], "relationship", reason, f"{words} in the last 180 days",
              churn=churn, win=win, is_actionable=True), table=_IN,
    )  # fmt: skip


def silence_after_complaint(complaint: Expression, contact: Expression) -> Expression:
    """For how many days has nobody called back since the last complaint? 0 when somebody did.

    >>> from features.registers import value_of
    >>> silence = silence_after_complaint(col("complaint"), col("contact"))
    >>> value_of(silence, complaint=20.0, contact=5.0)
    0.0
    >>> value_of(silence, complaint=20.0, contact=float("nan"))
    20.0
    """
    return where(is_missing(complaint), MISSING, where(contact < complaint, 0.0, complaint))


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
        ratio(col("days_since_last_meaningful_contact"), col("usual_contact_gap_days")),
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
        "contact_change_90d", _IN, change(col("interactions_90d"), col("_interactions_180d")),
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
    _count("visit", 180, "CONTACT_ACTIVITY", "visits", churn=-1, win=1),
    _count("web", 90, "DIGITAL_INTEREST", "visits of our web pages", churn=-1, win=1),
    _count("proposal_viewed", 30, "DIGITAL_INTEREST", "views of a proposal", churn=-1, win=1),
    _count("proposal_viewed", 90, "DIGITAL_INTEREST", "views of a proposal", churn=-1, win=1),
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
        silence_after_complaint(col("_days_since_complaint"),
                                col("days_since_last_meaningful_contact")),
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
        "survey_change", _IN, col("last_survey_score") - col("_mean_survey_score"),
        About("points", "relationship", "SURVEY", "last survey answer against the account's mean",
              churn=-1, missing="without any survey"),
    ),
    aggregate(
        "sentiment_180d", _IN, Output(S.MEAN, "sentiment", window_days=180),
        About("points", "relationship", "SENTIMENT", "mean tone of the last 180 days, -1 to 1",
              churn=-1, win=1, missing="without a tone noted in the last 180 days"),
    ),
    aggregate(
        "last_sentiment", _IN, Output(S.LAST, "sentiment"),
        About("points", "relationship", "SENTIMENT", "tone of the last exchange, -1 to 1",
              churn=-1, win=1, missing="without a tone noted"),
    ),
    aggregate(
        "days_since_last_survey", _IN, Output(S.AGE_LAST, "survey_score"),
        About("days", "relationship", "SURVEY", "days since the last survey", is_actionable=True,
              missing="without any survey"),
    ),
    aggregate(
        "people_spoken_to_180d", _IN, Output(S.DISTINCT, "contact", window_days=180),
        About("people", "relationship", "CONTACT_BREADTH",
              "different people we exchanged with in 180 days", churn=-1, win=1,
              is_actionable=True),
    ),
    _outcome("has_objection", "objections_180d", "OBJECTIONS", "objections noted", churn=1, win=-1),
    _outcome("has_buying_signal", "buying_signals_180d", "BUYING_SIGNALS", "buying signals noted",
             churn=-1, win=1),
    aggregate("_responses_180d", _OUT, Output(S.COUNT, where=("is_outbound", "has_response"),
                                              window_days=180), table=_IN),
    aggregate("_outbound_180d", _IN, Output(S.COUNT, where=("is_outbound",), window_days=180)),
    derived(
        "response_rate_180d", _IN, ratio(col("_responses_180d"), col("_outbound_180d")),
        About("share", "relationship", "RESPONSE",
              "share of what we sent or called in 180 days that was answered", churn=-1, win=1,
              is_actionable=True, missing="when we began nothing in the last 180 days"),
    ),
    aggregate("_campaign_responses_365d", _OUT,
              Output(S.COUNT, where=("is_campaign", "has_response"), window_days=365), table=_IN),
    aggregate("_campaigns_365d", _IN, Output(S.COUNT, where=("is_campaign",), window_days=365)),
    derived(
        "campaign_response_rate_365d", _IN,
        ratio(col("_campaign_responses_365d"), col("_campaigns_365d")),
        About("share", "relationship", "RESPONSE",
              "share of the campaigns of 365 days that were answered", churn=-1, win=1,
              missing="without campaigns in the last 365 days"),
    ),
    derived(
        "complaints_per_order_365d", _IN, ratio(col("complaints_365d"), col("orders_365d")),
        About("complaints", "service", "COMPLAINTS", "complaints per order, last 365 days",
              churn=1, missing="without orders in the last 365 days"),
    ),
    aggregate("_tickets_before_90d", _IN,
              Output(S.COUNT, where=("is_ticket",), window_days=180, skip_days=90)),
    derived(
        "tickets_change_90d", _IN,
        change(col("tickets_90d"), col("tickets_90d") + col("_tickets_before_90d")),
        About("share", "service", "TICKETS",
              "support tickets of the last 90 days against the 90 before, from -1 to 1", churn=1,
              missing="without tickets in the last 180 days"),
    ),
    aggregate("_inbound_90d", _IN, Output(S.COUNT, where=("is_inbound",), window_days=90)),
    derived(
        "inbound_share_90d", _IN, ratio(col("_inbound_90d"), col("interactions_90d")),
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
        "contacts_left", "contacts", Output(S.COUNT, "left_day", state=State.SETTLED),
        About("people", "relationship", "CONTACT_LOST", "people we knew who left", churn=1,
              missing="where nobody notes who left"),
    ),
    derived(
        "days_since_contact_left", "contacts", col("_as_of_utc_day") - col("_last_left_day"),
        About("days", "relationship", "CONTACT_LOST", "days since somebody we knew left", churn=-1,
              missing="when nobody left"),
    ),
)  # fmt: skip
