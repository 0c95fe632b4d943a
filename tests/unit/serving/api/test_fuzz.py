"""Whatever comes in, the service answers: scores, or a problem document, never an error of ours."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from tests.unit.serving.api.conftest import Door

VALUES = (
    None, True, False, 0, -1, 1.5, 1e308, 10**30, "", " ", "A-1", "x" * 10_000, "\u0000",
    "2026-06-01", "9999-99-99", "2026-06-01T00:00:00Z", "0001-01-01T00:00:00Z", "2300-01-01", "1e5",
    "é\U0001f600", [], {}, [[]], [{}], [None], {"a": 1}, [[[[]]]], "NaN", -0.0, "won", "open",
    "segment",
)  # fmt: skip
KEYS = (
    "account_id", "orders", "history", "opportunities", "interactions", "subscriptions", "contacts",
    "invoices", "account_events", "actions", "known_at", "is_deleted", "segment", "owner_id",
    "stage", "opportunity_id", "changed_at", "field", "value", "amount", "as_of", "language",
    "store", "x/~y", "line_id", "currency", "product_id", "margin_amount", "start_date",
    "subscription_id", "kind",
)  # fmt: skip


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    found = []
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in inside:
        found.append((value, key))
        if isinstance(inner, dict | list):
            found += _places(inner)
    return found


def _value(dice: random.Random) -> Any:
    return copy.deepcopy(dice.choice(VALUES))


def _mutate(body: dict[str, Any], dice: random.Random) -> None:
    container, key = dice.choice(_places(body))
    turn = dice.randrange(5)
    if turn == 0:
        del container[key]
    elif turn == 1 and isinstance(container, list):
        container.append(copy.deepcopy(container[key]))
    elif turn == 2 and isinstance(container, dict):
        container[dice.choice(KEYS)] = _value(dice)
    elif turn == 3:
        rows = [{dice.choice(KEYS): _value(dice)} for _ in range(3)]
        container[key] = rows
    else:
        container[key] = _value(dice)


@pytest.mark.parametrize("seed", range(6))
def test_a_body_changed_at_random_gets_scores_or_a_problem(
    door: Door, body: dict[str, Any], seed: int
) -> None:
    dice = random.Random(seed)
    for _ in range(60):
        changed = copy.deepcopy(body)
        for _ in range(dice.randint(1, 4)):
            if _places(changed):
                _mutate(changed, dice)
        answered = door.score(changed)
        assert answered.status_code in (200, 413, 422, 501), json.dumps(changed)
        document = answered.json()
        wanted = {"results", "errors"} if answered.status_code == 200 else {"code", "errors"}
        assert wanted <= document.keys()


@pytest.mark.parametrize("seed", range(3))
def test_bytes_changed_at_random_get_scores_or_a_problem(
    door: Door, body: dict[str, Any], seed: int
) -> None:
    dice = random.Random(seed)
    whole = json.dumps(body).encode()
    for _ in range(60):
        raw = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        assert door.score(bytes(raw)).status_code in (200, 400, 413, 422, 501)
