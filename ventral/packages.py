"""Under which names Ventral's packages are imported, and whether Python finds ours.

An installed wheel has them below this one: `ventral.space`, `ventral.models`. In a clone they lie
beside it and have short names (`space`, `models`), which a folder or a file of the user's may have
as well; there `ventral.space` is a second name of `space`, the same module. What has to work in
both is imported as `ventral.space`. Nothing but the standard library is imported here.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

PACKAGES = ("space", "models", "workers", "search", "dashboards")
_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent
IN_WHEEL = (_HERE / PACKAGES[0]).is_dir()
"""Whether this is an installed wheel, whose packages nothing can hide."""


class Hidden(ImportError):
    """A package of Ventral's that something else of the same name hides."""


def load_packages() -> None:
    """Load Ventral's packages before anything else can be taken for them.

    For a process that is Ventral's alone, the command line's: in a notebook `import models` has to
    go on meaning the user's own module.
    """
    if IN_WHEEL:
        return
    sys.path.insert(0, str(_ROOT))
    try:
        for name in PACKAGES:
            importlib.import_module(name)
    finally:
        sys.path.remove(str(_ROOT))


def check_packages(names: Sequence[str] = PACKAGES) -> None:
    """Raises Hidden, which names what hides one of Ventral's packages and the cure."""
    if IN_WHEEL:
        return
    for name in names:
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


class LongNames(MetaPathFinder, Loader):
    """Imports `ventral.space.genome` as what `space.genome` is, in a clone."""

    def find_spec(self, fullname: str, *_rest: object) -> ModuleSpec | None:
        """The module of the short name; None for what has none. Raises Hidden."""
        front, _, short = fullname.partition(".")
        package = short.partition(".")[0]
        if front != __package__ or package not in PACKAGES:
            return None
        check_packages([package])
        spec = importlib.util.find_spec(short)
        if spec is None:
            return None
        return ModuleSpec(fullname, self, is_package=spec.submodule_search_locations is not None)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module itself, imported if it was not."""
        module = importlib.import_module(spec.name.partition(".")[2])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run again: the module only gets its own spec back."""
        spec = module.__spec__
        if spec is not None and isinstance(spec.loader, LongNames):
            module.__spec__ = spec.loader_state


def offer_long_names() -> None:
    """Let the names that an installed wheel has be imported in a clone, too."""
    if not IN_WHEEL and not any(isinstance(one, LongNames) for one in sys.meta_path):
        sys.meta_path.insert(0, LongNames())
