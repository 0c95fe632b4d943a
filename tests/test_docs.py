"""The pages say what the code does: codes, verbs, contract, gates, examples, links."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.records.folder import Portfolio, open_portfolio
from features.records.mapping import import_portfolio
from serving.api.body import read_score_request
from serving.cli.main import main
from serving.cli.verbs import VERBS, command_of
from tests.contract_page import page as contract_page
from training.gates import GATES

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("features", "training", "portfolio", "serving")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
CLOCK = datetime(2026, 11, 22, tzinfo=UTC)

CODE = re.compile(r"[A-Z]{2}[0-9]{3}")
LISTS = {"CODES", "VIOLATIONS", "CHECKS", "GATES"}
# Paths of one machine, promises for later, and words that tell a reader nothing.
FORBIDDEN = re.compile(
    r"(?<![\w.])/(?:work|tmp|root|home)/|\bTO" + r"DO\b|\bFIX" + r"ME\b|coming soon"
    r"|\b(?:seamless(?:ly)?|leverag(?:e|es|ing)|cutting-edge|state-of-the-art|powerful|effortless(?:ly)?"
    r"|simply|obviously)\b",
    re.IGNORECASE,
)  # fmt: skip


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _blocks(name: str, language: str) -> list[tuple[str, str]]:
    """Give the label and the text of the fenced blocks of a language."""
    return re.findall(rf"^```{language}\b *(.*)\n((?:.*\n)*?)```$", _read(name), re.MULTILINE)


def _trees() -> Iterator[ast.Module]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ast.parse(path.read_text(encoding="utf-8"))


def _texts(node: ast.AST) -> list[str]:
    return [
        inner.value
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
    ]


def _listed() -> dict[str, list[str]]:
    """Give every code of the lists in the packages, with the texts beside it."""
    found: dict[str, list[str]] = {}
    for tree in _trees():
        for node in tree.body:
            target = node.target if isinstance(node, ast.AnnAssign) else None
            if isinstance(target, ast.Name) and target.id in LISTS:
                assert isinstance(node, ast.AnnAssign)
                assert isinstance(node.value, ast.Dict)
                for key, value in zip(node.value.keys, node.value.values, strict=True):
                    assert isinstance(key, ast.Constant)
                    assert key.value not in found, f"{key.value} is listed twice"
                    found[key.value] = _texts(value)
    return found


def _rows() -> dict[str, str]:
    """Give the lines of the tables on the page of errors, by code."""
    rows = re.findall(r"^\| ([A-Z]{2}[0-9]{3}) (\|.*)$", _read("docs/errors.md"), re.MULTILINE)
    assert len({code for code, _ in rows}) == len(rows)
    return dict(rows)


def test_every_code_in_the_packages_stands_in_a_list() -> None:
    used = {text for tree in _trees() for text in _texts(tree) if CODE.fullmatch(text)}
    assert used - set(_listed()) == set()


def test_every_code_has_its_line_on_the_page_of_errors_and_no_other_has() -> None:
    assert set(_rows()) == {code for code in _listed() if not code.startswith(("DQ", "GT"))}


def test_the_page_of_errors_says_what_the_lists_say() -> None:
    rows = _rows()
    wrong = [
        (code, text)
        for code, texts in _listed().items()
        if code in rows
        for text in texts
        if text not in rows[code]
    ]
    assert wrong == []


def test_every_line_of_an_error_says_how_to_mend_it() -> None:
    assert [code for code, line in _rows().items() if len(line.split(" | ")[-1]) < 8] == []


def test_the_page_of_gates_has_a_part_for_each_gate() -> None:
    headings = re.findall(r"^## (GT\d+): (.*)$", _read("docs/gates.md"), re.MULTILINE)
    assert headings == list(GATES.items())
    parts = re.split(r"^## GT", _read("docs/gates.md"), flags=re.MULTILINE)[1:]
    for part in parts:
        for heading in ("How it is computed.", "Why it matters.", "What to do."):
            assert f"**{heading}**" in part


def test_the_page_of_the_contract_is_in_step() -> None:
    assert _read("docs/data-contract.md") == contract_page(), "python -m tests.contract_page"


def test_the_command_line_page_has_a_part_for_each_verb_in_their_order() -> None:
    assert re.findall(r"^## (.*)$", _read("docs/cli.md"), re.MULTILINE) == list(VERBS)


@pytest.mark.parametrize("verb", list(VERBS))
def test_the_part_of_a_verb_names_its_options_and_no_others(verb: str) -> None:
    part = re.split(r"^## ", _read("docs/cli.md"), flags=re.MULTILINE)[1 + list(VERBS).index(verb)]
    options = {option for found in command_of(verb).params for option in found.opts}
    told = set(re.findall(r"^\| .*?\|", part, re.MULTILINE))
    named = {name for line in told for name in re.findall(r"`(--[a-z-]+)`", line)}
    assert named == {option for option in options if option.startswith("--")}


def _calls(name: str) -> Iterator[list[str]]:
    for language in ("sh", "text"):
        for _, text in _blocks(name, language):
            for line in text.splitlines():
                found = re.match(r"(?:\$ )?(?:\s*\.venv/bin/)?fanal ([a-z].*)", line)
                if found and (language == "sh" or line[0] in "$f"):
                    yield shlex.split(found[1], comments=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_call_that_a_page_shows_can_be_made(name: str) -> None:
    for verb, *rest in _calls(name):
        assert verb in VERBS
        options = {option for found in command_of(verb).params for option in found.opts}
        assert {part for part in rest if part.startswith("--")} <= options


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_that_a_sentence_names_is_there(name: str) -> None:
    assert set(re.findall(r"`fanal ([a-z]+)", _read(name))) <= set(VERBS)


def test_the_quick_lines_of_the_readme_run(capsys: pytest.CaptureFixture[str]) -> None:
    lines = "".join(text for _, text in _blocks("README.md", "sh")).splitlines()
    assert {".venv/bin/fanal --help", "make help"} <= set(lines)
    assert main(["--help"]) == 0
    assert "worklist" in capsys.readouterr().out
    if make := shutil.which("make"):
        said = subprocess.run([make, "help"], cwd=ROOT, capture_output=True, text=True, check=True)
        assert "demo" in said.stdout


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_that_a_page_shows_is_there(name: str) -> None:
    shown = "".join(text for _, text in _blocks(name, "sh"))
    targets = set(re.findall(r"^make ([a-z-]+)", shown, re.MULTILINE))
    assert targets <= set(re.findall(r"^([a-z-]+):", _read("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_every_json_block_can_be_read(name: str) -> None:
    for _, text in _blocks(name, "json"):
        json.loads(text)


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", _read(name))
    here = (ROOT / name).parent
    local = [link for link in links if not link.startswith(("https://", "http://"))]
    assert [link for link in local if not (here / link).exists()] == []


def test_the_index_lists_every_page() -> None:
    links = set(re.findall(r"\]\(([^)]+)\)", _read("docs/README.md")))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")}
    assert pages - {"README.md"} <= links


@pytest.mark.parametrize("name", NAMES)
def test_no_page_names_a_machine_or_wastes_a_word(name: str) -> None:
    assert [found[0] for found in FORBIDDEN.finditer(_read(name))] == []


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """The files of the example on the mapping page."""
    for language in ("csv", "toml"):
        for label, text in _blocks("docs/mapping.md", language):
            (tmp_path / label.removeprefix("file=")).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_example_of_a_mapping_gives_what_its_page_shows(export: Path) -> None:
    report = import_portfolio(export / "mapping.toml", out=export / "lamps", clock=CLOCK)
    counts = {table.table: (table.rows_in, table.kept, table.refused) for table in report.tables}
    assert counts == {"accounts": (3, 3, 0), "orders": (6, 4, 2)}
    shown = _blocks("docs/mapping.md", "text")[0][1]
    assert [str(violation) in shown for violation in report.violations] == [True, True]
    assert f"data as of {report.portfolio.data_as_of}." in shown
    assert (export / "lamps" / "refused" / "orders.parquet").is_file()


def test_the_example_of_a_query_is_imported_as_its_page_says(export: Path) -> None:
    report = import_portfolio(export / "query.toml", out=export / "lamps", clock=CLOCK)
    assert [(table.table, table.kept) for table in report.tables] == [("orders", 3)]
    assert open_portfolio(export / "lamps").data_as_of == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_the_request_of_the_readme_has_no_fault() -> None:
    request = read_score_request(
        _blocks("README.md", "json")[0][1].encode(),
        portfolio=Portfolio("demo", "EUR", "Europe/Paris", frozenset(), CLOCK),
        reference={},
        clock=CLOCK,
        language="en",
        max_accounts=1000,
    )
    assert request.account_ids == ("K-17",)
    assert request.errors == ()


def test_the_points_of_the_answer_in_the_readme_add_up() -> None:
    priority = json.loads(_blocks("README.md", "json")[1][1])["results"][0]["priority"]
    assert sum(term["points"] for term in priority["terms"]) == pytest.approx(39.48, abs=0.005)
    assert priority["score"] == 39.48
