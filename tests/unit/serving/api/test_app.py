"""What the addresses answer, through the door, in this process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.asof import default_as_of
from features.records.folder import Records
from features.signals.catalogue import feature_set_version
from serving.access import Access
from serving.answers import answer
from serving.api.body import ScoreRequest
from serving.api.schemas import REQUEST_EXAMPLE
from serving.scoring import score_records
from serving.settings import Settings
from tests.unit.serving.api.conftest import Door, as_body, promote
from training.artefact import Champion
from training.models import Logistic

KEY = Access(frozenset({hashlib.sha256(b"open sesame").hexdigest()}))


def test_accounts_are_scored_in_the_order_they_were_sent_in(
    door: Door, body: dict[str, Any]
) -> None:
    body["accounts"].reverse()
    document = door.score(body).json()
    assert [result["account_id"] for result in document["results"]] == ["A-2", "A-1"]
    assert document["errors"] == []
    assert document["models"]["churn"]["rung"] == "logistic"
    deal = document["results"][1]["opportunities"][0]
    assert 0 < deal["close"]["probability"] < 1
    assert document["results"][1]["churn"]["score_id"] is None


def test_an_account_gets_the_same_score_alone_and_among_others(
    door: Door, body: dict[str, Any]
) -> None:
    first = body["accounts"][0]
    first["owner_id"] = "R-1"
    first["orders"][0] |= {"margin_amount": 12.5, "quantity": 3, "product_id": "P-1"}
    first["opportunities"][0] |= {"competitor": "X", "source": "web", "owner_id": "R-2"}
    first["contacts"] = [{"contact_id": "C-1", "created_at": "2026-01-01T00:00:00Z"}]
    first["subscriptions"] = [{"subscription_id": "S-1", "start_date": "2026-01-01"}]
    together = door.score(body).json()["results"]
    alone = [
        door.score({**body, "accounts": [account]}).json()["results"][0]
        for account in body["accounts"]
    ]
    for result in (*together, *alone):
        # the end of the records is that of the whole request
        for score in (result["churn"], *(deal["close"] for deal in result["opportunities"])):
            score.pop("data_as_of")
    assert alone == together


def test_an_account_gets_the_same_score_over_http_and_in_its_whole_portfolio(
    open_door: Callable[..., Door], champions_home: Path, portfolio: Records
) -> None:
    door = open_door(champions_home, max_body_mb=50)
    day = default_as_of(portfolio.portfolio.data_as_of)
    scored = score_records(
        portfolio, door.watch.current(), as_of=day, settings=Settings(home=door.home)
    )
    expected = {
        result["account_id"]: _figures(result)
        for result in answer(scored, language="en")["results"]
    }
    sent = as_body(portfolio)[::3]
    document = door.score({"as_of": day.isoformat(), "accounts": sent}).json()
    assert document["errors"] == []
    assert len(document["results"]) == 50
    for result in document["results"]:
        assert _figures(result) == expected[result["account_id"]]


def _figures(result: dict[str, Any]) -> list[object]:
    scores = [result["churn"], *(deal["close"] for deal in result["opportunities"])]
    return [
        result["value"],
        result["priority"],
        *(score and (score["probability"], score["grade"], score["reasons"]) for score in scores),
    ]


def test_a_faulty_account_is_told_and_the_others_are_scored(
    door: Door, body: dict[str, Any]
) -> None:
    body["accounts"][0]["orders"][1]["net_amount"] = "80"
    answered = door.score(body)
    document = answered.json()
    assert answered.status_code == 200
    assert document["errors"] == [
        {
            "pointer": "/accounts/0/orders/1/net_amount",
            "code": "CT014",
            "message": "A number was expected. Write it with digits and a decimal point.",
        }
    ]
    assert [result["account_id"] for result in document["results"]] == ["A-2"]


def test_the_example_of_the_description_can_be_sent(door: Door) -> None:
    assert door.score(REQUEST_EXAMPLE).status_code == 200


def test_a_body_without_json_is_a_problem_document(door: Door) -> None:
    answered = door.score(b"{")
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.status_code == 400
    assert answered.json() == {
        "type": "urn:fanal:error:RQ001",
        "title": "the body is not JSON in UTF-8",
        "status": 400,
        "detail": "The body is not JSON: line 1, column 2. Send one JSON object.",
        "instance": "/v1/score",
        "code": "RQ001",
        "errors": [],
    }


def test_no_problem_document_quotes_the_body(door: Door) -> None:
    secret = "Dupont SARL"
    bodies: list[object] = [
        f'{{"accounts": "{secret}'.encode(),
        {"accounts": [{"account_id": [secret]}]},
        {secret: 1},
        {"accounts": [{"account_id": "A"}], "language": secret},
        {"accounts": [{"account_id": "A"}], "as_of": secret},
    ]
    assert [secret in door.score(body).text for body in bodies] == [False] * 5


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_a_body_of_another_type_is_refused(door: Door, kind: str) -> None:
    answered = door.score(b"{}", **{"content-type": kind})
    assert (answered.status_code, answered.json()["code"]) == (415, "RQ007")


def test_a_compressed_body_is_refused(door: Door) -> None:
    answered = door.score(b"{}", **{"content-encoding": "gzip"})
    assert answered.status_code == 415


def test_a_body_that_says_it_is_too_large_is_refused_unread(
    open_door: Callable[..., Door], champions_home: Path
) -> None:
    answered = open_door(champions_home, max_body_mb=0.001).score(b" " * 1001)
    assert (answered.status_code, answered.json()["code"]) == (413, "RQ006")


def test_a_body_in_chunks_is_cut_at_the_limit(
    open_door: Callable[..., Door], champions_home: Path
) -> None:
    sent = []

    async def chunks() -> AsyncIterator[bytes]:
        for place in range(1000):
            sent.append(place)
            yield b" " * 500

    answered = open_door(champions_home, max_body_mb=0.001).score(chunks())
    assert (answered.status_code, answered.json()["code"]) == (413, "RQ006")
    assert len(sent) < 10


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "RQ030"),
        ("GET", "/v1/score", 405, "RQ031"),
        ("DELETE", "/v1/models", 405, "RQ031"),
        ("GET", "/docs", 404, "RQ030"),
    ],
)
def test_other_addresses_and_methods_are_problems_too(
    door: Door, method: str, path: str, status: int, code: str
) -> None:
    answered = door.ask(method, path)
    assert (answered.status_code, answered.json()["code"]) == (status, code)


def test_every_reply_carries_the_security_headers(door: Door, body: dict[str, Any]) -> None:
    for answered in (door.score(body), door.score(b"{"), door.get("/v1/nothing")):
        assert answered.headers["x-content-type-options"] == "nosniff"
        assert answered.headers["cache-control"] == "no-store"
        assert (
            answered.headers["content-security-policy"]
            == "default-src 'none'; frame-ancestors 'none'"
        )


def test_without_champion_nothing_is_scored_and_the_command_is_told(
    open_door: Callable[..., Door], body: dict[str, Any]
) -> None:
    door = open_door()
    answered = door.score(body)
    assert (answered.status_code, answered.json()["code"]) == (503, "NR020")
    assert "fanal train" in answered.json()["detail"]
    assert door.get("/v1/models").json() == {
        "portfolio": None,
        "models": {"churn": None, "close": None, "duration": None, "value": None},
        "faults": {},
    }


def test_store_is_refused_where_nothing_is_kept(door: Door, body: dict[str, Any]) -> None:
    answered = door.score({**body, "store": True})
    assert (answered.status_code, answered.json()["code"]) == (501, "RQ033")


def test_store_hands_the_request_to_whoever_keeps_it(
    open_door: Callable[..., Door], champions_home: Path, body: dict[str, Any]
) -> None:
    kept: list[ScoreRequest] = []

    def keep(request: ScoreRequest, _: object) -> dict[str, Any]:
        kept.append(request)
        return {"results": ["kept"]}

    door = open_door(champions_home, keep=keep)
    assert door.score({**body, "store": True}).json() == {"results": ["kept"]}
    assert door.score(body).json()["results"] != ["kept"]
    assert [request.account_ids for request in kept] == [("A-1", "A-2")]


def test_an_unforeseen_error_is_hidden_and_logged_without_the_record(
    open_door: Callable[..., Door],
    champions_home: Path,
    body: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> dict[str, Any]:
        raise ValueError("Dupont SARL owes 5")

    answered = open_door(champions_home, keep=fail).score({**body, "store": True})
    document = answered.json()
    assert (answered.status_code, document["code"]) == (500, "RQ099")
    assert "Dupont" not in answered.text + caplog.text
    name = document["detail"].partition("(error ")[2][:12]
    assert f"error {name}: ValueError at serving.api.door:" in caplog.text


def test_with_keys_set_only_a_key_opens(
    open_door: Callable[..., Door], champions_home: Path, body: dict[str, Any]
) -> None:
    door = open_door(champions_home, access=KEY)
    assert door.score(body).status_code == 401
    assert door.score(body).headers["www-authenticate"] == "Bearer"
    assert door.score(body, authorization="Bearer wrong").status_code == 401
    assert door.score(body, authorization="Bearer open sesame").status_code == 200
    assert door.get("/v1/openapi.json").status_code == 401


def test_the_description_names_every_table_of_the_contract(door: Door) -> None:
    document = door.get("/v1/openapi.json").json()
    content = document["paths"]["/v1/score"]["post"]["requestBody"]["content"]["application/json"]
    account = content["schema"]["properties"]["accounts"]["items"]
    assert {
        "history", "contacts", "orders", "invoices", "interactions", "opportunities",
        "subscriptions", "account_events", "actions",
    } < account["properties"].keys()  # fmt: skip
    deal = account["properties"]["opportunities"]["items"]
    assert deal["required"] == ["opportunity_id", "created_at"]
    assert deal["properties"]["history"]["items"]["required"] == ["changed_at", "stage"]
    assert json.dumps(document).count("application/problem+json") >= 8


def test_the_entrance_leads_to_the_description(door: Door) -> None:
    answered = door.get("/")
    assert (answered.status_code, answered.headers["location"]) == (307, "/v1/openapi.json")


def _owner_alone(champion: Champion) -> Champion:
    """A champion that looks at the record of the rep and nothing else."""
    ones = np.ones(1)
    rung = Logistic(("owner_win_rate",), -ones, ones, 5 * ones, 0 * ones, 0 * ones, 0.0)
    of_features = feature_set_version(rung.features, "deal")
    return replace(champion, version="9", rung=rung, feature_set_version=of_features)


def test_a_rep_whom_nobody_knows_is_not_given_the_record_of_all(
    open_door: Callable[..., Door], tmp_path: Path, champions: Mapping[str, Champion],
    body: dict[str, Any],
) -> None:  # fmt: skip
    promote(tmp_path, champions["churn"])
    promote(tmp_path, _owner_alone(champions["close"]))
    known = sorted(champions["close"].contexts[0].tables["owner"].values)[1]
    deal = body["accounts"][0]["opportunities"][0]
    told = {}
    for owner in (known, "nobody", None):
        deal["owner_id"] = owner
        answer = open_door(tmp_path).score(body).json()
        [reason] = answer["results"][0]["opportunities"][0]["close"]["reasons"]
        assert reason["code"] == "OWNER_RECORD"
        told[owner] = reason["value"]
    assert 0 < told[known] < 1
    assert (told["nobody"], told[None]) == (None, None)


def test_only_tables_that_the_champions_read_are_missed(
    open_door: Callable[..., Door], tmp_path: Path, champions: Mapping[str, Champion]
) -> None:
    promote(tmp_path, _owner_alone(champions["close"]))
    sent = {"as_of": "2026-07-01", "accounts": [{"account_id": "A", "orders": []}]}
    warnings = open_door(tmp_path).score(sent).json()["warnings"]
    assert [warning for warning in warnings if "came" in warning] == [
        "1 of 1 account came without opportunities: taken to have none."
    ]
