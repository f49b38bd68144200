"""Files, classes and functions of the packages stay short; the exceptions may only shrink.

    python -m tests.test_sizes

prints the lists below as the tree has them now.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shrinking import ROOT, Sizes, find_departures, product_files, write_list

FILE, CLASS, FUNCTION = 400, 300, 60
"""The most lines of each."""

LONG_FILES: Sizes = {}
LONG_CLASSES: Sizes = {}
LONG_FUNCTIONS: Sizes = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def measure_definitions(source: str) -> tuple[dict[str, int], dict[str, int]]:
    """The lines of every class and of every function, from `class` or `def` to its end, by name:
    `Writer.write`. Of two with one name in a file (an overload) the longer one counts.
    """
    classes: dict[str, int] = {}
    functions: dict[str, int] = {}
    for name, node in _definitions(ast.parse(source), ""):
        sizes = classes if isinstance(node, ast.ClassDef) else functions
        assert node.end_lineno is not None
        sizes[name] = max(sizes.get(name, 0), node.end_lineno - node.lineno + 1)
    return classes, functions


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | Function):
            name = f"{prefix}{child.name}"
            yield name, child
            yield from _definitions(child, f"{name}.")
        else:
            yield from _definitions(child, prefix)


def measure_tree(root: Path = ROOT) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Lines of all files, classes and functions of the packages below `root`."""
    files: dict[str, int] = {}
    classes: dict[str, int] = {}
    functions: dict[str, int] = {}
    for file in product_files(root):
        name, source = file.relative_to(root).as_posix(), file.read_text()
        files[name] = len(source.splitlines())
        inside = measure_definitions(source)
        classes |= {f"{name}::{key}": size for key, size in inside[0].items()}
        functions |= {f"{name}::{key}": size for key, size in inside[1].items()}
    return files, classes, functions


def test_files_classes_and_functions_stay_short() -> None:
    files, classes, functions = measure_tree()
    assert len(files) > 100, "the packages were not found"
    departures = [
        *find_departures(files, LONG_FILES, FILE),
        *find_departures(classes, LONG_CLASSES, CLASS),
        *find_departures(functions, LONG_FUNCTIONS, FUNCTION),
    ]
    assert departures == [], "\n".join(departures)


def test_definitions_are_measured_with_all_that_is_in_them() -> None:
    source = """
@decorated
class Outer:
    def first(self):
        def inner():
            return 1

        return inner

    async def second(self): ...

if True:
    def below():
        pass
"""
    classes, functions = measure_definitions(source)
    assert classes == {"Outer": 8}
    assert functions == {
        "Outer.first": 5,
        "Outer.first.inner": 2,
        "Outer.second": 1,
        "below": 2,
    }


def test_a_tree_is_measured_but_for_its_migrations(tmp_path: Path) -> None:
    for name in ("space/a.py", "search/store/migrations/versions/0001_a.py", "tests/b.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("def long():\n" + "    pass\n" * 70)
    files, classes, functions = measure_tree(tmp_path)
    assert (files, classes, functions) == ({"space/a.py": 71}, {}, {"space/a.py::long": 71})


@pytest.mark.parametrize(
    ("measured", "listed", "said"),
    [
        ({"a": 10}, {}, []),
        ({"a": 12}, {"a": 12}, []),
        ({"a": 11}, {"a": 12}, []),
        ({"a": 11}, {}, ["a: 11 exceeds 10: divide it"]),
        ({"a": 13}, {"a": 12}, ["a: 13 exceeds its 12: exceptions never grow"]),
        ({}, {"a": 12}, ["a: is gone: take it off the list"]),
        ({"a": 10}, {"a": 12}, ["a: 10 is within 10: take it off the list"]),
    ],
)
def test_departures_from_a_list_of_exceptions(
    measured: Sizes, listed: Sizes, said: list[str]
) -> None:
    assert find_departures(measured, listed, 10) == said


def write_lists() -> str:
    """The lists of exceptions of the tree as it is, in source form."""
    named = zip(("LONG_FILES", "LONG_CLASSES", "LONG_FUNCTIONS"), measure_tree(), strict=True)
    limits = {"LONG_FILES": FILE, "LONG_CLASSES": CLASS, "LONG_FUNCTIONS": FUNCTION}
    return "\n".join(
        write_list(name, {key: size for key, size in sizes.items() if size > limits[name]})
        for name, sizes in named
    )


if __name__ == "__main__":
    print(write_lists())
