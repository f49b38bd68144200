"""What is not installed, and which of Ventral's extras brings it.

`pip install ventral-search` brings what loads, traces and evaluates networks; searches, reports
and databases are extras (docs/install.md). Nothing but the standard library is imported here.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ventral.packages import check_packages

DISTRIBUTION = "ventral-search"
NAMES = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "vl_convert": "vl-convert-python",
    "yaml": "pyyaml",
}
"""The distributions that are called otherwise than what one imports."""

FALLBACK = "search"
"""The extra that is named for what no requirement brings by itself."""

_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;.*\bextra\s*==\s*['\"]([\w-]+)['\"])?")


class MissingExtra(ModuleNotFoundError):
    """A call needs a library that is not installed; the text has the command that installs it."""


@contextmanager
def guard_imports() -> Iterator[None]:
    """Around what a name of `ventral` does, which imports what it needs.

    Raises MissingExtra for a library of Ventral's that is not installed, and Hidden.
    """
    check_packages()
    try:
        yield
    except ModuleNotFoundError as error:
        if _extras(error.name or "") is None:
            raise
        raise MissingExtra(explain_missing(error), name=error.name) from None


def explain_missing(error: ModuleNotFoundError) -> str:
    """One line that names what is not installed and how it is."""
    name = error.name or str(error)
    extras = _extras(name)
    extra = FALLBACK if extras is None else extras[0]
    wanted = f"'{DISTRIBUTION}[{extra}]'" if extra else DISTRIBUTION
    return (
        f"{name.partition('.')[0]} is not installed in {sys.prefix}; "
        f"install what Ventral needs: {sys.executable} -m pip install {wanted}"
    )


def _extras(module: str) -> list[str] | None:
    """The extras that bring a module ("" for what is always there); None if it is not Ventral's.

    The first is the one to name: `dev` brings all.
    """
    top = module.partition(".")[0]
    wanted = normalise_name(NAMES.get(top, top))
    extras = [extra for name, extra in read_requirements() if name == wanted]
    return sorted(extras, key=lambda extra: (extra == "dev", extra)) or None


def read_requirements() -> list[tuple[str, str]]:
    """What the installed distribution requires: names, each with its extra or "".

    Nothing if Ventral is not installed, but run from where it lies.
    """
    from importlib import metadata  # slow to load, and seldom needed

    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    matches = [_REQUIREMENT.match(line) for line in lines]
    return [(normalise_name(match[1]), match[2] or "") for match in matches if match]


def normalise_name(name: str) -> str:
    """A distribution's name as package indices compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()
