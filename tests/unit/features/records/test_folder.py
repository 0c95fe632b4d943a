"""How a portfolio lies on disk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import ContractError, SettingsError
from features.records.folder import (
    Portfolio,
    check_portfolio,
    latest_instant,
    open_portfolio,
    read_records,
    save_portfolio,
)

CLOCK = datetime(2011, 12, 10, tzinfo=UTC)
INSTANT = pa.timestamp("us", tz="UTC")
TOML = 'currency = "GBP"\ntimezone = "Europe/London"\n'
ORDERS = """order_id,account_id,ordered_at,net_amount
536366,00012,2010-12-01 08:28:00,22.2
536365,17850,2010-12-01 08:26:00,139.12
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hand_made(folder: Path, files: Mapping[str, str], toml: str = TOML) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "portfolio.toml").write_text(toml, encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def deals() -> dict[str, pa.Table]:
    return {
        "opportunities": pa.table({
            "opportunity_id": ["D-2", "D-1"],
            "account_id": ["b", "a"],
            "created_at": pa.array([at("2011-01-02"), at("2011-01-01")], INSTANT),
        }),
        "opportunity_history": pa.table({
            "opportunity_id": ["D-1", "D-2", "D-1"],
            "changed_at": pa.array([at("2011-02-01"), at("2011-01-02"), at("2011-01-01")], INSTANT),
            "stage": ["won", "open", "open"],
        }),
        "stages": pa.table({
            "stage": ["won", "open"], "position": [1.0, 0.0], "outcome": ["won", "open"],
        }),
    }  # fmt: skip


def saved(folder: Path, tables: Mapping[str, pa.Table]) -> Portfolio:
    portfolio = Portfolio(
        'Seller "é"', "EUR", "UTC", frozenset({"accounts.country"}), at("2011-03-01T00:00:00.123"),
        mapping_digest="abc",
    )  # fmt: skip
    save_portfolio(folder, portfolio, tables)
    return portfolio


def test_what_was_saved_is_opened_again(tmp_path: Path) -> None:
    saved(tmp_path / "p", deals())
    opened = open_portfolio(tmp_path / "p")
    assert opened == Portfolio(
        'Seller "é"', "EUR", "UTC", frozenset({"accounts.country"}), at("2011-03-01T00:00:00.123"),
        tmp_path / "p", {"opportunities": 2, "opportunity_history": 3, "stages": 2}, "abc",
    )  # fmt: skip
    assert check_portfolio(tmp_path / "p").violations == ()


def test_rows_come_sorted_by_account_then_time_and_accounts_are_derived(tmp_path: Path) -> None:
    saved(tmp_path / "p", deals())
    records = read_records(open_portfolio(tmp_path / "p"))
    assert list(records.tables) == ["accounts", "opportunities", "opportunity_history", "stages"]
    assert records.tables["accounts"].to_pydict() == {"account_id": ["a", "b"]}
    assert records.tables["opportunities"].column("opportunity_id").to_pylist() == ["D-1", "D-2"]
    history = records.tables["opportunity_history"]
    assert history.select(["opportunity_id", "stage"]).to_pylist() == [
        {"opportunity_id": "D-1", "stage": "open"},
        {"opportunity_id": "D-1", "stage": "won"},
        {"opportunity_id": "D-2", "stage": "open"},
    ]


def test_the_history_of_a_deal_follows_its_account_and_stages_come_whole(tmp_path: Path) -> None:
    saved(tmp_path / "p", deals())
    records = read_records(open_portfolio(tmp_path / "p"), ["b", "'; DROP TABLE stages; --"])
    assert {name: rows.num_rows for name, rows in records.tables.items()} == {
        "accounts": 1,
        "opportunities": 1,
        "opportunity_history": 1,
        "stages": 2,
    }
    assert records.tables["opportunity_history"].column("opportunity_id").to_pylist() == ["D-2"]


def test_text_is_sorted_byte_by_byte_and_missing_values_come_first(tmp_path: Path) -> None:
    times = pa.array([at("2011-01-01")] * 5, INSTANT)
    rows = pa.table({
        "order_id": ["b", "é", "Z", "a", "a"],
        "account_id": ["x"] * 5,
        "ordered_at": times,
        "net_amount": [1.0, 1.0, 1.0, 1.0, 1.0],
        "line_id": ["1", "1", "1", "1", None],
    })  # fmt: skip
    saved(tmp_path / "p", {"orders": rows})
    orders = read_records(open_portfolio(tmp_path / "p")).tables["orders"]
    assert orders.select(["order_id", "line_id"]).to_pylist() == [
        {"order_id": "Z", "line_id": "1"},
        {"order_id": "a", "line_id": None},
        {"order_id": "a", "line_id": "1"},
        {"order_id": "b", "line_id": "1"},
        {"order_id": "é", "line_id": "1"},
    ]


def test_what_only_the_future_tells_does_not_choose_between_versions(tmp_path: Path) -> None:
    """Of two versions learnt at one instant the last counts: an end to come is as good as none."""
    learnt = pa.array([at("2011-01-01")] * 4, INSTANT)
    ends = [at("2011-03-01"), None, at("2011-02-01"), at("2011-03-01")]
    rows = pa.table({
        "contact_id": ["K"] * 4,
        "account_id": ["x"] * 4,
        "left_at": pa.array(ends, INSTANT),
        "consent_marketing": [True, True, True, False],
        "known_at": learnt,
    })  # fmt: skip
    saved(tmp_path / "p", {"contacts": rows, **deals()})
    contacts = read_records(open_portfolio(tmp_path / "p")).tables["contacts"]
    found = contacts.select(["consent_marketing", "left_at"]).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (False, at("2011-03-01")),
        (True, at("2011-02-01")),
        (True, at("2011-03-01")),
        (True, None),
    ]


def test_saving_replaces_a_portfolio_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    saved(folder, deals())
    (folder / "accounts.parquet").write_bytes(b"stale")
    saved(folder, deals())
    assert sorted(path.name for path in folder.iterdir()) == [
        "opportunities.parquet", "opportunity_history.parquet", "portfolio.toml", "stages.parquet",
    ]  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["p"]
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(SettingsError, match="PF007"):
        saved(other, deals())
    assert (other / "chapter.txt").read_text(encoding="utf-8") == "years of work"


def test_refused_rows_are_kept_where_there_are_some(tmp_path: Path) -> None:
    portfolio = Portfolio("p", "EUR", "UTC", frozenset(), at("2011-03-01"))
    refused = {
        "stages": pa.table({"stage": [], "row": []}),
        "opportunities": pa.table({"row": [3]}),
    }
    save_portfolio(tmp_path / "p", portfolio, deals(), refused)
    folder = tmp_path / "p" / "refused"
    assert [path.name for path in folder.iterdir()] == ["opportunities.parquet"]
    assert open_portfolio(tmp_path / "p").row_counts["opportunities"] == 2


def test_a_folder_made_by_hand_is_checked_when_it_is_read(tmp_path: Path) -> None:
    text = ORDERS + "536367,17850,2999-01-01,1\n"
    folder = hand_made(tmp_path / "shop", {"orders.csv": text})
    portfolio = open_portfolio(folder, clock=CLOCK)
    assert (portfolio.name, portfolio.currency, portfolio.timezone) == (
        "shop",
        "GBP",
        "Europe/London",
    )
    assert portfolio.data_as_of == at("2010-12-01T08:28")
    assert portfolio.row_counts == {"orders": 2}
    records = read_records(portfolio)
    assert records.tables["orders"].column("account_id").to_pylist() == ["00012", "17850"]
    check = check_portfolio(folder, clock=CLOCK)
    assert [(v.code, v.column, v.rows) for v in check.violations] == [("CT013", "ordered_at", (2,))]
    assert check.refused["orders"].column("order_id").to_pylist() == ["536367"]
    assert check.notes == (
        "The table accounts is absent: accounts are derived from the other tables.",
        "data_as_of is computed: 2010-12-01T08:28:00+00:00.",
    )


def test_a_parquet_table_of_loose_types_is_checked_too(tmp_path: Path) -> None:
    folder = hand_made(tmp_path / "shop", {})
    rows = pa.table({
        "order_id": [536365], "account_id": [17850.0],
        "ordered_at": pa.array([at("2010-12-01T08:26")]), "net_amount": [139],
    })  # fmt: skip
    pq.write_table(rows, folder / "orders.parquet")
    assert read_records(open_portfolio(folder)).tables["orders"].to_pylist() == [
        {
            "order_id": "536365",
            "account_id": "17850",
            "ordered_at": at("2010-12-01T08:26"),
            "net_amount": 139.0,
        }
    ]


def test_a_portfolio_changed_after_its_import_is_checked_again(tmp_path: Path) -> None:
    saved(tmp_path / "p", deals())
    lost = deals()["opportunity_history"].set_column(0, "opportunity_id", [["D-1", "D-9", "D-1"]])
    pq.write_table(pa.concat_tables([lost, lost]), tmp_path / "p" / "opportunity_history.parquet")
    portfolio = open_portfolio(tmp_path / "p")
    assert portfolio.row_counts["opportunity_history"] == 4
    assert read_records(portfolio).tables["opportunity_history"].num_rows == 4


def test_data_end_at_the_latest_thing_known_and_plans_do_not_count() -> None:
    invoices = pa.table({
        "issued_at": pa.array([at("2011-01-01"), at("2011-01-05")], INSTANT),
        "due_date": pa.array([at("2019-01-01"), at("2019-01-01")]).cast(pa.date32()),
        "paid_at": pa.array([at("2011-02-01"), None], INSTANT),
        "known_at": pa.array([None, at("2011-01-20")], INSTANT),
    })  # fmt: skip
    starts = pa.array([at("2011-06-01")]).cast(pa.date32())
    assert latest_instant({"invoices": invoices}, "UTC") == at("2011-02-01")
    subscriptions = pa.table({"start_date": starts})
    assert latest_instant({"subscriptions": subscriptions}, "Europe/Paris") == at(
        "2011-05-31T22:00"
    )
    assert latest_instant({"stages": pa.table({"stage": ["open"]})}, "UTC") is None


@pytest.mark.parametrize(
    ("toml", "code", "words"),
    [
        ('currency = "GBP"', "PF004", "timezone is missing"),
        (TOML + 'colour = "red"', "PF003", "colour is not a key here; allowed: name, currency"),
        ('currency = "GBP"\ntimezone = "Europe/Lutetia"', "PF005", "IANA zone"),
        ('currency = "GBP"\ntimezone = "/etc/passwd"', "PF005", "IANA zone"),
        ('currency = "pounds"\ntimezone = "UTC"', "PF006", "ISO 4217"),
        (TOML + 'static = ["accounts.colour"]', "PF004", "table.column of the contract"),
        (TOML + 'name = "../other"', "PF004", "a name has letters"),
        (TOML + 'data_as_of = "soon"', "PF004", "data_as_of"),
        ("currency = GBP", "PF002", "is not TOML"),
    ],
)
def test_a_wrong_portfolio_file_is_named_with_its_fault(
    tmp_path: Path, toml: str, code: str, words: str
) -> None:
    folder = hand_made(tmp_path / "shop", {"orders.csv": ORDERS}, toml)
    with pytest.raises(SettingsError, match=words) as caught:
        open_portfolio(folder)
    assert caught.value.code == code


def test_all_faults_of_a_portfolio_file_come_at_once(tmp_path: Path) -> None:
    folder = hand_made(tmp_path / "shop", {}, 'currency = "pounds"\ntimezone = "Mars"\ncolour = 1')
    with pytest.raises(SettingsError) as caught:
        open_portfolio(folder)
    for word in ("currency", "timezone", "colour"):
        assert word in caught.value.message


def test_a_missing_folder_or_file_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PF001"):
        open_portfolio(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match=r"PF001.*portfolio\.toml"):
        open_portfolio(tmp_path)


@pytest.mark.parametrize(
    ("files", "codes"),
    [
        ({"orders.csv": "order_id,account_id,ordered_at\n1,a,2010-12-01\n"}, ["CT003", "CT007"]),
        ({"orders.csv": ORDERS, "clients.csv": "a\n1\n"}, ["CT001"]),
        ({"stages.csv": "stage,position,outcome\nopen,0,open\n"}, ["CT002"]),
        ({"orders.csv": ORDERS, "accounts.parquet": "PAR1 torn"}, ["CT005"]),
        ({}, ["CT002"]),
    ],
)
def test_tables_that_cannot_be_used_are_all_named(
    tmp_path: Path, files: dict[str, str], codes: list[str]
) -> None:
    folder = hand_made(tmp_path / "shop", files)
    with pytest.raises(ContractError) as caught:
        open_portfolio(folder, clock=CLOCK)
    assert [violation.code for violation in caught.value.violations] == codes
    assert caught.value.exit_code == 2
