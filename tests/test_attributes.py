"""Every attribute of an object is born with it: in its constructor, not by a later method."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("space", "models", "workers", "search", "dashboards", "ventral")
CONSTRUCTORS = {
    "__init__",
    "__new__",
    "setup",  # of a Ray Tune trainable: Ray calls it where it makes the actor
}


def find_late(source: str) -> list[str]:
    """The attributes that a method is the first to set, as CLASS.NAME in METHOD.

    What a constructor calls on `self` belongs to it: it sets attributes that are renewed later.
    """
    late: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            methods = {one.name: one for one in node.body if isinstance(one, ast.FunctionDef)}
            born, constructing = set(_declared(node)), _constructing(methods)
            for name in constructing:
                born |= set(_assigned(methods[name]))
            late += [
                f"{node.name}.{attribute} in {name}"
                for name, method in methods.items()
                if name not in constructing
                for attribute in _assigned(method)
                if attribute not in born
            ]
    return late


def _constructing(methods: dict[str, ast.FunctionDef]) -> set[str]:
    names = CONSTRUCTORS & set(methods)
    waiting = list(names)
    while waiting:
        for node in ast.walk(methods[waiting.pop()]):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=called)) if (
                    called in methods and called not in names
                ):
                    names.add(called)
                    waiting.append(called)
    return names


def _declared(node: ast.ClassDef) -> Iterator[str]:
    """The names that the class itself has, such as the fields of a dataclass."""
    for one in node.body:
        targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _assigned(method: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(method):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute, ctx=ast.Store()):
                yield attribute


def test_no_attribute_is_born_outside_the_constructor() -> None:
    late = {
        f"{file.relative_to(ROOT)}: {one}"
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        for one in find_late(file.read_text(encoding="utf-8"))
    }
    assert late == set()


@pytest.mark.parametrize(
    ("body", "late"),
    [
        ("def __init__(self): self.a = 1\n def go(self): self.a = 2", []),
        ("def __init__(self): self._go()\n def _go(self): self.a = 2", []),
        ("def setup(self, config): self.a = 1\n def go(self): self.a += 2", []),
        ("a: int = 0\n def go(self): self.a = 2", []),
        ("def __enter__(self): self.a = 1", ["C.a in __enter__"]),
        ("def __init__(self): self.a = 1\n def go(self): self.a, self.b = 1, 2", ["C.b in go"]),
    ],
)
def test_a_late_attribute_is_found(body: str, late: list[str]) -> None:
    assert find_late(f"class C:\n {body}\n") == late
