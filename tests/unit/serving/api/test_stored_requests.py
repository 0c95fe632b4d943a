"""What is kept of a request that asks for it, by the real store?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.api.body import ScoreRequest
from serving.champions import Champions
from serving.requests import keep_request
from serving.settings import Settings
from serving.store.store import Store
from tests.unit.serving.api.conftest import NOW, Door

Open = Callable[..., Door]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path / "store") as found:
        yield found


@pytest.fixture
def keeping(open_door: Open, champions_home: Path, store: Store) -> Door:
    """The door of a service that keeps what it is asked to keep."""

    def keep(request: ScoreRequest, champions: Champions) -> dict[str, Any]:
        settings = Settings(home=champions_home)
        return keep_request(request, champions, settings, store=store, clock=NOW)

    return open_door(champions_home, keep=keep)


def test_a_stored_request_gets_ids_under_which_scores_and_records_are_found(
    keeping: Door, store: Store, body: dict[str, Any]
) -> None:
    answered = keeping.score({**body, "store": True})
    assert answered.status_code == 200, answered.text
    churn = answered.json()["results"][0]["churn"]
    kept = store.score(churn["score_id"])
    assert kept is not None
    assert kept.row.probability == churn["probability"]
    made_of = store.inputs_of(churn["score_id"])
    assert made_of is not None
    assert made_of.records is not None
    assert [order["order_id"] for order in made_of.records["orders"]] == ["O-1", "O-2"]


def test_an_account_without_a_row_in_most_tables_is_kept_too(
    keeping: Door, body: dict[str, Any]
) -> None:
    order = {"order_id": "1", "ordered_at": "2026-05-20T08:00:00Z", "net_amount": 10.0}
    lone = {**body, "store": True, "accounts": [{"account_id": "G", "orders": [order]}]}
    answered = keeping.score(lone)
    assert answered.status_code == 200, answered.text
    assert answered.json()["results"][0]["churn"]["score_id"]


def test_a_later_request_knows_the_score_before(keeping: Door, body: dict[str, Any]) -> None:
    first = keeping.score({**body, "as_of": "2026-06-10", "store": True}).json()
    second = keeping.score({**body, "store": True}).json()
    before = first["results"][0]["churn"]["probability"]
    assert first["results"][0]["churn"]["previous"] is None
    assert second["results"][0]["churn"]["previous"] == before


def test_a_deal_without_a_dated_stage_is_named_rather_than_dropped(
    keeping: Door, body: dict[str, Any]
) -> None:
    deal = {"opportunity_id": "D-9", "created_at": "2026-06-01T00:00:00Z"}
    body["accounts"] = [{"account_id": "G", "opportunities": [deal]}]
    answered = keeping.score(body).json()
    assert answered["results"][0]["opportunities"] == [
        {
            "opportunity_id": "D-9", "close": None, "status": "no_history", "duration": None,
            "priority": None,
        }
    ]  # fmt: skip
