"""How does an audit read as one page, which needs nothing but itself?"""

from __future__ import annotations

from collections.abc import Sequence

from features.records.folder import PortfolioCheck
from features.records.quality import Finding
from serving.web.page_words import PageWords
from serving.web.rendering import render
from serving.wording import LANGUAGES, language_used

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
    by_weight = sorted(findings, key=lambda found: _ORDER.index(found.severity))
    counts = [(name, sum(f.severity == name for f in findings)) for name in _ORDER]
    used, _ = language_used(language)
    words = PageWords(used)
    return render(
        "quality.html",
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
