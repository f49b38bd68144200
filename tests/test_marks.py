"""The lists of tests/support/marks.py name what there is, and leave the fast loop a part of each
package's tests.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from tests.support.marks import LONG, PROCESSES, PURE, is_among, starts_processes
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


def test_every_name_in_the_lists_is_one_of_a_test() -> None:
    files = [file.relative_to(TESTS) for file in TESTS.rglob("test_*.py")]
    for place in (*PROCESSES, *PURE):
        found = [file for file in files if is_among(file, place)]
        assert len(found) == 1 or (not Path(place).suffix and found), (place, found)
    suites = (TESTS.parent / "ventral" / "testing").glob("*.py")  # from which classes are derived
    names = set[str]().union(*map(_names, [*suites, *(TESTS / file for file in files)]))
    assert sorted(LONG - names) == []


def test_a_file_is_pure_only_where_its_folder_is_not() -> None:
    for name in PURE:
        assert any(is_among(Path(name), folder) for folder in PROCESSES), name


def test_the_fast_loop_has_tests_of_every_package() -> None:
    kept: dict[str, set[str]] = defaultdict(set)
    for package in PACKAGES:
        for file in (TESTS / package).rglob("test_*.py"):
            if not starts_processes(file.relative_to(TESTS)):
                kept[package] |= _names(file) - LONG
    assert {package for package in PACKAGES if len(kept[package]) < 5} == set()


def test_a_file_is_found_wherever_it_stands_below_its_folder() -> None:
    assert is_among(Path("search/tune/test_loop.py"), "search/test_loop.py")
    assert not is_among(Path("workers/test_loop.py"), "search/test_loop.py")
    assert is_among(Path("ventral/commands/test_zoo.py"), "ventral")
    assert not is_among(Path("ventral_other/test_zoo.py"), "ventral")
