from __future__ import annotations

import json
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
    assert "CT014 orders.net_amount (1 rows: 2)" in shown.out
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
    assert "CT010 orders.account_id (1 rows: 1)" in capsys.readouterr().out


def test_a_check_of_an_unusable_folder_ends_with_2(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "portfolio.toml").write_text('currency = "GBP"\ntimezone = "Europe/London"\n')
    assert main(["check", str(tmp_path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["violations"][0]["code"] == "CT002"
    assert main(["check", str(tmp_path / "nowhere")]) == 2
    assert "Traceback" not in capsys.readouterr().err
