"""Why is a score what it is? Themes, reasons, and the numbers that people read with them."""

from serving.explanations.figures import FIGURES, STANDING_FOR, Figure
from serving.explanations.reasons import (
    MAX_PER_DIRECTION,
    NOTHING,
    OTHER,
    PRIOR,
    SHOWN_FROM,
    Explanation,
    Model,
    Reason,
    explain,
)

__all__ = [
    "FIGURES",
    "MAX_PER_DIRECTION",
    "NOTHING",
    "OTHER",
    "PRIOR",
    "SHOWN_FROM",
    "STANDING_FOR",
    "Explanation",
    "Figure",
    "Model",
    "Reason",
    "explain",
]
