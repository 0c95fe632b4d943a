from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from serving.cli.main import main

ORDERS = """\
id;customer;day;amount
536365;17850;2010-12-01;139.12
536366;17850;2010-12-01;22.20
536367;13047;2010-12-01;oops
536367;13047;2010-12-02;10.00
"""
MAPPING = """\
[portfolio]
name = "Giftware"
currency = "GBP"
timezone = "Europe/London"

[sources]
lines = "lines.csv"

[tables.orders]
from = "lines"
columns = { order_id = "id", account_id = "customer", ordered_at = "day", net_amount = "amount" }
"""


@pytest.fixture
def export(home: Path, tmp_path: Path) -> Path:
    (tmp_path / "lines.csv").write_text(ORDERS)
    (tmp_path / "mapping.toml").write_text(dedent(MAPPING))
    return tmp_path


def test_an_import_tells_rows_kept_and_refused_and_ends_with_0(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(export / "mapping.toml"), "--out", str(export / "out")]) == 0
    shown = capsys.readouterr()
    assert " orders     4     3       0        1" in shown.out
    assert "CT014 orders.net_amount (1 row: data row 3)" in shown.out
    assert shown.err == ""
    assert (export / "out" / "orders.parquet").is_file()


def test_an_import_as_json_prints_one_document(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["import", str(export / "mapping.toml"), "--out", str(export / "out"), "--json"]
    assert main(given) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert report["tables"] == [
        {"table": "orders", "rows_in": 4, "kept": 3, "merged": 0, "refused": 1}
    ]
    assert [violation["code"] for violation in report["violations"]] == ["CT014"]
    assert shown.err == ""


def test_an_import_without_its_source_file_names_it_and_ends_with_2(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (export / "lines.csv").unlink()
    given = ["import", str(export / "mapping.toml"), "--out", str(export / "out"), "--json"]
    assert main(given) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "CT005"
    assert [violation["table"] for violation in error["violations"]] == ["lines"]
    assert not (export / "out").exists()


def test_a_check_lists_findings_and_ends_with_0(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["import", str(export / "mapping.toml"), "--out", str(export / "out")])
    capsys.readouterr()
    assert main(["check", str(export / "out"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is True
    assert said["portfolio"] == "Giftware"
    assert said["tables"]["orders"] == 3
    assert main(["check", str(export / "out")]) == 0
    assert "orders" in capsys.readouterr().out


def test_a_check_of_a_hand_made_folder_shows_its_violations(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "portfolio.toml").write_text('currency = "GBP"\ntimezone = "Europe/London"\n')
    (tmp_path / "orders.csv").write_text(
        "order_id,account_id,ordered_at,net_amount\n1,a,2010-12-01,5\n2,,2010-12-01,5\n"
    )
    assert main(["check", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert [(v["code"], v["column"]) for v in said["violations"]] == [("CT010", "account_id")]
    assert main(["check", str(tmp_path)]) == 0
    assert "CT010 orders.account_id (1 row: data row 2)" in capsys.readouterr().out


def test_a_check_of_an_unusable_folder_ends_with_2(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "portfolio.toml").write_text('currency = "GBP"\ntimezone = "Europe/London"\n')
    assert main(["check", str(tmp_path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["violations"][0]["code"] == "CT002"
    assert main(["check", str(tmp_path / "nowhere")]) == 2
    assert "Traceback" not in capsys.readouterr().err


DEALS = """\
id;customer;opened;state;rep
"""
NASTY = "<script>alert(1)</script>'; DROP TABLE orders; --"


def make_portfolio(folder: Path, orders: str, accounts: str | None = None) -> None:
    (folder / "portfolio.toml").write_text('currency = "GBP"\ntimezone = "Europe/London"\n')
    (folder / "orders.csv").write_text("order_id,account_id,ordered_at,net_amount\n" + orders)
    if accounts is not None:
        (folder / "accounts.csv").write_text("account_id,name,country\n" + accounts)


def findings(
    folder: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> list[dict[str, object]]:
    assert main(["check", str(folder), "--json", *options]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["findings"]
    return found


def test_a_check_writes_one_page_that_loads_nothing_and_trusts_no_record(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_portfolio(tmp_path, f"1,{NASTY},2010-12-01,5\n1,{NASTY},2010-12-01,5\n")
    assert main(["check", str(tmp_path), "--html", str(tmp_path / "q.html"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["html"] == str(tmp_path / "q.html")
    page = (tmp_path / "q.html").read_text(encoding="utf-8")
    assert "DQ001" in page
    assert "A line exported twice counts its revenue twice." in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert [word for word in ("src=", "href=", "url(", "@import", "http") if word in page] == [
        "http"
    ]  # the policy that forbids requests
    assert page.count("http") == 1
    assert 'http-equiv="Content-Security-Policy"' in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_a_page_that_cannot_be_written_is_a_coded_error(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_portfolio(tmp_path, "1,a,2010-12-01,5\n")
    for option in ("--html", "--merges-out"):
        assert main(["check", str(tmp_path), option, str(tmp_path / "no" / "where")]) == 2
        assert "CL003" in capsys.readouterr().err


def test_suggested_merges_are_applied_by_an_import(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lines.csv").write_text(
        "id;customer;day;amount\n1;a;2010-12-01;5\n2;b;2010-12-02;7\n3;b;2010-12-03;7\n"
    )
    (tmp_path / "names.csv").write_text("id;name;land\na;ACME S.A.;FR\nb;Acme;\nc;Other;FR\n")
    companies = (
        '[tables.accounts]\nfrom = "names"\ncolumns = { account_id = "id", name = "name" }\n'
    )
    text = MAPPING.replace('"lines.csv"', '"lines.csv"\nnames = "names.csv"') + companies
    (tmp_path / "mapping.toml").write_text(text)
    given = ["import", str(tmp_path / "mapping.toml"), "--out", str(tmp_path / "out")]
    assert main(given) == 0
    merges = tmp_path / "merges.csv"
    assert main(["check", str(tmp_path / "out"), "--merges-out", str(merges)]) == 0
    assert "DQ033 warning accounts.name: 1 of 3" in capsys.readouterr().out
    assert merges.read_text().splitlines()[1] == "a,b,100.0,ACME S.A. | Acme"
    assert main([*given, "--merges", str(merges), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["accounts_merged"], report["rows_moved"]) == (1, 1)
    assert {t["table"]: (t["kept"], t["merged"]) for t in report["tables"]} == {
        "orders": (3, 0), "accounts": (2, 1),
    }  # fmt: skip
    assert (tmp_path / "out" / "merged" / "accounts.parquet").is_file()
    assert [f["code"] for f in findings(tmp_path / "out", capsys) if f["code"] == "DQ033"] == []
    merges.write_text("account_id,merge_into\na,nobody\n")
    assert main([*given, "--merges", str(merges)]) == 2
    assert "MG003" in capsys.readouterr().err


def test_an_export_of_current_states_tells_its_outcome_to_the_audit_alone(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    states = ["won", "lost", "open"]
    rows = [
        f"D{i};{'' if i % 3 == 2 and i % 10 else f'a{i % 9}'};2011-0{1 + i // 3 % 9}-11;"
        f"{states[i % 3]};r{i // 3 % 5}\n"
        for i in range(300)
    ]
    (tmp_path / "deals.csv").write_text(DEALS + "".join(rows))
    (tmp_path / "mapping.toml").write_text(
        '[portfolio]\ncurrency = "EUR"\ntimezone = "UTC"\n[sources]\ndeals = "deals.csv"\n'
        '[tables.opportunities]\nfrom = "deals"\ncolumns = { opportunity_id = "id",'
        ' account_id = "customer", created_at = "opened", owner_id = "rep" }\n'
        '[audit.deals]\nfrom = "deals"\noutcome = "state"\nleave_out = ["state"]\n'
    )
    given = ["import", str(tmp_path / "mapping.toml"), "--out", str(tmp_path / "out")]
    assert main(given) == 0
    capsys.readouterr()
    [found] = [f for f in findings(tmp_path / "out", capsys) if f["code"] == "DQ031"]
    assert (found["table"], found["column"], found["count"]) == ("audit.deals", "customer", 90)
    text = (tmp_path / "mapping.toml").read_text()
    for old, new in (('"state"\nleave', '"stat"\nleave'), ('["state"]', '["x; --"]')):
        (tmp_path / "mapping.toml").write_text(text.replace(old, new))
        assert main(given) == 2
        assert "CT006 audit.deals" in capsys.readouterr().err
    (tmp_path / "out" / "audit" / "deals.parquet").write_text("no parquet")
    assert main(["check", str(tmp_path / "out")]) == 2
    assert "CT005" in capsys.readouterr().err


@pytest.mark.real_data
def test_the_hardware_seller_s_missing_account_is_a_leakage_suspect(
    home: Path, tmp_path: Path, real_data: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    name = "crm_sales_opportunities"
    out = str(tmp_path / "out")
    assert main(["import", name, "--sources", str(real_data(name)), "--out", out]) == 0
    capsys.readouterr()
    [found] = [f for f in findings(Path(out), capsys) if f["code"] in {"DQ031", "DQ032"}]
    assert (found["table"], found["column"], found["count"]) == ("audit.deals", "account", 1425)
    assert str(found["message"]).endswith(
        "account is missing on 68% of those still open and on 0% of the others."
    )


@pytest.mark.parametrize(
    ("orders", "code"),
    [
        ("", "CT007"),  # no account at all
        ("1,a,2010-12-01,\n2,b,2010-12-01,\n", "CT007"),  # amounts all missing
    ],
)
def test_a_portfolio_of_nothing_is_a_coded_error(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], orders: str, code: str
) -> None:
    make_portfolio(tmp_path, orders)
    assert main(["check", str(tmp_path), "--html", str(tmp_path / "q.html")]) == 2
    assert code in capsys.readouterr().err


def test_a_portfolio_without_a_needed_column_is_a_coded_error(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_portfolio(tmp_path, "1,a,2010-12-01,5\n")
    (tmp_path / "orders.csv").write_text("order_id,account_id,ordered_at\n1,a,2010-12-01\n")
    assert main(["check", str(tmp_path)]) == 2
    assert "CT003 orders.net_amount" in capsys.readouterr().err


def test_two_types_in_a_column_and_a_portfolio_of_one_account_get_an_honest_answer(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_portfolio(tmp_path, "1,a,2010-12-01,5\n2,a,2010-12-02,many\n", "a,=cmd(),FR\n")
    assert main(["check", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [v["code"] for v in said["violations"]] == ["CT014"]
    assert said["ok"] is False
    codes = [finding["code"] for finding in said["findings"]]
    assert {"DQ019", "DQ021"} <= set(codes)


def test_sql_in_names_ids_and_values_stays_data(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = "x'); DROP TABLE orders; --"
    make_portfolio(
        tmp_path, f"1,{bad},2010-12-01,5\n1,{bad},2010-12-01,5\n", f"{bad},{bad},{bad}\n"
    )
    found = findings(tmp_path, capsys, "--merges-out", str(tmp_path / "m.csv"))
    assert [f["examples"] for f in found if f["code"] == "DQ007"] == [[bad]]
    (tmp_path / "m.csv").write_text(f'account_id,merge_into\n"{bad}","{bad}2"\n')
    (tmp_path / "orders.csv").rename(tmp_path / "export.csv")
    (tmp_path / "mapping.toml").write_text(
        MAPPING.replace("lines.csv", "export.csv").replace('"id"', '"order_id"')
        .replace('"customer"', '"account_id"').replace('"day"', '"ordered_at"')
        .replace('net_amount = "amount"', 'net_amount = "net_amount"')
    )  # fmt: skip
    given = ["import", str(tmp_path / "mapping.toml"), "--out", str(tmp_path / "out"), "--merges"]
    assert main([*given, str(tmp_path / "m.csv")]) == 2
    assert "MG003" in capsys.readouterr().err
