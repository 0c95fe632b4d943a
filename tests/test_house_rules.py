"""Rules of the house that no tool holds: each test says one, and names who breaks it."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("features", "training", "portfolio", "serving")
FOLDERS = {*PACKAGES, "notebooks", "tests", "benchmarks", "docs", ".ci"}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc"}
BANNED_FOLDERS = {"deprecated", "legacy", "old"}

# Where one module alone may import a package (import-linter holds those that it can see whole).
OWNERS = {
    "mlflow": ("training/registry",),
    "bentoml": ("serving/service.py",),
    "shap": ("training/",),
    "sqlalchemy": ("serving/store/",),
    "alembic": ("serving/store/",),
    "pyarrow.parquet": ("features/records/", "serving/", "training/"),
    "duckdb": ("features/records/",),
    "pyspark": ("features/records/engines/", "serving/batch"),
}
# Reading files, clocks and dice: not for pure rooms.
IMPURE_IMPORTS = {
    "glob", "io", "os", "pathlib", "random", "secrets", "shutil", "socket", "sqlite3", "subprocess",
    "tempfile", "time", "urllib", "uuid",
}  # fmt: skip
IMPURE_CALLS = {"open", "input", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
# Doors may wait with an import until it is needed; engines reach extras that may be missing.
LAZY_DOORS = ("serving/cli/", "features/records/engines/")


def _tracked(*suffixes: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    paths = [Path(name) for name in listed.split("\0") if name]
    if not paths:
        pytest.skip("not a git checkout")
    return [path for path in paths if path.suffix in suffixes or not suffixes]


def _code(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    for path in _tracked(".py"):
        name = path.as_posix()
        if name.startswith(tuple(f"{room}/" for room in rooms)) and (ROOT / path).is_file():
            yield name, ast.parse((ROOT / path).read_text(encoding="utf-8"))


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _pure_rooms() -> Iterator[tuple[str, ast.Module]]:
    for name, tree in _code("features", "portfolio"):
        if not name.startswith("features/records/"):
            yield name, tree


def test_there_are_four_packages_and_no_other_folder_beside_the_known_ones() -> None:
    found = {path.parts[0] for path in _tracked() if len(path.parts) > 1}
    assert found <= FOLDERS
    for package in PACKAGES:
        assert (ROOT / package / "__init__.py").is_file()


def test_no_file_or_folder_is_named_for_everything_and_nothing() -> None:
    wrong = [
        path.as_posix()
        for path in _tracked()
        if {path.stem, *path.parts[:-1]} & (BANNED_NAMES | BANNED_FOLDERS)
    ]
    assert wrong == []


def test_nothing_prints_in_the_packages() -> None:
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in _code(*PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _dotted(node.func) in {"print", "pprint"}
    ]
    assert wrong == []


def test_imports_stand_at_the_top_but_at_the_doors() -> None:
    wrong = [
        f"{name}:{inner.lineno}"
        for name, tree in _code(*PACKAGES)
        if not name.startswith(LAZY_DOORS)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert wrong == []


def test_modules_are_imported_by_name_only_at_the_doors() -> None:
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in _code(*PACKAGES)
        if not name.startswith(LAZY_DOORS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and _dotted(node.func).split(".")[-1] in {"import_module", "__import__"}
    ]
    assert wrong == []


@pytest.mark.parametrize("package", sorted(OWNERS))
def test_a_package_is_imported_by_its_owner_alone(package: str) -> None:
    wrong = [
        f"{name}:{line}"
        for name, tree in _code(*PACKAGES)
        if not name.startswith(OWNERS[package])
        for line, module in _imports(tree)
        if module == package or module.startswith(f"{package}.")
    ]
    assert wrong == []


def test_features_and_portfolio_touch_no_file_clock_or_dice() -> None:
    wrong = []
    for name, tree in _pure_rooms():
        wrong += [
            f"{name}:{line} {module}"
            for line, module in _imports(tree)
            if module.split(".")[0] in IMPURE_IMPORTS or module.startswith("numpy.random")
        ]
        wrong += [
            f"{name}:{node.lineno} {_dotted(node.func)}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and (_dotted(node.func) in IMPURE_CALLS or ".random." in f".{_dotted(node.func)}.")
        ]
    assert wrong == []


def test_the_simulator_is_given_its_dice() -> None:
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in _code("features/records/simulator")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and _dotted(node.func).endswith(("default_rng", "RandomState", "random.seed"))
    ]
    assert wrong == []


def test_nothing_touches_the_environment_but_the_settings_the_doctor_and_the_registry() -> None:
    # the registry silences the reports that mlflow would send from its import on
    allowed = ("serving/settings.py", "serving/cli/doctor.py", "training/registry.py")
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in _code(*PACKAGES)
        if name not in allowed
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _dotted(node) in {"os.environ", "os.getenv"}
    ]
    assert wrong == []


def test_no_module_acts_when_it_is_imported() -> None:
    acting = re.compile(r"(^|\.)(mkdir|makedirs|connect|basicConfig|create_engine|read_text|open)$")
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in _code(*PACKAGES)
        for statement in tree.body
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and acting.search(_dotted(node.func))
    ]
    assert wrong == []


def test_user_input_is_not_checked_by_assert() -> None:
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in _code(*PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
    ]
    assert wrong == []


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, tree in _code(*PACKAGES) if not ast.get_docstring(tree)] == []


def test_no_file_names_a_package_host() -> None:
    # Spelt in parts, so that this file does not name what it looks for.
    hosts = ("py" + r"pi\.org", "python" + r"hosted\.org", "ana" + r"conda\.org", "/sim" + "ple/?$")
    host = re.compile("|".join(hosts) + "|--(extra-)?index" + "-url[ =]", re.MULTILINE)
    wrong = [
        path.as_posix()
        for path in _tracked()
        if (ROOT / path).is_file() and host.search(_text(ROOT / path))
    ]
    assert wrong == []


def test_both_lock_files_have_a_hash_for_every_package() -> None:
    for name in ("requirements.lock", "requirements-bootstrap.lock"):
        pinned = re.findall(
            r"^[\w.-]+(?:\[[^\]]*\])?==.*(?:\n    .*)*", _text(ROOT / name), re.MULTILINE
        )
        assert pinned
        assert [pin.splitlines()[0] for pin in pinned if "--hash=sha256:" not in pin] == []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
