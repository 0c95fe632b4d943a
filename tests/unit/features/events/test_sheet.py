"""Columns of a table read as arrays, however they lie in memory."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from features.asof import MISSING, NEVER, to_instant
from features.events.sheet import Sheet, Vocabulary

# Alike in their first eight bytes and beyond, empty, with a zero at the end, in two bytes a letter.
WORDS = [
    "order-2024-0002", "order-2024-0001", "order-20", "order-2024-0001", "", None, "b", "a\0", "a",
    "zoé", "été", "b", None, "order-2024-00012",
]  # fmt: skip


def _texts(values: list[str | None]) -> Sheet:
    return Sheet(pa.table({"text": pa.array(values, pa.string())}))


def _read(sheet: Sheet) -> list[str | None]:
    texts = sheet.texts("text")
    assert texts is not None
    return [None if code < 0 else texts.words[code] for code in texts.code]


def test_words_are_distinct_and_in_byte_order() -> None:
    texts = _texts(WORDS).texts("text")
    assert texts is not None
    assert texts.words == (
        "", "a", "a\0", "b", "order-20", "order-2024-0001", "order-2024-00012", "order-2024-0002",
        "zoé", "été",
    )  # fmt: skip
    assert _read(_texts(WORDS)) == WORDS


def test_many_words_are_told_apart() -> None:
    values = [f"{number * 7919 % 5000}" for number in range(20_000)]
    assert _read(_texts(list(values))) == values


def test_a_part_of_a_table_reads_as_its_rows_alone() -> None:
    table = pa.table({"text": pa.array(WORDS, pa.string())})
    assert _read(Sheet(table.slice(3, 4))) == WORDS[3:7]
    assert _read(Sheet(table).take(np.array([8, 5, 0]))) == ["a", None, "order-2024-0002"]
    part = Sheet(table).take(np.array([8, 5, 0])).take(np.array([2, 2])).texts("text")
    assert part is not None
    assert part.words == ("order-2024-0002",)
    in_pieces = pa.concat_tables([table.slice(0, 2), table.slice(2)])
    assert _read(Sheet(in_pieces)) == WORDS


def test_no_rows_have_no_words() -> None:
    sheet = _texts([])
    assert _read(sheet) == []
    empty = Sheet(pa.table({"day": pa.array([], pa.date32()), "n": pa.array([], pa.float64())}))
    assert empty.numbers("n").tolist() == []  # type: ignore[union-attr]
    assert empty.day_starts("day", 7, "UTC").tolist() == []


def test_what_is_absent_is_not_what_is_missing() -> None:
    sheet = Sheet(pa.table({"at": pa.array([None, 3], pa.timestamp("us", "UTC"))}))
    assert sheet.instants("at", NEVER).tolist() == [NEVER, 3]
    assert sheet.instants("absent", MISSING).tolist() == [MISSING, MISSING]
    assert sheet.numbers("absent") is None
    assert sheet.texts("absent") is None
    assert sheet.flags("absent") is None


def test_numbers_and_days_are_read_as_floats() -> None:
    table = pa.table(
        {"amount": [None, 2.5, float("nan")], "day": [date(1970, 1, 3), None, date(1969, 12, 31)]}
    )
    sheet = Sheet(table.slice(0, 3))
    assert np.isnan(sheet.numbers("amount")).tolist() == [True, False, True]  # type: ignore[arg-type]
    assert sheet.numbers("day").tolist()[::2] == [2.0, -1.0]  # type: ignore[union-attr]
    assert Sheet(table.slice(1)).numbers("amount").tolist()[0] == 2.5  # type: ignore[union-attr]


def test_days_begin_at_midnight_of_their_zone() -> None:
    sheet = Sheet(pa.table({"day": pa.array([date(2011, 7, 1), None], pa.date32())}))
    paris = to_instant(datetime(2011, 6, 30, 22, tzinfo=UTC))
    assert sheet.day_starts("day", NEVER, "Europe/Paris").tolist() == [paris, NEVER]
    late = sheet.day_starts("day", NEVER, "Europe/Paris", days_later=1)
    assert late[0] - paris == 24 * 3600 * 1_000_000


def test_keys_are_numbered_only_where_two_rows_share_one() -> None:
    table = pa.table(
        {
            "a": pa.array(["x", "y", "x", None, None], pa.string()),
            "at": pa.array([1, 1, 1, 2, 2], pa.timestamp("us", "UTC")),
        }
    )
    found = Sheet(table).shared_keys(("a", "at"))
    assert found is not None
    rows, parts = found
    assert rows.tolist() == [0, 2]
    assert [part.tolist() for part in parts] == [[0, 0], [0, 0]]
    assert Sheet(table).shared_keys(("a", "absent")) is None
    # Rows of which a part is missing share no key.
    assert Sheet(table.slice(1)).shared_keys(("a", "at")) is None


@pytest.mark.parametrize(
    "values",
    [
        ["K-0012", "K-0007", None, "K-0012", "K-0100"],
        ["7", "3", "3", None, "9"],
        ["A1", "A1"],
        ["N20240001", "N20250001", "N20240002"],  # too many gaps to count through
        ["007", "07", "7", "70"],
        ["12a", "123", "12b"],
        [None, None],
    ],
)
def test_ids_that_count_up_are_read_as_any_words(values: list[str | None]) -> None:
    texts = _texts(values).texts("text")
    assert texts is not None
    assert texts.words == tuple(sorted({word for word in values if word is not None}))
    assert _read(_texts(values)) == values


@pytest.mark.parametrize("columns", [(WORDS,), (WORDS, ["new", "b", None])])
def test_a_vocabulary_codes_its_columns_and_others(columns: tuple[list[str | None], ...]) -> None:
    sheets = [_texts(values) for values in columns]
    vocabulary = Vocabulary(*(texts for sheet in sheets if (texts := sheet.texts("text"))))
    others = ["b", None, "unknown", "order-2024-0001", "order-2024-0001", "order-2024", "zz", ""]
    for values in (*columns, others):
        known = [*vocabulary.words]
        expected = [known.index(word) if word in known else -1 for word in values]
        read, unread = _texts(values), _texts(values)
        read.texts("text")
        assert read.codes("text", vocabulary).tolist() == expected  # type: ignore[union-attr]
        assert unread.codes("text", vocabulary).tolist() == expected  # type: ignore[union-attr]
    for sheet, values in zip(sheets, columns, strict=True):
        assert [
            vocabulary.words[code] for code in sheet.codes("text", vocabulary) if code >= 0
        ] == [  # type: ignore[union-attr]
            word for word in values if word is not None
        ]
