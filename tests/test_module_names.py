"""No string names one of our modules by its short name, which an installed wheel does not have.

Imports are rewritten when a wheel is built (building/imports.py), strings are not: a program for
another process, a plug-in's name or a resource's anchor says `ventral.search.driver`, or is put
together from `__name__`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shrinking import PACKAGES, ROOT, product_files

SHORT = tuple(name for name in PACKAGES if name != "ventral")
_NAME = re.compile(rf"(?<![\w./])({'|'.join(SHORT)})\.(\w*)")
_IMPORTS = re.compile(rf"\b(?:from|import)\s+({'|'.join(SHORT)})\b")
TAKE_NAMES = {"files", "find_spec", "getLogger", "import_module", "run_module"}
"""Functions that take a module's name."""

FIELDS = {"space.controls"}
"""Fields of a campaign file that a module has the name of."""

FILES = {"space.yaml", "space.json"}
"""Files of a user."""


def list_strings(tree: ast.AST) -> Iterator[ast.Constant]:
    """The strings of a module, but for docstrings."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in alone:
            yield node


def find_short_names(text: str, root: Path = ROOT) -> Iterator[str]:
    """What names a module of ours by its short name in the strings of a module's source."""
    tree = ast.parse(text)
    for string in list_strings(tree):
        words = string.value if isinstance(string.value, str) else ""
        for match in _NAME.finditer(words):
            package, part = match.groups()
            inside = root / package / part
            begun = match[0] == words and not part  # an f-string puts the rest of it together
            there = part and (inside.is_dir() or inside.with_suffix(".py").is_file())
            if (begun or there) and match[0] not in FIELDS | FILES:
                yield f"line {string.lineno}: {match[0]}"
        for match in _IMPORTS.finditer(words):
            yield f"line {string.lineno}: {match[0]}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in TAKE_NAMES and node.args[0].value in SHORT:
                yield f"line {node.lineno}: {name}({node.args[0].value!r})"


def test_strings_name_modules_as_a_wheel_has_them() -> None:
    departures = [
        f"{file.relative_to(ROOT)}, {one}: write `ventral.` before it, or use __name__"
        for file in product_files()
        for one in find_short_names(file.read_text())
    ]
    assert departures == [], "\n".join(departures)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x = 'search.driver'", 1),
        ("x = 'search.drill.worker:trainable'", 1),
        ("x = f'search.samplers.{name}'", 1),
        ("x = f'space.{name}'", 1),
        ("x = 'from search.driver import run'", 2),
        ("x = 'import json, workers.calibration'", 1),
        ("files('space')", 1),
        ("resources.files('space') / 'zoo'", 1),
        ("logging.getLogger('search')", 1),
        ("x = 'ventral.search.driver'", 0),
        ("'see search.driver'", 0),
        ("x = 'space.recipe.epochs'", 0),  # a field of a campaign
        ("x = 'the search. A'", 0),
        ("files(__name__)", 0),
        ("x = document['space']", 0),
    ],
)
def test_short_names_in_strings(text: str, count: int) -> None:
    assert len(list(find_short_names(text))) == count
