"""An object store that speaks S3, by boto3: its credentials, regions and endpoints are found as
boto3 finds them (environment, ~/.aws, the machine's role), and stand nowhere else.

Groups are numbered by conditional writes (`If-None-Match`), which AWS, SeaweedFS, MinIO and Ceph
know: of two writers of one number one is refused and takes the next. A group is whole once its
last part is there; what a killed writer left has none, is passed over, and goes with its group.
"""

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from space.errors import StorageError
from workers.storage.places import S3, split_s3
from workers.storage.protocol import Entry, Opened, join_key
from workers.storage.s3_errors import explain_client, is_taken, translate

AT_ONCE = 1000
"""Objects that are listed or removed by one request: the most that S3 takes."""

CONNECT_SECONDS = 10.0

_log = logging.getLogger(__name__)
_making = threading.Lock()


class S3Storage:
    """Objects below `s3://BUCKET/PREFIX`."""

    def __init__(self, url: str) -> None:
        """Raises StorageError where boto3 is not installed or finds nothing usable."""
        self._bucket, self._prefix = split_s3(url)
        self._client = _find_client(url)

    @property
    def place(self) -> str:
        """The URL."""
        return self.name("")

    def name(self, key: str) -> str:
        """The URL of an object."""
        return f"{S3}{self._bucket}/{self._key(key)}".rstrip("/")

    def _key(self, key: str) -> str:
        return join_key(self._prefix, key)

    def write(self, key: str, data: bytes) -> None:
        """Put an object, in place of the one that is there. Raises StorageError."""
        with translate(self.name(key)):
            self._client.put_object(Bucket=self._bucket, Key=self._key(key), Body=data)

    def upload(self, key: str, file: Path) -> None:
        """Put a file as an object, a large one in parts. Raises StorageError, OSError of the file.

        Parts of one that was broken off are no object; a rule of the bucket removes them.
        """
        with translate(self.name(key)):
            self._client.upload_file(str(file), self._bucket, self._key(key))

    @contextmanager
    def open(self, key: str, start: int = 0) -> Iterator[Opened]:
        """An object, to be read from byte `start` on. Raises FileNotFoundError, StorageError."""
        part = {"Range": f"bytes={start}-"} if start else {}
        with translate(self.name(key)):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(key), **part)
            # Closed by hand: what its own `with` gives does not see that a body ends early.
            with closing(answer["Body"]) as stream:
                yield Opened(stream=stream, size=start + answer["ContentLength"])

    def publish(self, parent: str, parts: Mapping[str, bytes]) -> str:
        """Put objects below a new number, all of them or none. Raises StorageError."""
        number = max(map(_number, self._find_parts(parent)), default=0) + 1
        while True:
            group = join_key(parent, f"{number:08d}")
            if all(self._create(f"{group}/{name}", data) for name, data in parts.items()):
                return group
            number += 1

    def _create(self, key: str, data: bytes) -> bool:
        """Put a new object; False if there is one."""
        with translate(self.name(key)):
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=self._key(key), Body=data, IfNoneMatch="*"
                )
            except self._client.exceptions.ClientError as error:
                if is_taken(error):
                    return False
                raise
        return True

    def groups(self, parent: str, last: str) -> list[str]:
        """The keys of the groups that have their last part, the newest first."""
        return _list_whole(self._find_parts(parent), last)

    def prune(self, parent: str, last: str, kept: int) -> None:
        """Remove the groups of `parent` but for its newest `kept` whole ones."""
        groups = self._find_parts(parent)
        whole = _list_whole(groups, last)
        if len(whole) < kept:
            return
        oldest = _number(whole[kept - 1])
        doomed = [
            f"{group}/{part}"
            for group, parts in groups.items()
            if _number(group) < oldest
            for part in parts
        ]
        # A group without its last part is none: that part goes first.
        doomed.sort(key=lambda key: not key.endswith(f"/{last}"))
        try:
            self._delete(doomed)
        except StorageError as error:
            _log.warning("%s", error)

    def _find_parts(self, parent: str) -> dict[str, list[str]]:
        """The parts by group (its key) of `parent`, also of groups that are not whole."""
        start = f"{parent}/" if parent else ""
        groups: dict[str, list[str]] = {}
        for entry in self.list(parent):
            name, _, part = entry.key.removeprefix(start).partition("/")
            if name.isdigit() and part:
                groups.setdefault(f"{start}{name}", []).append(part)
        return groups

    def list(self, prefix: str = "") -> list[Entry]:
        """All objects below a key, by their keys. Raises StorageError."""
        below = f"{self._key(prefix)}/".lstrip("/")
        root = f"{self._prefix}/" if self._prefix else ""
        with translate(self.name(prefix)):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=below, PaginationConfig={"PageSize": AT_ONCE}
            )
            return [
                Entry(
                    key=one["Key"].removeprefix(root),
                    bytes=one["Size"],
                    modified=one["LastModified"].timestamp(),
                )
                for page in pages
                for one in page.get("Contents", ())
            ]

    def remove(self, prefix: str) -> None:
        """Remove an object, or all below a key. Raises StorageError."""
        own = [prefix] if prefix else []
        self._delete([*own, *(entry.key for entry in self.list(prefix))])

    def _delete(self, keys: Iterable[str]) -> None:
        """Remove the objects of these keys; those that are not there are no error."""
        names = [self._key(key) for key in keys]
        with translate(self.place):
            for start in range(0, len(names), AT_ONCE):
                batch = [{"Key": name} for name in names[start : start + AT_ONCE]]
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True}
                )
                for problem in answer.get("Errors", ()):
                    raise explain_client(
                        f"{S3}{self._bucket}/{problem['Key']}", problem.get("Code", "")
                    )


def _number(group: str) -> int:
    """The number of a group, by its key."""
    return int(group.rpartition("/")[2])


def _list_whole(groups: Mapping[str, Sequence[str]], last: str) -> list[str]:
    """The keys of those of the groups, given with their parts, that have `last`, newest first."""
    whole = (group for group, parts in groups.items() if last in parts)
    return sorted(whole, key=_number, reverse=True)


def _find_client(url: str) -> Any:
    """A client, by the settings of this moment; one a process for equal settings.

    Raises StorageError.
    """
    settings = frozenset(item for item in os.environ.items() if item[0].startswith("AWS_"))
    with _making, translate(url):
        return _make_client(os.getpid(), settings)


@cache
def _make_client(_pid: int, _settings: frozenset[tuple[str, str]]) -> Any:
    try:
        from boto3.session import Session
        from botocore.config import Config
    except ModuleNotFoundError as error:
        raise StorageError(
            "s3://", f"{error.name} is not installed", "pip install 'ventral-search[s3]'"
        ) from None
    client = Session().client("s3", config=Config(connect_timeout=CONNECT_SECONDS))
    if client.meta.endpoint_url.rstrip("/").endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return client
    # Another server's buckets are paths, and no names of machines.
    config = Config(connect_timeout=CONNECT_SECONDS, s3={"addressing_style": "path"})
    return Session().client("s3", config=config)
