"""Imports for another place of the packages: each statement binds what it bound, in its line."""

from __future__ import annotations

import ast
import symtable
from pathlib import Path

import pytest

from building.imports import move_imports
from building.layout import INNER
from tests.support.shrinking import ROOT, product_files


def move(source: str) -> str:
    return move_imports(source, INNER, "ventral")


@pytest.mark.parametrize(
    ("written", "moved"),
    [
        ("from space.genome import Genome", "from ventral.space.genome import Genome"),
        ("from space import zoo", "from ventral.space import zoo"),
        ("from  space  import (\n    zoo,\n)", "from  ventral.space  import (\n    zoo,\n)"),
        ("from \\\n  space import zoo", None),
        ("import space", "from ventral import space"),
        ("import space.zoo", "import ventral.space.zoo; from ventral import space"),
        ("import space.zoo as z", "import ventral.space.zoo as z"),
        ("import space as s", "import ventral.space as s"),
        ("import os, space as s, sys", "import os; import ventral.space as s; import sys"),
        (
            "if x: import models.build",
            "if x: import ventral.models.build; from ventral import models",
        ),
        ("a = 'ü'; from space import zoo", "a = 'ü'; from ventral.space import zoo"),
        ("\r\nfrom space import zoo\r\n", "\r\nfrom ventral.space import zoo\r\n"),
        (
            "'''\f\x0b\u2028'''\nfrom space import zoo",
            "'''\f\x0b\u2028'''\nfrom ventral.space import zoo",
        ),
        (
            "def f():\n    from workers import files",
            "def f():\n    from ventral.workers import files",
        ),
    ],
)
def test_a_statement_is_moved(written: str, moved: str | None) -> None:
    if moved is None:
        with pytest.raises(ValueError, match="unusual"):
            move(written)
    else:
        assert move(written) == moved
        assert move(moved) == moved, "what was moved stays"


@pytest.mark.parametrize(
    "source",
    [
        "from spaces import zoo",
        "from . import space",
        "from .space import zoo",
        "from ventral.space import zoo",
        "import ventral, spacetime.models",
        "x = 'from space import zoo'",
        "# from space import zoo",
        "space = models",
        "from os import path as space",
    ],
)
def test_everything_else_stays(source: str) -> None:
    assert move(source) == source


def test_an_import_of_several_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2: write the import in one line"):
        move("\nimport os, \\\n    space")


def list_names(source: str, file: Path) -> list[tuple[str, list[str]]]:
    """Every scope of a module with the names that imports bind in it."""
    found, scopes = [], [symtable.symtable(source, str(file), "exec")]
    while scopes:
        scope = scopes.pop()
        bound = sorted(one.get_name() for one in scope.get_symbols() if one.is_imported())
        found.append((scope.get_name(), bound))
        scopes += scope.get_children()
    return found


def test_modules_bind_the_names_that_they_bound_in_the_lines_where_they_did() -> None:
    changed = 0
    for file in product_files():
        source = file.read_text("utf-8")
        moved = move(source)
        if moved != source:
            changed += 1
            assert len(moved.splitlines()) == len(source.splitlines())
            added = {"ventral"} if "import ventral." in moved else set()
            for (scope, after), (_, before) in zip(
                list_names(moved, file), list_names(source, file), strict=True
            ):
                assert set(before) <= set(after) <= {*before, *added}, (file, scope)
    assert changed > 200


def test_what_moved_modules_import_is_there() -> None:
    """Below `ventral`, and by no short name."""
    missing = []
    for file in product_files():
        for node in ast.walk(ast.parse(move(file.read_text("utf-8")))):
            names: list[str] = []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                top, _, rest = name.partition(".")
                inner = rest.partition(".")[0] in INNER
                path = ROOT / (rest if inner else name).replace(".", "/")
                ours = top in (*INNER, "ventral")
                if top in INNER or (
                    ours and not path.is_dir() and not path.with_suffix(".py").is_file()
                ):
                    missing.append(f"{file}: {name}")
    assert missing == []
