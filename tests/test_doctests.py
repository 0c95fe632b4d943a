"""Every example in a docstring or a page gives what it says."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("features", "training", "portfolio", "serving")


def _with_examples(*patterns: str) -> list[str]:
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    shown = [path for path in found if ">>> " in path.read_text(encoding="utf-8")]
    return [path.relative_to(ROOT).as_posix() for path in shown]


@pytest.mark.parametrize("name", _with_examples(*(f"{package}/**/*.py" for package in PACKAGES)))
def test_the_examples_of_a_module_hold(name: str) -> None:
    module = importlib.import_module(name.removesuffix(".py").replace("/", "."))
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", _with_examples("*.md", "docs/**/*.md"))
def test_the_examples_of_a_page_hold(name: str) -> None:
    result = doctest.testfile(str(ROOT / name), module_relative=False)
    assert result.failed == 0
