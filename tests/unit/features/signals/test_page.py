"""The page of features is in step with the declarations."""

from __future__ import annotations

from pathlib import Path

from features.signals.catalogue import CATALOGUE
from features.signals.page import catalogue_page


def test_the_page_is_what_the_declarations_say(root: Path) -> None:
    assert (root / "docs" / "features.md").read_text(encoding="utf-8") == catalogue_page()


def test_the_page_has_a_line_for_every_feature() -> None:
    lines = [line for line in catalogue_page().splitlines() if line.startswith("| `")]
    assert len(lines) == len(CATALOGUE)


def test_a_line_says_unit_window_table_theme_reason_directions_and_missing_rule() -> None:
    assert (
        "| `meetings_180d` | meetings in the last 180 days | meetings | 180 days | interactions |"
        " relationship | `CONTACT_ACTIVITY` | down | up | yes |"
        " never, unless the table is absent |"
    ) in catalogue_page()
