"""What does the catalogue say of every feature, as a page for people?"""

from __future__ import annotations

import sys

from features.signals.catalogue import CATALOGUE, Feature
from features.signals.declare import Entity

_TITLES: tuple[tuple[Entity, str], ...] = (("account", "Accounts"), ("deal", "Deals"))
_SIGNS = {1: "up", -1: "down", 0: ""}
_HEAD = """# Features

What is read off the records for each account and each deal, as known before midnight UTC of the
as_of_date. This page is written from the declarations in `features/signals/`: run
`python -m features.signals.page > docs/features.md` after changing one.

A window of 30 days holds what is at most 30 days old. *Churn* and *win* say where a higher value
is expected to push the probability of churn or of a win; empty where nothing is expected. *Can be
changed* marks what a rep can do something about. A feature is also missing when its table, or the
column it reads, is absent. Features of a deal that begin with `account_` are those of its account.
"""
_COLUMNS = (
    "feature", "meaning", "unit", "window", "table", "theme", "reason", "churn", "win",
    "can be changed", "missing",
)  # fmt: skip


def catalogue_page() -> str:
    """Write the page ``docs/features.md``: one table per entity, one line per feature."""
    parts = [_HEAD]
    for entity, title in _TITLES:
        rows = [_line(feature) for feature in CATALOGUE if feature.entity == entity]
        head = [_row(_COLUMNS), _row(("---",) * len(_COLUMNS))]
        parts.append("\n".join((f"## {title}\n", *head, *rows)) + "\n")
    return "\n".join(parts)


def _line(feature: Feature) -> str:
    about = feature.about
    window = "" if feature.window_days is None else f"{feature.window_days:g} days"
    return _row(
        (
            f"`{feature.name}`",
            about.meaning,
            about.unit,
            window,
            feature.table,
            about.theme,
            f"`{about.reason}`",
            _SIGNS[about.churn],
            _SIGNS[about.win],
            "yes" if about.is_actionable else "",
            about.missing,
        )
    )


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


if __name__ == "__main__":
    sys.stdout.write(catalogue_page())
