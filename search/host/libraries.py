"""The libraries whose private interfaces are used, and the versions in which these were read.

Private names may move, or mean something else, with any minor version. pyproject.toml lets the
versions in that are listed here; an environment that others fill as well may have another one all
the same, and is told so before anything of it is used. What is used, name by name, and whether it
is still there, is tests/test_private_names.py's.
"""

import os
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
    if os.environ.get(UNTESTED) or _minor(installed) in supported:
        return
    several = " and ".join(f"{minor}.x" for minor in supported)
    raise VentralError(
        f"{name} {installed} is installed, and this version of Ventral works with {name} "
        f"{several}, whose private interfaces it uses; "
        f"`pip install '{name}=={supported[-1]}.*'`, or set {UNTESTED}=1 to try it as it is"
    )


def _minor(text: str) -> str:
    return ".".join(text.split(".")[:2])
