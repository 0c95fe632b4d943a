"""How does an audit read as one page, which needs nothing but itself?"""

from __future__ import annotations

from collections.abc import Sequence
from gettext import NullTranslations
from pathlib import Path

from babel import Locale
from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from features.records.folder import PortfolioCheck
from features.records.quality import Finding
from features.records.sentences import Sentence
from serving.wording import LANGUAGES, language_used, read_catalogue

_TEMPLATES = Path(__file__).with_name("templates")
_ORDER = ("error", "warning", "info")


def quality_page(
    checked: PortfolioCheck, findings: Sequence[Finding], language: str = LANGUAGES[0]
) -> str:
    """What do people read of this audit: HTML without script or request, fit for print?

    Everything that comes from records is escaped.

    Parameters
    ----------
    checked : PortfolioCheck
        The portfolio, with its violations.
    findings : sequence of Finding
        As ``quality.audit`` gives them; the gravest come first on the page.
    language : str
        One of `LANGUAGES`.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    by_weight = sorted(findings, key=lambda found: _ORDER.index(found.severity))
    counts = [(name, sum(f.severity == name for f in findings)) for name in _ORDER]
    used, _ = language_used(language)
    words = PageWords(used)
    return environment.get_template("quality.html").render(
        language=used,
        say=words.say,
        count=words.count,
        shown=words.shown,
        portfolio=checked.portfolio,
        violations=checked.violations,
        findings=by_weight,
        counts=counts,
        notes=checked.notes,
    )


class PageWords:
    """The words of the page: English as written in the code, other languages from a catalogue.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        self._locale = Locale.parse(language)
        self._translations = NullTranslations()
        if language != LANGUAGES[0]:
            _, self._translations = read_catalogue(language, "quality")

    def say(self, text: str, /, **values: object) -> str:
        """Write a text, or a sentence with its own values; what no catalogue has stays as it is."""
        if isinstance(text, Sentence):
            return self.say(text.text, **text.values)
        translated = self._translations.gettext(text)
        return self._filled(translated, values) if values else translated

    def shown(self, example: str) -> str:
        """Write an example: a sentence of ours in words, a text of the records as it is."""
        return self.say(example) if isinstance(example, Sentence) else example

    def count(self, number: int, one: str, many: str) -> str:
        """Write how many of something there are."""
        return self._filled(self._translations.ngettext(one, many, number), {"count": number})

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
        pattern = "0." + "0" * digits if digits else "0"
        if spec.endswith("%"):
            space = "\u202f" if self._locale.language == "fr" else ""
            return format_percent(self._value, f"{pattern}{space}%", locale=self._locale)
        return format_decimal(self._value, pattern, locale=self._locale)
