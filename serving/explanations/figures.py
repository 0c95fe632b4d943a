"""Which number do people read with a reason?

A reason sums several features, some of them ratios that nobody has in mind. Each code therefore
lists the figures that may stand for it, the plainest first; features without a figure add to the
contribution and are never shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.kernel import Floats
from features.signals.catalogue import BY_NAME, account_prefix
from features.signals.declare import Entity

Form = Literal["days", "every", "hours", "count", "money", "share", "number"]
"""How a figure is written; ``every`` is a rhythm: "every 15 days"."""


@dataclass(frozen=True)
class Usual:
    """The entity's own usual value of a figure.

    Attributes
    ----------
    columns : tuple of str
        Features that the formula takes.
    formula : callable
        Array arithmetic on them; NaN where nothing is usual yet.
    form : Form
        How it is written.
    """

    columns: tuple[str, ...]
    formula: Callable[..., Floats]
    form: Form


@dataclass(frozen=True)
class Figure:
    """A number that may stand for a reason.

    Attributes
    ----------
    feature : str
        Column of the feature row.
    form : Form
        How it is written.
    usual : Usual or None
        What is usual for this very account or deal.
    key : str or None
        Key of the row that the figure belongs to: without it there is no figure (the win rate
        "against this competitor" of a deal without a competitor is that of the portfolio).
    has_peer : bool
        Whether the median of others says something.
    has_none : bool
        Whether 0 has a sentence of its own ("no complaint").
    has_ahead : bool
        Whether a negative value has a sentence of its own, written without its sign ("expected in
        12 days", "brought forward by 12 days").
    """

    feature: str
    form: Form
    usual: Usual | None = None
    key: str | None = None
    has_peer: bool = True
    has_none: bool = False
    has_ahead: bool = False


_YEAR_DAYS = 365.0


def _over(numerator: Floats, denominator: Floats) -> Floats:
    """How many times the denominator is the numerator? Missing where the denominator is not > 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def _count(feature: str, usual: Usual | None = None, *, key: str | None = None) -> Figure:
    return Figure(feature, "count", usual, key, has_none=True)


def _quarter_of(year: Floats, tenure: Floats) -> Floats:
    """A quarter of a year's total; nothing is usual yet for an account younger than that.

    >>> _quarter_of(np.array([8.0, 8.0]), np.array([400.0, 100.0])).tolist()
    [2.0, nan]
    """
    return np.where(tenure >= _YEAR_DAYS, year / 4.0, np.nan)


def _before(change: Floats, now: Floats) -> Floats:
    """Which total had the window before, given the change from -1 to 1?

    >>> _before(np.array([0.5, -1.0]), np.array([3.0, 0.0])).tolist()
    [1.0, nan]
    """
    return np.rint(_over(now * (1.0 - change), 1.0 + change))


def _same(usual: Floats) -> Floats:
    return usual


def _quarterly(year: str, form: Form) -> Usual:
    return Usual((year, "days_since_first_order"), _quarter_of, form)


def _previous(both: str, now: str, form: Form) -> Usual:
    return Usual((both, now), np.subtract, form)


_ACCOUNT: Mapping[str, tuple[Figure, ...]] = {
    "RHYTHM_BROKEN": (
        Figure("days_since_last_order", "days", Usual(("expected_gap_days",), _same, "every")),
    ),
    "TENURE": (Figure("days_since_first_order", "days"), _count("orders_all")),
    "ORDER_RHYTHM": (Figure("median_gap_days", "every"), Figure("expected_gap_days", "every")),
    "REGULARITY": (
        Figure("longest_gap_days", "days", Usual(("median_gap_days",), _same, "every")),
    ),
    "ORDER_FREQUENCY": (
        _count("orders_90d", _quarterly("orders_365d", "number")),
        _count("orders_365d"),
    ),
    "STILL_BUYING": (Figure("bgnbd_p_alive", "share"), Figure("bgnbd_orders_90d", "number")),
    "SEASON_ORDERS": (_count("orders_next_season"), _count("orders_same_season")),
    "ORDER_TREND": (_count("orders_90d", _previous("orders_180d", "orders_90d", "number")),),
    "SPEND_LEVEL": (
        Figure("revenue_90d", "money", _quarterly("revenue_365d", "money")),
        Figure("revenue_365d", "money"),
    ),
    "SPEND_TREND": (
        Figure("revenue_90d", "money", _previous("revenue_180d", "revenue_90d", "money")),
    ),
    "BASKET": (Figure("average_basket_365d", "money"),),
    "BASKET_TREND": (
        Figure(
            "basket_slope_365d",
            "money",
            Usual(("average_basket_365d",), _same, "money"),
            has_peer=False,
            has_none=True,
            has_ahead=True,
        ),
    ),
    "BASKET_REGULARITY": (
        Figure("basket_spread_365d", "money", Usual(("average_basket_365d",), _same, "money")),
    ),
    "CREDIT_NOTES": (_count("credit_notes_180d"), Figure("credit_note_rate_365d", "share")),
    "MARGIN": (Figure("margin_rate_365d", "share"), Figure("margin_365d", "money")),
    "DISCOUNT": (Figure("discount_rate_365d", "share"),),
    "SHARE_OF_WALLET": (Figure("share_of_wallet", "share"), Figure("share_of_potential", "share")),
    "PRODUCT_RANGE": (_count("products_180d"),),
    "PRODUCT_CONCENTRATION": (Figure("top_product_share_365d", "share"),),
    "CATEGORY_RANGE": (
        _count("categories_180d"),
        _count("dropped_categories_180d"),
        _count("new_categories_180d"),
    ),
    "LATE_PAYMENT": (
        Figure("unpaid_amount", "money", has_none=True),
        Figure("payment_delay_days_365d", "days", has_none=True),
        Figure("late_invoice_share_365d", "share", has_none=True),
    ),
    "CONTACT_SILENCE": (
        Figure(
            "days_since_last_meaningful_contact",
            "days",
            Usual(("usual_contact_gap_days",), _same, "every"),
        ),
        Figure("days_since_last_interaction", "days"),
    ),
    "CONTACT_RHYTHM": (Figure("usual_contact_gap_days", "every"),),
    "CONTACT_ACTIVITY": (
        _count("interactions_90d"),
        _count("meaningful_contacts_90d"),
        _count("visits_180d"),
    ),
    "CONTACT_TREND": (
        _count(
            "interactions_90d", Usual(("contact_change_90d", "interactions_90d"), _before, "number")
        ),
    ),
    "COMPLAINTS": (_count("open_complaints"), _count("complaints_365d")),
    "TICKETS": (_count("open_tickets"), _count("tickets_90d")),
    "RESOLUTION": (Figure("hours_to_resolve_365d", "hours"),),
    "SURVEY": (Figure("last_survey_score", "number"), Figure("days_since_last_survey", "days")),
    "SENTIMENT": (Figure("sentiment_180d", "number"), Figure("last_sentiment", "number")),
    "CONTACT_BREADTH": (_count("active_contacts"), _count("people_spoken_to_180d")),
    "CONTACT_LOST": (_count("contacts_left"), Figure("days_since_contact_left", "days")),
    "ACCOUNT_DEALS": (
        _count("open_deals"),
        _count("won_deals_365d"),
        _count("lost_deals_365d"),
    ),
    "DIGITAL_INTEREST": (
        _count("web_visits_90d"),
        _count("proposals_viewed_90d"),
        _count("proposals_viewed_30d"),
    ),
    "RESPONSE": (
        Figure("response_rate_180d", "share", has_none=True),
        Figure("campaign_response_rate_365d", "share", has_none=True),
    ),
    "BUYING_SIGNALS": (_count("buying_signals_180d"),),
    "OBJECTIONS": (_count("objections_180d"),),
    "SUBSCRIPTIONS": (
        _count("live_subscriptions"),
        Figure("mrr", "money", has_none=True),
    ),
    "MRR_TREND": (
        Figure("mrr_change_180d", "share", has_peer=False, has_none=True, has_ahead=True),
        _count("upgrades"),
        _count("downgrades"),
    ),
    "CONTRACT_TENURE": (Figure("subscription_tenure_days", "days"),),
    "RENEWAL": (Figure("days_to_renewal", "days", has_peer=False, has_ahead=True),),
    "NOTICE": (_count("notices_given"),),
    "POSITION": (
        Figure(
            "revenue_position_in_segment", "share", key="segment", has_peer=False, has_none=True
        ),
        Figure(
            "revenue_position_in_country", "share", key="country", has_peer=False, has_none=True
        ),
    ),
    "PEER_CHURN": (
        Figure("segment_churn_rate", "share", key="segment", has_peer=False),
        Figure("country_churn_rate", "share", key="country", has_peer=False),
    ),
    "SIZE": (_count("employees"),),
    "GROUP": (
        Figure("group_revenue_365d", "money", has_none=True),
        Figure("group_active_share", "share", has_none=True),
        _count("group_accounts"),
    ),
    "TRIGGER": (
        _count("account_events_90d"),
        _count("growth_events_365d"),
        _count("change_events_180d"),
        Figure("days_since_account_event", "days"),
    ),
}

_DEAL: Mapping[str, tuple[Figure, ...]] = {
    "RHYTHM_BROKEN": (
        Figure(
            "account_days_since_last_order",
            "days",
            Usual(("account_days_since_last_order", "account_overdue_ratio"), _over, "every"),
        ),
    ),
    "ORDER_FREQUENCY": (_count("account_orders_365d"),),
    "SPEND_LEVEL": (Figure("account_revenue_365d", "money"),),
    "BASKET": (Figure("account_average_basket_365d", "money"),),
    "CONTACT_SILENCE": (Figure("account_days_since_last_meaningful_contact", "days"),),
    "CONTACT_ACTIVITY": (_count("account_interactions_90d"),),
    "COMPLAINTS": (_count("account_open_complaints"), _count("account_complaints_365d")),
    "SURVEY": (Figure("account_last_survey_score", "number"),),
    "ACCOUNT_DEALS": (_count("account_open_deals"), Figure("account_win_rate", "share")),
    "DEAL_STAGE": (Figure("stage_win_rate", "share", key="stage"),),
    "STAGE_AGE": (
        Figure("stage_age_days", "days", Usual(("usual_stage_age_days",), _same, "days")),
        Figure("days_since_last_move", "days"),
    ),
    "DEAL_MOVES": (_count("moves_30d"), _count("moves")),
    "SETBACKS": (_count("stage_setbacks"),),
    "OWNER_CHANGES": (_count("owners_seen"),),
    "DEAL_AGE": (Figure("deal_age_days", "days"),),
    "CLOSE_DATE": (
        Figure("days_past_expected_close", "days", has_peer=False, has_ahead=True),
        _count("close_date_postponements"),
        Figure("expected_close_shift_days", "days", has_peer=False, has_none=True, has_ahead=True),
    ),
    "SEASON": (Figure("days_to_quarter_end", "days", has_peer=False),),
    "DEAL_AMOUNT": (Figure("amount", "money"), _count("amount_cuts")),
    "DEAL_ACTIVITY": (
        _count("deal_interactions_30d"),
        _count("deal_interactions"),
        _count("deal_meetings"),
    ),
    "DEAL_SILENCE": (
        Figure(
            "days_since_deal_interaction",
            "days",
            Usual(("mean_deal_contact_gap_days",), _same, "every"),
        ),
        Figure("days_since_deal_call", "days"),
    ),
    "BUYING_SIGNALS": (_count("buying_signals"),),
    "OBJECTIONS": (_count("objections"),),
    "OWNER_RECORD": (Figure("owner_win_rate", "share", key="owner"),),
    "OWNER_LOAD": (_count("owner_open_deals", key="owner"),),
    "PRODUCT_RECORD": (Figure("product_win_rate", "share", key="product"),),
    "SOURCE_RECORD": (Figure("source_win_rate", "share", key="lead_source"),),
    "COMPETITOR": (Figure("competitor_win_rate", "share", key="competitor"),),
    "KIND_RECORD": (Figure("kind_win_rate", "share", key="deal_kind"),),
}

FIGURES: Mapping[Entity, Mapping[str, tuple[Figure, ...]]] = {"account": _ACCOUNT, "deal": _DEAL}
"""Entity -> reason code -> figures, the plainest first."""

STANDING_FOR: Mapping[str, tuple[str, str]] = {
    "segment": ("SEGMENT_RATE", "profile"),
    "stage": ("STAGE_RATE", "deal"),
}
"""Pseudo-feature of the rung of rates -> reason code and theme."""


def code_and_theme(entity: Entity, feature: str) -> tuple[str, str] | None:
    """Which reason does a feature speak for, and in which theme; None for one not in the catalogue.

    >>> code_and_theme("account", "orders_90d")
    ('ORDER_FREQUENCY', 'rhythm')
    """
    if feature in STANDING_FOR:
        return STANDING_FOR[feature]
    found = BY_NAME.get((entity, feature))
    return None if found is None else (found.about.reason, found.about.theme)


def figure_of(entity: Entity, code: str, feature: str) -> Figure | None:
    """How is a reason's number written; None when the reason has none."""
    figures = FIGURES[entity].get(code, ())
    return next((figure for figure in figures if figure.feature == feature), None)


def unit_of(entity: Entity, feature: str, currency: str) -> str:
    """In which unit is a feature counted: the catalogue's, or the currency for money?"""
    if feature in STANDING_FOR:
        return "share"
    unit = BY_NAME[entity, feature].about.unit
    return currency if unit == "currency" else unit


def is_of_account(entity: Entity, feature: str) -> bool:
    """Does the feature speak of an account (also where a deal's row carries it)?"""
    return entity == "account" or feature == account_prefix(feature)
