"""The page of the checks is in step with the checks."""

from __future__ import annotations

from pathlib import Path

from features.records.quality.page import checks_page


def test_the_page_is_what_the_checks_say(root: Path) -> None:
    page = (root / "docs" / "data-quality.md").read_text(encoding="utf-8")
    assert page == checks_page(), "python -m features.records.quality.page"
