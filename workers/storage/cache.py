"""The folder of this machine for what was fetched from a storage, and the logs of workers."""

import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "VENTRAL_CACHE"
PRIVATE = 0o700


def cache_folder(environ: Mapping[str, str] | None = None) -> Path:
    """`$VENTRAL_CACHE`, else `ventral` in the user's folder of caches (`$XDG_CACHE_HOME`)."""
    environ = os.environ if environ is None else environ
    if named := environ.get(VARIABLE):
        return Path(named).expanduser().absolute()
    caches = environ.get("XDG_CACHE_HOME", "")
    # The specification of XDG_CACHE_HOME has relative paths ignored.
    root = Path(caches) if Path(caches).is_absolute() else Path.home() / ".cache"
    return root / "ventral"


def ensure_cache(*names: str) -> Path:
    """A folder below the cache, made if it is not there, for its user alone. Raises OSError."""
    root = cache_folder()
    root.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    folder = root.joinpath(*names)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
