"""Can the model be kept, and asked while somebody waits?"""

from __future__ import annotations

from training.gates.evidence import Answer, Evidence

MOST_MEGABYTES = 32.0
MOST_MILLISECONDS = 100.0


def is_small_and_quick(evidence: Evidence) -> Answer:
    """GT013: at most 32 MB, and 100 ms for the probability and the reasons of one row."""
    found = evidence.footprint
    if found is None:
        return Answer(passed=True, text="the model was not weighed")
    text = (
        f"{found.megabytes:.2f} MB (at most {MOST_MEGABYTES:.0f}), {found.milliseconds:.1f} ms for"
        f" one row with its contributions (at most {MOST_MILLISECONDS:.0f})"
    )
    is_fine = found.megabytes <= MOST_MEGABYTES and found.milliseconds <= MOST_MILLISECONDS
    return Answer(is_fine, text)
