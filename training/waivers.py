"""Who answers for a model that a gate refused, and why?

Each version keeps what its gates said when it was trained. A person may waive a gate, for a reason:
gate, reason and day are kept with the promotion, in the registry, and in the facts of the champion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from features.errors import ModelError, SettingsError

CODES: Mapping[str, str] = {
    "ME011": "a version that its gates refused",
    "CL013": "a gate is waived that did not refuse the version, or without a reason",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""

_LEAST_REASON = 8


@dataclass(frozen=True)
class Waiver:
    """A gate that a person waived: `code`, `reason` and the day."""

    code: str
    reason: str
    on: str


def waivers(codes: Sequence[str], reason: str | None, *, on: date) -> tuple[Waiver, ...]:
    """Which gates does a person waive, and why?

    Raises
    ------
    SettingsError
        CL013 without a reason that says something, or with a reason for nothing.
    """
    why = (reason or "").strip()
    if codes and len(why) < _LEAST_REASON:
        raise SettingsError(
            "CL013", "a gate is waived for a reason only.",
            'Say it: --reason "..." (8 characters at least).',
        )  # fmt: skip
    if why and not codes:
        raise SettingsError("CL013", "a reason for waiving no gate.", "Name it: --waive GT004")
    return tuple(Waiver(code, why, on.isoformat()) for code in dict.fromkeys(codes))


def require_gates(
    name: str,
    version: str,
    facts: Mapping[str, Any],
    waived: Sequence[Waiver],
    has_champion: bool,
) -> None:
    """Refuse a version whose recorded gates refused it, but for those that somebody waives."""
    failed = {gate["code"]: gate["text"] for gate in facts.get("gates", ()) if not gate["passed"]}
    codes = {waiver.code for waiver in waived}
    strange = sorted(codes - set(failed))
    if strange:
        raise SettingsError(
            "CL013",
            f"{', '.join(strange)} did not refuse version {version} of {name}.",
            f"It was refused by: {', '.join(failed) or 'no gate'}.",
        )
    if not has_champion and facts.get("verdict") == "too_little_data":
        # The base rate, so labelled, may answer where nothing else does.
        codes.add("GT001")
    left = {code: text for code, text in failed.items() if code not in codes}
    if left:
        raise ModelError(
            "ME011",
            f"version {version} of {name} was refused: "
            + "; ".join(f"{code} {text}" for code, text in left.items())
            + ".",
            "Mend the cause and train again, or answer for it: fanal promote --waive "
            f'{next(iter(left))} --reason "..."',
        )
