"""Is a champion still where it was trained: its records, its scores, its performance?"""

from training.monitor.expected import Performance, expected_performance
from training.monitor.findings import CODES
from training.monitor.reference import (
    Distribution,
    Reference,
    reference_from_json,
    seen_in_training,
)
from training.monitor.seen import Ages, Finding, Limits, Live, Matured, Watch
from training.monitor.watch import watch

__all__ = [
    "CODES",
    "Ages",
    "Distribution",
    "Finding",
    "Limits",
    "Live",
    "Matured",
    "Performance",
    "Reference",
    "Watch",
    "expected_performance",
    "reference_from_json",
    "seen_in_training",
    "watch",
]
