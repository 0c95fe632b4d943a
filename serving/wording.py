"""In which words does a person read a reason, an action or a number?

Sentences are whole: each combination of cause, direction and known numbers is one entry of the
gettext catalogues in ``locales``. Numbers, money and units are Babel's. Names are put in as they
are; escaping is the page's job.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from gettext import GNUTranslations
from importlib.resources import files
from typing import Literal

from babel import Locale
from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_symbol
from babel.units import format_unit

from serving.explanations import Figure, Model, Reason
from serving.explanations.figures import Form, figure_of
from serving.explanations.reasons import ENTITY_OF_MODEL

Action = Literal["win", "expand", "save", "reactivate"]

LANGUAGES = ("en", "fr")
"""The first is spoken to whoever asks for one that is not there."""

LABELS: Mapping[str, tuple[str, ...]] = {
    "heading": (
        "account", "action", "deal", "evidence", "expected_amount", "grade", "hours",
        "last_contact", "peer_value", "priority", "probability", "rep", "stage", "strength",
        "trend", "usual_value", "why", "worklist",
    ),
    "grade": ("A", "B", "C", "D"),
    "direction": ("up.churn", "down.churn", "neutral.churn", "up.close", "down.close",
                  "neutral.close"),
    "strength": ("strong", "moderate", "slight"),
    "theme": ("rhythm", "spend", "relationship", "service", "deal", "contract", "profile", "other"),
    "trend": ("up", "down", "flat"),
    "status": ("lapsed", "no_history", "won", "lost"),
    "term": ("potential", "probability", "risk", "duration"),
    "action": ("win", "expand", "save", "reactivate"),
}  # fmt: skip
"""Labels that pages and lists show, by kind."""

_WHOLE_MONEY_FROM = 100.0
"""Nobody reads the pence of larger amounts."""


def read_catalogue(language: str, domain: str) -> tuple[Catalog, GNUTranslations]:
    """Which messages has a catalogue, and what translates them?"""
    source = files("serving") / "locales" / language / "LC_MESSAGES" / f"{domain}.po"
    catalogue = read_po(io.BytesIO(source.read_bytes()), locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return catalogue, GNUTranslations(compiled)


class Words:
    """The catalogue of one language.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        catalogue, self._translations = read_catalogue(language, "fanal")
        self.locale = Locale.parse(language)
        self.ids = frozenset(
            message.id if isinstance(message.id, str) else message.id[0]
            for message in catalogue
            if message.id
        )

    def say(self, message: str, count: int | None = None, /, **numbers: str) -> str:
        """Write a message of the catalogue, in its plural form where it counts something."""
        if count is None:
            sentence = self._translations.gettext(message)
        else:
            sentence = self._translations.ngettext(message, message, count)
        return sentence.format(**numbers)


@lru_cache(maxsize=len(LANGUAGES))
def words_of(language: str) -> Words:
    """Which words has a language (read once)?"""
    return Words(language)


def language_used(language: str) -> tuple[str, str | None]:
    """Which language is answered in, and what must be said when it is not the one asked for?

    >>> language_used("fr-CA")
    ('fr', None)
    >>> language_used("de")
    ('en', "there are no sentences in 'de': English is used")
    """
    known = re.split(r"[-_]", language.strip().lower(), maxsplit=1)[0]
    if known in LANGUAGES:
        return known, None
    return LANGUAGES[0], f"there are no sentences in {language!r}: English is used"


def word(reason: Reason, language: str, *, currency: str, model: Model) -> str:
    """In which sentence does a person read a reason?

    Takes the richest sentence whose numbers are known: with the usual value, with that of the
    peers, with both, with the number alone, or without any.
    """
    words = words_of(language_used(language)[0])
    message = f"{reason.code}.{reason.direction}.{model}"
    figure = figure_of(ENTITY_OF_MODEL[model], reason.code, reason.feature)
    if figure is None or reason.value is None:
        shares = {"value": reason.value, "usual": reason.usual_value}
        known = {name: share for name, share in shares.items() if share is not None}
        return words.say(message, **{name: _share(words, n) for name, n in known.items()})
    numbers = _numbers(reason, reason.value, figure, words, currency)
    variant = _variant(reason.value, figure, numbers)
    count = round(reason.value) if figure.form == "count" and "none" not in variant else None
    sentence = words.say(".".join((message, figure.feature, *variant)), count, **numbers)
    # A number may come first, and in words: "less than a day".
    return sentence[:1].upper() + sentence[1:]


def _numbers(
    reason: Reason, value: float, figure: Figure, words: Words, currency: str
) -> dict[str, str]:
    """Write the numbers of a reason that are known and that its sentences have a place for."""
    shown = abs(value) if figure.has_ahead else value
    numbers = {"value": _written(words, figure.form, shown, currency)}
    if figure.usual is not None and reason.usual_value is not None:
        numbers["usual"] = _written(words, figure.usual.form, reason.usual_value, currency)
    if figure.has_peer and reason.peer_value is not None:
        form: Form = "number" if figure.form == "count" else figure.form
        numbers["peer"] = _written(words, form, reason.peer_value, currency)
    return numbers


def _variant(value: float, figure: Figure, numbers: Mapping[str, str]) -> list[str]:
    """Which variant of a sentence has a place for every number that is known?"""
    variant = [name for name in ("usual", "peer") if name in numbers]
    if figure.has_none and value == 0:
        variant.append("none")
    if figure.has_ahead and value < 0:
        variant.append("ahead")
    return variant


def _written(words: Words, form: Form, number: float, currency: str) -> str:
    """Write a number in its form."""
    if form == "money":
        return _money(words.locale, number, currency)
    if form == "share":
        return _share(words, number)
    if form == "days":
        return _duration(words, number, "day")
    if form == "hours":
        return _duration(words, number, "hour")
    if form == "every":
        days = max(1, round(number))
        return words.say("every", days, count=format_decimal(days, locale=words.locale))
    return format_decimal(round(number, 1), "#,##0.#", locale=words.locale)


def _duration(words: Words, number: float, unit: str) -> str:
    """Write days or hours, whole from one on."""
    if 0 <= number < 1:
        return words.say(f"under.{unit}")
    text = format_unit(round(number), f"duration-{unit}", locale=words.locale)
    # A number stays on the line of its unit.
    return text.replace(" ", "\u00a0")


def _share(words: Words, share: float) -> str:
    return format_percent(share, locale=words.locale)


def _money(locale: Locale, amount: float, currency: str) -> str:
    """Write an amount with the bare sign of its currency: a portfolio has only one."""
    is_whole = abs(amount) >= _WHOLE_MONEY_FROM or amount == round(amount)
    pattern = locale.currency_formats["standard"].pattern
    if is_whole:
        pattern = pattern.replace(".00", "")
    text = format_currency(amount, currency, pattern, locale=locale, currency_digits=not is_whole)
    symbol = get_currency_symbol(currency, locale)
    bare = re.sub(r"^[A-Z]{2}(?=[^A-Za-z])|(?<=[^A-Za-z])[A-Z]{2}$", "", symbol)
    # "CHF1,840" reads like one word.
    return re.sub(r"(?<=[A-Za-z])(?=\d)", "\u00a0", text.replace(symbol, bare))


def word_money(amount: float, language: str, *, currency: str) -> str:
    """How is an amount written?

    >>> word_money(1840.4, "en", currency="GBP")
    '£1,840'
    """
    return _money(words_of(language_used(language)[0]).locale, amount, currency)


def word_share(share: float, language: str) -> str:
    """How is a probability or another share of 1 written, in whole percent?

    >>> word_share(0.82, "en")
    '82%'
    """
    return _share(words_of(language_used(language)[0]), share)


def word_day(day: date, language: str) -> str:
    """How is a day written?

    >>> word_day(date(2011, 9, 10), "fr")
    '10 septembre 2011'
    """
    return format_date(day, "long", words_of(language_used(language)[0]).locale)


def word_label(kind: str, key: str, language: str) -> str:
    """What is a label of `LABELS` called?

    >>> word_label("theme", "rhythm", "fr")
    "Rythme d'achat"
    """
    return words_of(language_used(language)[0]).say(f"{kind}.{key}")


def word_action(action: Action, name: str, language: str) -> str:
    """What should be done, named for the account or the deal it is about?

    >>> word_action("save", "Dupont & Fils", "fr")
    'Appeler Dupont & Fils pour garder ce client'
    """
    return words_of(language_used(language)[0]).say(f"action.{action}.named", name=name)
