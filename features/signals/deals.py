"""Where does a deal stand, how does it move, and who works it?"""

from __future__ import annotations

from features.formulas import Expression, change, col, is_missing, maximum, ratio, where
from features.kernel import Floats, Output, State
from features.kernel import Statistic as S
from features.signals.declare import About, Signal, aggregate, computed, derived, lookup

_MOVES = "opportunity_history"


def _move(name: str, output: Output, about: About | None = None) -> Signal:
    return aggregate(name, "moves", output, about, entity="deal", table=_MOVES)


def _talk(name: str, output: Output, about: About | None = None) -> Signal:
    return aggregate(name, "deal_interactions", output, about, entity="deal", table="interactions")


def _outcome(name: str, output: Output, about: About | None = None) -> Signal:
    return aggregate(name, "deal_outcomes", output, about, entity="deal", table="interactions")


def _of_account(name: str, output: Output, about: About | None = None) -> Signal:
    return aggregate(name, "account_deals", output, about, table="opportunities")


def shrunken_rate(wins: Expression, losses: Expression, usual: Expression) -> Expression:
    """Which share was won, leaning on the portfolio's rate like five more deals?

    >>> from features.registers import value_of
    >>> value_of(shrunken_rate(col("won"), col("lost"), col("usual")), won=3.0, lost=2.0, usual=0.2)
    0.4
    """
    return (wins + 5.0 * usual) / (wins + losses + 5.0)


def days_to_quarter_end(as_of_day: Floats) -> Floats:
    """How many days are left in the calendar quarter (1 on its last day)?

    >>> days_to_quarter_end(np.array([14974.0]))  # 2010-12-31
    array([1.])
    """
    return _QUARTERS[np.searchsorted(_QUARTERS, as_of_day, side="right")] - as_of_day


def _first_known(moving: Expression, static: Expression) -> Expression:
    return where(is_missing(moving), static, moving)


SIGNALS = (
    # the account's deals
    _of_account(
        "open_deals", Output(S.COUNT, state=State.OPEN),
        About("deals", "deal", "ACCOUNT_DEALS", "deals of the account that are open", churn=-1,
              is_actionable=True),
    ),
    _of_account(
        "won_deals_365d", Output(S.COUNT, where=("is_won",), state=State.SETTLED, window_days=365),
        About("deals", "deal", "ACCOUNT_DEALS", "deals opened in 365 days and won", churn=-1,
              win=1),
    ),
    _of_account(
        "lost_deals_365d",
        Output(S.COUNT, where=("is_lost",), state=State.SETTLED, window_days=365),
        About("deals", "deal", "ACCOUNT_DEALS", "deals opened in 365 days and lost", churn=1,
              win=-1),
    ),
    _of_account("_won", Output(S.COUNT, where=("is_won",), state=State.SETTLED)),
    _of_account("_lost", Output(S.COUNT, where=("is_lost",), state=State.SETTLED)),
    lookup("_usual_decided_win_rate", "opportunities", "_segment",
           ("segment", "decided_win_rate")),
    derived(
        "account_win_rate", "opportunities",
        shrunken_rate(col("_won"), col("_lost"), col("_usual_decided_win_rate")),
        About("share", "deal", "ACCOUNT_DEALS", "share of the account's decided deals"
              " won, shrunken", win=1, missing="without any decided deal in the portfolio"),
    ),
    # the deal
    # stage
    _move("_stage", Output(S.LAST, "stage")),
    _move(
        "stage_position", Output(S.LAST, "position"),
        About("place", "deal", "DEAL_STAGE", "place of the stage in the order of the sale", win=1,
              is_actionable=True, missing="for a stage that is not in the stages table"),
    ),
    _move(
        "highest_stage_position", Output(S.MAX, "position"),
        About("place", "deal", "DEAL_STAGE", "furthest stage reached", win=1,
              missing="for stages that are not in the stages table"),
    ),
    lookup(
        "stage_win_rate", _MOVES, "_stage", ("stage", "win_rate"),
        About("share", "deal", "DEAL_STAGE",
              "share of the deals that entered this stage and were won within the horizon", win=1,
              missing="before any deal has matured"),
        entity="deal",
    ),
    _move(
        "stage_age_days", Output(S.AGE_OF_VALUE, "stage"),
        About("days", "deal", "STAGE_AGE", "days since the deal came to its stage", win=-1,
              is_actionable=True, missing="without a dated change"),
    ),
    _move(
        "days_since_last_move", Output(S.AGE_LAST),
        About("days", "deal", "STAGE_AGE", "days since anything changed on the deal", win=-1,
              is_actionable=True, missing="without a dated change"),
    ),
    lookup("usual_stage_age_days", _MOVES, "_stage", ("stage", "usual_age_days"),
           About("days", "deal", "STAGE_AGE", "median days that deals stay in this stage",
                 missing="before any deal has left the stage"), entity="deal"),
    derived(
        "stage_age_ratio", _MOVES,
        ratio(col("stage_age_days"), maximum(col("usual_stage_age_days"), 0.01)),
        About("times", "deal", "STAGE_AGE", "age in the stage over the usual age", win=-1,
              is_actionable=True, missing="before any deal has left the stage"), entity="deal",
    ),
    _move(
        "moves", Output(S.COUNT),
        About("changes", "deal", "DEAL_MOVES", "changes of the deal so far"),
    ),
    _move(
        "moves_7d", Output(S.COUNT, window_days=7),
        About("changes", "deal", "DEAL_MOVES", "changes of the deal in 7 days", win=1),
    ),
    _move(
        "moves_30d", Output(S.COUNT, window_days=30),
        About("changes", "deal", "DEAL_MOVES", "changes of the deal in 30 days", win=1),
    ),
    _move(
        "stage_setbacks", Output(S.FALLS, "position"),
        About("set-backs", "deal", "SETBACKS", "how often the deal fell back a stage", win=-1,
              is_actionable=True),
    ),
    _move(
        "stages_seen", Output(S.DISTINCT, "stage"),
        About("stages", "deal", "DEAL_MOVES", "different stages the deal has been in"),
    ),
    _move(
        "owners_seen", Output(S.DISTINCT, "owner"),
        About("reps", "deal", "OWNER_CHANGES", "different reps who worked the deal", win=-1),
    ),
    _move(
        "mean_move_gap_days", Output(S.GAP_MEAN),
        About("days", "deal", "DEAL_MOVES", "mean days between days on which the deal changed",
              win=-1, missing="with changes on fewer than two days"),
    ),
    # age and plan
    aggregate(
        "deal_age_days", "created", Output(S.AGE_LAST),
        About("days", "deal", "DEAL_AGE", "days since the deal was opened", win=-1), entity="deal",
        table="opportunities",
    ),
    _move("_expected_close_day", Output(S.LAST, "expected_close_day")),
    derived(
        "days_past_expected_close", _MOVES, col("_as_of_day") - col("_expected_close_day"),
        About("days", "deal", "CLOSE_DATE", "days past the expected close (negative: still ahead)",
              win=-1, is_actionable=True, missing="without an expected close"), entity="deal",
    ),
    _move(
        "close_date_postponements", Output(S.RISES, "expected_close_day"),
        About("postponements", "deal", "CLOSE_DATE", "how often the expected close was put off",
              win=-1, is_actionable=True),
    ),
    computed(
        "days_to_quarter_end", "opportunities", ("_as_of_day",), days_to_quarter_end,
        About("days", "deal", "SEASON", "days left in the calendar quarter"), entity="deal",
    ),
    derived(
        "weekday", "opportunities", (col("_as_of_day") + 3.0) % 7.0,
        About("day", "deal", "SEASON", "weekday of the as_of_date in its zone, 0 is Monday"),
        entity="deal",
    ),
    _move("_first_expected_close_day", Output(S.FIRST, "expected_close_day")),
    derived(
        "expected_close_shift_days", _MOVES,
        col("_expected_close_day") - col("_first_expected_close_day"),
        About("days", "deal", "CLOSE_DATE", "days by which the expected close moved since it was"
              " first set", win=-1, is_actionable=True, missing="without an expected close"),
        entity="deal",
    ),
    # amount
    _move(
        "amount", Output(S.LAST, "amount"),
        About("currency", "deal", "DEAL_AMOUNT", "amount of the deal", win=-1,
              missing="without an amount"),
    ),
    _move("_first_amount", Output(S.FIRST, "amount")),
    derived(
        "amount_change", _MOVES, ratio(col("amount") - col("_first_amount"), col("_first_amount")),
        About("share", "deal", "DEAL_AMOUNT", "change of the amount since it was first set",
              missing="without an amount, or when the first was 0"), entity="deal",
    ),
    _move(
        "amount_cuts", Output(S.FALLS, "amount"),
        About("cuts", "deal", "DEAL_AMOUNT", "how often the amount was cut", win=-1,
              is_actionable=True),
    ),
    _move("_amount_rises", Output(S.RISES, "amount")),
    derived(
        "amount_changes", _MOVES, col("_amount_rises") + col("amount_cuts"),
        About("changes", "deal", "DEAL_AMOUNT", "how often the amount was raised or cut"),
        entity="deal",
    ),
    derived(
        "amount_to_basket", _MOVES, ratio(col("amount"), col("account_average_basket_365d")),
        About("times", "deal", "DEAL_AMOUNT", "amount over the account's mean order", win=-1,
              missing="without an amount, or orders of a known amount in 365 days"), entity="deal",
    ),
    # activity
    _talk(
        "deal_interactions", Output(S.COUNT),
        About("interactions", "deal", "DEAL_ACTIVITY", "interactions about the deal", win=1,
              is_actionable=True),
    ),
    _talk(
        "deal_interactions_7d", Output(S.COUNT, window_days=7),
        About("interactions", "deal", "DEAL_ACTIVITY", "interactions about the deal in 7 days",
              win=1, is_actionable=True),
    ),
    _talk(
        "deal_interactions_30d", Output(S.COUNT, window_days=30),
        About("interactions", "deal", "DEAL_ACTIVITY", "interactions about the deal in 30 days",
              win=1, is_actionable=True),
    ),
    _talk("_deal_interactions_before", Output(S.COUNT, window_days=60, skip_days=30)),
    derived(
        "deal_activity_change_30d", "interactions",
        change(col("deal_interactions_30d"),
               col("deal_interactions_30d") + col("_deal_interactions_before")),
        About("share", "deal", "DEAL_ACTIVITY",
              "interactions of the last 30 days against the 30 before, from -1 to 1", win=1,
              is_actionable=True, missing="without interactions about the deal in 60 days"),
        entity="deal",
    ),
    _talk(
        "days_since_deal_interaction", Output(S.AGE_LAST),
        About("days", "deal", "DEAL_SILENCE", "days since anything was exchanged about the deal",
              win=-1, is_actionable=True, missing="without any interaction about the deal"),
    ),
    _talk(
        "deal_calls", Output(S.COUNT, where=("is_call",)),
        About("calls", "deal", "DEAL_ACTIVITY", "calls about the deal", win=1, is_actionable=True),
    ),
    _talk(
        "deal_calls_14d", Output(S.COUNT, where=("is_call",), window_days=14),
        About("calls", "deal", "DEAL_ACTIVITY", "calls about the deal in 14 days", win=1,
              is_actionable=True),
    ),
    _talk(
        "days_since_deal_call", Output(S.AGE_LAST, where=("is_call",)),
        About("days", "deal", "DEAL_SILENCE", "days since the last call about the deal", win=-1,
              is_actionable=True, missing="without any call about the deal"),
    ),
    _talk(
        "deal_meetings", Output(S.COUNT, where=("is_meeting",)),
        About("meetings", "deal", "DEAL_ACTIVITY", "meetings about the deal", win=1,
              is_actionable=True),
    ),
    _talk(
        "deal_talk_minutes", Output(S.SUM, "duration_minutes"),
        About("minutes", "deal", "DEAL_ACTIVITY", "minutes spent on the deal", win=1),
    ),
    _talk(
        "deal_talk_minutes_14d", Output(S.SUM, "duration_minutes", window_days=14),
        About("minutes", "deal", "DEAL_ACTIVITY", "minutes spent on the deal in 14 days", win=1),
    ),
    _talk(
        "longest_talk_minutes", Output(S.MAX, "duration_minutes"),
        About("minutes", "deal", "DEAL_ACTIVITY", "longest exchange about the deal", win=1,
              missing="without a duration noted"),
    ),
    _talk(
        "days_since_first_deal_interaction", Output(S.AGE_FIRST),
        About("days", "deal", "DEAL_ACTIVITY", "days since the first exchange about the deal",
              win=-1, missing="without any interaction about the deal"),
    ),
    _talk(
        "mean_deal_contact_gap_days", Output(S.GAP_MEAN),
        About("days", "deal", "DEAL_ACTIVITY", "mean days between days with an exchange", win=-1,
              is_actionable=True, missing="with exchanges on fewer than two days"),
    ),
    _outcome(
        "buying_signals", Output(S.COUNT, where=("has_buying_signal",)),
        About("signals", "deal", "BUYING_SIGNALS", "buying signals noted on the deal", win=1),
    ),
    _outcome(
        "objections", Output(S.COUNT, where=("has_objection",)),
        About("objections", "deal", "OBJECTIONS", "objections noted on the deal", win=-1,
              is_actionable=True),
    ),
    # people and origin
    _move("_moving_owner", Output(S.LAST, "owner")),
    aggregate("_static_owner", "deal_owner", Output(S.LAST, "code"), entity="deal",
              table="opportunities"),
    derived("_owner", "opportunities", _first_known(col("_moving_owner"), col("_static_owner")),
            entity="deal"),
    lookup(
        "owner_win_rate", "opportunities", "_owner", ("owner", "win_rate"),
        About("share", "deal", "OWNER_RECORD",
              "share of the rep's matured deals won within the horizon, shrunken", win=1,
              missing="before any deal has matured"), entity="deal",
    ),
    lookup(
        "owner_open_deals", "opportunities", "_owner", ("owner", "open_deals"),
        About("deals", "deal", "OWNER_LOAD", "open deals of the rep", win=-1, is_actionable=True),
        entity="deal",
    ),
    aggregate("_deal_kind", "deal_kind", Output(S.LAST, "code"), entity="deal",
              table="opportunities"),
    lookup(
        "kind_win_rate", "opportunities", "_deal_kind", ("deal_kind", "win_rate"),
        About("share", "deal", "KIND_RECORD",
              "share of the matured deals of this kind won within the horizon, shrunken", win=1,
              missing="before any deal has matured"), entity="deal",
    ),
    aggregate("_product", "product", Output(S.LAST, "code"), entity="deal", table="opportunities"),
    lookup(
        "product_win_rate", "opportunities", "_product", ("product", "win_rate"),
        About("share", "deal", "PRODUCT_RECORD",
              "share of the matured deals on this product won within the horizon, shrunken", win=1,
              missing="before any deal has matured"), entity="deal",
    ),
    aggregate("_lead_source", "lead_source", Output(S.LAST, "code"), entity="deal",
              table="opportunities"),
    lookup(
        "source_win_rate", "opportunities", "_lead_source", ("lead_source", "win_rate"),
        About("share", "deal", "SOURCE_RECORD",
              "share of the matured deals from this source won within the horizon, shrunken",
              win=1, missing="before any deal has matured"), entity="deal",
    ),
    aggregate("_competitor", "competitor", Output(S.LAST, "code"), entity="deal",
              table="opportunities"),
    lookup(
        "competitor_win_rate", "opportunities", "_competitor", ("competitor", "win_rate"),
        About("share", "deal", "COMPETITOR",
              "share of the matured deals against this competitor won within the horizon, shrunken",
              win=1, missing="before any deal has matured"), entity="deal",
    ),
)  # fmt: skip

OF_ACCOUNT = (
    "days_since_last_order",
    "overdue_ratio",
    "orders_365d",
    "revenue_365d",
    "average_basket_365d",
    "days_since_last_meaningful_contact",
    "interactions_90d",
    "complaints_365d",
    "open_complaints",
    "last_survey_score",
    "account_win_rate",
    "open_deals",
)
"""Features of its account that a deal's row carries too, prefixed with ``account_``."""
