"""Events in the order and form of the kernel."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from features.asof import NEVER
from features.events.sheet import Sheet, Texts
from features.events.sorting import Marks, marked, sort_events


def _texts(*words: str | None) -> Texts:
    texts = Sheet(pa.table({"text": pa.array(words, pa.string())})).texts("text")
    assert texts is not None
    return texts


def test_events_are_sorted_by_entity_and_time_then_as_given_and_those_of_nobody_are_gone() -> None:
    entity = np.array([1, -1, 0, 1, 1, 0])
    at = np.array([7, 1, 3, 5, 7, 2])
    found = sort_events(
        3, entity, at,
        known_from=at + 1, known_until=np.full(6, NEVER), zone="UTC",
        flags={"is_odd": at % 2 == 1, "is_absent": None},
        measures={"place": np.arange(6.0), "absent": None},
    )  # fmt: skip
    assert found.offsets.tolist() == [0, 2, 5, 5]
    assert found.record.tolist() == [5, 2, 3, 0, 4]
    assert found.at.tolist() == [2, 3, 5, 7, 7]
    assert found.known_from.tolist() == [3, 4, 6, 8, 8]
    assert found.flags.tolist() == [0, 1, 1, 1, 1]
    assert found.measures.tolist() == [[5, 2, 3, 0, 4]]
    assert (found.flag_names, found.measure_names) == (("is_odd",), ("place",))
    assert not found.has_later
    assert set(found.later.tolist()) == {NEVER}


def test_words_set_their_flags_column_by_column() -> None:
    kinds = Marks({"call": ("is_call", "is_talk"), "visit": ("is_talk",)})
    ways = Marks({"out": ("is_outbound",)})
    flags = marked(
        (_texts("visit", "call", None, "other"), kinds),
        (None, Marks({"x": ("is_absent",)})),
        (_texts("out", None, "out", "in"), ways),
    )
    assert flags.names == ("is_call", "is_talk", "is_outbound")
    assert flags.bits.tolist() == [0b110, 0b011, 0b100, 0]
