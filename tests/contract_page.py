"""Which page tells people the data contract? Written by ``python -m tests.contract_page``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from features.records.contract import TABLES, Column, Table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "data-contract.md"

_HEAD = """\
# The data contract

This page is written from `features/records/contract.py`; a test holds the two together.

A *portfolio* is a folder with one Parquet or CSV file per table, and a `portfolio.toml` with at
least `currency` and `timezone`. `fanal import` makes it from an export
([mapping.md](mapping.md)); a folder made by hand, with the names below, does as well.

- One of `orders`, `opportunities` and `subscriptions` is needed. Every other table may be
  missing, and so may every column that is not **bold**. A row without a value in a bold column is
  refused. Without `accounts`, the accounts are derived from the ids of the other tables.
- Types: *id*, *text*, *code* are text; *number* is a float; *instant* is a moment (UTC; without a
  zone it is taken in the portfolio's); *day* is a date, and begins at its midnight in the
  portfolio's zone; *flag* is true or false. Over HTTP ids must be JSON strings; files are cast.
- *known from* is the event time of a table: a row counts only on days after it. `known_at`, which
  every table may carry, says when your side learned of the row, and then both must lie before the
  day. A table without event time is known from the start.
- Of several rows with one *key* the one with the latest `known_at` before the day counts; when
  that one is deleted, none does. Order lines without `line_id` never replace one another, nor does
  a deleted one withdraw any: map `line_id` where lines are corrected or taken back.
- A table without key is append-only: each row is a fact of its own. From its `known_at` on, a
  deleted row ends the equal ones known until then: those of the same `account_id`, `changed_at`
  and `field` in `account_history`, of the same `account_id`, `occurred_at` and `kind` in
  `account_events`. In `opportunity_history` rows of one deal, instant and stage are versions of
  one snapshot: the latest known counts, and a deleted one withdraws it.
- `stages` have no past: every day is seen with the latest row of a stage, and a stage whose latest
  row is deleted has neither position nor outcome. A product's category counts as it was known on
  the day.
- An interaction about a deal of another account counts for its own account, and for no deal.
- A *later* instant of a row is missing until it comes, and so are the columns that it decides.
- A *changing* attribute is used only with a history (`account_history`; for a deal's owner
  `opportunity_history`), or when the portfolio lists it under `static`: an export that overwrites
  it carries the outcome into the past.
- A *plan* may lie in the future, and does not count when the end of the records is sought. A row
  whose event time, `known_at` or later instant lies after the clock of the import is refused.
- All money is in the portfolio's currency, but for orders: an order line in another `currency` is
  worth `amount x rate`, at the latest rate of `fx_rates` dated on or before its calendar day in the
  portfolio's zone, of those known (`known_at`) on the day a score is made for. Without such a rate
  its amounts are missing, and counted: sums leave them out, while the order still is one, by the
  sign of its amount ([adr/0005](adr/0005-currencies.md)).
"""


def page() -> str:
    """What does the page say?"""
    return "\n".join([_HEAD, *("\n".join(_section(table)) for table in TABLES.values())])


def _section(table: Table) -> Iterator[str]:
    yield f"## {table.name}"
    yield ""
    yield f"{table.meaning[0].upper()}{table.meaning[1:]}. {' '.join(_facts(table))}"
    yield ""
    yield "| column | type | what |"
    yield "|---|---|---|"
    for column in table.columns:
        name = f"**`{column.name}`**" if column.required else f"`{column.name}`"
        kind = "day" if column.kind == "date" else column.kind
        yield f"| {name} | {kind} | {'; '.join(_notes(table, column))} |"
    yield ""


def _facts(table: Table) -> Iterator[str]:
    named = ", ".join(f"`{name}`" for name in table.key)
    yield f"Key: {named}." if named else "No key: append-only."
    known = f"`{table.event_time}`" if table.event_time else "the start"
    yield f"Known from: {known}."


def _notes(table: Table, column: Column) -> Iterator[str]:
    yield column.meaning.replace("|", "\\|")
    if column.words:
        yield "one of " + ", ".join(f"`{word}`" for word in column.words)
    if column.low is not None or column.high is not None:
        yield _bounds(column)
    if column.is_plan:
        yield "plan"
    if column.name in table.mutable:
        yield "changing"
    if column.name in table.decides:
        decided = ", ".join(f"`{name}`" for name in table.decides[column.name])
        yield f"later, decides {decided}" if decided else "later"


def _bounds(column: Column) -> str:
    if column.low is not None and column.high is not None:
        return f"from {column.low:g} to {column.high:g}"
    return f"at least {column.low:g}" if column.low is not None else f"at most {column.high:g}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
