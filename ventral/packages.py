"""Whether Ventral's own packages are the ones that Python finds, and its dependencies are there.

The packages have short names (`models`, `workers`), which a folder or a file of the user's may
have as well. Nothing but the standard library is imported here.
"""

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

PACKAGES = ("space", "models", "workers", "search", "dashboards")
_ROOT = Path(__file__).resolve().parents[1]


class Hidden(ImportError):
    """A package of Ventral's that something else of the same name hides."""


def load_packages() -> None:
    """Load Ventral's packages before anything else can be taken for them.

    For a process that is Ventral's alone, the command line's: in a notebook `import models` has to
    go on meaning the user's own module.
    """
    sys.path.insert(0, str(_ROOT))
    try:
        for name in PACKAGES:
            importlib.import_module(name)
    finally:
        sys.path.remove(str(_ROOT))


def check_packages() -> None:
    """Raises Hidden, which names what hides one of Ventral's packages and the cure."""
    for name in PACKAGES:
        places = _places(name)
        if _ROOT / name in places:
            continue
        if not places:
            raise Hidden(f"Ventral's package {name} is not in {_ROOT}; install Ventral again")
        raise Hidden(
            f"{places[0]} hides Ventral's own package {name}; rename it, or start Python in "
            "another folder"
        )


def _places(name: str) -> list[Path]:
    """The folders or the file that `import NAME` reads, or has read."""
    module = sys.modules.get(name)
    if module is not None:
        places = [*getattr(module, "__path__", ())] or [getattr(module, "__file__", None)]
    else:
        spec: ModuleSpec | None = importlib.util.find_spec(name)
        if spec is None:
            return []
        places = [*(spec.submodule_search_locations or ())] or [spec.origin]
    return [Path(place).resolve() for place in places if place]


def explain_missing(error: ModuleNotFoundError) -> str:
    """One line that names what is not installed and how it is."""
    name = (error.name or str(error)).partition(".")[0]
    return (
        f"{name} is not installed in {sys.prefix}; "
        f"install what Ventral needs: {sys.executable} -m pip install ventral-search"
    )
