"""Which column, or its mere absence, tells the outcome that a model is to foretell?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute

from features.records.casting import Mask, Values
from features.records.quality.finding import Audited, Check, Family, Finding, Place
from features.records.quality.leakage_labels import Labelled, labelled
from features.records.quality.leakage_tests import CHANCE, telling_absence, telling_value
from features.records.sentences import Sentence

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

CHECKS: Mapping[str, Check] = {
    "DQ031": Check(
        "warning",
        "rows that miss a column whose absence tells the outcome",
        "Missing on over 30 points more of the rows with one outcome than of the others (won"
        " against lost, closed against open, lapsed accounts against active ones), with a"
        " chi-square rarer than 1 in 1,000 by chance over all columns. Refused rows count, and so"
        " do words for nothing (unknown, n/a, -).",
        "The column is filled in as a deal closes: a model learns who filled it in, not who buys.",
        "Leave the column out, or map its value as it was at the time (history).",
    ),
    "DQ032": Check(
        "warning",
        "rows with a column that alone tells the outcome",
        "Over the rows that have a value: AUC above 0.95, each half of the rows ranked by what the"
        " other half shows, rarer than 1 in 1,000 by chance over all columns.",
        "Such a column was written after the outcome: back-tests shine, and real forecasts fail.",
        "Leave the column out, or map its value as it was at the time (history).",
    ),
}
_say = Family(CHECKS)
_FILLER = r"^\s*(?:unknown\b.*|n/?a|none|null|nan|tbd|inconnu\b.*|unbekannt\b.*|[-?.]*)\s*$"


def check_leakage(audited: Audited) -> Iterator[Finding]:
    """Which columns carry the outcome into the past?"""
    for rows in labelled(audited):
        chance = CHANCE / max(1, 2 * rows.columns.num_columns * max(1, len(rows.splits)))
        for name in rows.columns.column_names:
            yield from _of_column(rows, name, rows.columns.column(name), chance)


def _missing(values: Values) -> Mask:
    """Which values are missing, or words that stand for a missing one?"""
    missing: Mask = values.is_null().to_numpy()
    if pa.types.is_string(values.type):
        filler = pc.match_substring_regex(values, _FILLER, ignore_case=True)
        missing = missing | filler.fill_null(False).to_numpy()
    return missing


def _of_column(rows: Labelled, name: str, values: Values, chance: float) -> Iterator[Finding]:
    missing = _missing(values)
    place = Place(rows.table, name)
    for split in rows.splits:
        among, label = split.among, split.label
        found = telling_absence(missing[among], label[among], chance=chance)
        if found is not None:
            more = Sentence(
                "{column} is missing on {with_label:.0%} of {named} and on {without_label:.0%} of"
                " {others}.",
                column=name, with_label=found.with_label, without_label=found.without_label,
                named=Sentence(split.named), others=Sentence(split.others),
            )  # fmt: skip
            count = int(missing[among].sum())
            yield _say.count("DQ031", place, count, int(among.sum()), [], more)
        elif split.compares_values:
            there = among & ~missing
            present = values.filter(pa.array(there))
            auc = telling_value(present, label[there], chance=chance)
            if auc is not None:
                more = Sentence(
                    "{column} tells {named} from {others} with AUC {auc:.3f}.", column=name,
                    named=Sentence(split.named), others=Sentence(split.others), auc=auc,
                )  # fmt: skip
                count = int(there.sum())
                yield _say.count("DQ032", place, count, int(among.sum()), [], more)
