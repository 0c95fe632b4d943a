"""Accounts that are one company are suggested, written, read and merged."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.errors import ContractError
from features.records.lookalikes import lookalikes, write_merges
from features.records.merging import merge_accounts, read_merges
from tests.unit.features.records.quality.made import find, order, records


def accounts(*rows: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    return [{"account_id": one, "name": name, "country": land} for one, name, land in rows]


def suggested(rows: list[dict[str, Any]], *orders: dict[str, Any]) -> dict[str, str]:
    found = lookalikes(records(accounts=rows, orders=list(orders) or [order("1", "z")]))
    return {like.account_id: like.merge_into for like in found}


def test_the_account_with_most_activity_stays() -> None:
    rows = accounts(("a", "Acme SA", "FR"), ("b", "ACME", None), ("c", "Acme S.A.", "FR"))
    assert suggested(rows, order("1", "c"), order("2", "c"), order("3", "b")) == {
        "a": "c", "b": "c",
    }  # fmt: skip
    assert suggested(rows) == {"b": "a", "c": "a"}


def test_other_countries_are_other_companies_and_never_meet_through_an_unknown_one() -> None:
    assert suggested(accounts(("a", "Acme", "FR"), ("b", "Acme", "DE"))) == {}
    rows = accounts(("a", "Acme", None), ("b", "Acme", "FR"), ("c", "Acme", "DE"))
    assert suggested(rows) == {"b": "a"}
    assert suggested(accounts(("a", "Acme", " fr "), ("b", "Acme", "FR"))) == {"b": "a"}


def test_parents_and_natural_persons_are_left_alone() -> None:
    rows = accounts(("a", "Acme", "FR"), ("b", "Acme", "FR"))
    assert suggested([rows[0], {**rows[1], "parent_account_id": "a"}]) == {}
    assert suggested([{**row, "is_natural_person": True} for row in rows]) == {}


def test_nothing_is_merged_by_way_of_a_third_name() -> None:
    rows = accounts(
        ("a", "abcdefghijklmnop", "FR"), ("b", "abcdefghijklmnxy", "FR"),
        ("c", "abcdefghijklvwxy", "FR"),
    )  # fmt: skip
    assert suggested(rows) == {}
    near = accounts(
        ("a", "Transports Martin", "FR"), ("b", "Transport Martin", "FR"),
        ("c", "TRANSPORT MARTIN SARL", "FR"),
    )  # fmt: skip
    assert suggested(near, order("1", "a")) == {"b": "a", "c": "a"}


def test_findings_tell_the_same_name_from_a_near_one() -> None:
    rows = accounts(
        ("a", "Dupont Frères SARL", "FR"), ("b", "DUPONT FRERES", "FR"),
        ("c", "Dupond Frères", None), ("d", "Garage; DROP TABLE accounts --", None),
    )  # fmt: skip
    [same] = find("DQ033", accounts=rows, orders=[order("1", "a")])
    assert (same.count, same.share) == (1, 0.25)
    assert same.examples == ("b = a (DUPONT FRERES | Dupont Frères SARL)",)
    [near] = find("DQ034", accounts=rows, orders=[order("1", "a")])
    assert near.examples == ("c = a (Dupond Frères | Dupont Frères SARL)",)


def test_a_suggestion_comes_back_as_it_was_written(tmp_path: Path) -> None:
    rows = accounts(('a,"1"', "Acme, Inc", "FR"), ("b;2", "ACME", "FR"))
    found = lookalikes(records(accounts=rows, orders=[order("1")]))
    path = tmp_path / "merges.csv"
    write_merges(path, found)
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["account_id", "merge_into", "score", "names"],
            ["b;2", 'a,"1"', "100.0", "ACME | Acme, Inc"],
        ]
    assert read_merges(path, {'a,"1"', "b;2"}) == {"b;2": 'a,"1"'}


def written(folder: Path, *lines: str) -> Path:
    path = folder / "merges.csv"
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    return path


def test_chains_are_followed_to_their_end(tmp_path: Path) -> None:
    path = written(tmp_path, "account_id;merge_into;names", "a;b;", "c;a;x", "b;d;", "b;d;again")
    assert read_merges(path, set("abcd")) == {"a": "d", "c": "d", "b": "d"}


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        (["id,into", "a,b"], "MG001", "has the columns"),
        (["account_id,merge_into", 'a,"b'], "MG001", "cannot be read"),
        (["account_id,merge_into", "a,", ",b"], "MG002", "line 2, line 3"),
        (["account_id,merge_into", "a,zz", "yy,b"], "MG003", "yy, zz"),
        (["account_id,merge_into", "a,b", "a,c"], "MG004", "1: a."),
        (["account_id,merge_into", "a,b", "b,c", "c,a", "d,a"], "MG005", "a, b, c, d"),
        (["account_id,merge_into", "a,a"], "MG005", "1: a."),
    ],
)
def test_a_wrong_merge_file_is_named_with_its_fault(
    tmp_path: Path, lines: list[str], code: str, words: str
) -> None:
    with pytest.raises(ContractError) as caught:
        read_merges(written(tmp_path, *lines), set("abcd"))
    assert caught.value.code == code
    assert words in str(caught.value)


def test_all_faults_of_a_merge_file_are_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "account_id,merge_into", "a,", "zz,b", "c,c")
    with pytest.raises(ContractError) as caught:
        read_merges(path, set("abcd"))
    assert [fault.code for fault in caught.value.violations] == ["MG002", "MG003", "MG005"]
    with pytest.raises(ContractError, match="MG001"):
        read_merges(tmp_path / "nowhere.csv", set())


def test_every_table_that_names_an_account_is_rewritten_and_nothing_is_lost() -> None:
    tables = records(
        accounts=[
            {"account_id": "a", "name": "Acme", "created_at": "2011-03-01", "segment": None,
             "parent_account_id": "b", "consent_marketing": True},
            {"account_id": "b", "name": "ACME", "created_at": "2011-01-01", "segment": "x",
             "parent_account_id": None, "consent_marketing": False},
            {"account_id": "c", "name": "Child", "parent_account_id": "b"},
        ],
        account_history=[
            {"account_id": "c", "changed_at": "2011-05-01", "field": "parent_account_id",
             "value": "b"},
            {"account_id": "b", "changed_at": "2011-05-01", "field": "segment", "value": "b"},
        ],
        orders=[order("1", "a"), order("2", "b"), order("3", "c")],
    ).tables  # fmt: skip
    merged = merge_accounts(tables, {"b": "a"})
    assert (merged.n_accounts, merged.n_rows) == (1, 2)
    assert merged.tables["orders"].column("account_id").to_pylist() == ["a", "a", "c"]
    history = merged.tables["account_history"]
    assert history.column("account_id").to_pylist() == ["c", "a"]
    assert history.column("value").to_pylist() == ["a", "b"]
    rows = {row["account_id"]: row for row in merged.tables["accounts"].to_pylist()}
    assert set(rows) == {"a", "c"}
    assert rows["c"]["parent_account_id"] == "a"
    told = rows["a"]
    assert (told["name"], told["segment"], told["parent_account_id"]) == ("Acme", "x", None)
    assert (str(told["created_at"])[:10], told["consent_marketing"]) == ("2011-01-01", False)
    assert merged.gone is not None
    assert merged.gone.column("name").to_pylist() == ["ACME"]
    assert merged.tables["accounts"].schema == tables["accounts"].schema


def test_an_account_known_by_its_orders_alone_takes_the_attributes_of_the_merged_one() -> None:
    tables = records(accounts=accounts(("b", "Acme", "FR")), orders=[order("1", "a")]).tables
    merged = merge_accounts(tables, {"b": "a"}).tables["accounts"]
    assert merged.select(["account_id", "name"]).to_pylist() == [
        {"account_id": "a", "name": "Acme"}
    ]


def test_what_was_learned_later_fills_no_earlier_version() -> None:
    tables = records(
        accounts=[
            {"account_id": "a", "segment": None, "known_at": "2011-01-01"},
            {"account_id": "a", "segment": None, "known_at": "2011-09-01"},
            {"account_id": "b", "segment": "x", "known_at": "2011-05-01"},
        ],
        orders=[order("1")],
    ).tables
    merged = merge_accounts(tables, {"b": "a"}).tables["accounts"]
    assert merged.column("segment").to_pylist() == [None, "x"]


def test_an_empty_merge_file_merges_nothing(tmp_path: Path) -> None:
    assert read_merges(written(tmp_path, "account_id,merge_into"), {"a"}) == {}
    tables = {"orders": pa.table({"account_id": ["a"]})}
    assert merge_accounts(tables, {}).tables["orders"].column("account_id").to_pylist() == ["a"]
