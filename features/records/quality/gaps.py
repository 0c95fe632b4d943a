"""Which columns are often empty, overwritten by the export, and which rows were refused?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow.compute

from features.records.contract import TABLES
from features.records.quality.finding import Audited, Check, Family, Finding, Place
from features.records.sentences import Sentence

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

CHECKS: Mapping[str, Check] = {
    "DQ011": Check(
        "info",
        "values missing in a column",
        "At least 20 % of the values are missing; instants that may still come, and what they"
        " decide, are left out.",
        "A feature of a column that is often empty says little.",
        "Fill the column, or leave it out.",
    ),
    "DQ013": Check(
        "warning",
        "attributes without history that are not listed as static",
        "A column that the contract calls changing, neither in account_history nor in static.",
        "An export overwrites them: they may carry the outcome into the past and are not used.",
        "Map account_history, or list them under static when they do not follow the outcome.",
    ),
    "DQ019": Check(
        "warning",
        "rows that broke the contract and were refused",
        "Rows in refused/TABLE.parquet, by table.",
        "What is refused is missing everywhere; rows with one fault in common are no random part.",
        "Read their column messages, mend the export or the mapping, and import again.",
    ),
}
_say = Family(CHECKS)
_MISSING_SHARE = 0.2


def check_gaps(audited: Audited) -> Iterator[Finding]:
    """What is not there, not dated or not accepted?"""
    yield from _missing(audited)
    yield from _overwritten(audited)
    yield from _refused(audited)


def _missing(audited: Audited) -> Iterator[Finding]:
    for name, rows in audited.tables.items():
        decides = TABLES[name].decides  # what has not come yet is not missing
        pending = {*decides, *(column for decided in decides.values() for column in decided)}
        for column in (column for column in rows.column_names if column not in pending):
            count = rows.column(column).null_count
            if rows.num_rows and count / rows.num_rows >= _MISSING_SHARE:
                yield _say.count("DQ011", Place(name, column), count, rows.num_rows, [])


def _overwritten(audited: Audited) -> Iterator[Finding]:
    dated: set[str] = set()
    if (history := audited.tables.get("account_history")) is not None:
        dated = {f"accounts.{field}" for field in pc.unique(history.column("field")).to_pylist()}
    for name, rows in audited.tables.items():
        present = [column for column in TABLES[name].mutable if column in rows.column_names]
        loose = [
            column for column in present
            if f"{name}.{column}" not in audited.portfolio.static | dated
        ]  # fmt: skip
        if loose:
            yield _say.count("DQ013", Place(name), len(loose), len(present), loose)


def _refused(audited: Audited) -> Iterator[Finding]:
    for name, rows in audited.refused.items():
        kept = audited.tables[name].num_rows if name in audited.tables else 0
        if rows.num_rows:
            codes = sorted({c for text in pc.unique(rows.column("codes")).to_pylist()
                            for c in text.split()})  # fmt: skip
            n_rows = rows.num_rows
            yield _say.count(
                "DQ019",
                Place(name),
                n_rows,
                n_rows + kept,
                codes,
                Sentence("Codes: {codes}.", codes=", ".join(codes)),
            )
