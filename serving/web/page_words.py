"""In which words does a page speak: English as the code has it, other languages by catalogue?"""

from __future__ import annotations

import math
from datetime import date
from gettext import NullTranslations

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from features.records.sentences import Sentence
from serving.wording import LANGUAGES, read_catalogue, word_money

_UNKNOWN = "–"


class PageWords:
    """The words of one page in one language.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.
    domain : str
        Catalogue of the page: a file of ``locales/LANGUAGE/LC_MESSAGES``. English needs none.
    """

    def __init__(self, language: str, domain: str = "quality") -> None:
        self._language = language
        self._locale = Locale.parse(language)
        self._translations = NullTranslations()
        if language != LANGUAGES[0]:
            _, self._translations = read_catalogue(language, domain)

    def say(self, text: str, /, **values: object) -> str:
        """Write a text, or a sentence with its own values; what no catalogue has stays as it is."""
        if isinstance(text, Sentence):
            return self.say(text.text, **text.values)
        translated = self._translations.gettext(text)
        return self._filled(translated, values) if values else translated

    def shown(self, example: str) -> str:
        """Write an example: a sentence of ours in words, a text of the records as it is."""
        return self.say(example) if isinstance(example, Sentence) else example

    def count(self, number: int, one: str, many: str, /, **values: object) -> str:
        """Write a text in the form that goes with a number, which it has as ``{count}``."""
        text = self._translations.ngettext(one, many, number)
        return self._filled(text, {"count": number, **values})

    def figure(self, value: float, form: str) -> str:
        """Write a number in a form of `format`, such as ``.3f`` or ``.0%``; a dash for NaN."""
        return format(_Figure(value, self._locale), form) if math.isfinite(value) else _UNKNOWN

    def money(self, amount: float, currency: str) -> str:
        """Write an amount."""
        return word_money(amount, self._language, currency=currency)

    def day(self, day: date) -> str:
        """Write a day in its middling form."""
        return format_date(day, "medium", self._locale)

    def _filled(self, text: str, values: dict[str, object]) -> str:
        return text.format(**{name: self._written(value) for name, value in values.items()})

    def _written(self, value: object) -> object:
        if isinstance(value, Sentence):
            return self.say(value)
        return _Figure(value, self._locale) if isinstance(value, float) else value


class _Figure:
    """A number that writes itself with the signs of a language."""

    def __init__(self, value: float, locale: Locale) -> None:
        self._value, self._locale = value, locale

    def __format__(self, spec: str) -> str:
        plain = format(self._value, spec)
        digits = len(plain.rstrip("%").partition(".")[2])
        pattern = "#,##0." + "0" * digits if digits else "#,##0"
        if plain.startswith("+"):
            pattern = f"+{pattern};-{pattern}"
        if spec.endswith("%"):
            space = "\u202f" if self._locale.language == "fr" else ""
            return format_percent(self._value, f"{pattern}{space}%", locale=self._locale)
        return format_decimal(self._value, pattern, locale=self._locale)
