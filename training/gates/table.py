"""Which gates are there, in which order are they asked, and which verdict follows?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from training.backtest import Backtest
from training.gates import champion, drift, footprint, labels, leakage, past, probabilities, skill
from training.gates.evidence import Answer, Evidence

GATES: Mapping[str, str] = {
    "GT001": "enough matured outcomes to learn from",
    "GT002": "beats the prior and the one-column rule by AUC",
    "GT003": "its probabilities are no worse than the base rate's",
    "GT004": "no single feature tells the outcome",
    "GT005": "it is not too good to be true",
    "GT006": "no feature changed after its day",
    "GT007": "no dull rule is clearly better",
    "GT008": "it is not worse than the champion",
    "GT009": "its probabilities hold against the best dull rule's",
    "GT010": "no segment is clearly worse off",
    "GT011": "its scores are not strangers to those it learnt from",
    "GT012": "its labels are sound",
    "GT013": "it is small and quick enough",
}
"""Every gate, with what it asks; each has a part in docs/gates.md."""

_ASK: Mapping[str, Callable[[Evidence], Answer]] = {
    "GT002": skill.beats_the_rules,
    "GT003": probabilities.hold_against_the_base_rate,
    "GT004": leakage.no_feature_tells_alone,
    "GT005": leakage.is_not_too_good,
    "GT006": past.did_not_change,
    "GT007": skill.no_rule_is_better,
    "GT008": champion.is_no_worse,
    "GT009": probabilities.hold_against_the_best_rule,
    "GT010": champion.no_segment_is_worse,
    "GT011": drift.scores_are_familiar,
    "GT012": labels.are_sound,
    "GT013": footprint.is_small_and_quick,
}

_UNSOUND = frozenset({"GT004", "GT005", "GT006", "GT012"})
"""What makes every other figure worthless: a model that sees the answer has every skill."""


@dataclass(frozen=True)
class GateResult:
    """One gate's answer, for people and programs."""

    code: str
    passed: bool
    text: str

    def to_json(self) -> dict[str, object]:
        """The form that `fanal train --json` prints."""
        return {"code": self.code, "passed": self.passed, "text": self.text}


def run_gates(result: Backtest, evidence: Evidence | None) -> tuple[GateResult, ...]:
    """What does each gate say of a model?

    Parameters
    ----------
    result : Backtest
        Of its recipe.
    evidence : Evidence or None
        What the other gates judge by; None where there is too little data for any.

    Returns
    -------
    tuple of GateResult
        GT001 alone where there is too little data; every gate otherwise.
    """
    if evidence is None or result.verdict == "too_little_data":
        text = result.reason if result.verdict == "too_little_data" else "nothing has matured yet"
        return (GateResult("GT001", passed=False, text=text),)
    answers = {code: ask(evidence) for code, ask in _ASK.items()}
    return (
        GateResult("GT001", passed=True, text="enough"),
        *(GateResult(code, found.passed, found.text) for code, found in answers.items()),
    )


def verdict(gates: tuple[GateResult, ...]) -> str:
    """Which verdict follows: promoted, refused, no_skill or too_little_data?"""
    failed = {gate.code for gate in gates if not gate.passed}
    if "GT001" in failed:
        return "too_little_data"
    if failed & _UNSOUND:
        return "refused"
    if "GT002" in failed:
        return "no_skill"
    return "refused" if failed else "promoted"
