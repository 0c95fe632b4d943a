"""Every feature of the catalogue gives the value that its table says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest

from features.matrix import FeatureMatrix
from features.signals.catalogue import BY_NAME, CATALOGUE
from features.signals.declare import About
from tests.spec import features_accounts, features_deals
from tests.spec.features_portfolio import cells, events_of, number, rows_of

SPECS: Mapping[str, Mapping[str, tuple[str, dict[str, str], str]]] = {
    "account": features_accounts.SPECS,
    "deal": features_deals.SPECS,
}
LINES = [
    (entity, title, line)
    for entity, specs in SPECS.items()
    for title, (_, _, expected) in specs.items()
    for line in cells(expected)
]
NEVER_MISSING = {
    ("deal", "deal_age_days"), ("deal", "days_to_quarter_end"), ("deal", "weekday"),
}  # fmt: skip
"""Whoever has a deal has its opening, and every day has a weekday and a quarter."""


@cache
def _rows(entity: str, title: str) -> FeatureMatrix:
    _, tables, expected = SPECS[entity][title]
    ids = [name for name in cells(expected)[0] if name != "feature"]
    events = events_of(tables, static=features_deals.STATIC)
    return rows_of(events, entity, "2011-04-01", ids)


@pytest.mark.parametrize(
    ("entity", "title", "line"), LINES, ids=[f"{e}-{t}-{line['feature']}" for e, t, line in LINES]
)
def test_a_feature_has_the_value_of_its_table(
    entity: str, title: str, line: dict[str, str | None]
) -> None:
    expected = [number(word) for name, word in line.items() if name != "feature"]
    found = _rows(entity, title).column(str(line["feature"]))
    rtol = 1e-4 if any(str(word).startswith("~") for word in line.values()) else 1e-12
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=0, equal_nan=True)


def test_every_feature_has_a_table_with_a_value_and_one_for_its_missing_rule() -> None:
    values: set[tuple[str, str | None]] = set()
    missing: set[tuple[str, str | None]] = set()
    for entity, _, line in LINES:
        for name, word in line.items():
            if name != "feature":
                (missing if word is None else values).add((entity, line["feature"]))
    assert values == set(BY_NAME)
    ruled = {key for key, feature in BY_NAME.items() if feature.about.missing != About.missing}
    assert ruled - missing == set()
    assert missing - ruled == set()


def test_every_feature_is_missing_where_no_table_speaks_of_it() -> None:
    nothing = events_of({
        "opportunities": "opportunity_id account_id created_at\nX A 2011-01-01",
    })  # fmt: skip
    for entity in ("account", "deal"):
        rows = rows_of(nothing, entity, "2011-04-01")
        known = {(entity, n) for n in rows.names if not np.isnan(rows.column(n)).all()}
        assert known <= NEVER_MISSING


def test_no_feature_is_listed_twice() -> None:
    assert len(BY_NAME) == len(CATALOGUE)
