from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from serving.cli import console


def test_json_holds_days_instants_and_paths_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2011, 9, 10, 8, 26, tzinfo=UTC)
    console.emit(
        {"day": date(2011, 9, 10), "at": at, "path": Path("a/b"), "text": "été", "x": None}
    )
    assert json.loads(capsys.readouterr().out) == {
        "day": "2011-09-10",
        "at": "2011-09-10T08:26:00+00:00",
        "path": "a/b",
        "text": "été",
        "x": None,
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_not_a_number_is_never_printed_as_json(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        console.emit({"x": value})


def test_a_thing_without_a_form_in_json_is_refused() -> None:
    with pytest.raises(TypeError, match="set has no form in JSON"):
        console.emit({"x": {1}})


def test_a_table_aligns_numbers_to_the_right_and_shows_a_dash_for_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console.table(
        ("table", "kept", "share", "ok"),
        [("orders", 541909, 0.51234, True), ("a", 7, None, False), ("b", None, 2.0, True)],
        title="Rows",
    )
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "Rows",
        " table     kept   share  ok",
        " orders  541909  0.5123  yes",
        " a            7       -  no",
        " b            -       2  yes",
    ]


def test_nothing_in_a_text_is_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("[red]Dupont[/red] :smile: " + "long " * 60)
    console.table(("name",), [("[bold]x[/bold]",)])
    shown = capsys.readouterr().out
    assert "[red]Dupont[/red] :smile: long" in shown.splitlines()[0]
    assert "[bold]x[/bold]" in shown


def test_a_warning_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    console.warn("careful")
    assert capsys.readouterr() == ("", "careful\n")


def test_no_bar_is_drawn_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress("Reading", total=2) as advance:
        advance()
        advance(1, now="orders")
    assert capsys.readouterr() == ("", "")


def test_nothing_in_a_text_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("A\x1b[2J\x07 é\u00a0€")
    console.warn("B\x9b2J")
    console.table(("name",), [("C\r\x08",)], title="D\x1b[0m")
    shown = capsys.readouterr()
    assert shown.out.split("\n")[0] == "A\\x1b[2J\\x07 é\u00a0€"
    assert shown.err == "B\\x9b2J\n"
    assert "C\\x0d\\x08" in shown.out
    assert "D\\x1b[0m" in shown.out
