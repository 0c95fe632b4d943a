"""Which rows keep the contract and are odd all the same?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from features.records.casting import Mask

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array


def repeated_rows(rows: pa.Table) -> Mask:
    """Which rows equal an earlier one in all columns?

    Parameters
    ----------
    rows : pyarrow.Table
        Any table without a column ``row``.
    """
    numbered = rows.append_column("row", pa.array(np.arange(rows.num_rows)))
    first = numbered.group_by(rows.column_names).aggregate([("row", "min")]).column("row_min")
    repeated = np.ones(rows.num_rows, np.bool_)
    repeated[first.to_numpy()] = False
    return repeated


def identical_lines(orders: pa.Table) -> Mask:
    """Which order lines without ``line_id`` equal an earlier one in all columns?"""
    repeated = repeated_rows(orders)
    if "line_id" in orders.column_names:
        repeated &= orders.column("line_id").is_null().to_numpy()
    return repeated


def rows_after_close(history: pa.Table, stages: pa.Table) -> Mask:
    """Which rows of ``opportunity_history`` come after the deal's first terminal stage?

    Parameters
    ----------
    history, stages : pyarrow.Table
        Checked tables.
    """
    closed_at = first_closes(history, stages)
    place = pc.index_in(
        history.column("opportunity_id"), value_set=closed_at.column("opportunity_id")
    )
    after = pc.greater(history.column("changed_at"), closed_at.column("closed_at").take(place))
    mask: Mask = after.fill_null(False).to_numpy()
    return mask


def first_closes(history: pa.Table, stages: pa.Table) -> pa.Table:
    """When did each closed deal close: at its first terminal stage?

    Returns
    -------
    pyarrow.Table
        One row per closed deal: ``opportunity_id``, ``closed_at``.
    """
    is_end = pc.is_in(stages.column("outcome"), value_set=pa.array(["won", "lost"]))
    ends = stages.filter(is_end).column("stage").combine_chunks()
    closing = history.filter(pc.is_in(history.column("stage"), value_set=ends))
    first = closing.group_by("opportunity_id").aggregate([("changed_at", "min")])
    return (
        first.select(["opportunity_id", "changed_at_min"])
        .rename_columns(["opportunity_id", "closed_at"])
        .combine_chunks()
    )
