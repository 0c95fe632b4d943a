"""Where a deal stands, how it moves, what is exchanged about it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.reference.grouping import Columns, Numbers, growth, ratio
from tests.reference.known import Known
from tests.reference.relationship import with_outcome
from tests.reference.track_record import TrackRecord


def progress(known: Known, record: TrackRecord) -> Columns:
    """Everything read off the moves of a deal."""
    moves = record.moves
    if moves is None:
        return {}
    who, age = known.by_deal, record.moves["age"]
    since = who.most(_of_last_stage(moves))
    stage = record.last_words("stage")
    usual = record.usual_stage_age(stage)
    found = who.sums(moves, {"moves": age >= 0, "moves_7d": age <= 7, "moves_30d": age <= 30})
    found |= {
        "stage_win_rate": record.stage_rate(stage),
        "stage_age_days": since,
        "days_since_last_move": who.least(moves),
        "usual_stage_age_days": usual,
        "stage_age_ratio": ratio(since, np.maximum(usual, 0.01)),
        "stages_seen": who.distinct(moves, "stage"),
        "mean_move_gap_days": who.mean(who.gaps(moves), "gap"),
    }
    if known.stages is not None:
        found["stage_position"] = who.last(moves, "position")
        found["highest_stage_position"] = who.most(moves, "position")
        found["stage_setbacks"] = who.steps(moves, "position")[1]
    if "owner_id" in moves:
        found["owners_seen"] = who.distinct(moves, "owner_id")
    return found | _plan(known, moves) | _amount(known, moves)


def _of_last_stage(moves: pd.DataFrame) -> pd.DataFrame:
    """Moves since each deal came to the stage it is in."""
    newest_first = moves.iloc[::-1]
    stage = newest_first.groupby("deal", sort=False)["stage"]
    is_other = newest_first["stage"] != stage.transform("first")
    return newest_first[is_other.groupby(newest_first["deal"], sort=False).cumsum() == 0]


def _plan(known: Known, moves: pd.DataFrame) -> Columns:
    if "expected_close_date" not in moves:
        return {}
    who, name = known.by_deal, "expected_close_date"
    last = who.last(moves, name)
    return {
        "days_past_expected_close": known.local_day - last,
        "expected_close_shift_days": last - who.first(moves, name),
        "close_date_postponements": who.steps(moves, name)[0],
    }


def _amount(known: Known, moves: pd.DataFrame) -> Columns:
    if "amount" not in moves:
        return {}
    who = known.by_deal
    last, first = who.last(moves, "amount"), who.first(moves, "amount")
    rises, cuts = who.steps(moves, "amount")
    return {
        "amount": last,
        "amount_change": ratio(last - first, first),
        "amount_cuts": cuts,
        "amount_changes": rises + cuts,
    }


def talk(known: Known, record: TrackRecord) -> Columns:
    """Everything read off the interactions about a deal of the account they name."""
    rows = known.table("interactions")
    if rows is None or "deal" not in rows:
        return {}
    is_own = rows["account"] == rows["deal"].map(record.deals["account"])
    rows = rows[is_own].sort_values(["deal", "at"], kind="stable")
    who = known.by_deal
    found = {
        "days_since_deal_interaction": who.least(rows),
        "days_since_first_deal_interaction": who.most(rows),
        "days_since_deal_call": who.least(rows[rows["kind"] == "call"]),
        "mean_deal_contact_gap_days": who.mean(who.gaps(rows), "gap"),
    }
    if "duration_minutes" in rows:
        found["longest_talk_minutes"] = who.most(rows, "duration_minutes")
    return found | _counts(known, rows) | _outcomes(known, rows)


def _counts(known: Known, rows: pd.DataFrame) -> Columns:
    age, is_call = rows["age"], rows["kind"] == "call"
    columns = {
        "deal_interactions": age >= 0,
        "deal_interactions_7d": age <= 7,
        "deal_interactions_30d": age <= 30,
        "_before_30": (age > 30) & (age <= 60),
        "deal_calls": is_call,
        "deal_calls_14d": is_call & (age <= 14),
        "deal_meetings": rows["kind"] == "meeting",
    }
    if "duration_minutes" in rows:
        columns["deal_talk_minutes"] = rows["duration_minutes"]
        columns["deal_talk_minutes_14d"] = rows["duration_minutes"].where(age <= 14)
    found = known.by_deal.sums(rows, columns)
    change = growth(found["deal_interactions_30d"], found.pop("_before_30"))
    return found | {"deal_activity_change_30d": change}


def _outcomes(known: Known, rows: pd.DataFrame) -> Columns:
    if "outcome" not in rows:
        return {}
    told = with_outcome(known, rows)
    outcome = told["outcome"]
    return known.by_deal.sums(
        told, {"buying_signals": outcome == "buying_signal", "objections": outcome == "objection"}
    )


def people_and_origin(known: Known, record: TrackRecord) -> Columns:
    """What became of other deals of the same rep, product, source, kind or competitor."""
    deals = record.deals
    return {
        "deal_age_days": known.by_deal.spread(deals["age"]),
        "owner_win_rate": record.win_rate("first_owner", deals["owner"]),
        "owner_open_deals": record.owner_load(),
        **{
            f"{name}_win_rate": record.win_rate(column, deals[column])
            for name, column in (
                ("product", "product_id"),
                ("source", "source"),
                ("competitor", "competitor"),
                ("kind", "kind"),
            )
        },
    }


def calendar(known: Known) -> Columns:
    """Where the day lies in its week and quarter."""
    today = pd.Timestamp(0, unit="D") + pd.Timedelta(days=known.local_day)
    quarter_end = (today.to_period("Q") + 1).start_time
    days = {"days_to_quarter_end": (quarter_end - today).days, "weekday": today.weekday()}
    return {name: np.full(known.by_deal.n, float(value)) for name, value in days.items()}


def own_deals(known: Known, record: TrackRecord) -> Columns:
    """What became of the deals of an account."""
    if record.moves is None:
        return {}
    deals = record.deals
    is_closed, is_young = deals["closed"].notna(), deals["age"] <= 365
    is_won = is_closed & deals["is_won"]
    found = known.accounts.sums(
        deals,
        {
            "open_deals": ~is_closed,
            "won_deals_365d": is_won & is_young,
            "lost_deals_365d": is_closed & ~is_won & is_young,
            "_won": is_won,
            "_closed": is_closed,
        },
    )
    usual: Numbers = record.decided_rate()
    found["account_win_rate"] = (found.pop("_won") + 5 * usual) / (found.pop("_closed") + 5)
    return found
