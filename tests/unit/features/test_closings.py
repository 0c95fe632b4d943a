"""What was held for true of a deal, from when until when."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from features.asof import NEVER, instant, to_instant
from features.closings import closing_spells
from tests.spec.features_portfolio import events_of

STAGES = "stage position outcome\noffer 0 open\nwon 1 won\nlost 2 lost"
DEALS = "opportunity_id account_id created_at\nd a 2011-08-01"
HEAD = (
    "opportunity_id changed_at stage known_at is_deleted\n"
    "d 2011-08-01T00:00:00Z offer - -\n"
)  # fmt: skip

HELD = {
    "a deal that is won is won from the next midnight on": (
        "d 2011-09-01T09:00:00Z won - -",
        {"2011-09-01": "open", "2011-09-02": "won 09-01", "2012-01-01": "won 09-01"},
    ),
    "an earlier win that we learn of later takes the place of a loss": (
        "d 2011-09-01T09:00:00Z lost - -\nd 2011-08-30T09:00:00Z won 2011-09-20T09:00:00Z -",
        {"2011-09-01": "open", "2011-09-02": "lost 09-01", "2011-09-20": "lost 09-01",
         "2011-09-21": "won 08-30"},
    ),
    "a win that is withdrawn leaves the deal open again": (
        "d 2011-09-01T09:00:00Z won - -\n"
        "d 2011-09-01T09:00:00Z won 2011-09-20T09:00:00Z true",
        {"2011-09-02": "won 09-01", "2011-09-20": "won 09-01", "2011-09-21": "open"},
    ),
    "a loss comes to the fore when the win before it is withdrawn": (
        "d 2011-09-01T09:00:00Z won - -\nd 2011-09-05T09:00:00Z lost - -\n"
        "d 2011-09-01T09:00:00Z won 2011-09-20T09:00:00Z true",
        {"2011-09-06": "won 09-01", "2011-09-21": "lost 09-05"},
    ),
    "a win that is learnt again after it was withdrawn is won": (
        "d 2011-09-01T09:00:00Z won 2011-09-25T09:00:00Z -\n"
        "d 2011-09-01T09:00:00Z won 2011-09-20T09:00:00Z true\n"
        "d 2011-10-01T09:00:00Z lost - -",
        {"2011-09-21": "open", "2011-09-26": "won 09-01", "2011-10-02": "won 09-01"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", HELD)
def test_a_deal_is_what_it_was_held_to_be(title: str) -> None:
    rows, expected = HELD[title]
    events = events_of(
        {"stages": STAGES, "opportunities": DEALS, "opportunity_history": HEAD + rows}
    )
    spells = closing_spells(events.sources["moves"])
    for day, held in expected.items():
        closed_at, is_won = spells.seen(instant(date.fromisoformat(day)))
        if held == "open":
            assert closed_at.tolist() == [NEVER], day
        else:
            outcome, closed = held.split()
            moment = datetime.fromisoformat(f"2011-{closed}T09:00:00").replace(tzinfo=UTC)
            assert closed_at.tolist() == [to_instant(moment)], day
            assert is_won.tolist() == [outcome == "won"], day
