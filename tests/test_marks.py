"""The lists of tests/support/marks.py name what there is, and leave the fast loop a part of each
package's tests.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from tests.support.marks import LONG, PROCESSES, PURE
from tests.support.shrinking import PACKAGES

TESTS = Path(__file__).parent


def _names(file: Path) -> set[str]:
    """The test functions of a file, those in classes too."""
    nodes = ast.walk(ast.parse(file.read_text()))
    return {
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def _starts_processes(file: Path) -> bool:
    path = file.relative_to(TESTS)
    return path.as_posix() not in PURE and any(path.is_relative_to(name) for name in PROCESSES)


def test_every_name_in_the_lists_is_one_of_a_test() -> None:
    places = [*PROCESSES, *PURE]
    assert [place for place in places if not (TESTS / place).exists()] == []
    names = set[str]().union(*map(_names, TESTS.rglob("test_*.py")))
    assert sorted(LONG - names) == []


def test_a_file_is_pure_only_where_its_folder_is_not() -> None:
    for name in PURE:
        assert any(Path(name).is_relative_to(folder) for folder in PROCESSES), name


def test_the_fast_loop_has_tests_of_every_package() -> None:
    kept: dict[str, set[str]] = defaultdict(set)
    for package in PACKAGES:
        for file in (TESTS / package).rglob("test_*.py"):
            if not _starts_processes(file):
                kept[package] |= _names(file) - LONG
    assert {package for package in PACKAGES if len(kept[package]) < 5} == set()
