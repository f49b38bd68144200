"""A folder as a storage: of this machine, or one that several share."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import ENOENT
from pathlib import Path

from space.documents.outside import open_regular, path_exists
from workers import files
from workers.storage.protocol import Entry, Opened, join_key


class FolderStorage:
    """Objects are files below a folder, which is made when something is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def place(self) -> str:
        """The folder's path."""
        return str(self._folder)

    def name(self, key: str) -> str:
        """The path of an object."""
        return str(self._folder / key)

    def write(self, key: str, data: bytes) -> None:
        """Put an object, in place of the one that is there. Raises OSError."""
        files.replace(self._folder / key, data)

    def upload(self, key: str, file: Path) -> None:
        """Put a copy of a file, in place of the one that is there. Raises OSError."""
        target = self._folder / key
        with files.partial(target.parent, target.name) as hidden:
            shutil.copyfile(file, hidden / target.name)
            files.settle(hidden / target.name)
            (hidden / target.name).replace(target)
            files.settle(target.parent)

    @contextmanager
    def open(self, key: str, start: int = 0) -> Iterator[Opened]:
        """An object, to be read from byte `start` on.

        Raises FileNotFoundError, other OSErrors, InputError for what is no regular file.
        """
        path = self._folder / key
        if not path_exists(path):
            raise FileNotFoundError(ENOENT, "there is no such file", str(path))
        with open_regular(path) as file:
            size = file.seek(0, 2)
            file.seek(start)
            yield Opened(stream=file, size=size)

    def publish(self, parent: str, parts: Mapping[str, bytes]) -> str:
        """Put objects into a new numbered folder, all of them or none. Raises OSError."""
        folder = self._folder / parent
        with files.partial(folder, "group") as hidden:
            for name, data in parts.items():
                files.write(hidden / name, data)
            files.settle(hidden)
            made = self._rename(hidden, folder)
        files.settle(folder)
        return join_key(parent, made)

    def _rename(self, hidden: Path, folder: Path) -> str:
        """Rename to the next free number (another process may take one meanwhile)."""
        number = max((int(name) for name in _numbers(folder)), default=0) + 1
        while True:
            name = f"{number:08d}"
            try:
                hidden.rename(folder / name)
                return name
            except OSError:
                if not (folder / name).exists():
                    raise
                number += 1

    def groups(self, parent: str, last: str) -> list[str]:  # noqa: ARG002  (a folder has whole ones)
        """The keys of the groups of `parent`, the newest first."""
        names = sorted(_numbers(self._folder / parent), key=int, reverse=True)
        return [join_key(parent, name) for name in names]

    def prune(self, parent: str, last: str, kept: int) -> None:
        """Remove the groups of `parent` but for the newest `kept`."""
        for old in self.groups(parent, last)[kept:]:
            shutil.rmtree(self._folder / old, ignore_errors=True)

    def list(self, prefix: str = "") -> list[Entry]:
        """All objects below a key; not those that are still being written."""
        entries = []
        for path in sorted((self._folder / prefix).rglob("*")):
            key = path.relative_to(self._folder)
            if any(part.startswith(".") for part in key.parts) or not path.is_file():
                continue
            state = path.stat()
            entries.append(Entry(key=str(key), bytes=state.st_size, modified=state.st_mtime))
        return entries

    def remove(self, prefix: str) -> None:
        """Remove an object, or all below a key. Raises OSError."""
        path = self._folder / prefix
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _numbers(folder: Path) -> Iterator[str]:
    """The names in a folder that are numbers."""
    if folder.is_dir():
        yield from (path.name for path in folder.iterdir() if path.name.isdigit())
