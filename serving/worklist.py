"""What should a rep do next, in which order, and why?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from features.errors import NotReady
from serving.answers import read_reason
from serving.explanations import Model, Reason
from serving.store.rows import ScoredRow
from serving.store.store import Store
from serving.wording import Action, word, word_action

CODES: Mapping[str, str] = {
    "NR030": "nothing of the portfolio has been scored yet",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

_REASONS = 3
"""Nobody reads more on a Monday morning."""


@dataclass(frozen=True)
class WorkItem:
    """One line of a worklist.

    Attributes
    ----------
    rank : int
        1 first.
    account_id, entity_id : str
        The account; the deal, or the account again.
    name : str
        Name of the account, or its id.
    action : str
        win, expand, save or reactivate.
    priority : float
        0..100.
    expected_amount : float
        Expected money, in portfolio currency.
    probability : float or None
        Of leaving for an account, of being won for a deal.
    grade, trend : str or None
        As scored.
    todo : str
        What to do, in words.
    why : tuple of str
        Reasons in words, the strongest first.
    evidence : tuple of str
        Ids of the records behind the first reason.
    """

    rank: int
    account_id: str
    entity_id: str
    name: str
    action: str
    priority: float
    expected_amount: float
    probability: float | None
    grade: str | None
    trend: str | None
    todo: str
    why: tuple[str, ...]
    evidence: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The form that `fanal worklist --json` prints."""
        return {**vars(self), "why": list(self.why), "evidence": list(self.evidence)}


def worklist(
    store: Store,
    portfolio: str,
    *,
    owner: str | None,
    names: Mapping[str, str],
    currency: str,
    language: str,
    limit: int,
) -> tuple[WorkItem, ...]:
    """What should a rep do next, the most urgent first?

    Parameters
    ----------
    store : Store
        Where the scores are kept.
    portfolio : str
        Name of the portfolio.
    owner : str or None
        Whose list; None for everyone's.
    names : mapping of str to str
        Names of accounts by id.
    currency, language : str
        Of money and of words.
    limit : int
        At most so many lines.

    Raises
    ------
    NotReady
        NR030 when nothing has been scored yet.
    """
    newest = store.runs(portfolio, kind="score", limit=1)
    if not newest or newest[0].as_of is None:
        raise NotReady(
            "NR030", f"nothing of the portfolio {portfolio} has been scored yet.",
            "Run: fanal score PORTFOLIO",
        )  # fmt: skip
    # Whoever was not scored in the newest run has left the list.
    found = store.latest(portfolio, owner_id=owner, since=newest[0].as_of, limit=limit)
    rows = [stored.row for stored in found if stored.row.action is not None]
    return tuple(
        _item(rank, row, names, currency, language) for rank, row in enumerate(rows, start=1)
    )


def _item(
    rank: int, row: ScoredRow, names: Mapping[str, str], currency: str, language: str
) -> WorkItem:
    name = names.get(row.account_id) or row.account_id
    reasons = _most_telling([read_reason(stored) for stored in row.reasons])
    return WorkItem(
        rank,
        row.account_id,
        row.entity_id,
        name,
        row.action or "",
        row.priority or 0.0,
        row.expected_amount or 0.0,
        row.probability,
        row.grade,
        row.trend,
        word_action(cast(Action, row.action), name, language),
        tuple(
            word(reason, language, currency=currency, model=cast(Model, row.model))
            for reason in reasons
        ),
        _first(reasons),
    )


def _most_telling(reasons: Sequence[Reason]) -> list[Reason]:
    """The strongest reasons, and among them the strongest that speaks for the action."""
    chosen = list(reasons[:_REASONS])
    for_action = [reason for reason in reasons if reason.direction == "up"]
    if for_action and for_action[0] not in chosen:
        chosen[-1] = for_action[0]
    return chosen


def _first(reasons: Sequence[Reason]) -> tuple[str, ...]:
    return next((reason.evidence for reason in reasons if reason.evidence), ())
