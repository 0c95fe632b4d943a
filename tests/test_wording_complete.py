"""Everything that can be said has words in every language, and no words are left over."""

from __future__ import annotations

import io
import re
from itertools import product
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from features.signals.catalogue import CATALOGUE
from serving.evidence import find_evidence
from serving.explanations import FIGURES, NOTHING, PRIOR, STANDING_FOR, Figure, Model, Reason
from serving.explanations.reasons import ENTITY_OF_MODEL
from serving.wording import LABELS, LANGUAGES, Words, word

ROOT = Path(__file__).resolve().parents[1]
MODELS = {"churn": "account", "close": "deal"}
DIRECTIONS = ("up", "down")
# A deal's stage says nothing of an account.
PSEUDO = {("SEGMENT_RATE", "churn"), ("SEGMENT_RATE", "close"), ("STAGE_RATE", "close")}
JARGON = re.compile(
    r"shap|log.?odds|model|modèle|feature|variable|contribution|coefficient|garanti"
    r"|certain|sans doute|guarantee|will (leave|win)",
    re.IGNORECASE,
)


def _catalogue(language: str) -> Catalog:
    path = ROOT / "serving" / "locales" / language / "LC_MESSAGES" / "fanal.po"
    return read_po(io.BytesIO(path.read_bytes()), locale=language, abort_invalid=True)


CATALOGUES = {language: _catalogue(language) for language in LANGUAGES}


def _id(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _sentences(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def _messages(language: str) -> dict[str, Message]:
    return {_id(message): message for message in CATALOGUES[language] if message.id}


def _codes(entity: str) -> set[str]:
    return {feature.about.reason for feature in CATALOGUE if feature.entity == entity}


def _variants(figure: Figure) -> dict[str, set[str]]:
    """Every ending that a figure's id may have, with the numbers that its sentence must show."""
    usual = ["", ".usual"] if figure.usual else [""]
    peer = ["", ".peer"] if figure.has_peer else [""]
    endings = [
        "",
        *([".none"] if figure.has_none else []),
        *([".ahead"] if figure.has_ahead else []),
    ]
    found = {}
    for parts in product(usual, peer, endings):
        numbers = {part.removeprefix(".") for part in parts[:2] if part}
        found["".join(parts)] = numbers | (set() if parts[2] == ".none" else {"value"})
    return found


def _expected() -> dict[str, set[str]]:
    """Every id that must have words, with its placeholders."""
    expected = {f"{code}.neutral.{model}": set() for code, model in product([NOTHING], MODELS)}
    expected |= {f"{PRIOR}.neutral.{model}": {"value"} for model in MODELS}
    for (code, model), direction in product(PSEUDO, DIRECTIONS):
        expected[f"{code}.{direction}.{model}"] = {"value", "usual"}
    for (model, entity), direction in product(MODELS.items(), DIRECTIONS):
        for code in _codes(entity):
            expected[f"{code}.{direction}.{model}"] = set()
            for figure in FIGURES[entity].get(code, ()):
                for ending, numbers in _variants(figure).items():
                    expected[f"{code}.{direction}.{model}.{figure.feature}{ending}"] = numbers
    expected |= {f"{kind}.{key}": set() for kind, keys in LABELS.items() for key in keys}
    expected |= {f"action.{key}.named": {"name"} for key in LABELS["action"]}
    return expected | {"every": {"count"}, "under.day": set(), "under.hour": set()}


def _placeholders(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w*)\}", sentence))


@pytest.mark.parametrize("entity", ["account", "deal"])
def test_every_reason_of_the_catalogue_has_a_figure_and_no_other_has(entity: str) -> None:
    assert set(FIGURES[entity]) == _codes(entity)


@pytest.mark.parametrize("entity", ["account", "deal"])
def test_figures_name_features_that_there_are(entity: str) -> None:
    names = {feature.name for feature in CATALOGUE if feature.entity == entity}
    figures = [figure for found in FIGURES[entity].values() for figure in found]
    assert {figure.feature for figure in figures} <= names
    assert {name for figure in figures if figure.usual for name in figure.usual.columns} <= names


def test_the_rung_of_rates_has_its_pseudo_codes() -> None:
    assert {code for code, _ in STANDING_FOR.values()} == {code for code, _ in PSEUDO}


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_can_be_said_has_words(language: str) -> None:
    assert sorted(_expected().keys() - _messages(language).keys()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_are_left_that_nobody_says(language: str) -> None:
    assert sorted(_messages(language).keys() - _expected().keys()) == []
    assert CATALOGUES[language].obsolete == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty_or_unsure(language: str) -> None:
    wrong = [
        name
        for name, message in _messages(language).items()
        if message.fuzzy or not all(text.strip() for text in _sentences(message))
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_shows_the_numbers_that_are_known(language: str) -> None:
    expected = _expected()
    wrong = {
        name: text
        for name, message in _messages(language).items()
        # "tous les jours" is what one day reads like.
        for text in _sentences(message)[name == "every" :]
        if _placeholders(text) != expected[name]
    }
    assert wrong == {}


def test_the_same_messages_count_in_every_language() -> None:
    plurals = {
        language: {name for name, m in _messages(language).items() if not isinstance(m.id, str)}
        for language in LANGUAGES
    }
    assert plurals["fr"] == plurals["en"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_of_one_direction_differs_from_that_of_the_other(language: str) -> None:
    messages = _messages(language)
    wrong = [
        name
        for name, message in messages.items()
        if ".up." in name
        and _sentences(message) == _sentences(messages[name.replace(".up.", ".down.")])
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_speaks_of_models_or_promises_anything(language: str) -> None:
    wrong = {
        name: text
        for name, message in _messages(language).items()
        for text in _sentences(message)
        if JARGON.search(text)
    }
    assert wrong == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_reasons_are_whole_sentences(language: str) -> None:
    wrong = [
        text
        for name, message in _messages(language).items()
        if name.split(".")[0].isupper()
        for text in _sentences(message)
        if not re.match(r"[A-ZÀÉ{0-9].*\.$", text) or "  " in text
    ]
    assert wrong == []


def test_french_puts_its_own_spaces_before_double_signs() -> None:
    wrong = [
        text
        for message in _messages("fr").values()
        for text in _sentences(message)
        if re.search(r"(?<!\u00a0):|(?<!\u202f);", text)
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("model", ["churn", "close"])
def test_every_reason_is_told_whatever_its_numbers(model: Model, language: str) -> None:
    figures = [(c, f) for c, found in FIGURES[ENTITY_OF_MODEL[model]].items() for f in found]
    numbers = product((None, -2.0, 0.0, 0.4, 1.0, 2500.0), (None, 0.0, 3.5), (None, 0.0, 12.0))
    for (code, figure), (value, usual, peer) in product(figures, list(numbers)):
        reason = Reason(code, "", "down", "slight", 0, value, usual, peer, "", figure.feature)
        text = word(reason, language, currency="EUR", model=model)
        assert text.endswith(".")
        assert text[0].isupper() or text[0] in "-0123456789€"
        assert not re.search(r"[{}]|\.(up|down)\.|None|nan", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_is_read_as_it_is_written(language: str) -> None:
    assert Words(language).ids == _messages(language).keys()


def test_the_page_of_reasons_has_every_code_and_the_sentences_as_they_are() -> None:
    page = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    pseudo = {code for code, _ in PSEUDO} | {NOTHING, PRIOR}
    assert listed == _codes("account") | _codes("deal") | pseudo
    missing = [feature.name for feature in CATALOGUE if f"`{feature.name}`" not in page]
    assert missing == []
    known = {
        text.replace("\u00a0", " ").replace("\u202f", " ")
        for language in LANGUAGES
        for message in _messages(language).values()
        for text in _sentences(message)
    }
    assert set(re.findall(r"« (.+?) »", page)) <= known
    assert find_evidence.__name__ in page
