"""Where a space is that a person names: one of the named spaces, or a file."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from space.documents.files import parse_yaml, read_with_text
from space.documents.naming import Shelf, resolve_name
from space.documents.trees import Document
from space.errors import SpaceError
from space.notation import is_notation

_SPACES = resources.files(__package__) / "spaces"


@dataclass(frozen=True)
class Source:
    """A space's document before it is read: `where` it is from, and the `folder` in which paths
    of it start. `text` is what it was read from, if that is the notation.
    """

    document: Document
    where: str
    folder: Path
    text: str | None


def list_names() -> list[str]:
    """The names of the spaces that come with Ventral."""
    names = (file.name for file in _SPACES.iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def find_source(name_or_path: str | Path, folder: Path, where: str) -> Source:
    """What a named space or a file of one holds; a path starts in `folder`. Raises SpaceError."""
    names = list_names()
    listing = f"the named spaces are {', '.join(names)}"
    shelf = Shelf(kind="a named space", names=names, listing=listing)
    meant = resolve_name(name_or_path, shelf, folder, where=where, error=SpaceError)
    if isinstance(meant, str):
        file = f"{meant}.yaml"
        text = (_SPACES / file).read_text(encoding="utf-8")
        document = parse_yaml(text, file, SpaceError)
        return Source(document, file, folder, text if is_notation(document) else None)
    document, text = read_with_text(meant, SpaceError)
    return Source(document, str(meant), meant.parent, text if is_notation(document) else None)
