"""Lists of exceptions that may only shrink: what a rule finds too large, with its present size.

A rule measures the tree and compares what breaks it with its list. A new exception, one that
grew, and one that is no exception any more are departures from the list, and fail the rule's test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("space", "models", "workers", "search", "dashboards", "ventral")

Sizes = Mapping[str, int]
"""What is measured, by its name: `space/choices/nodes.py`, or that and a class or function."""


def product_files(root: Path = ROOT) -> Iterator[Path]:
    """The Python files of the packages below `root`, but for the store's migrations: such a file
    describes a schema of its time and is never edited again.
    """
    for package in PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            if "migrations/versions" not in file.as_posix():
                yield file


def find_departures(measured: Sizes, listed: Sizes, limit: int) -> list[str]:
    """A line, with its cure, for each way in which sizes and their list of exceptions differ.

    `measured` are all sizes, `listed` those that may exceed `limit`, each up to its listed size.
    """
    departures = []
    for name, size in sorted(measured.items()):
        if size <= limit:
            continue
        if name not in listed:
            departures.append(f"{name}: {size} exceeds {limit}: divide it")
        elif size > listed[name]:
            departures.append(f"{name}: {size} exceeds its {listed[name]}: exceptions never grow")
    for name in sorted(listed):
        if name not in measured:
            departures.append(f"{name}: is gone: take it off the list")
        elif measured[name] <= limit:
            departures.append(f"{name}: {measured[name]} is within {limit}: take it off the list")
    return departures


def write_list(name: str, sizes: Sizes) -> str:
    """A list of exceptions in source form, as it stands in the test of the rule."""
    lines = [f'    "{key}": {size},' for key, size in sorted(sizes.items())]
    return "\n".join([f"{name}: Sizes = {{", *lines, "}"]) if lines else f"{name}: Sizes = {{}}"
