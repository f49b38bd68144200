"""What a person calls a document by: a name that comes with Ventral, or where its file lies."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from space.documents.outside import is_file, path_exists
from space.documents.validation import quote, suggestion
from space.errors import InputError

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The documents of one kind that come with Ventral: `kind` is what one of them is called.

    `listing` says which there are. With `folders` a path may also be that of a folder.
    """

    kind: str
    names: Collection[str]
    listing: str
    folders: bool = False


def resolve_name(
    called: str | Path,
    shelf: Shelf,
    folder: Path = Path(),
    *,
    where: str = "",
    error: type[InputError] = InputError,
) -> str | Path:
    """The name on the shelf that is meant, or the path, which starts at `folder`.

    What is there goes before what comes with Ventral. A text that looks like a path is one,
    whether anything is there or not. Raises `error`, which names `where`, for any other text.
    """
    text, path = str(called), folder / called
    if path_exists(path) if shelf.folders else is_file(path):
        return path
    if text in shelf.names:
        return text
    if isinstance(called, Path) or "/" in text or path.suffix in SUFFIXES:
        return path
    near = suggestion(text, shelf.names)
    cure = f"{near} {shelf.listing}" if near.startswith("did") else shelf.listing
    raise error(where, f"{quote(text)} is neither {shelf.kind} nor a file", cure)
