"""Would training rows be the same had nothing been known after their day?

The records are cut to those that were known before a training day, everything is made anew from
them, and the rows are compared. Point-in-time features do not change; a feature that reads what
came later does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from features.asof import day_of
from features.errors import FanalError
from features.events import EventSet, build_events
from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix
from features.records.casting import days_to_instants
from features.records.contract import TABLES
from features.records.folder import Records
from training.dataset import Dataset, Workshop
from training.evaluate import auc
from training.gates.evidence import Reread, Rewritten

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

_CLOSE = 1e-9


def reread(workshop: Workshop, data: Dataset) -> Reread | None:
    """Make the rows of the oldest training day again, from the records known before it.

    The oldest day: most was learnt after it. None where nothing was known before it.

    Parameters
    ----------
    workshop : Workshop
        Of the training.
    data : Dataset
        Its rows.
    """
    moment = int(data.matrix.as_of.min())
    records = known_before(workshop.events.records, moment)
    try:
        events = build_events(records)
        again = Workshop(events, workshop.task).rows(day_of(moment))
    except FanalError:
        return None
    kept = data.take(data.matrix.as_of == moment)
    place = _places(_ids(workshop.events, kept.matrix), _ids(events, again))
    there = np.flatnonzero(place >= 0)
    columns = differing(kept.matrix.take(there), again.take(place[there]), kept.label[there])
    return Reread(day_of(moment).isoformat(), kept.size, kept.size - there.size, columns)


def known_before(records: Records, moment: int) -> Records:
    """Cut records to what was known before an instant."""
    zone = records.portfolio.timezone
    tables = {name: _cut(name, rows, moment, zone) for name, rows in records.tables.items()}
    head = replace(records.portfolio, data_as_of=_as_datetime(moment - 1))
    return Records(head, {name: rows for name, rows in tables.items() if rows.num_rows})


def _as_datetime(moment: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)


def _cut(name: str, rows: pa.Table, moment: int, zone: str) -> pa.Table:
    table = TABLES[name]
    limit = pa.scalar(moment, pa.timestamp("us", "UTC"))
    for column in ("known_at", table.event_time):
        if column is not None and column in rows.column_names:
            at = _instants(rows.column(column), zone)
            rows = rows.filter(pc.fill_null(pc.less(at, limit), True))
    for later, decided in table.decides.items():
        if later not in rows.column_names:
            continue
        is_later = pc.greater_equal(_instants(rows.column(later), zone), limit)
        has_come = pc.invert(pc.fill_null(is_later, False))
        for column in (later, *decided):
            if column in rows.column_names:
                place = rows.column_names.index(column)
                values = rows.column(column)
                nothing = pa.scalar(None, values.type)
                rows = rows.set_column(place, column, pc.if_else(has_come, values, nothing))
    return rows


def _instants(values: Any, zone: str) -> Any:
    return days_to_instants(values, zone) if pa.types.is_date(values.type) else values


def _ids(events: EventSet, rows: FeatureMatrix) -> Sequence[str]:
    words = (events.accounts if rows.entity == "account" else events.deals).words
    return [words[code] for code in rows.code]


def _places(wanted: Sequence[str], among: Sequence[str]) -> Codes:
    """Where does each id stand among others? -1 where it does not."""
    place: Mapping[str, int] = {word: place for place, word in enumerate(among)}
    return np.array([place.get(word, -1) for word in wanted], dtype=np.int64)


def differing(was: FeatureMatrix, now: FeatureMatrix, label: Floats) -> tuple[Rewritten, ...]:
    """Which columns of the same rows differ, in how many of them, and does that tell the outcome?

    A value that appeared counts as a rise, one that went missing as a fall. A column that was
    missing altogether, then or now, is left out: a table was mapped, or no longer is.

    Parameters
    ----------
    was, now : FeatureMatrix
        The same rows, in the same order.
    label : (n,) float64
        Their outcomes.
    """
    found = []
    for name in was.names:
        if name not in now.names or not label.size:
            continue
        one, other = was.column(name), now.column(name)
        is_absent = np.isnan(one).all() or np.isnan(other).all()
        change = _change(one, other)
        share = float((change != 0).mean())
        if share and not is_absent:
            strength = auc(change, label)
            found.append(Rewritten(name, share, 0.5 if np.isnan(strength) else strength))
    return tuple(found)


def _change(was: Floats, now: Floats) -> Floats:
    """Direction in which each value moved: -1, 0 or 1."""
    step = np.sign(now - was)
    is_same = np.isclose(was, now, rtol=_CLOSE, atol=_CLOSE, equal_nan=True)
    appeared = np.isnan(was).astype(np.float64) - np.isnan(now)
    return np.where(is_same, 0.0, np.where(np.isnan(step), appeared, step))
