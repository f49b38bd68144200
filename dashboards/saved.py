"""A campaign as one file: what a store says of it, without the store; and those that come along.

The file is compressed JSON: the campaign's settings, space and facts, and its frames column by
column (dashboards/columns.py). Scores and losses are kept to five decimals, seconds to three;
choices exactly, so that networks can be made again. Equal campaigns give equal bytes. Left out is
what says whose machine it was: paths, and who opened the test split.

`load_example` reads one of the searches of `motifs-small` at the poster's scale, each by another
sampler (docs/search-at-scale.md says how they were made and what they show).
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import asdict, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from dashboards.columns import read_frame, write_frame
from dashboards.frames import CHOICE
from dashboards.searched import Searched
from search.campaign import Campaign
from search.store import Opening
from space.documents.validation import suggestion
from space.errors import InputError
from space.space import Space

ENDING = ".json.gz"
_VERSION = 1
_PRIVATE = ("path",)  # of a campaign's data
_PLAIN = ("id", "name", "state", "reason")
_FRAMES = ("trials", "reports", "steps", "events")
_SCORES = 5  # decimals
_DECIMALS: dict[str, int | None] = {"seconds": 3, "memory_mb": 0, "at": 3}


def example_names() -> list[str]:
    """The campaigns that `load_example` knows."""
    return sorted(file.name.removesuffix(ENDING) for file in _examples())


def load_example(name: str) -> Searched:
    """A campaign that comes with Ventral. Raises InputError for a name that there is not."""
    for file in _examples():
        if file.name == f"{name}{ENDING}":
            return read_saved(file)
    raise InputError(
        "example", f"there is none called {name!r}", suggestion(name, example_names())
    )


def _examples() -> list[Traversable]:
    folder = files(__package__) / "examples"
    return [file for file in folder.iterdir() if file.name.endswith(ENDING)]


def save_searched(searched: Searched, file: Path) -> None:
    """Write a campaign as one file, in place of what is there."""
    exact: dict[str, int | None] = {
        name: None for name in map(str, searched.trials) if name.startswith(CHOICE)
    }
    document = {
        "version": _VERSION,
        **{name: getattr(searched, name) for name in _PLAIN},
        "seconds": round(searched.seconds, 3),
        "settings": searched.settings.document(),
        "space": searched.space.document(),
        "data": {key: value for key, value in searched.data.items() if key not in _PRIVATE},
        "openings": [asdict(replace(opening, who="")) for opening in searched.openings],
        **{
            name: write_frame(getattr(searched, name), _DECIMALS | exact, _SCORES)
            for name in _FRAMES
        },
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    file.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def read_saved(file: Path | Traversable) -> Searched:
    """A campaign from its file.

    Raises InputError for a file that is none, or that a newer version wrote.
    """
    try:
        document = json.loads(gzip.decompress(file.read_bytes()))
        version = document["version"]
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        problem = f"is no saved campaign ({error})"
        raise InputError(str(file), problem, "name a file that save_searched wrote") from None
    if version != _VERSION:
        problem = f"has the form {version!r}, and this version reads {_VERSION}"
        raise InputError(str(file), problem, "pip install --upgrade ventral-search")
    openings = [
        Opening(**(opening | {"networks": tuple(opening["networks"])}))
        for opening in document["openings"]
    ]
    plain: dict[str, Any] = {name: document[name] for name in (*_PLAIN, "seconds", "data")}
    frames: dict[str, Any] = {name: read_frame(document[name]) for name in _FRAMES}
    return Searched(
        **plain,
        settings=Campaign.parse(document["settings"], f"{file}: settings"),
        space=Space.parse(document["space"], f"{file}: space"),
        openings=tuple(openings),
        **frames,
    )
