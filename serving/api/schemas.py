"""What do requests and answers look like, for whoever writes a program against them?

The request follows from the data contract; nothing here is checked against at run time (the body is
checked row by row in ``rows.py``). The example is the one that a test sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.records.contract import TABLES, Column, Kind, Table
from serving.api.rows import ACCOUNT_TABLES

Json = dict[str, Any]  # Any: JSON schema

_TYPES: Mapping[Kind, Json] = {
    "id": {"type": "string"},
    "text": {"type": "string"},
    "code": {"type": "string"},
    "number": {"type": "number"},
    "instant": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "flag": {"type": "boolean"},
}

REQUEST_EXAMPLE: Json = {
    "as_of": "2011-09-10",
    "language": "fr",
    "accounts": [
        {
            "account_id": "17850",
            "segment": "wholesale",
            "orders": [
                {"order_id": "536365", "ordered_at": "2010-12-01T08:26:00Z", "net_amount": 139.12}
            ],
            "interactions": [],
            "opportunities": [
                {
                    "opportunity_id": "D-1",
                    "created_at": "2011-08-01T00:00:00Z",
                    "history": [
                        {
                            "changed_at": "2011-08-01T00:00:00Z",
                            "stage": "qualified",
                            "amount": 70000,
                        }
                    ],
                }
            ],
        }
    ],
}

ANSWER_EXAMPLE: Json = {
    "as_of": "2011-09-10",
    "models": {
        "churn": {
            "version": "7",
            "rung": "lightgbm",
            "feature_set_version": "5d2f0c1a9b7e",
            "context_version": "a91c40c2d0f3",
            "horizon_days": 90,
            "trained_through": "2011-06-01",
        },
        "close": None,
        "duration": None,
        "value": None,
    },
    "context_as_of": "2011-09-01",
    "warnings": ["There is no close champion: fanal train PORTFOLIO --model close"],
    "results": [
        {
            "account_id": "17850",
            "churn": {
                "score_id": None,
                "probability": 0.61,
                "horizon_days": 90,
                "grade": "C",
                "trend": None,
                "previous": None,
                "rung": "lightgbm",
                "stale": False,
                "reasons": [
                    {
                        "code": "RHYTHM_BROKEN",
                        "theme": "rhythm",
                        "direction": "up",
                        "strength": "strong",
                        "points": 14,
                        "value": 97,
                        "usual_value": 15,
                        "peer_value": 31,
                        "unit": "days",
                        "evidence": ["536365"],
                        "text": "Pas de commande depuis 97 jours (d'habitude tous les 15 jours).",
                    }
                ],
            },
            "value": {
                "amount": 1840.0,
                "low": None,
                "high": None,
                "currency": "GBP",
                "horizon_days": 365,
                "rung": "prior",
            },
            "priority": {
                "action": "save",
                "score": 47.1,
                "expected_amount": 310.0,
                "currency": "GBP",
                "terms": [{"name": "potential", "value": 0.52, "weight": 0.4, "points": 20.8}],
            },
            "opportunities": [],
        }
    ],
    "errors": [
        {
            "pointer": "/accounts/3/orders/0/net_amount",
            "code": "CT014",
            "message": "A number was expected. Write it with digits and a decimal point.",
        }
    ],
}

FAULT_SCHEMA: Json = {
    "type": "object",
    "required": ["pointer", "code", "message"],
    "properties": {name: {"type": "string"} for name in ("pointer", "code", "message")},
}

PROBLEM_SCHEMA: Json = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail", "instance", "code", "errors"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "instance", "code")},
        "status": {"type": "integer"},
        "errors": {"type": "array", "items": FAULT_SCHEMA},
    },
}

ANSWER_SCHEMA: Json = {
    "type": "object",
    "required": ["as_of", "models", "context_as_of", "warnings", "results", "errors"],
    "properties": {
        "as_of": {"type": "string", "format": "date"},
        "models": {"type": "object", "description": "Who answered; null without a champion."},
        "context_as_of": {"type": ["string", "null"], "format": "date"},
        "warnings": {"type": "array", "items": {"type": "string"}},
        "results": {"type": "array", "items": {"type": "object", "required": ["account_id"]}},
        "errors": {"type": "array", "items": FAULT_SCHEMA},
    },
}


def request_schema() -> Json:
    """Which JSON schema does the body of ``POST /v1/score`` have, after the data contract?"""
    return {
        "type": "object",
        "required": ["accounts"],
        "additionalProperties": False,
        "properties": {
            "as_of": {"type": "string", "format": "date", "description": "Default: today (UTC)."},
            "language": {"enum": ["en", "fr"]},
            "store": {"type": "boolean", "description": "Keep inputs and scores."},
            "accounts": {"type": "array", "minItems": 1, "items": _account()},
        },
    }


def _account() -> Json:
    schema = _row(TABLES["accounts"])
    for name, table in ACCOUNT_TABLES.items():
        item = _row(TABLES[table], without="account_id")
        if table == "opportunities":
            moves = _row(TABLES["opportunity_history"], without="opportunity_id")
            item["properties"]["history"] = {"type": "array", "items": moves}
        schema["properties"][name] = {
            "type": "array",
            "description": TABLES[table].meaning,
            "items": item,
        }
    return schema


def _row(table: Table, without: str = "") -> Json:
    return {
        "type": "object",
        "required": [name for name in table.required if name != without],
        "additionalProperties": False,
        "properties": {
            column.name: _value(column) for column in table.columns if column.name != without
        },
    }


def _value(column: Column) -> Json:
    schema: Json = {**_TYPES[column.kind], "description": column.meaning}
    if column.words:
        schema["enum"] = list(column.words)
    if column.low is not None:
        schema["minimum"] = column.low
    if column.high is not None:
        schema["maximum"] = column.high
    return schema


def problem_responses(*statuses: int) -> dict[int | str, Json]:
    """Which OpenAPI responses tell that these statuses carry a problem document?"""
    content = {"application/problem+json": {"schema": PROBLEM_SCHEMA}}
    return {status: {"description": "A problem (RFC 9457)", "content": content}
            for status in statuses}  # fmt: skip
