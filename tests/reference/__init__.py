"""The features once more, in vectorised pandas, from what the catalogue says of them.

Written as a data scientist would who has no kernel: for each day, what was known, then group-bys
over windows. It shares no line with the kernel, and is what the tests hold the kernel against and
what the benches measure it against.
"""

from tests.reference.features import account_features, deal_features
from tests.reference.known import Known
from tests.reference.prepared import Prepared, prepare

__all__ = ["Known", "Prepared", "account_features", "deal_features", "prepare"]
