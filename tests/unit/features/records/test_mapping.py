"""What becomes of an export."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.errors import ContractError, SettingsError
from features.records.folder import open_portfolio, read_records
from features.records.mapping import (
    ImportReport,
    import_portfolio,
    read_mapping,
    resolve_mapping,
    shipped_mappings,
)

CLOCK = datetime(2026, 11, 22, tzinfo=UTC)
HEAD = '[portfolio]\ncurrency = "EUR"\ntimezone = "Europe/Paris"\n[sources]\nlines = "lines.csv"\n'
TABLE = """
[tables.orders]
from = "lines"
columns = { order_id = "Doc", account_id = '"Client No"', ordered_at = "Day", net_amount = "Amount"}
"""
LINES = """Doc,Client No,Day,Amount
00017,A-1,2011-06-01,10.5
18,A-1,2011-06-02,20
18,A-1,2011-06-02,20
19,,2011-06-03,30
"""


def run(folder: Path, mapping: str, **files: str) -> ImportReport:
    (folder / "mapping.toml").write_text(mapping, encoding="utf-8")
    for name, text in {"lines": LINES, **files}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return import_portfolio(folder / "mapping.toml", out=folder / "out", clock=CLOCK)


def write_sheet(path: Path, rows: list[list[object]]) -> None:
    """Write the least that a spreadsheet program reads."""
    cells = "".join(
        "<row>"
        + "".join(
            f'<c t="inlineStr"><is><t>{value}</t></is></c>'
            if isinstance(value, str)
            else f"<c><v>{value}</v></c>"
            for value in row
        )
        + "</row>"
        for row in rows
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="rId1"'
        f' Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="First" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="rId1"'
        f' Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData>'
        "</worksheet>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')


def codes(error: ContractError) -> list[tuple[str, str, str | None]]:
    return [(v.code, v.table, v.column) for v in error.violations]


def test_an_export_becomes_contract_tables(tmp_path: Path) -> None:
    report = run(tmp_path, HEAD + TABLE)
    portfolio = open_portfolio(tmp_path / "out")
    assert portfolio == report.portfolio
    assert (portfolio.name, portfolio.currency) == ("out", "EUR")
    assert portfolio.data_as_of == datetime(2011, 6, 1, 22, tzinfo=UTC)
    orders = read_records(portfolio).tables["orders"].to_pylist()
    assert orders[0] == {
        "order_id": "00017",
        "account_id": "A-1",
        "ordered_at": datetime(2011, 5, 31, 22, tzinfo=UTC),
        "net_amount": 10.5,
    }
    assert pq.read_table(tmp_path / "out" / "refused" / "orders.parquet").to_pylist() == [
        {
            "order_id": "19",
            "account_id": None,
            "ordered_at": "2011-06-03",
            "net_amount": "30",
            "row": 3,
            "codes": "CT010",
            "messages": "account_id: A value is missing where one is needed."
            " Fill it in, or leave the row out.",
        }
    ]


def test_the_report_counts_and_is_json(tmp_path: Path) -> None:
    report = json.loads(json.dumps(run(tmp_path, HEAD + TABLE).to_json()))
    assert report["tables"] == [
        {"table": "orders", "rows_in": 4, "kept": 3, "merged": 0, "refused": 1}
    ]
    assert (report["identical_lines"], report["derived"]) == (1, {"accounts": 1})
    assert report["notes"] == [
        "The table accounts is not mapped: 1 row derived from the other tables.",
        "1 order line with all columns equal to those of an earlier one: kept; distinct = true in"
        " the mapping merges such lines.",
    ]


def test_distinct_merges_identical_lines(tmp_path: Path) -> None:
    report = run(tmp_path, HEAD + TABLE + "distinct = true\n")
    [count] = report.tables
    assert (count.rows_in, count.kept, count.merged, count.refused) == (4, 2, 1, 1)


def test_where_chooses_rows_and_a_query_may_stand_for_all(tmp_path: Path) -> None:
    query = """
[tables.accounts]
query = 'SELECT DISTINCT "Client No" AS account_id FROM lines WHERE "Client No" IS NOT NULL;'
"""
    report = run(tmp_path, HEAD + TABLE + "where = '\"Client No\" IS NOT NULL'\n" + query)
    assert [(c.table, c.rows_in, c.refused) for c in report.tables] == [
        ("accounts", 1, 0),
        ("orders", 3, 0),
    ]
    assert report.violations == ()


def test_sources_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lines.csv").write_text(LINES, encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(HEAD + TABLE, encoding="utf-8")
    told: list[str] = []
    import_portfolio(
        tmp_path / "mapping.toml",
        out=tmp_path / "out",
        sources=tmp_path / "data",
        clock=CLOCK,
        progress=told.append,
    )
    assert told[:3] == ["Reading lines.csv", "Mapping orders", "Checking the rows"]


def test_globs_tabs_and_parquet_are_read(tmp_path: Path) -> None:
    for number in (1, 2):
        text = f"Doc\tClient No\tDay\tAmount\n{number}\t00{number}\t2011-06-01\t1\n"
        (tmp_path / f"part{number}.tsv").write_text(text, encoding="utf-8")
    report = run(tmp_path, (HEAD + TABLE).replace("lines.csv", "part*.tsv"))
    accounts = read_records(report.portfolio).tables["accounts"]
    assert accounts.to_pydict() == {"account_id": ["001", "002"]}
    pq.write_table(
        pa.table({"Doc": [1], "Client No": [7.0], "Day": [date(2011, 6, 1)], "Amount": [1]}),
        tmp_path / "lines.parquet",
    )
    report = run(tmp_path, (HEAD + TABLE).replace("lines.csv", "lines.parquet"))
    accounts = read_records(report.portfolio).tables["accounts"]
    assert accounts.to_pydict() == {"account_id": ["7"]}


def test_a_spreadsheet_is_read_with_its_mixed_cells(tmp_path: Path) -> None:
    rows = [
        ["Doc", "Client No", "Day", "Amount"],
        [17, "A-1", "2011-06-01", 10.5],
        ["18b", 17850.0, "2011-06-02", 20],
    ]
    write_sheet(tmp_path / "lines.xlsx", rows)
    report = run(tmp_path, (HEAD + TABLE).replace("lines.csv", "lines.xlsx"))
    orders = read_records(report.portfolio).tables["orders"]
    assert orders.select(["order_id", "account_id", "net_amount"]).to_pylist() == [
        {"order_id": "18b", "account_id": "17850", "net_amount": 20.0},
        {"order_id": "17", "account_id": "A-1", "net_amount": 10.5},
    ]
    sheet = 'lines = { path = "lines.xlsx", sheet = "Second" }'
    with pytest.raises(ContractError, match="it has no sheet Second, only First"):
        run(tmp_path, (HEAD + TABLE).replace('lines = "lines.csv"', sheet))


def test_long_codes_keep_all_their_digits(tmp_path: Path) -> None:
    code = "12345678901234567890"
    report = run(tmp_path, HEAD + TABLE, lines=LINES.replace("A-1", code))
    assert read_records(report.portfolio).tables["accounts"].to_pydict() == {"account_id": [code]}


@pytest.mark.parametrize(
    ("old", "new", "column", "words"),
    [
        ('"Amount"', '"Montant"', "net_amount", "has the columns Doc, Client No, Day, Amount"),
        ('"Amount"', '"CAST(Day::VARCHAR AS DOUBLE)"', "net_amount", "TRY_CAST"),
        ('"Amount"', '"Amount +"', "net_amount", "Correct the expression"),
        ("columns =", 'where = "Nobody > 3"\ncolumns =', None, "Nobody"),
    ],
)
def test_an_expression_that_fails_is_named(
    tmp_path: Path, old: str, new: str, column: str | None, words: str
) -> None:
    with pytest.raises(ContractError) as caught:
        run(tmp_path, (HEAD + TABLE).replace(old, new))
    [violation] = caught.value.violations
    assert (violation.code, violation.table, violation.column) == ("CT006", "orders", column)
    assert words in violation.message


def test_a_query_that_fails_is_named(tmp_path: Path) -> None:
    query = '[tables.orders]\nquery = "SELECT nothing FROM lines"\n'
    with pytest.raises(ContractError) as caught:
        run(tmp_path, HEAD + query)
    assert codes(caught.value) == [("CT006", "orders", None)]


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    mapping = (
        HEAD
        + 'gone = "gone.csv"\n'
        + TABLE.replace('order_id = "Doc", ', "")
        + """
[tables.stages]
from = "gone"
columns = { stage = "a" }
[tables.accounts]
query = "SELECT * FROM gone"
[tables.colours]
from = "lines"
columns = { colour = "Doc" }
[tables.products]
from = "lines"
columns = { product_id = "NULL" }
[tables.owners]
from = "lines"
columns = { owner_id = "Nobody" }
"""
    )
    with pytest.raises(ContractError) as caught:
        run(tmp_path, mapping)
    assert codes(caught.value) == [
        ("CT005", "gone", None),
        ("CT001", "colours", None),
        ("CT006", "owners", None),
        ("CT003", "orders", "order_id"),
        ("CT010", "orders", "account_id"),
        ("CT010", "products", "product_id"),
        ("CT007", "orders", None),
        ("CT007", "products", None),
    ]
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_file_that_cannot_be_read_is_reported_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "lines.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(ContractError) as caught:
        run(tmp_path, (HEAD + TABLE).replace("lines.csv", "lines.parquet"))
    assert codes(caught.value) == [("CT005", "lines", None)]
    (tmp_path / "lines.dat").write_bytes(b"x")
    with pytest.raises(ContractError, match=r"no known format.*Use one of \.csv"):
        run(tmp_path, (HEAD + TABLE).replace("lines.csv", "lines.dat"))


def test_history_of_unknown_deals_is_refused_and_late_rows_are_counted(tmp_path: Path) -> None:
    mapping = (
        HEAD.replace("lines", "deals")
        + """
moves = "moves.csv"
steps = "steps.csv"
[tables.opportunities]
from = "deals"
columns = { opportunity_id = "id", account_id = "account", created_at = "day" }
[tables.opportunity_history]
from = "moves"
columns = { opportunity_id = "id", changed_at = "day", stage = "stage" }
[tables.stages]
from = "steps"
columns = { stage = "stage", position = "n", outcome = "outcome" }
"""
    )
    report = run(
        tmp_path,
        mapping,
        deals="id,account,day\nD-1,A,2011-01-01\n",
        moves="id,day,stage\nD-1,2011-01-01,new\nD-1,2011-01-02,won\nD-1,2011-01-03,new\n"
        "D-9,2011-01-01,new\n",
        steps="stage,n,outcome\nnew,0,open\nwon,1,won\n",
    )
    assert [(v.code, v.rows) for v in report.violations] == [("CT020", (3,))]
    assert (report.rows_after_close, report.deals_after_close) == (1, 1)
    counts = {c.table: (c.rows_in, c.kept, c.refused) for c in report.tables}
    assert counts["opportunity_history"] == (4, 3, 1)


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("[tables.orders]", "[tables.orders]\nfilter = 'x'", "PF003",
         "tables.orders.filter is not a key here; allowed: from, where, columns, query, distinct"),
        ("[portfolio]", "[portfolio]\ncolour = 1", "PF003", "allowed: name, currency"),
        ('from = "lines"', 'from = "rows"', "PF008", "names no source"),
        ('from = "lines"', 'from = "lines"\nquery = "SELECT 1"', "PF004", "either from and"),
        ('from = "lines"', "", "PF004", "either from and columns"),
        ('lines = "lines.csv"', '"my lines" = "lines.csv"', "PF004", "sources"),
        ('currency = "EUR"', "", "PF004", "portfolio.currency is missing"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_named_with_its_fault(
    tmp_path: Path, old: str, new: str, code: str, words: str
) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text((HEAD + TABLE).replace(old, new), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_mapping(path)
    assert caught.value.code == code
    assert words in caught.value.message


def test_a_shipped_mapping_is_found_by_its_name(tmp_path: Path) -> None:
    assert {
        "bpi2012_loan_pipeline", "crm_sales_opportunities", "northwind", "ravenstack_saas",
        "uci_online_retail",
    } <= set(shipped_mappings())  # fmt: skip
    for name in shipped_mappings():
        assert read_mapping(resolve_mapping(name)).tables
    path = tmp_path / "mine.toml"
    path.write_text(HEAD, encoding="utf-8")
    assert resolve_mapping(str(path)) == path
    with pytest.raises(SettingsError, match=r"PF008.*Shipped: .*northwind"):
        resolve_mapping("southwind")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("uci_online_retail", {"accounts": (4372, 4372), "orders": (406829, 406829)}),
        (
            "bpi2012_loan_pipeline",
            {
                "accounts": (13087, 13087),
                "interactions": (71373, 71373),
                "opportunities": (13087, 13087),
                "opportunity_history": (92093, 92093),
                "stages": (17, 17),
            },
        ),
        (
            "crm_sales_opportunities",
            {
                "accounts": (85, 85),
                "opportunities": (8800, 7212),
                "owners": (35, 35),
                "products": (7, 7),
            },
        ),
        (
            "northwind",
            {
                "accounts": (93, 93),
                "contacts": (93, 93),
                "orders": (2155, 2155),
                "owners": (9, 9),
                "products": (77, 77),
            },
        ),
        (
            "ravenstack_saas",
            {
                "accounts": (500, 500),
                "interactions": (27000, 27000),
                "subscriptions": (5000, 5000),
                "account_events": (600, 600),
            },
        ),
    ],
)
def test_the_public_data_sets_are_imported_whole(
    tmp_path: Path,
    real_data: Callable[[str], Path],
    name: str,
    counts: dict[str, tuple[int, int]],
) -> None:
    report = import_portfolio(
        resolve_mapping(name), out=tmp_path / name, sources=real_data(name), clock=CLOCK
    )
    assert {c.table: (c.rows_in, c.kept) for c in report.tables} == counts
    assert open_portfolio(tmp_path / name) == report.portfolio


@pytest.mark.real_data
def test_the_loan_pipeline_closes_as_its_description_says(
    tmp_path: Path, real_data: Callable[[str], Path]
) -> None:
    folder = real_data("bpi2012_loan_pipeline")
    report = import_portfolio(
        resolve_mapping("bpi2012_loan_pipeline"), out=tmp_path / "p", sources=folder, clock=CLOCK
    )
    assert (report.rows_after_close, report.deals_after_close) == (1445, 861)
    tables = read_records(report.portfolio).tables
    outcomes = tables["opportunity_history"].join(tables["stages"], "stage")
    deals = {
        outcome: len(
            outcomes.filter(pc.equal(outcomes["outcome"], outcome))["opportunity_id"].unique()
        )
        for outcome in ("won", "lost")
    }
    assert deals == {"won": 2246, "lost": 10442}
    calls = tables["interactions"]
    assert len(calls["interaction_id"].unique()) == 71373
    assert set(calls["kind"].to_pylist()) == {"call", "other"}


@pytest.mark.real_data
def test_the_giftware_wholesaler_adds_up(tmp_path: Path, real_data: Callable[[str], Path]) -> None:
    report = import_portfolio(
        resolve_mapping("uci_online_retail"),
        out=tmp_path / "p",
        sources=real_data("uci_online_retail"),
        clock=CLOCK,
    )
    assert report.portfolio.data_as_of == datetime(2011, 12, 9, 12, 50, tzinfo=UTC)
    assert report.identical_lines == 5227
    orders = read_records(report.portfolio, ["17850"]).tables["orders"]
    first = orders.filter(pc.equal(orders["order_id"], "536365"))
    assert round(sum(first["net_amount"].to_pylist()), 2) == 139.12
