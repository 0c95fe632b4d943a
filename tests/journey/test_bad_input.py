"""Bad input gets a coded error or an honest answer at every door, never a trace or a silent zero.

Portfolios are tiny and written by hand; two champions, fitted once, score them.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.records.folder import open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from serving.access import Access
from serving.api.app import Installation, create_app
from serving.api.champions import ChampionWatch
from serving.cli.main import main
from serving.settings import Settings
from tests.unit.features.records.test_mapping import write_sheet
from tests.unit.serving.api.conftest import NOW, Door, make_champion, promote

Capture = pytest.CaptureFixture[str]
HEAD = "order_id,account_id,ordered_at,net_amount\n"
NASTY = (
    "'; DROP TABLE orders; --", '"', ")", "x\u0301é漢\U0001f600", "=1+1", "%s", "{0}", "[b]x[/b]",
    "#1", "NULL", "\x1b[2J",
)  # fmt: skip
"""Ids, names and values that are a command somewhere."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with champions of both models for a portfolio called ``tiny``."""
    root = tmp_path_factory.mktemp("state")
    settings = SimulatorSettings(accounts=150, days=500, end_date=date(2025, 6, 30))
    write_simulation(simulate(np.random.default_rng(7), settings), root / "portfolio")
    records = read_records(open_portfolio(root / "portfolio"))
    for model in ("churn", "close"):
        champion = make_champion(records, model, "1")
        tiny = replace(champion.portfolio, name="tiny")
        promote(root / "home", replace(champion, portfolio=tiny))
    return root / "home"


@pytest.fixture
def state(models: Path, tmp_path: Path) -> Path:
    """A copy of it, in which nothing has been scored."""
    return Path(shutil.copytree(models, tmp_path / "state"))


@pytest.fixture
def door(state: Path) -> Door:
    """The HTTP service over the same state."""
    watch = ChampionWatch(state, warm=lambda _: None)
    installation = Installation(Settings(home=state), Access(), watch, lambda: NOW)
    return Door(create_app(lambda: installation), state, watch)


def _folder(place: Path, **tables: str) -> Path:
    place.mkdir()
    (place / "portfolio.toml").write_text(
        'name = "tiny"\ncurrency = "EUR"\ntimezone = "Europe/Paris"\n'
    )
    for name, text in tables.items():
        (place / f"{name}.csv").write_text(text, encoding="utf-8")
    return place


@dataclass(frozen=True)
class Told:
    """What a verb said."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(home: Path, state: Path, capsys: Capture) -> Callable[..., Told]:
    """Run a verb; none may fail in a way that nobody foresaw."""

    def told(*arguments: object) -> Told:
        capsys.readouterr()
        needs_state = arguments[0] in ("score", "worklist", "train")
        more = ("--home", state) if needs_state else ()
        code = main([str(argument) for argument in (*arguments, *more)])
        shown = capsys.readouterr()
        assert "Traceback" not in shown.out + shown.err
        assert "CL999" not in shown.out + shown.err
        return Told(code, shown.out, shown.err)

    return told


def _verbs(folder: Path, tmp_path: Path) -> list[tuple[object, ...]]:
    return [
        ("check", folder),
        ("check", folder, "--html", tmp_path / "page.html"),
        ("backtest", folder, "--model", "churn", "--quick"),
        ("train", folder, "--quick"),
        ("score", folder),
        ("worklist", folder),
    ]


UNUSABLE: Mapping[str, tuple[str, dict[str, str]]] = {
    "a table without a needed column": (
        "CT003", {"orders": "order_id,account_id,ordered_at\n1,a,2025-01-01\n"},
    ),
    "amounts all missing": ("CT007", {"orders": HEAD + "1,a,2025-01-01,\n2,b,2025-01-02,\n"}),
    "amounts all of another type": ("CT007", {"orders": HEAD + "1,a,2025-01-01,many\n"}),
    "no account": ("CT007", {"orders": HEAD}),
    "an empty file": ("CT005", {"orders": ""}),
    "no table": ("CT002", {}),
    "accounts alone": ("CT002", {"accounts": "account_id,name\na,A\n"}),
    "a line with fields too many": (
        "CT005", {"orders": HEAD + "1,a,2025-01-01,5\n2,a,2025-01-02,5,7,8\n"},
    ),
    "a line with fields too few": ("CT005", {"orders": HEAD + "1,a,2025-01-01,5\n2,a\n"}),
    "an unknown table": ("CT001", {"orders": HEAD + "1,a,2025-01-01,5\n", "x'; --": "a\n1\n"}),
}  # fmt: skip


@pytest.mark.parametrize("title", UNUSABLE)
def test_an_unusable_folder_is_a_coded_error_for_every_verb(
    title: str, tmp_path: Path, run: Callable[..., Told]
) -> None:
    code, tables = UNUSABLE[title]
    folder = _folder(tmp_path / "portfolio", **tables)
    for verb in _verbs(folder, tmp_path):
        told = run(*verb)
        assert (told.code, told.out) == (2, ""), verb
        assert told.err.startswith(f"{code} "), verb
        assert f"\n  {code} " in told.err, verb
    told = run("check", folder, "--json")
    assert (told.code, told.err) == (2, "")
    assert json.loads(told.out)["error"]["code"] == code
    assert not (tmp_path / "page.html").exists()


def test_a_ragged_line_is_named_with_its_fields(tmp_path: Path, run: Callable[..., Told]) -> None:
    long = HEAD + '1,"a\nb",2025-01-01,5\n2,a,2025-01-02,5,7\n'
    told = run("check", _folder(tmp_path / "long", orders=long))
    # The first row stands on two lines.
    assert "orders.csv cannot be read: line 4 has 5 fields where the header has 4." in told.err
    assert "CT002" not in told.err
    told = run("check", _folder(tmp_path / "short", orders=HEAD + "1,a,2025-01-01,5\n2\n"))
    assert "line 3 has 1 field where the header has 4." in told.err


def _results(told: Told) -> dict[str, Any]:
    assert told.code == 0, told.err
    return {result["account_id"]: result for result in json.loads(told.out)["results"]}


def test_two_types_in_a_column_refuse_their_row_and_say_so(
    tmp_path: Path, run: Callable[..., Told]
) -> None:
    rows = HEAD + "1,a,2025-01-01,5\n2,a,2025-02-01,many\n3,b,2025-01-05,7\n"
    folder = _folder(tmp_path / "portfolio", orders=rows)
    assert "CT014 orders.net_amount (1 row: data row 2): A number" in run("check", folder).out
    said = run("score", folder, "--json")
    assert said.err == f"orders: 1 row refused. See: fanal check {folder}\n"
    found = _results(said)
    assert {name: result["value"]["amount"] > 0 for name, result in found.items()} == {
        "a": True, "b": True,
    }  # fmt: skip
    assert run("backtest", folder, "--model", "churn").err.splitlines()[1].startswith("NR011 ")


def test_a_portfolio_of_one_account_is_told_that_it_is_too_little(
    tmp_path: Path, run: Callable[..., Told]
) -> None:
    folder = _folder(tmp_path / "portfolio", orders=HEAD + "1,a,2025-01-01,5\n")
    assert "DQ021 info accounts: 1 of 1" in run("check", folder).out
    assert run("backtest", folder, "--model", "churn").err.startswith("NR011 ")
    said = run("score", folder)
    assert "1 account scored, 0 lapsed, 0 without history, 0 open deals." in said.out
    # The close champion has nothing to score here, and keeps nobody else from being scored.
    assert "Note: close: the close model needs opportunity_history" in said.out
    assert " 1. a · " in run("worklist", folder).out


def test_deals_without_any_amount_are_scored_and_worth_nothing_known(
    tmp_path: Path, run: Callable[..., Told]
) -> None:
    folder = _folder(
        tmp_path / "portfolio",
        opportunities="opportunity_id,account_id,created_at\nd,a,2025-01-01\n",
        opportunity_history="opportunity_id,changed_at,stage,amount\nd,2025-01-01,lead,\n",
        stages="stage,position,outcome\nlead,1,open\nwon,2,won\n",
    )
    assert "DQ006 warning opportunity_history.amount: 1 of 1" in run("check", folder).out
    result = _results(run("score", folder, "--json"))["a"]
    assert (result["churn"], result["status"]) == (None, "no_history")
    assert 0 < result["opportunities"][0]["close"]["probability"] < 1
    assert result["opportunities"][0]["priority"]["expected_amount"] == 0


def test_an_account_with_a_million_lines_is_scored(
    tmp_path: Path, run: Callable[..., Told]
) -> None:
    folder = _folder(tmp_path / "portfolio")
    n = 1_000_000
    seconds = np.linspace(1_700_000_000, 1_750_000_000, n).astype("datetime64[s]")
    table = pa.table({
        "order_id": pa.array(np.arange(n).astype(str)),
        "account_id": pa.array(np.where(np.arange(n) == n // 2, "small", "huge")),
        "ordered_at": pa.array(seconds.astype("datetime64[us]")),
        "net_amount": pa.array(np.full(n, 2.5)),
    })  # fmt: skip
    pq.write_table(table, folder / "orders.parquet")
    assert "DQ020 warning orders.account_id: 999999 of 1000000" in run("check", folder).out
    found = _results(run("score", folder, "--json"))
    assert found["huge"]["churn"]["probability"] < 0.9
    # Lines fall evenly over 578.7 days, and the last 365 count: 630,720 of them against one.
    ratio = found["huge"]["value"]["amount"] / found["small"]["value"]["amount"]
    assert ratio == pytest.approx(630_720, rel=0.02)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def test_commands_in_ids_names_and_values_stay_data(
    tmp_path: Path, run: Callable[..., Told], door: Door
) -> None:
    lines = [f"{_quoted(n)},{_quoted(n)},2025-0{1 + i % 6}-01,{i + 1}\n"
             for i, n in enumerate(NASTY)]  # fmt: skip
    names = [",".join([_quoted(n)] * 4) + "\n" for n in NASTY]
    folder = _folder(
        tmp_path / "portfolio",
        orders=HEAD + "".join(lines),
        accounts="account_id,name,segment,owner_id\n" + "".join(names),
    )
    checked = run("check", folder, "--html", tmp_path / "page.html")
    assert " accounts    11" in checked.out
    assert "\x1b" not in checked.out
    assert "\x1b" not in run("worklist", folder).err
    sheet = tmp_path / "scores.csv"
    found = _results(run("score", folder, "--json", "--out", sheet))
    assert set(found) == set(NASTY)
    with sheet.open(newline="", encoding="utf-8") as file:
        ids = {line["account_id"] for line in csv.DictReader(file)}
    assert ids == {f"'{n}" if n.startswith("=") else n for n in NASTY}
    listed = run("worklist", folder)
    assert listed.code == 0
    assert "\x1b" not in listed.out
    for name in NASTY:
        mine = run("worklist", folder, "--owner", name, "--json")
        assert {item["account_id"] for item in json.loads(mine.out)["items"]} <= set(NASTY)
    sent = [
        {"account_id": n, "name": n, "segment": n,
         "orders": [{"order_id": n, "ordered_at": "2025-06-01", "net_amount": 5.0}]}
        for n in NASTY
    ]  # fmt: skip
    answer = door.score({"as_of": "2025-07-01", "accounts": sent}).json()
    assert [result["account_id"] for result in answer["results"]] == list(NASTY)


MAPPING = """\
[portfolio]
name = "tiny"
currency = "EUR"
timezone = "UTC"

[sources]
lines = {path}

[tables.orders]
from = "lines"
columns = {{ order_id = "id", account_id = "acc", ordered_at = "day", net_amount = "amount" }}
"""
COLUMNS = ("id", "acc", "day", "amount")
EXPORTS: Mapping[str, tuple[int, str, list[tuple[str, ...]]]] = {
    "lacks a column": (2, "CT006 orders.net_amount", [("1", "a", "2025-01-01")]),
    "two types": (
        0, "CT014 orders.net_amount (1 row: data row 2)",
        [("1", "a", "2025-01-01", "5"), ("2", "b", "2025-01-02", "many")],
    ),
    "amounts all missing": (
        2, "CT010 orders.net_amount (2 rows: data rows 1, 2)",
        [("1", "a", "2025-01-01", ""), ("2", "b", "2025-01-02", "")],
    ),
    "no row": (2, "CT007 orders", []),
    "one row": (0, " orders     1     1", [("1", "a", "2025-01-01", "5")]),
    "ids that begin with a sharp": (
        0, " orders     2     2",
        [("#1", "a", "2025-01-01", "5"), ("2", "b", "2025-01-02", "5")],
    ),
    "commands": (
        0, f" orders    {len(NASTY)}    {len(NASTY)}",
        [(name, name, "2025-01-01", "5") for name in NASTY[:-1]] + [("z", "z", "2025-01-01", "5")],
    ),
}  # fmt: skip


def _write(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    if path.suffix == ".parquet":
        columns = {
            name: pa.array([row[place] or None for row in rows], pa.string())
            for place, name in enumerate(header)
        }
        pq.write_table(pa.table(columns), path)
    elif path.suffix == ".xlsx":
        escaped = [[cell.replace("<", "&lt;") for cell in row] for row in (header, *rows)]
        write_sheet(path, escaped)  # type: ignore[arg-type]
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            signs = {".tsv": "\t", ".csv": ","}
            csv.writer(file, delimiter=signs[path.suffix]).writerows([header, *rows])


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".xlsx"])
@pytest.mark.parametrize("title", EXPORTS)
def test_an_export_of_any_format_is_imported_or_named(
    title: str, suffix: str, tmp_path: Path, run: Callable[..., Told]
) -> None:
    code, told, rows = EXPORTS[title]
    header = COLUMNS[: len(rows[0])] if rows else COLUMNS
    _write(tmp_path / f"lines{suffix}", header, rows)
    (tmp_path / "mapping.toml").write_text(MAPPING.format(path=f'"lines{suffix}"'))
    said = run("import", tmp_path / "mapping.toml", "--out", tmp_path / "out")
    assert said.code == code
    assert told in (said.err if code else said.out)
    assert (tmp_path / "out").exists() == (code == 0)
    if title == "commands":
        kept = pq.read_table(tmp_path / "out" / "orders.parquet").column("account_id").to_pylist()
        assert sorted(kept) == sorted({*NASTY[:-1], "z"})


@pytest.mark.parametrize(
    "name",
    ["a'b.csv", 'a"b.csv', "x'; DROP TABLE lines; --.csv", "a[1].csv", "st*r.csv", "é {0} %s.csv"],
)
def test_the_name_of_a_file_is_no_pattern_and_no_command(
    name: str, tmp_path: Path, run: Callable[..., Told]
) -> None:
    text = "id,acc,day,amount\n1,right,2025-01-01,5\n"
    (tmp_path / name).write_text(text)
    for other in ("a1.csv", "star.csv"):
        (tmp_path / other).write_text(text.replace("right", "WRONG"))
    (tmp_path / "mapping.toml").write_text(MAPPING.format(path=json.dumps(name)))
    out = tmp_path / "out[1]"
    assert run("import", tmp_path / "mapping.toml", "--out", out).code == 0
    assert list(_results(run("score", out, "--json"))) == ["right"]


QUERIES = {
    "": "it is no query, for it gives no rows",
    "DROP VIEW lines": "The table needs this column.",
    "SELECT id AS order_id, acc AS account_id, day AS ordered_at, 1 AS net_amount, 2 AS net_amount"
    " FROM lines": "The query gives net_amount twice.",
    "SELECT * FROM nowhere": "Table with name nowhere does not exist",
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_that_is_none_is_named(
    query: str, tmp_path: Path, run: Callable[..., Told]
) -> None:
    (tmp_path / "lines.csv").write_text("id,acc,day,amount\n1,a,2025-01-01,5\n")
    head = MAPPING.format(path='"lines.csv"').partition("from =")[0]
    (tmp_path / "mapping.toml").write_text(f"{head}query = {json.dumps(query)}\n")
    said = run("import", tmp_path / "mapping.toml", "--out", tmp_path / "out")
    assert said.code == 2
    assert QUERIES[query] in said.err


def test_names_of_columns_are_no_commands(tmp_path: Path, run: Callable[..., Told]) -> None:
    (tmp_path / "lines.csv").write_text('"id""; --",acc,day,"am\'t)"\n1,a,2025-01-01,5\n')
    text = MAPPING.format(path='"lines.csv"')
    text = text.replace('"id"', '\'"id""; --"\'').replace('"amount"', '"\\"am\'t)\\""')
    (tmp_path / "mapping.toml").write_text(
        text.replace("columns = { ", 'columns = { \'x"; DROP TABLE lines; --\' = "1", ')
    )
    said = run("import", tmp_path / "mapping.toml", "--out", tmp_path / "out")
    assert said.code == 0
    assert 'CT004 orders.x"; DROP TABLE lines; --' in said.out
    assert pq.read_table(tmp_path / "out" / "orders.parquet").to_pylist()[0]["net_amount"] == 5


def test_a_sheet_that_names_a_column_twice_keeps_both_apart(
    tmp_path: Path, run: Callable[..., Told]
) -> None:
    header, row = (*COLUMNS, "amount"), ("1", "a", "2025-01-01", "5", "9")
    _write(tmp_path / "lines.xlsx", header, [row])
    (tmp_path / "mapping.toml").write_text(MAPPING.format(path='"lines.xlsx"'))
    assert run("import", tmp_path / "mapping.toml", "--out", tmp_path / "out").code == 0
    assert pq.read_table(tmp_path / "out" / "orders.parquet").to_pylist()[0]["net_amount"] == 5


def test_a_text_with_nul_is_refused_before_a_database_sees_it(
    tmp_path: Path, run: Callable[..., Told]
) -> None:
    folder = _folder(tmp_path / "portfolio")
    table = pa.table({
        "order_id": ["1", "2"], "account_id": ["a\0b", "c"], "ordered_at": ["2025-01-01"] * 2,
        "net_amount": [1.0, 2.0],
    })  # fmt: skip
    pq.write_table(table, folder / "orders.parquet")
    assert "CT023 orders.account_id (1 row: data row 1)" in run("check", folder).out
    assert list(_results(run("score", folder, "--json"))) == ["c"]


def _order(**more: object) -> dict[str, object]:
    return {"order_id": "1", "ordered_at": "2025-06-01", "net_amount": 5.0, **more}


BODIES: Mapping[str, tuple[str, str, list[object]]] = {
    "a needed column is absent": (
        "CT010", "/accounts/0/orders/0/net_amount",
        [{"account_id": "a", "orders": [{"order_id": "1", "ordered_at": "2025-06-01"}]}],
    ),
    "two types": (
        "CT014", "/accounts/0/orders/1/net_amount",
        [{"account_id": "a", "orders": [_order(), _order(order_id="2", net_amount="many")]}],
    ),
    "amounts all null": (
        "CT010", "/accounts/0/orders/0/net_amount",
        [{"account_id": "a", "orders": [_order(net_amount=None)]}],
    ),
    "no id": ("CT010", "/accounts/0/account_id", [{"orders": [_order()]}]),
    "NUL": ("CT023", "/accounts/0/account_id", [{"account_id": "a\0", "orders": [_order()]}]),
    "a date to come": (
        "CT017", "/accounts/0/orders/0/ordered_at",
        [{"account_id": "a", "orders": [_order(ordered_at="2199-01-01")]}],
    ),
    "no account": ("RQ009", "/accounts", []),
}  # fmt: skip


@pytest.mark.parametrize("title", BODIES)
def test_a_body_without_a_good_account_is_named_at_both_doors(
    title: str, tmp_path: Path, run: Callable[..., Told], door: Door
) -> None:
    code, pointer, accounts = BODIES[title]
    body = {"as_of": "2025-07-01", "accounts": accounts}
    answered = door.score(body)
    assert answered.status_code == 422
    faults = [(fault["code"], fault["pointer"]) for fault in answered.json()["errors"]]
    assert faults == [(code, pointer)]
    assert "clock of the import" not in answered.text
    (tmp_path / "BODY.json").write_text(json.dumps(body))
    said = run("score", tmp_path / "BODY.json")
    assert (said.code, said.out) == (2, "")
    assert code in said.err
    said = run("score", tmp_path / "BODY.json", "--json")
    listed = json.loads(said.out)["error"]["errors"]
    assert [(fault["code"], fault["pointer"]) for fault in listed] == faults


def test_a_faulty_account_leaves_the_others_scored_at_both_doors(
    tmp_path: Path, run: Callable[..., Told], door: Door
) -> None:
    accounts = [
        {"account_id": "bad", "orders": [_order(net_amount="many")]},
        {"account_id": "good", "orders": [_order()]},
    ]
    body = {"as_of": "2025-07-01", "language": None, "store": None, "accounts": accounts}
    answer = door.score(body).json()
    assert [result["account_id"] for result in answer["results"]] == ["good"]
    assert [fault["pointer"] for fault in answer["errors"]] == ["/accounts/0/orders/0/net_amount"]
    (tmp_path / "BODY.json").write_text(json.dumps(body))
    said = json.loads(run("score", tmp_path / "BODY.json").out)
    assert (said["results"], said["errors"]) == (answer["results"], answer["errors"])


def _deal(stage: str, owner: str) -> dict[str, object]:
    move = {"changed_at": "2025-06-01", "stage": stage, "amount": 100.0, "owner_id": owner}
    return {"opportunity_id": "D", "created_at": "2025-06-01", "history": [move]}


def test_a_stage_that_nobody_listed_is_told(door: Door) -> None:
    account = {"account_id": "a", "opportunities": [_deal("'; DROP TABLE stages; --", "X")]}
    told = door.score({"as_of": "2025-07-01", "accounts": [account]}).json()["warnings"]
    assert [warning for warning in told if "stage" in warning] == [
        "1 move into a stage that the portfolio does not list, first"
        " /accounts/0/opportunities/0/history/0/stage: taken to be open."
    ]
