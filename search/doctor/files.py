"""The files of campaigns: the object store, packed data, and the home that nodes share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from search.doctor.protocol import Fault, Place, Verdict
from search.doctor.running import first_line
from search.host.home import STORAGE_VARIABLE
from space.errors import DataError, InputError, VentralError
from workers.data.manifest import check_sizes, read_manifest


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The storage of trials: its URL, None where the home is; what was wrong with it."""

    url: str | None
    problem: str | None = None
    cure: str = ""


class StorageCheck:
    """The object store."""

    name = "object store"
    about = "the storage of VENTRAL_STORAGE: what trials keep is written there, read and deleted"
    drives, trains, seconds = True, True, 60.0

    unusable = Fault(
        status="fail",
        problem="{url}: {problem}",
        cure="{cure}",
        explanation="as the message says: correct VENTRAL_STORAGE, AWS_ENDPOINT_URL or the keys "
        "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) of the processes there, or its network",
    )
    faults = (unusable,)

    def gather(self, place: Place) -> Storage:
        """The facts, as far as they can be had."""
        url = place.storage
        if not url or place.probe is None:
            return Storage(url=None)
        try:
            place.probe(url, STORAGE_VARIABLE)
        except InputError as error:
            # Of the storage, or of an object that was written there to try it.
            known = error.where.startswith(url)
            problem = error.problem if known else f"{error.where}: {error.problem}"
            return Storage(url=url, problem=problem, cure=error.cure or self.unusable.explanation)
        except (VentralError, OSError) as error:
            cure = "see that what VENTRAL_STORAGE names is there, and reached from that machine"
            return Storage(url=url, problem=first_line(error), cure=cure)
        return Storage(url=url)

    def judge(self, facts: Storage) -> Iterator[Verdict]:
        """What is wrong with them."""
        if facts.problem is not None:
            yield self.unusable.fill(url=facts.url, problem=facts.problem, cure=facts.cure)

    def describe(self, facts: Storage) -> str:
        """The facts in a line, where nothing is wrong."""
        if facts.url is None:
            return "none is named: trials keep their files in the home"
        return f"{facts.url}: written, read back and deleted"


@dataclass(frozen=True, kw_only=True)
class Packs:
    """Packed data sets: what is wrong with each, None if nothing; `error` of their folder."""

    packs: Mapping[str, str | None]
    folder: str = ""
    error: str | None = None


class PacksCheck:
    """Packed data."""

    name = "packed data"
    about = "the manifest of every pack in the home, and the sizes of its files"
    drives, trains, seconds = True, True, 60.0

    damaged = Fault(
        status="fail",
        problem="{folder}/{pack}: {problem}",
        cure="delete {folder}/{pack}, and `ventral data pack` makes it again",
    )
    unreadable = Fault(
        status="fail",
        problem="{folder} cannot be read: {error}",
        cure="give this user the right to read it, or set VENTRAL_HOME to another folder",
    )
    faults = (damaged, unreadable)

    def gather(self, place: Place) -> Packs:
        """The facts, as far as they can be had."""
        root = place.home.data
        try:
            there = sorted(root.iterdir()) if root.is_dir() else []
        except OSError as error:
            return Packs(packs={}, folder=str(root), error=error.strerror)
        folders = [one for one in there if one.is_dir() and not one.name.startswith(".")]
        return Packs(packs={one.name: look_at_pack(one) for one in folders}, folder=str(root))

    def judge(self, facts: Packs) -> Iterator[Verdict]:
        """What is wrong with them."""
        if facts.error is not None:
            yield self.unreadable.fill(folder=facts.folder, error=facts.error)
        for pack, problem in facts.packs.items():
            if problem is not None:
                yield self.damaged.fill(folder=facts.folder, pack=pack, problem=problem)

    def describe(self, facts: Packs) -> str:
        """The facts in a line, where nothing is wrong."""
        count = len(facts.packs)
        if not count:
            return "none yet: a campaign packs its data when it starts"
        return "1 pack is whole" if count == 1 else f"{count} packs are whole"


def look_at_pack(folder: Path) -> str | None:
    """What is wrong with a pack, by its manifest and the sizes of its files; None if nothing.

    Contents are not read: `ventral data pack` does that, and a pack may be as large as a disk.
    """
    try:
        check_sizes(folder, read_manifest(folder).files)
    except DataError as error:
        where = Path(error.where)
        return error.problem if where == folder else f"{where.name} {error.problem}"
    except OSError as error:
        return f"{Path(error.filename or folder).name} cannot be read ({error.strerror})"
    return None


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The home as a node sees it: what its sign says there, and what it should."""

    path: str
    expected: str | None
    seen: str | None = None
    error: str | None = None
    storage: str | None = None


class SharedHomeCheck:
    """The home that all nodes share."""

    name = "shared home"
    about = (
        "whether a node sees the home of the machine that asks, unless there is an object store"
    )
    drives, trains, seconds = False, True, 30.0

    away = Fault(
        status="fail",
        problem="the node does not see the home {path}: {error}",
        cure="mount that folder at the same path, or set VENTRAL_STORAGE to an object store",
    )
    other = Fault(
        status="fail",
        problem="the node has another folder at {path}",
        cure="mount one folder there on every node, or set VENTRAL_STORAGE to an object store",
    )
    faults = (away, other)

    def gather(self, place: Place) -> Shared:
        """The facts, as far as they can be had."""
        path, sign = str(place.home.path), place.sign
        if sign is None:
            return Shared(path=path, expected=None)
        seen, error = None, None
        try:
            seen = (place.home.path / sign["file"]).read_text()
        except OSError as problem:
            home_is_there = place.home.path.is_dir()
            error = None if home_is_there else problem.strerror
            seen = "" if home_is_there else None
        return Shared(
            path=path, expected=sign["text"], seen=seen, error=error, storage=place.storage
        )

    def judge(self, facts: Shared) -> Iterator[Verdict]:
        """What is wrong with them."""
        if facts.expected is None or facts.storage is not None:
            return
        if facts.seen is None:
            yield self.away.fill(path=facts.path, error=facts.error)
        elif facts.seen != facts.expected:
            yield self.other.fill(path=facts.path)

    def describe(self, facts: Shared) -> str:
        """The facts in a line, where nothing is wrong."""
        if facts.expected is None:
            return "there is no home yet: not looked at"
        if facts.seen == facts.expected:
            return f"{facts.path} is the same folder"
        return "it is not shared, and need not be: trials keep their files in the object store"
