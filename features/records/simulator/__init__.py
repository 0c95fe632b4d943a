"""What would a model find in a portfolio whose causes are known?

A simulated B2B distributor: see docs/simulator.md for its world. Pure but for `write_simulation`.
"""

from features.records.simulator.settings import (
    CHURN_CAUSES,
    CLOSE_CAUSES,
    SEGMENT_CAUSE,
    Cause,
    SimulatorSettings,
)
from features.records.simulator.world import Simulation, simulate
from features.records.simulator.writing import write_export, write_simulation

__all__ = [
    "CHURN_CAUSES",
    "CLOSE_CAUSES",
    "SEGMENT_CAUSE",
    "Cause",
    "Simulation",
    "SimulatorSettings",
    "simulate",
    "write_export",
    "write_simulation",
]
