"""What does a person or a program see when a verb fails?"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.errors import ContractError, FanalError, Violation
from serving.cli.visible import visible

CODES: Mapping[str, str] = {
    "CL001": "the command line is wrong: an unknown verb or option, or a value it cannot take",
    "CL002": "the verb was stopped",
    "CL003": "a file that was asked for cannot be written",
    "CL010": "a name that is not PORTFOLIO.MODEL",
    "CL011": "a model that does not exist",
    "CL012": "a text that is not a day, or not a list of days",
    "CL014": "a page of a back-test that has none",
    "CL020": "a rep that the portfolio does not have",
    "CL021": "an output file that is neither .json nor .csv",
    "CL999": "an error that nobody foresaw; the log says where",
}
"""Every code of the command line itself; each has a line in docs/errors.md."""

_FIRST_ROWS = 20  # as in the report of an import: a fault may have half a million rows


def tell(error: FanalError, *, wants_json: bool) -> None:
    """Say what happened and how to mend it: as JSON on standard output, or as text on error."""
    if not wants_json:
        sys.stderr.write(f"{visible(str(error))}\n")
        return
    violations = error.violations if isinstance(error, ContractError) else ()
    document = {
        "code": error.code,
        "message": error.message,
        "fix": error.fix,
        "violations": [_violation(violation) for violation in violations],
        "errors": error.listed(),
    }
    sys.stdout.write(json.dumps({"error": document}, ensure_ascii=False, indent=2) + "\n")


def keep_trace(error: Exception, home: Path) -> Path | None:
    """Write down where an unforeseen error arose, and say in which file; None where none can be.

    Only kinds of error, modules and lines are kept: a message may quote a customer's record.
    """
    path = home / "logs" / "fanal.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {_trace(error)}\n")
    except OSError:
        return None
    return path


def home_said(arguments: Sequence[str]) -> Path | None:
    """Which home folder does the command line name, read without any verb's help?"""
    for place, argument in enumerate(arguments):
        if argument.startswith("--home="):
            return Path(argument.removeprefix("--home="))
        if argument == "--home" and place + 1 < len(arguments):
            return Path(arguments[place + 1])
    return None


def _violation(violation: Violation) -> dict[str, Any]:  # JSON values
    rows = violation.rows
    return {
        "code": violation.code,
        "table": violation.table,
        "column": violation.column,
        "message": violation.message,
        "count": len(rows),
        "first_rows": list(rows[:_FIRST_ROWS]),
        "example": violation.example,
    }


def _trace(error: BaseException) -> str:
    return "\n  caused by ".join(_links(error))


def _links(error: BaseException) -> Iterator[str]:
    link: BaseException | None = error
    while link is not None:
        frames = traceback.walk_tb(link.__traceback__)
        steps = [f"{frame.f_globals.get('__name__')}:{line}" for frame, line in frames]
        yield f"{type(link).__name__} at {' > '.join(steps)}"
        link = link.__cause__ or link.__context__
