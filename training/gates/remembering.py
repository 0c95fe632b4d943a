"""What was a model trained on, and has it been rewritten since?

Every version keeps a snapshot beside it: the outcome of each of its training rows, and the
features of some. Ids are kept as digests. Its sha256 is among the facts of the model, so that a
snapshot that was changed is not believed.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.asof import day_of, instant
from features.events import EventSet
from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix
from training.artefact import Champion, models_folder
from training.dataset import Dataset, Workshop
from training.gates.evidence import Remembered, Rewritten
from training.gates.rereading import differing
from training.manifest import sha256, write_whole

_MOST_ROWS = 200_000
_MOST_VALUES = 1_000
_FOLDER = "snapshots"
_FEATURE = "feature."


@dataclass(frozen=True)
class Snapshot:
    """Training rows as they were.

    Attributes
    ----------
    key : (n,) int64
        Digest of the id of each row's account or deal.
    as_of : (n,) int64
        Instants.
    label : (n,) float64
        Outcomes.
    has_values : (n,) bool
        Rows whose features were kept.
    names : tuple of str
        Features.
    values : (n_kept, n_features) float64
        Of those rows.
    """

    key: Codes
    as_of: Codes
    label: Floats
    has_values: NDArray[np.bool_]
    names: tuple[str, ...]
    values: Floats


def snapshot_of(workshop: Workshop, data: Dataset) -> bytes:
    """Give the snapshot of some training rows, as the bytes of a Parquet file.

    Outcomes of the newest 200,000 rows; features of up to 1,000 rows of the newest day, those whose
    digests come first, so that the same accounts are looked at again and again.
    """
    order = np.argsort(-data.matrix.as_of, kind="stable")[:_MOST_ROWS]
    rows = data.take(np.sort(order))
    key = keys_of(workshop.events, rows.matrix)
    newest = np.flatnonzero(rows.matrix.as_of == rows.matrix.as_of.max())
    kept = newest[np.argsort(key[newest], kind="stable")[:_MOST_VALUES]]
    has_values = np.zeros(rows.size, dtype=bool)
    has_values[kept] = True
    values = np.full((rows.size, len(rows.matrix.names)), np.nan)
    values[kept] = rows.matrix.values[kept]
    columns: dict[str, Any] = {  # Any: the stubs want the type of each array
        "key": pa.array(key),
        "as_of": pa.array(rows.matrix.as_of),
        "label": pa.array(rows.label.astype(np.int8)),
        "has_values": pa.array(has_values),
        **{
            _FEATURE + name: pa.array(values[:, place], mask=~has_values)
            for place, name in enumerate(rows.matrix.names)
        },
    }
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def keep_snapshot(home: Path, champion: Champion, content: bytes) -> None:
    """Put the snapshot of a version beside it."""
    path = _path(home, champion)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def read_snapshot(home: Path, champion: Champion) -> Snapshot | None:
    """Read the snapshot of a version; None where there is none that can be believed."""
    try:
        content = _path(home, champion).read_bytes()
    except OSError:
        return None
    if sha256(content) != champion.facts.get("snapshot"):
        return None
    table = pq.read_table(io.BytesIO(content))
    features = [name for name in table.column_names if name.startswith(_FEATURE)]
    has_values = table.column("has_values").to_numpy()
    kept = table.filter(table.column("has_values"))
    values = [kept.column(name).to_numpy().astype(np.float64) for name in features]
    return Snapshot(
        table.column("key").to_numpy(),
        table.column("as_of").to_numpy(),
        table.column("label").to_numpy().astype(np.float64),
        has_values,
        tuple(name.removeprefix(_FEATURE) for name in features),
        np.column_stack(values) if values else np.zeros((int(has_values.sum()), 0)),
    )


def _path(home: Path, champion: Champion) -> Path:
    folder = models_folder(home, champion.portfolio.name, champion.model)
    return folder / _FOLDER / f"{champion.version}.parquet"


def keys_of(events: EventSet, rows: FeatureMatrix) -> Codes:
    """(n,) digest of the id of each row's account or deal."""
    words = (events.accounts if rows.entity == "account" else events.deals).words
    codes, place = np.unique(rows.code, return_inverse=True)
    return np.array([_digest(words[code]) for code in codes], dtype=np.int64)[place]


def _digest(word: str) -> int:
    return int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big", signed=True)


def remembered(snapshot: Snapshot, version: str, workshop: Workshop, data: Dataset) -> Remembered:
    """Compare what a champion learnt from with what the records, and the rows of today, say of it.

    Parameters
    ----------
    snapshot : Snapshot
        Of the champion.
    version : str
        Of the champion.
    workshop : Workshop
        Of today's training.
    data : Dataset
        Today's training rows: their outcomes are what the challenger learns, and come first.
    """
    code = _codes(snapshot, workshop)
    known = np.flatnonzero(code >= 0)
    now = _labels_now(snapshot, code, known, workshop, data)
    is_known = ~np.isnan(now)
    rows = known[is_known]
    n_values, columns = _values_now(snapshot, code, workshop, data)
    return Remembered(version, snapshot.label[rows], now[is_known], n_values, columns)


def _codes(snapshot: Snapshot, workshop: Workshop) -> Codes:
    """Which account or deal has each row's digest now? -1 where none has."""
    events = workshop.events
    words = (events.accounts if workshop.task.entity == "account" else events.deals).words
    place = {_digest(word): code for code, word in enumerate(words)}
    return np.array([place.get(key, -1) for key in snapshot.key.tolist()], dtype=np.int64)


def _labels_now(
    snapshot: Snapshot, code: Codes, known: Codes, workshop: Workshop, data: Dataset
) -> Floats:
    as_of = snapshot.as_of[known]
    matrix = FeatureMatrix(
        workshop.task.entity, code[known], as_of, (), np.zeros((known.size, 0)), {}
    )
    found = np.array(workshop.labels(matrix, workshop.data_end).value, dtype=np.float64)
    pairs = zip(data.matrix.code.tolist(), data.matrix.as_of.tolist(), strict=True)
    learnt = dict(zip(pairs, data.label.tolist(), strict=True))
    for place, pair in enumerate(zip(code[known].tolist(), as_of.tolist(), strict=True)):
        found[place] = learnt.get(pair, found[place])
    return found


def _values_now(
    snapshot: Snapshot, code: Codes, workshop: Workshop, data: Dataset
) -> tuple[int, tuple[Rewritten, ...]]:
    """Make the kept rows of the snapshot's newest day again, and see which columns differ."""
    kept = np.flatnonzero(snapshot.has_values)
    if not kept.size or workshop.first_day >= day_of(int(snapshot.as_of[kept[0]])):
        return 0, ()
    day = day_of(int(snapshot.as_of[kept[0]]))
    again = _today(workshop, data, instant(day)) or workshop.rows(day)
    place = {one: row for row, one in enumerate(again.code.tolist())}
    rows = np.array([place.get(one, -1) for one in code[kept].tolist()], dtype=np.int64)
    there = np.flatnonzero(rows >= 0)
    now = again.take(rows[there])
    was = FeatureMatrix(now.entity, now.code, now.as_of, snapshot.names, snapshot.values[there], {})
    return int(there.size), differing(was, now, snapshot.label[kept[there]])


def _today(workshop: Workshop, data: Dataset, moment: int) -> FeatureMatrix | None:
    """Rows of an instant among those that the challenger learns from; None where none are."""
    rows = np.flatnonzero(data.matrix.as_of == moment)
    return data.matrix.take(rows) if rows.size else None
