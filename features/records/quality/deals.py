"""Which deals tell a story that nobody believes: forgotten, unpriced, closed twice?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from features.records.casting import INSTANT, Values, days_to_instants
from features.records.oddities import first_closes, rows_after_close
from features.records.quality.finding import Audited, Check, Family, Finding, Place

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

CHECKS: Mapping[str, Check] = {
    "DQ002": Check(
        "info",
        "rows of history after the deal's first terminal stage",
        "changed_at lies after the deal's first row in a stage that is won or lost.",
        "A deal closes at its first terminal stage; what follows is not read.",
        "Make reopened deals new ones, or correct the outcomes in stages.",
    ),
    "DQ003": Check(
        "warning",
        "open deals more than 90 days past their expected close",
        "The latest row of a deal without terminal stage expects its close over 90 days before the"
        " end of the records.",
        "Forgotten deals swell the pipeline and lower the win rate.",
        "Close them, or set a new expected close.",
    ),
    "DQ004": Check(
        "error",
        "rows of history in a stage that is not in stages",
        "The stage of the row is no stage of the table stages.",
        "Nobody can tell whether such a deal is open, won or lost.",
        "Add the stages to the table stages.",
    ),
    "DQ006": Check(
        "warning",
        "deals without any amount",
        "No row of the deal's history has an amount.",
        "Their priority cannot weigh what they are worth.",
        "Map the amount of opportunity_history.",
    ),
    "DQ017": Check(
        "warning",
        "open deals without a sign of life for 180 days",
        "No terminal stage, and neither a row of history nor an interaction of the deal in the last"
        " 180 days of the records.",
        "Most are lost and nobody said so: they count as open in pipeline, coverage and forecast.",
        "Ask their owners; close what is lost, on the day it was lost.",
    ),
    "DQ018": Check(
        "warning",
        "closed deals whose history begins with their terminal stage",
        "The first row of a won or lost deal is its terminal stage.",
        "A state exported once is no history: stage, amount and dates are those of the end.",
        "Map dated snapshots of the stages; the audit log of the CRM has them.",
    ),
}
_say = Family(CHECKS)
_OVERDUE = timedelta(days=90)
_SILENT = timedelta(days=180)


def check_deals(audited: Audited) -> Iterator[Finding]:
    """Which deals will mislead pipeline and win rates?"""
    history, stages = audited.tables.get("opportunity_history"), audited.tables.get("stages")
    if history is None:
        return
    yield from _unpriced(audited, history)
    if stages is None:
        return
    place = Place("opportunity_history")
    late = rows_after_close(history, stages)
    yield from _say.rows("DQ002", place, history.column("opportunity_id"), late)
    stage = history.column("stage")
    lost = pc.invert(pc.is_in(stage, value_set=stages.column("stage").combine_chunks()))
    yield from _say.rows("DQ004", Place("opportunity_history", "stage"), stage, lost)
    closes = first_closes(history, stages)
    yield from _forgotten(audited, history, closes.column("opportunity_id").combine_chunks())
    yield from _born_closed(history, closes)


def _unpriced(audited: Audited, history: pa.Table) -> Iterator[Finding]:
    deals = audited.tables.get("opportunities")
    if deals is None:
        return
    known: Values = pa.array([], pa.string())
    if "amount" in history.column_names:
        priced = history.filter(pc.is_valid(history.column("amount")))
        known = priced.column("opportunity_id").combine_chunks()
    ids = deals.column("opportunity_id")
    bare = pc.invert(pc.is_in(ids, value_set=known))
    yield from _say.rows("DQ006", Place("opportunity_history", "amount"), ids, bare)


def _forgotten(audited: Audited, history: pa.Table, closed: Values) -> Iterator[Finding]:
    latest = _latest_rows(history)
    is_open = pc.invert(pc.is_in(latest.column("opportunity_id"), value_set=closed))
    latest = latest.filter(is_open)
    deals = latest.column("opportunity_id")
    portfolio = audited.portfolio
    if "expected_close_date" in history.column_names:
        days = latest.column("expected_close_date").combine_chunks()
        limit = pa.scalar(portfolio.data_as_of - _OVERDUE, INSTANT)
        late = pc.less(days_to_instants(days, portfolio.timezone), limit)
        place = Place("opportunity_history", "expected_close_date")
        yield from _say.rows("DQ003", place, deals, late)
    quiet = pc.less(_last_signs(audited, latest), pa.scalar(portfolio.data_as_of - _SILENT))
    yield from _say.rows("DQ017", Place("opportunity_history"), deals, quiet)


def _last_signs(audited: Audited, latest: pa.Table) -> Values:
    moved = latest.column("changed_at").combine_chunks()
    talks = audited.tables.get("interactions")
    if talks is None or "opportunity_id" not in talks.column_names:
        return moved
    last = talks.group_by("opportunity_id").aggregate([("occurred_at", "max")]).combine_chunks()
    place = pc.index_in(latest.column("opportunity_id"), value_set=last.column("opportunity_id"))
    talked = last.column("occurred_at_max").take(place).combine_chunks()
    # Arrow compares instants, but takes no maximum of them
    latest_us = pc.max_element_wise(moved.cast(pa.int64()), talked.cast(pa.int64()))
    return latest_us.cast(INSTANT)


def _born_closed(history: pa.Table, closes: pa.Table) -> Iterator[Finding]:
    first = history.group_by("opportunity_id").aggregate([("changed_at", "min")]).combine_chunks()
    deals = closes.column("opportunity_id")
    begun = first.column("changed_at_min").take(
        pc.index_in(deals, value_set=first.column("opportunity_id"))
    )
    at_once = pc.greater_equal(begun, closes.column("closed_at"))
    yield from _say.rows("DQ018", Place("opportunity_history", "stage"), deals, at_once)


def _latest_rows(history: pa.Table) -> pa.Table:
    """Keep the last row of each deal; rows come sorted by time within their deal's account."""
    numbered = history.append_column("row", pa.array(np.arange(history.num_rows)))
    last = numbered.group_by("opportunity_id").aggregate([("row", "max")]).column("row_max")
    return history.take(np.sort(last.to_numpy()))
