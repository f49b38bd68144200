"""No test depends on speed: no assertion hangs on a clock. (Guards against hanging do not assert;
they are in tests/support/waiting.py.)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLOCKS = {"perf_counter", "monotonic", "process_time", "thread_time", "getrusage"}
CARRIERS = {"min", "max", "sum", "abs", "round", "sorted", "float", "int", "mean", "median"}
"""Functions whose value is a time where they are given one."""
KEEPERS = {"append", "extend", "add"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = Function | ast.Module


def _name(node: ast.expr) -> str:
    """The last word of what is called or assigned to."""
    while isinstance(node, ast.Subscript | ast.Starred):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _reads_clock(call: ast.Call) -> bool:
    name = _name(call.func).removesuffix("_ns")
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return name in CLOCKS or (
        name == "time" and isinstance(owner, ast.Name) and owner.id == "time"
    )


def _is_time(node: ast.AST, times: set[str]) -> bool:
    """Whether an expression is, or holds, a time that was measured.

    Other functions than those named above make something else of a time: a row, a path.
    """
    if isinstance(node, ast.Call):
        passed_on = _name(node.func) in CARRIERS and any(
            _is_time(given, times) for given in node.args
        )
        return _reads_clock(node) or passed_on or _name(node.func) in times
    if isinstance(node, ast.Name):
        return node.id in times
    if isinstance(node, ast.Attribute):
        return node.attr in times or _is_time(node.value, times)
    if isinstance(node, ast.Lambda):
        return False
    return any(_is_time(child, times) for child in ast.iter_child_nodes(node))


def _within(scope: Scope) -> Iterator[ast.AST]:
    """The nodes of a scope but for those of the functions in it."""
    waiting: list[ast.AST] = list(scope.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function):
            waiting.extend(ast.iter_child_nodes(node))


def _named(scope: Scope, times: set[str]) -> set[str]:
    """The names that hold a time in a scope, given those known so far."""
    found = set(times)
    for node in _within(scope):
        targets: list[ast.expr] = []
        value: ast.expr | None = None
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            targets, value = [node.target], node.value
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in KEEPERS
            and any(_is_time(given, found) for given in node.args)
        ):
            found.add(_name(node.func.value))
        if value is not None and _is_time(value, found):
            for target in targets:
                parts = target.elts if isinstance(target, ast.Tuple) else [target]
                found |= {_name(part) for part in parts}
    return found


def find_asserted_times(source: str) -> list[int]:
    """The lines of assertions that compare a measured time."""
    module = ast.parse(source)
    functions = [node for node in ast.walk(module) if isinstance(node, Function)]
    shared: set[str] = set()
    while True:  # a function that returns a time is a clock for its callers
        before = len(shared)
        shared = _named(module, shared)
        for function in functions:
            times = _named(function, _named(function, shared))
            returned = [node for node in _within(function) if isinstance(node, ast.Return)]
            if any(node.value is not None and _is_time(node.value, times) for node in returned):
                shared.add(function.name)
        if len(shared) == before:
            break
    lines = []
    for scope in (module, *functions):
        times = _named(scope, _named(scope, shared))
        lines += [
            node.lineno
            for node in _within(scope)
            if isinstance(node, ast.Assert) and _is_time(node.test, times)
        ]
    return sorted(lines)


def test_no_assertion_hangs_on_a_clock() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for folder in ("tests", "benchmarks")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line in find_asserted_times(file.read_text())
    ]
    assert found == [], (
        "count statements (tests/support/effort.py), or wait (tests/support/waiting.py)"
    )


@pytest.mark.parametrize(
    "body",
    [
        "assert time.monotonic() - began < 3",
        "began = perf_counter()\nwork()\nassert perf_counter() - began < 3",
        "until = time.monotonic() + 9\nwhile work():\n    assert until > now",
        "for _ in range(3):\n    taken.append(time.time() - began)\nassert min(taken) < 1",
        "spent: float = time.process_time_ns()\nassert 1 < spent, 'so much'",
        "first, spent = 1, resource.getrusage(0).ru_utime\nassert spent < 1",
        "best = min(timed(work) for _ in range(3))\nassert best < 1",
        "assert [timed(work)] < limits",
    ],
)
def test_an_assertion_on_a_time_is_found(body: str) -> None:
    timed = "def timed(work):\n    start = time.perf_counter()\n    work()\n"
    timed += "    return time.perf_counter() - start\n"
    test = "def test() -> None:\n" + "\n".join(f"    {line}" for line in body.splitlines())
    assert len(find_asserted_times(timed + test)) == 1


@pytest.mark.parametrize(
    "body",
    [
        "began = time.monotonic()\nprint(time.monotonic() - began)\nassert work()",
        "row = store.add(at=time.time())\nassert row.state == 'new'",
        "monkeypatch.setattr(time, 'monotonic', lambda: 3.0)\nassert clock.now == 3.0",
    ],
)
def test_a_time_that_is_not_asserted_is_nobody_s_business(body: str) -> None:
    test = "def test() -> None:\n" + "\n".join(f"    {line}" for line in body.splitlines())
    assert find_asserted_times(test) == []
