"""May a model be promoted, and if not, why not? Numbered gates, each a question with its answer.

Evidence is gathered first (`gathering`), and each gate is a small function of it: the same evidence
gives the same answers. A gate refuses what is clearly wrong, never what is merely not proven.
"""

from training.gates.evidence import Evidence
from training.gates.table import GATES, GateResult, run_gates, verdict

__all__ = ["GATES", "Evidence", "GateResult", "run_gates", "verdict"]
