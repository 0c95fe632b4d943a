"""How does an audit read as one page, which needs nothing but itself?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from features.records.folder import PortfolioCheck
from features.records.quality import Finding

_TEMPLATES = Path(__file__).with_name("templates")
_ORDER = ("error", "warning", "info")


def quality_page(checked: PortfolioCheck, findings: Sequence[Finding]) -> str:
    """What do people read of this audit: HTML without script or request, fit for print?

    Everything that comes from records is escaped.

    Parameters
    ----------
    checked : PortfolioCheck
        The portfolio, with its violations.
    findings : sequence of Finding
        As ``quality.audit`` gives them; the gravest come first on the page.
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
    return environment.get_template("quality.html").render(
        portfolio=checked.portfolio,
        violations=checked.violations,
        findings=by_weight,
        counts=counts,
        notes=checked.notes,
    )
