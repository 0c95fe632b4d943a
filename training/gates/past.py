"""Do training rows say only what was known on their day?"""

from __future__ import annotations

from training.gates.evidence import Answer, Evidence, Rewritten

_MOST_REREAD = 0.005
"""Share of rows that a column may change in when later records are struck out."""

_MOST_REWRITTEN = 0.01
_TELLS = 0.6
"""AUC from which a change of values since the last training tells the outcome."""


def did_not_change(evidence: Evidence) -> Answer:
    """GT006: nothing in a row came later, and nothing was rewritten as the outcome became known."""
    return _reread(evidence) or _remembered(evidence) or Answer(passed=True, text=_sound(evidence))


def _reread(evidence: Evidence) -> Answer | None:
    found = evidence.reread
    if found is None:
        return None
    later = [column for column in found.columns if column.share > _MOST_REREAD]
    if later:
        worst = max(later, key=lambda column: column.share)
        text = (
            f"{worst.name} of {worst.share:.1%} of the rows of {found.day} comes from records that"
            f" were known only later{_more(later)}"
        )
        return Answer(passed=False, text=text)
    if found.missing > _MOST_REREAD * found.n:
        text = f"{found.missing} of {found.n} rows of {found.day} were not there yet on that day"
        return Answer(passed=False, text=text)
    return None


def _remembered(evidence: Evidence) -> Answer | None:
    found = evidence.remembered
    if found is None:
        return None
    telling = [
        column
        for column in found.columns
        if column.share > _MOST_REWRITTEN and max(column.auc, 1 - column.auc) > _TELLS
    ]
    if not telling:
        return None
    worst = max(telling, key=lambda column: max(column.auc, 1 - column.auc))
    text = (
        f"{worst.name} was rewritten in {worst.share:.1%} of the rows that version {found.version}"
        f" learnt from, and the change tells the outcome (AUC {max(worst.auc, 1 - worst.auc):.2f})"
        f"{_more(telling)}"
    )
    return Answer(passed=False, text=text)


def _more(columns: list[Rewritten]) -> str:
    return f", and so do {len(columns) - 1} others" if len(columns) > 1 else ""


def _sound(evidence: Evidence) -> str:
    parts = []
    if evidence.reread is not None:
        parts.append(
            f"{evidence.reread.n} rows of {evidence.reread.day} are the same without later records"
        )
    if evidence.remembered is not None and evidence.remembered.n_values:
        parts.append(
            f"{evidence.remembered.n_values} rows of version {evidence.remembered.version} have"
            " not been rewritten with their outcome"
        )
    return "; ".join(parts) or "there is nothing to compare the training rows with"
