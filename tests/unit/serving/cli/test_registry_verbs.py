from __future__ import annotations

import subprocess
import sys

from serving.cli.registry_verbs import MODELS
from training.dataset import MODELS as TRAINED


def test_the_verbs_know_the_models_that_there_are() -> None:
    assert MODELS == TRAINED


def test_a_rollback_waits_for_no_library_that_reads_models() -> None:
    """What makes it quick: nothing slow is imported for it."""
    code = (
        "import sys, serving.cli.main, serving.cli.registry_verbs;"
        " print(sorted({'mlflow', 'lightgbm', 'numba', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
