"""Columns that tell the outcome by their value, or by not being there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import chi2_contingency

from features.records.quality.finding import Finding
from features.records.quality.leakage_tests import telling_absence, telling_value
from tests.unit.features.records.quality.made import find, move, order

STAGES = [
    {"stage": "new", "position": 0, "outcome": "open"},
    {"stage": "won", "position": 1, "outcome": "won"},
    {"stage": "lost", "position": 2, "outcome": "lost"},
]
SPOTS = [f"2011-0{1 + i // 3 % 9}-11" for i in range(300)]


def deals(**column: Any) -> dict[str, list[dict[str, Any]]]:
    """Make 300 deals, turn by turn won, lost and open, with one more column each."""
    ends = [("won", "lost", "new")[i % 3] for i in range(300)]
    [(name, value)] = column.items()
    rows = [
        {"opportunity_id": f"D{i}", "account_id": f"a{i % 50}", "created_at": SPOTS[i],
         name: value(i, ends[i])}
        for i in range(300)
    ]  # fmt: skip
    moves = [move(f"D{i}", SPOTS[i], "new") for i in range(300)]
    moves += [move(f"D{i}", "2011-11-01", end) for i, end in enumerate(ends) if end != "new"]
    return {"opportunities": rows, "opportunity_history": moves, "stages": STAGES}


def suspects(code: str, **tables: Any) -> list[Finding]:
    return find(code, **tables)


def test_a_competitor_that_is_named_when_the_deal_is_lost_is_a_suspect() -> None:
    made = deals(competitor=lambda i, end: "Rival" if end == "lost" else None)
    [finding] = [f for f in suspects("DQ031", **made) if "won" in f.message]
    assert (finding.table, finding.column, finding.severity) == (
        "opportunities", "competitor", "warning",
    )  # fmt: skip
    assert finding.message.endswith("competitor is missing on 100% of won and on 0% of lost.")


def test_a_column_that_only_closed_deals_have_is_a_suspect() -> None:
    made = deals(source=lambda i, end: None if end == "new" and i % 10 else f"s{i % 4}")
    [finding] = suspects("DQ031", **made)
    assert "source is missing on 90% of those still open and on 0%" in finding.message


def test_a_source_that_names_the_outcome_is_a_suspect_by_its_value() -> None:
    made = deals(source=lambda i, end: {"won": "customer", "lost": "archive"}.get(end, "web"))
    [finding] = suspects("DQ032", **made)
    assert (finding.column, finding.count, finding.share) == ("source", 200, 1.0)
    assert "source tells won from lost with AUC 1.000." in finding.message


@pytest.mark.parametrize(
    "value",
    [
        lambda i, end: f"s{i % 7}",
        lambda i, end: f"unique-{i}",  # an id tells the training rows apart, and nothing else
        lambda i, end: None if i % 2 else "web",
        lambda i, end: "fair" if (end == "won") == (i % 4 > 0) else "event",  # 3 in 4: honest skill
    ],
)
def test_honest_columns_are_no_suspects(value: Any) -> None:
    made = deals(source=value)
    assert suspects("DQ031", **made) + suspects("DQ032", **made) == []


def test_words_for_nothing_are_missing_values() -> None:
    made = deals(source=lambda i, end: "unknown: 12" if end == "new" else f"s{i % 4}")
    [finding] = suspects("DQ031", **made)
    assert "100% of those still open" in finding.message


def test_open_deals_that_were_refused_for_want_of_an_account_count() -> None:
    made = deals(name=lambda i, end: "x")
    lost = [i for i in range(300) if i % 3 == 2 and i % 10]
    kept = set(range(300)) - set(lost)
    made["opportunities"] = [made["opportunities"][i] for i in sorted(kept)]
    history = made["opportunity_history"]
    made["opportunity_history"] = [m for m in history if int(m["opportunity_id"][1:]) in kept]
    names = [f"D{i}" for i in lost]
    notes = {"codes": ["CT010"] * len(lost), "messages": [""] * len(lost)}
    refused = {
        "opportunities": pa.table({
            "opportunity_id": names, "account_id": pa.nulls(len(lost), pa.string()),
            "created_at": ["2011-01-11"] * len(lost), **notes,
        }),
        "opportunity_history": pa.table({
            "opportunity_id": names, "stage": ["new"] * len(lost),
            "changed_at": ["2011-01-11"] * len(lost), **notes,
        }),
    }  # fmt: skip
    [finding] = suspects("DQ031", refused=refused, **made)
    assert (finding.table, finding.column, finding.count) == ("opportunities", "account_id", 90)
    assert "account_id is missing on 90% of those still open and on 0%" in finding.message


def test_the_outcome_of_an_export_is_looked_at_in_its_own_columns() -> None:
    export = pa.table({
        "account": [None if i % 2 else f"a{i % 9}" for i in range(200)],
        "rank": pa.array([float(i % 2) + i / 1000 for i in range(200)]),
        "tags": [["x"]] * 200,
        "outcome": ["open" if i % 2 else ("won", "lost")[i // 2 % 2] for i in range(200)],
    })  # fmt: skip
    [finding] = suspects("DQ031", orders=[order("1")], exports={"deals": export})
    assert (finding.table, finding.column) == ("audit.deals", "account")
    assert "account is missing on 100% of those still open and on 0%" in finding.message


def test_an_attribute_that_tells_who_left_is_a_suspect() -> None:
    end = datetime(2011, 12, 1, tzinfo=UTC)
    orders = [order(f"o{i}", f"a{i}", day="2011-07-01") for i in range(100)]
    orders += [order(f"n{i}", f"a{i}", day="2011-11-01") for i in range(0, 100, 2)]
    accounts = [
        {"account_id": f"a{i}", "owner_id": "closed accounts" if i % 2 else f"o{i % 4}",
         "segment": f"s{i // 2 % 3}"}
        for i in range(100)
    ]  # fmt: skip
    [finding] = suspects("DQ032", accounts=accounts, orders=orders, as_of=end)
    assert (finding.table, finding.column, finding.count) == ("accounts", "owner_id", 100)
    assert "lapsed accounts from active ones" in finding.message


def test_chance_raises_no_alarm() -> None:
    dice = np.random.default_rng(7)
    alarms = 0
    for _ in range(300):
        label = dice.random(40) < 0.5
        alarms += telling_absence(dice.random(40) < 0.5, label) is not None
        alarms += telling_value(pa.array(dice.random(40)), label) is not None
        alarms += telling_value(pa.array([f"v{i}" for i in range(40)]), label) is not None
    assert alarms <= 1


def test_the_bound_is_that_of_a_chi_square_with_yates() -> None:
    label = np.arange(60) < 30
    for n_missing in range(31):
        missing = np.arange(60) < n_missing
        table = [[n_missing, 30 - n_missing], [0, 30]]
        rare = n_missing > 0 and chi2_contingency(table).pvalue < 0.001
        assert (telling_absence(missing, label) is not None) == (rare and n_missing > 9)


def test_too_few_rows_say_nothing() -> None:
    label = np.arange(18) < 9
    assert telling_absence(label, label) is None
    assert telling_value(pa.array(label.astype(str)), label) is None


def test_instants_and_numbers_that_tell_are_found_in_any_shape() -> None:
    label = np.arange(200) % 2 == 0
    days = [datetime(2011, 1, 1, tzinfo=UTC) + timedelta(days=int(i) + 300 * (i % 2 == 0))
            for i in range(200)]  # fmt: skip
    assert telling_value(pa.array(days), label) is not None
    hump = pa.array(np.where(label, 0.0, np.where(np.arange(200) % 4 == 1, -5.0, 5.0)))
    assert telling_value(hump, label) == 1.0  # no rank order finds that
