"""The page of an audit says everything in every language, and translates no record."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from features.records.checking import MENDS
from features.records.folder import check_portfolio
from features.records.quality import CHECKS, audit
from features.records.sentences import Sentence
from serving.web.page_words import PageWords
from serving.web.quality_page import quality_page

PLACES = re.compile(r"\{(\w+)(?::[^}]*)?\}")
GROUPS = {
    "those still open", "the others", "the rest", "lapsed accounts", "active ones", "won", "lost",
}  # fmt: skip


def _sentences_of(root: Path) -> Iterator[str]:
    """First arguments of Sentence(...) in the code, where they are written out."""
    for path in (root / "features" / "records").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "Sentence"
                and isinstance(node.args[0], ast.Constant)
            ):
                yield str(node.args[0].value)


def _asked_by_the_template(root: Path) -> Iterator[str]:
    page = (root / "serving" / "web" / "templates" / "quality.html").read_text(encoding="utf-8")
    yield from re.findall(r'say\("([^"]+)"', page)
    yield from re.findall(r'count\([^"]+"([^"]+)"', page)


@pytest.fixture(scope="module")
def french(root: Path) -> dict[str, tuple[str, ...]]:
    source = root / "serving" / "locales" / "fr" / "LC_MESSAGES" / "quality.po"
    catalogue = read_po(io.BytesIO(source.read_bytes()), locale="fr", abort_invalid=True)
    found = {}
    for message in catalogue:
        if message.id:
            name = message.id if isinstance(message.id, str) else message.id[0]
            said = (message.string,) if isinstance(message.string, str) else tuple(message.string)
            found[name] = said
    return found


def test_every_text_of_the_page_has_its_french_and_no_french_is_left_over(
    root: Path, french: dict[str, tuple[str, ...]]
) -> None:
    texts = {text for c in CHECKS.values() for text in (c.title, c.how, c.why, c.fix)}
    severities = {check.severity for check in CHECKS.values()}
    notes = {"The table accounts is absent: accounts are derived from the other tables."}
    expected = texts | severities | notes | GROUPS | set(MENDS.values())
    expected |= set(_sentences_of(root)) | set(_asked_by_the_template(root))
    assert sorted(expected - french.keys()) == []
    assert sorted(french.keys() - expected) == []


def test_the_french_has_the_same_places_and_its_own_spaces(
    french: dict[str, tuple[str, ...]],
) -> None:
    for english, said in french.items():
        for text in said:
            assert text.strip(), english
            assert sorted(PLACES.findall(text)) == sorted(PLACES.findall(english)), english
            outside = PLACES.sub("", text)
            assert not re.search(r"(?<!\u00a0):(?!\S)|(?<!\u202f);", outside), text


def test_numbers_are_written_as_the_language_does() -> None:
    said = Sentence("{count} of {of} ({share:.1%}): {title}.", count=1, of=3, share=1 / 3,
                    title=Sentence("accounts without any activity"))  # fmt: skip
    assert said == "1 of 3 (33.3%): accounts without any activity."
    assert PageWords("en").say(said) == "1 of 3 (33.3%): accounts without any activity."
    assert PageWords("fr").say(said) == (
        "1 sur 3 (33,3\u202f%)\u00a0: comptes sans aucune activité."
    )
    assert PageWords("fr").count(1, "{count} row.", "{count} rows.") == "1 ligne."
    assert PageWords("fr").count(2, "{count} row.", "{count} rows.") == "2 lignes."


def test_an_account_called_warning_is_not_translated(tmp_path: Path) -> None:
    (tmp_path / "portfolio.toml").write_text('currency = "EUR"\ntimezone = "UTC"\n')
    (tmp_path / "orders.csv").write_text(
        "order_id,account_id,ordered_at,net_amount\n1,warning,2010-12-01,5\n2,won,2010-12-01,x\n"
    )
    checked = check_portfolio(tmp_path)
    page = quality_page(checked, audit(checked.records, refused=checked.refused), "fr")
    assert '<html lang="fr">' in page
    assert "<dd>warning</dd>" in page
    assert "Un nombre était attendu." in page
    assert "1 ligne." in page
    assert "comptes dans tout le portefeuille" in page
