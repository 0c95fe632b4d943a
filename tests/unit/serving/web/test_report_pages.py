"""The pages of a back-test and of a watch say everything in both languages, and need no network."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from babel.messages.pofile import read_po

from serving.watching import Watched
from serving.web.backtest_page import NAMES, TITLES, backtest_page, conclusion
from serving.web.monitor_page import ADVICE, MODELS, VERDICTS, monitor_page
from serving.web.page_words import PageWords
from serving.web.pictures import Axis, Series, bars, chart, ticks
from tests.unit.training.test_monitor import FRESH, REFERENCE, TRAINED
from tests.unit.training.test_summary import RESULT, SUMMARY
from training.dataset import task
from training.evaluate import Interval
from training.monitor import CODES, Live, Matured, Watch, watch
from training.summary import Summary, summarise

PLACES = re.compile(r"\{(\w+)(?::[^}]*)?\}")
PAGES = {
    "backtest": (
        ("serving/web/backtest_page.py",),
        {*NAMES.values(), *TITLES.values()},
    ),
    "monitor": (
        ("serving/web/monitor_page.py", "training/monitor/findings.py"),
        {*VERDICTS.values(), *MODELS.values(), *ADVICE.values(), *CODES.values()},
    ),
}


def made_watch(rows: int = 400) -> Watch:
    matrix = TRAINED.matrix.take(np.arange(rows))
    said = np.linspace(0.05, 0.9, rows)
    label = (np.random.default_rng(1).random(rows) < 0.9).astype(float)
    matured = Matured(date(2011, 6, 1), "1", said, label)
    live = Live(date(2011, 9, 15), matrix, said)
    return watch(
        REFERENCE, live, model="churn", version="1", ages=replace(FRESH, scored_as_of=None),
        matured=(matured, replace(matured, as_of=date(2011, 5, 1))),
    )  # fmt: skip


def _of_hundred(summary: Summary, share: float, rule: float) -> Summary:
    pool = dict(summary.pool)
    for name, value in ((summary.rung, share), (summary.rule, rule)):
        pool[name] = replace(pool[name], precision=Interval(value, value - 0.005, value + 0.01))
    return replace(summary, pool=pool)


def _catalogue(root: Path, domain: str) -> dict[str, tuple[str, ...]]:
    source = root / "serving" / "locales" / "fr" / "LC_MESSAGES" / f"{domain}.po"
    found = {}
    for message in read_po(io.BytesIO(source.read_bytes()), locale="fr", abort_invalid=True):
        if message.id:
            name = message.id if isinstance(message.id, str) else message.id[0]
            said = (message.string,) if isinstance(message.string, str) else tuple(message.string)
            found[name] = said
    return found


def _asked_in_code(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            place = {"say": 0, "Sentence": 0, "count": 1}.get(name)
            given = None if place is None or len(node.args) <= place else node.args[place]
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                yield given.value


def _asked_by_the_template(path: Path) -> Iterator[str]:
    page = path.read_text(encoding="utf-8")
    yield from re.findall(r'say\("([^"]+)"', page)
    yield from re.findall(r'count\([^"]+"([^"]+)"', page)


@pytest.mark.parametrize("domain", PAGES)
def test_every_text_of_a_page_has_its_french_and_no_french_is_left_over(
    root: Path, domain: str
) -> None:
    modules, listed = PAGES[domain]
    expected = set(listed)
    for module in modules:
        expected |= set(_asked_in_code(root / module))
    template = root / "serving" / "web" / "templates" / f"{domain}.html"
    expected |= set(_asked_by_the_template(template))
    french = _catalogue(root, domain).keys()
    assert sorted(expected - french) == []
    assert sorted(french - expected) == []


@pytest.mark.parametrize("domain", PAGES)
def test_the_french_has_the_same_places_and_its_own_spaces(root: Path, domain: str) -> None:
    for english, said in _catalogue(root, domain).items():
        for text in said:
            assert text.strip(), english
            # the form for one may leave its number out
            free = {"count"}
            assert {*PLACES.findall(text)} - free == {*PLACES.findall(english)} - free, english
            outside = PLACES.sub("", text)
            assert not re.search(r"(?<!\u00a0):(?!\S)|(?<!\u202f)[;?]|\d %", outside), text


class _Outside(HTMLParser):
    """Collects whatever would leave the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object"):
            self.found.append(tag)
        self.found += [name for name, _ in attrs if name in ("src", "href", "srcset", "xlink:href")]


def _pages(language: str) -> dict[str, str]:
    watched = Watched("A & B", (made_watch(),), ())
    return {
        "backtest": backtest_page(SUMMARY, name="A & B", currency="EUR", language=language),
        "monitor": monitor_page(watched, language=language),
    }


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_page_needs_nothing_but_itself_and_is_small(language: str) -> None:
    for page in _pages(language).values():
        outside = _Outside()
        outside.feed(page)
        assert outside.found == []
        assert "url(" not in page
        assert "A &amp; B" in page
        assert len(page.encode()) < 1_000_000
        assert not re.search(r"\bnan\b|None|Undefined|\{\w+\}", page.partition("</style>")[2])


def test_a_french_page_has_no_english_left_in_it() -> None:
    for page in _pages("fr").values():
        body = page.partition("<body>")[2]
        assert '<html lang="fr">' in page
        assert not re.search(r"\b(the|of|accounts|with|and)\b", re.sub(r"<[^>]+>", " ", body))


@pytest.mark.parametrize(
    ("model", "language", "sentence"),
    [
        ("churn", "en", "Of 100 accounts flagged, 41 left; by recency alone, 30; taken at random,"),
        ("churn", "fr", "Sur 100 comptes signalés, 41 sont partis ; par la récence seule, 30 ;"),
        ("close", "en", "Of 100 deals flagged, 41 were won; by their stage alone, 30;"),
        ("close", "fr", "signalées, 41 ont été gagnées ; par l'étape seule, 30 ;"),
    ],
)
def test_a_manager_reads_one_sentence(model: str, language: str, sentence: str) -> None:
    made = replace(SUMMARY, task=task(model))  # type: ignore[arg-type]
    said = conclusion(_of_hundred(made, 0.41, 0.30), PageWords(language, "backtest"))
    assert sentence in said[0].replace("\u202f", " ")


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Of 100 deals flagged, 1 was won;"),
        ("fr", "signalées, 1 a été gagnée\u202f;"),
    ],
)
def test_one_of_a_hundred_is_spoken_of_in_the_singular(language: str, sentence: str) -> None:
    made = _of_hundred(replace(SUMMARY, task=task("close")), 0.01, 0.01)
    assert sentence in conclusion(made, PageWords(language, "backtest"))[0]


def test_a_ranking_without_skill_is_not_to_be_steered_by() -> None:
    said = conclusion(replace(SUMMARY, verdict="no_skill"), PageWords("en", "backtest"))
    assert said[-1].endswith("do not steer by it.")
    page = backtest_page(
        replace(SUMMARY, verdict="no_skill"), name="x", currency="EUR", language="en"
    )
    assert 'class="conclusion bad"' in page


def test_numbers_are_those_of_the_language() -> None:
    auc = SUMMARY.pool["logistic"].auc.mean
    english, french = _pages("en")["backtest"], _pages("fr")["backtest"]
    assert f"{auc:.3f}" in english
    assert f"{auc:.3f}".replace(".", ",") in french


def test_a_page_without_money_segments_or_reps_is_whole() -> None:
    bare = tuple(replace(day, stakes=None) for day in RESULT.slices[:1])
    page = backtest_page(
        summarise(replace(RESULT, slices=bare), draws=10), name="x", currency="EUR"
    )
    assert "What it is worth" not in page
    assert "By segment" not in page


def test_a_watch_says_what_to_do_and_why() -> None:
    one = made_watch()
    page = monitor_page(Watched("demo", (one,), ("NR040 close keeps nothing.",)))
    assert "Retrain the model." in page
    for found in one.findings:
        assert found.code in page
    assert {"MN006", "MN009"} <= {found.code for found in one.findings}
    assert "NR040 close keeps nothing." in page
    assert page.count("<svg") > 1


def test_a_quiet_watch_says_so() -> None:
    one = replace(made_watch(), findings=(), verdict="steady", realised=(), features=())
    page = monitor_page(Watched("demo", (one,), ()))
    assert "Nothing calls for action: the model holds." in page


def test_a_chart_leaves_out_what_is_not_there_and_escapes_names() -> None:
    axis = Axis("<x>", 0.0, 1.0, lambda value: f"{value:.1f}")
    series = Series("a & b", ((0.0, 0.5), (0.5, float("nan")), (1.0, 1.0)), "linked", 1,
                    ((0.4, 0.6), (0.0, 1.0), (float("nan"), 1.0)))  # fmt: skip
    drawn = chart("A < B", [series], axis, axis)
    assert "A &lt; B" in drawn
    assert "&lt;x&gt;" in drawn
    assert "a &amp; b" in drawn
    assert "nan" not in drawn
    assert drawn.count("<circle") == 3  # two points, and the sign in the legend
    assert drawn.count('class="span') == 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 0.35, [0.0, 0.1, 0.2, 0.3]),
        (0.45, 1.0, [0.6, 0.8, 1.0]),
        (3.0, 3.0, [3.0]),
        (-12.0, 61.0, [0.0, 20.0, 40.0, 60.0]),
    ],
)
def test_axes_are_divided_by_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


def test_bars_never_leave_their_track() -> None:
    drawn = bars([("<b>", 3.0, "3.00"), ("c", -1.0, "-1.00")], 2.0, "PSI")
    assert "width:100.0%" in drawn
    assert "width:0.0%" in drawn
    assert "&lt;b&gt;" in drawn


def test_the_clock_of_a_watch_is_written_as_a_day() -> None:
    one = replace(made_watch(), ages=replace(FRESH, now=datetime(2026, 11, 22, tzinfo=UTC)))
    assert "22 nov. 2026" in monitor_page(Watched("demo", (one,), ()), language="fr")
