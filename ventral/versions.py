"""Which Ventral this is, and which of the packages that decide what it computes are beside it.

Nothing but the standard library is imported here: `ventral --version` answers in any installation.
"""

import json
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from ventral.extras import DISTRIBUTION

BESIDE = ("torch", "ray", "mlflow", "optuna")
"""Packages whose version is of interest, where they are installed."""


def read_versions() -> dict[str, str]:
    """The versions by name: Ventral's, Python's, and those of the packages that are installed."""
    ours = _read_version(DISTRIBUTION) or "unknown"
    known = {"ventral": ours, "python": platform.python_version()}
    return known | {name: found for name in BESIDE if (found := _read_version(name))}


def format_versions(versions: dict[str, str], output: str = "table") -> str:
    """One line a package, or JSON, or CSV."""
    if output == "json":
        return json.dumps(versions, indent=1)
    between = "," if output == "csv" else " "
    return "\n".join(f"{name}{between}{number}" for name, number in versions.items())


def answer(arguments: Sequence[str]) -> bool:
    """Print the versions if that is what a command line asks, before anything is loaded."""
    match list(arguments):
        case ["--version"]:
            output = "table"
        case ["--version", "-o" | "--output", "table" | "json" | "csv" as output]:
            pass
        case _:
            return False
    sys.stdout.write(format_versions(read_versions(), output) + "\n")
    return True


def _read_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
