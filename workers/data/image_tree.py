"""A tree of image files as a data set: which folders are splits and classes, which files count.

    ROOT/train/CLASS/**  with  ROOT/val/CLASS/**  or  ROOT/test/CLASS/**  or both
    ROOT/CLASS/**

With `val` and `test`, `val` is the validation split; with `val` alone it is the test split, as
where ImageNet's numbers are published, and with `test` alone likewise.

The names of splits are known in any case and in their usual spellings, and folders that all have
such names are never classes. Every real folder counts once, and a link never leads above itself.
What is passed over is counted with its reason; whatever would make a label wrong is an error.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from space.documents.outside import open_regular, printable
from space.errors import DataError
from workers.data.images import FORMATS, SUFFIXES, BrokenImages
from workers.data.split_names import Role, are_splits, group_by_role, split_role

CURE = (
    "it needs ROOT/train/CLASS/*.jpg and ROOT/val or ROOT/test, or ROOT/CLASS/*.jpg, with images "
    f"in {', '.join(FORMATS)}"
)


class ImageFile(NamedTuple):
    """An image of the tree; `label` is an index into its classes."""

    path: Path
    label: int
    size: int
    modified_ns: int


@dataclass(frozen=True, kw_only=True)
class PassedOver:
    """Files or folders that are not part of the data, and why; `first` is one of them."""

    reason: str
    count: int
    first: str


@dataclass(frozen=True, kw_only=True)
class ImageTree:
    """What a tree holds. Classes and images are in the order of their names.

    `held_out` is None for a tree without splits, else the images of the folder `held_out_folder`,
    which are the test split; `validation` likewise, None for a tree without such a split.
    """

    classes: tuple[str, ...]
    train: tuple[ImageFile, ...]
    held_out: tuple[ImageFile, ...] | None
    held_out_folder: str | None
    validation: tuple[ImageFile, ...] | None
    validation_folder: str | None
    passed_over: tuple[PassedOver, ...]


def read_image_tree(root: Path, *, validate: bool = True) -> ImageTree:
    """The tree at `root`. Without `validate` it is read as campaigns of before did, which had no
    validation split: `val` was their test split, and a `test` beside it was left unopened.

    Raises DataError if there is no such folder, if it has fewer than two classes, if its splits
    have different classes, or if a folder is of two classes or splits; BrokenImages for links
    that lead nowhere.
    """
    if not root.is_dir():
        raise DataError(printable(str(root)), "no such folder", CURE)
    reader = _Reader(root)
    splits = reader.split_folders(validate=validate) or {"train": root}
    val, test = splits.get("val"), splits.get("test")
    held_out, validation = (test, val) if validate and val and test else (val or test, None)
    classes, train = reader.classes(splits["train"])
    listed = {folder: reader.classes(folder) for folder in (held_out, validation) if folder}
    reader.refuse_broken()
    for folder, (others, _) in listed.items():
        _check_same_classes(root, (splits["train"].name, classes), (folder.name, others))
    return ImageTree(
        classes=tuple(classes),
        train=tuple(train),
        held_out=tuple(listed[held_out][1]) if held_out else None,
        held_out_folder=held_out.name if held_out else None,
        validation=tuple(listed[validation][1]) if validation else None,
        validation_folder=validation.name if validation else None,
        passed_over=reader.passed_over(),
    )


def _check_same_classes(
    root: Path, train: tuple[str, list[str]], held_out: tuple[str, list[str]]
) -> None:
    lone = [
        f"{_quote(sorted(set(mine) - set(others)))} in {name}/ alone"
        for (name, mine), (_, others) in ((train, held_out), (held_out, train))
        if set(mine) - set(others)
    ]
    if lone:
        problem = f"not every class is in both {train[0]}/ and {held_out[0]}/: "
        cure = "give both splits the same class folders"
        raise DataError(printable(str(root)), problem + ", ".join(lone), cure)


def _quote(names: list[str], most: int = 5) -> str:
    """The names in quotes; of many, the first and how many there are."""
    text = ", ".join(f"'{printable(name)}'" for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


_SYSTEM = {"@eadir", "__macosx", "__pycache__", "lost+found", "#recycle", "$recycle.bin"}
_SYSTEM |= {"system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}

_OUTSIDE = "a file outside of the class folders"
_Identity = tuple[int, int]  # of a real folder, whatever links lead to it: device and inode


def _identity(path: Path) -> _Identity:
    status = path.stat()
    return status.st_dev, status.st_ino


class _Listing(NamedTuple):
    """What lies in a folder, by name."""

    folders: dict[str, Path]
    files: dict[str, os.stat_result]


class _Reader:
    """Lists folders, and notes what is passed over and what is broken on the way."""

    def __init__(self, root: Path) -> None:
        self._root, real = root, root.resolve()
        self._broken: list[tuple[str, str]] = []
        self._skipped: dict[str, tuple[int, str]] = {}
        self._above = {_identity(folder) for folder in (real, *real.parents)}
        self._visited: dict[_Identity, tuple[Path, Path]] = {}  # (its path, its class's folder)

    def passed_over(self) -> tuple[PassedOver, ...]:
        """The most frequent reason first."""
        rows = (
            PassedOver(reason=reason, count=count, first=first)
            for reason, (count, first) in self._skipped.items()
        )
        return tuple(sorted(rows, key=lambda row: (-row.count, row.reason)))

    def refuse_broken(self) -> None:
        """Raises BrokenImages if there are any so far."""
        if self._broken:
            raise BrokenImages.of(self._broken)

    def split_folders(self, *, validate: bool) -> dict[Role, Path] | None:
        """The folders of the splits by role: train, and val or test or both; without `validate`
        a `test` beside `val` is passed over.

        None if the folders of the root are classes. Raises DataError if they are neither.
        """
        root, where = self._root, printable(str(self._root))
        listing = self._list(root, note=False)
        roles = group_by_role(listing.folders) or self._longer_names(listing.folders)
        if not are_splits(listing.folders, roles):
            self._refuse_mixed(listing.folders, roles)
            return None
        listing = self._list(root)  # of a tree without splits `classes` takes note
        self.refuse_broken()
        for names in roles.values():
            if len(names) > 1:
                problem = f"{_quote(names)} are the same split"
                raise DataError(where, problem, "put their images into one folder")
        if "train" not in roles:
            present = " and ".join(f"{names[0]}/" for names in roles.values())
            raise DataError(where, f"has {present} but no train/", CURE)
        if len(roles) == 1:
            train = roles["train"][0]
            cure = f"add one, or give {root / train} as the path: a tenth of it is then held out"
            raise DataError(where, f"has {train}/ but neither test/ nor val/", printable(cure))
        for name in listing.files:
            self._skip(root / name, _OUTSIDE)
        for name in listing.folders:
            if not any(name in names for names in roles.values()):
                self._skip(root / name, "a folder beside the splits")
        if not validate and {"val", "test"} <= set(roles):
            unopened = f"left unopened: {roles['val'][0]}/ is the held-out split of a search"
            self._skip(root / roles["test"][0], unopened)
        return {role: listing.folders[names[0]] for role, names in roles.items()}

    def _longer_names(self, folders: Mapping[str, Path]) -> dict[Role, list[str]]:
        """Splits whose names end in that of a split (`pets_train`); they hold folders alone."""
        roles: dict[Role, list[str]] = {}
        for name, path in folders.items():
            role = split_role(re.split(r"[\s_.-]", name)[-1])
            inner = self._list(path, note=False)
            images = any(Path(file).suffix.lower() in SUFFIXES for file in inner.files)
            if images or (role is None and inner.folders):
                return {}  # classes, some of which happen to have such names
            if role is not None and inner.folders and not inner.files:
                roles.setdefault(role, []).append(name)
        return roles if "train" in roles and len(roles) > 1 else {}

    def _refuse_mixed(self, folders: Mapping[str, Path], roles: dict[Role, list[str]]) -> None:
        """Raises DataError for a split beside classes.

        A class may be called train, among others; one that holds folders is a split.
        """
        for names in roles.values():
            inner = self._list(folders[names[0]], note=False)
            if inner.folders and not inner.files:
                others = _quote([name for name in folders if split_role(name) is None])
                problem = f"{names[0]}/ looks like a split, {others} beside it do not"
                raise DataError(printable(str(self._root)), problem, CURE)

    def classes(self, folder: Path) -> tuple[list[str], list[ImageFile]]:
        """(names of the classes, their images) of a folder of class folders."""
        listing = self._list(folder)
        for name in listing.files:
            self._skip(folder / name, _OUTSIDE)
        above = self._above | {_identity(folder)}
        classes: list[str] = []
        images: list[ImageFile] = []
        empty: list[str] = []
        for name, path in listing.folders.items():
            if _identity(path) in above:
                self._skip(path, "a link to a folder above itself")
                continue
            inner = self._class_listing(folder, name, alone=len(listing.folders) == 1)
            members = self._images(path, inner, len(classes), above)
            if not members:
                empty.append(name)
            classes.append(name)
            images += members
        where = printable(str(folder))
        if self._broken:
            return classes, images  # one error for both splits
        if not classes:
            raise DataError(where, "has no class folders", CURE)
        if empty:
            where = where if len(empty) > 1 else printable(str(folder / empty[0]))
            problem = "holds no images" if len(empty) == 1 else f"no images in {_quote(empty)}"
            raise DataError(where, problem, CURE)
        if len(classes) == 1:
            problem = f"has one class, {printable(classes[0])}/"
            raise DataError(where, problem, "give two or more: a network tells classes apart")
        return classes, images

    def _class_listing(self, parent: Path, name: str, *, alone: bool) -> _Listing:
        """What a class folder holds; `alone`: it is the only one.

        Raises DataError if its name cannot be kept, or if it holds classes or splits.
        """
        folder = parent / name
        where = printable(str(folder))
        try:
            name.encode()
        except UnicodeEncodeError:
            problem = f"the name of this class is not UTF-8 text: {os.fsencode(name)!r}"
            cure = "rename the folder, with `convmv -f latin1 -t utf-8 --notest`, say"
            raise DataError(where, problem, cure) from None
        inner = self._list(folder)
        roles = group_by_role(inner.folders)
        if "train" in roles and are_splits(inner.folders, roles):
            problem = f"holds splits ({_quote(list(inner.folders))}), not the images of one class"
            raise DataError(where, problem, f"give {where} as the path")
        if alone and inner.folders and not inner.files:
            problem = f"has one folder, {printable(name)}/, and that has folders and no images"
            cure = f"give {where} as the path, if the classes lie there"
            raise DataError(printable(str(parent)), problem, cure)
        return inner

    def _images(
        self, top: Path, first: _Listing, label: int, above: set[_Identity]
    ) -> list[ImageFile]:
        """All images below a class's folder `top`: of every folder its files, then its folders."""
        members: list[ImageFile] = []
        waiting: list[tuple[Path, set[_Identity]]] = [(top, above)]
        while waiting:
            folder, outer = waiting.pop()
            identity = _identity(folder)
            if identity in outer:
                self._skip(folder, "a link to a folder above itself")
                continue
            if identity in self._visited:
                self._skip_visited(folder, top, *self._visited[identity])
                continue
            self._visited[identity] = (folder, top)
            listing = first if folder is top else self._list(folder)
            for name, status in listing.files.items():
                path = folder / name
                if self._is_image(path):
                    members.append(ImageFile(path, label, status.st_size, status.st_mtime_ns))
            inner = outer | {identity}
            waiting += [(path, inner) for path in reversed(listing.folders.values())]
        return members

    def _skip_visited(self, folder: Path, top: Path, first: Path, owner: Path) -> None:
        """A folder that was visited before: passed over in one class, an error in two."""
        if owner != top:
            raise DataError(
                printable(str(folder)),
                f"is the same folder as {printable(str(first))}, by a link: "
                "its images would be in two classes or splits",
                "delete one of the links",
            )
        self._skip(folder, "a folder that was counted already, by a link")

    def _is_image(self, path: Path) -> bool:
        suffix = path.suffix.lower()
        if suffix in SUFFIXES:
            return True
        try:
            with open_regular(path, DataError) as file:
                start = file.read(16)
        except (DataError, OSError):
            self._skip(path, "a file that cannot be read")
            return False
        if _SIGNATURE.match(start):
            return True
        self._skip(path, f"not an image ({printable(suffix) or 'without a suffix'})")
        return False

    def _list(self, folder: Path, *, note: bool = True) -> _Listing:
        """The folders and regular files of a folder by name, in order; links are followed.

        A file with the suffix of an image is listed whatever it is: those that cannot be decoded
        are named together. With `note`, what is not listed is noted with its reason.
        """
        folders: dict[str, Path] = {}
        files: dict[str, os.stat_result] = {}
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            problem = f"cannot be listed ({error.strerror})"
            raise DataError(printable(str(folder)), problem, "check its permissions") from None
        for entry in ordered:
            path = folder / entry.name
            if entry.name.startswith(".") or entry.name.casefold() in _SYSTEM:
                if note:
                    self._skip(path, "hidden, or a file of the system")
                continue
            named_image = path.suffix.lower() in SUFFIXES
            try:
                status = entry.stat()
            except OSError as error:  # a link to nothing, or links that go round
                if named_image:
                    files[entry.name] = entry.stat(follow_symlinks=False)
                elif note:
                    problem = f"leads nowhere ({error.strerror})"
                    self._broken.append((printable(str(path)), problem))
                continue
            if stat.S_ISDIR(status.st_mode):
                folders[entry.name] = path
            elif named_image or stat.S_ISREG(status.st_mode):
                files[entry.name] = status
            elif note:
                self._skip(path, "not a regular file")
        return _Listing(folders, files)

    def _skip(self, path: Path, reason: str) -> None:
        count, first = self._skipped.get(reason, (0, path.relative_to(self._root).as_posix()))
        self._skipped[reason] = (count + 1, printable(first))


_SIGNATURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF.{4}WEBP|II\*\0|MM\0\*|BM.{4}\0{4}"
    rb"|P[1-6]\s\s*[\d#]",
    re.DOTALL,
)
"""How files of `FORMATS` begin."""
