"""Where the code uses private names of Ray, Optuna, HyperOpt and MLflow, and the tests of it.

Such names may change with any release of theirs. `make test-newest` installs the newest releases
that pyproject.toml allows and runs the tests of this list:

    python -m tests.test_private_names
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shrinking import ROOT, product_files

LIBRARIES = ("ray", "optuna", "hyperopt", "mlflow")

TESTED: dict[str, tuple[str, ...]] = {
    "search/samplers/optuna_internals.py": (
        "tests/search/samplers/test_optuna_internals.py",
        "tests/search/test_samplers.py",
    ),
    "search/samplers/via_hyperopt.py": (
        "tests/search/test_samplers.py",
        "tests/search/test_native_spaces.py",
    ),
    "search/tune/loop.py": ("tests/search/tune/test_loop.py", "tests/search/test_driver.py"),
    "search/tune/ray_internals.py": (
        "tests/search/tune/test_ray_internals.py",
        "tests/search/tune/test_cluster.py",
        "tests/search/tune/test_joining.py",
        "tests/search/assign/test_losses.py",
        "tests/search/tune/test_scheduler.py",
        "tests/search/test_driver.py",
    ),
}
"""The tests of each module that uses private names, wherever they stand below the folder."""

INTERNAL = {"search/samplers/via_hyperopt.py"}
"""Modules that use what a library has no underscore for and does not document either."""

_PRIVATE = re.compile(r"_[A-Za-z]\w*")
_PATH = re.compile(rf"({'|'.join(LIBRARIES)})(\.\w+)*\._[A-Za-z]\w*(\.\w+)*")
_OTHERS = {"self", "cls", "super()", "os"}
"""What may have private names in a module that uses the libraries, without their being theirs."""
_NAMEDTUPLE = {"_asdict", "_fields", "_make", "_replace"}


def find_private_names(source: str) -> list[str]:
    """The private names of the libraries that a module uses: those that it imports, those in
    dotted paths that it writes as text, and private attributes of what is not its own.
    """
    nodes = list(ast.walk(ast.parse(source)))
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    if not any(_library(path) for node in imports for path in _imported(node)):
        return [name for node in nodes for name in _text(node)]
    names = [name for node in nodes for name in (*_text(node), *_attribute(node))]
    return names + [
        path
        for node in imports
        for path in _imported(node)
        if _library(path) and any(map(_PRIVATE.fullmatch, path.split(".")))
    ]


def _library(path: str) -> bool:
    return path.partition(".")[0] in LIBRARIES


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    for alias in node.names:
        yield alias.name if isinstance(node, ast.Import) else f"{node.module or ''}.{alias.name}"


def _text(node: ast.AST) -> Iterator[str]:
    text = node.value if isinstance(node, ast.Constant) else None
    if isinstance(text, str) and _PATH.fullmatch(text):
        yield text


def _attribute(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute) and _PRIVATE.fullmatch(node.attr):
        owner = ast.unparse(node.value)
        if owner not in _OTHERS and node.attr not in _NAMEDTUPLE:
            yield f"{owner}.{node.attr}"


def list_tests() -> list[str]:
    """The test files that touch private names, each once."""
    names = {Path(test) for tests in TESTED.values() for test in tests}
    files = {file for name in names for file in (ROOT / name.parent).rglob(name.name)}
    return sorted(file.relative_to(ROOT).as_posix() for file in files)


def test_every_use_of_private_names_is_listed_with_its_tests() -> None:
    found = {
        file.relative_to(ROOT).as_posix(): names
        for file in product_files()
        if (names := find_private_names(file.read_text()))
    }
    assert sorted(found.keys() | INTERNAL) == sorted(TESTED), found
    assert {Path(test).name for test in list_tests()} == {
        Path(test).name for tests in TESTED.values() for test in tests
    }


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from ray.tune import Trial\nself._trial\n", []),
        ("from os import _exit\nother._thing\n", []),
        ("import ray._private.worker\n", ["ray._private.worker"]),
        ("from optuna.samplers import _tpe\n", ["optuna.samplers._tpe"]),
        ("def late():\n    from ray._raylet import Client\n", ["ray._raylet.Client"]),
        ("load('ray._private.worker')\n", ["ray._private.worker"]),
        ("import ray\nray.get(actor)._value\n", ["ray.get(actor)._value"]),
        ("import ray\nsuper()._reuse(trial)\n", []),
        ("import ray\nparts._replace(netloc='')\n", []),
        ("from raytracing import _engine\n", []),
    ],
)
def test_private_names_are_seen(source: str, names: list[str]) -> None:
    assert find_private_names(source) == names


if __name__ == "__main__":
    print(*list_tests())
