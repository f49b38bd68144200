"""What others wrote is made safe by one function a medium, and printed in few places."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.shrinking import PACKAGES, ROOT

OWN = "space/documents/outside.py"
"""Where `printable`, `escape_markup` and `markdown` are."""

PRINTERS = {
    "ventral/output.py": "whatever the commands show",
    "ventral/progress.py": "numbers and words of our own, drawn over",
    "ventral/start.py": "before anything can be imported",
    "ventral/versions.py": "versions of packages",
    "search/tune/place.py": "the last word of a process that hangs, made printable there",
    "search/doctor/asking.py": "an answer in JSON, for the process that asked",
    "search/drill/scene.py": "into the file of a drill's sandbox",
    "search/mirror/mirroring.py": "for the driver, which reads it",
    "workers/functions.py": "an answer in JSON, for the process that asked",
}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for file in sorted(Path(ROOT, package).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text())


def test_mark_up_is_escaped_in_one_place() -> None:
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in ("html", "xml.sax.saxutils"):
                assert name == OWN, f"{name}: use escape_markup"


def test_few_modules_print() -> None:
    printing = set()
    for name, tree in trees():
        for node in ast.walk(tree):
            is_print = isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "print",
                "typer.echo",
            )
            is_stream = isinstance(node, ast.Attribute) and ast.unparse(node) in (
                "sys.stdout.write",
                "sys.stderr.write",
            )
            if is_print or is_stream:
                printing.add(name)
    assert printing >= {"ventral/output.py", "ventral/progress.py", "search/tune/place.py"}
    assert printing <= PRINTERS.keys(), "through ventral.output, which makes it printable"
