from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from features.errors import FanalError
from serving.champions import choose_portfolio, load_champions, store_context
from tests.unit.serving.api.conftest import promote
from tests.unit.training.made import CONTEXT, PORTFOLIO, champion, dataset, rungs
from training.artefact import Champion

MODEL = champion(rungs(dataset())["logistic"])


def _refused(home: Path, name: str | None) -> FanalError:
    with pytest.raises(FanalError) as refused:
        choose_portfolio(home, name)
    return refused.value


def _of(name: str) -> Champion:
    return replace(MODEL, portfolio=replace(PORTFOLIO, name=name))


def test_the_only_portfolio_needs_no_name(tmp_path: Path) -> None:
    assert _refused(tmp_path, None).code == "NR020"
    promote(tmp_path, _of("Giftware wholesaler"))
    assert choose_portfolio(tmp_path, None) == choose_portfolio(tmp_path, "Giftware wholesaler")
    assert _refused(tmp_path, "other").code == "ST010"


def test_one_of_several_must_be_named(tmp_path: Path) -> None:
    for name in ("north", "south"):
        promote(tmp_path, _of(name))
    refused = _refused(tmp_path, None)
    assert (refused.code, refused.exit_code) == ("ST010", 2)
    assert "north, south" in refused.fix
    assert load_champions(tmp_path, "south").portfolio.name == "south"


def test_a_model_without_champion_is_none(tmp_path: Path) -> None:
    promote(tmp_path, MODEL)
    found = load_champions(tmp_path)
    assert found.close is None
    assert list(found.by_model) == ["churn", "close", "duration", "value"]


def test_contexts_kept_beside_a_champion_join_its_own_in_order(tmp_path: Path) -> None:
    promote(tmp_path, MODEL)
    later = replace(CONTEXT, as_of=CONTEXT.as_of + 30 * 86_400_000_000)
    earlier = replace(CONTEXT, as_of=CONTEXT.as_of - 30 * 86_400_000_000)
    for context in (later, earlier):
        store_context(tmp_path, MODEL, context)
    found = load_champions(tmp_path).churn
    assert found is not None
    assert found.contexts == (earlier, CONTEXT, later)


def test_a_second_context_of_a_day_never_replaces_the_champions_own(tmp_path: Path) -> None:
    promote(tmp_path, MODEL)
    store_context(tmp_path, MODEL, replace(CONTEXT, horizon_days=30))
    found = load_champions(tmp_path).churn
    assert found is not None
    assert found.contexts == (CONTEXT,)
