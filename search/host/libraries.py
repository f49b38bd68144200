"""The libraries whose private interfaces are used, and the versions in which these were read.

Private names may move, or mean something else, with any minor version. pyproject.toml lets the
versions in that are listed here; an environment that others fill as well may have another one all
the same, and is told so before anything of it is used. What is used, name by name, and whether it
is still there, is tests/test_private_names.py's.
"""

import os
from collections.abc import Iterable
from importlib.metadata import version

from space.errors import VentralError

SUPPORTED = {"hyperopt": ("0.3",), "optuna": ("5.0",), "ray": ("2.60",)}
"""By library, the minor versions that the tests were run with."""

UNTESTED = "VENTRAL_UNTESTED"
"""The environment variable that lets other versions pass, to try one out."""


def check_library(name: str) -> None:
    """Raise VentralError if another version of a library is installed than the tests were run
    with, unless $VENTRAL_UNTESTED is set.
    """
    installed, supported = version(name), SUPPORTED[name]
    if os.environ.get(UNTESTED) or read_minor(installed) in supported:
        return
    raise VentralError(
        f"{name} {installed} is installed, and this version of Ventral works with {name} "
        f"{format_minors(supported)}, whose private interfaces it uses; "
        f"`pip install '{name}=={supported[-1]}.*'`, or set {UNTESTED}=1 to try it as it is"
    )


def read_minor(text: str) -> str:
    """The minor version of a version: 2.60.1 -> 2.60."""
    return ".".join(text.split(".")[:2])


def format_minors(minors: Iterable[str]) -> str:
    """Minor versions for people: 2.60.x and 2.61.x."""
    return " and ".join(f"{minor}.x" for minor in minors)
