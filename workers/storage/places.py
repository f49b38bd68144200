"""The addresses of storages: `s3://bucket/prefix`, `file:///folder`, or the path of a folder."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from space.documents.outside import printable, redact
from space.errors import StorageError

S3, FILE = "s3://", "file://"

EXAMPLES = "s3://BUCKET/PREFIX or file:///FOLDER"

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def read_url(text: str, where: str) -> str:
    """The URL of a storage as a person wrote it, without a slash at its end.

    `where` is the field or the variable that holds it. Raises StorageError for another scheme, a
    name that no bucket may have, a part that a URL of ours has not (an account, a query).
    """
    url = text.strip()
    if not _SCHEME.match(url):
        raise StorageError(where, f"{_show(url)} is not a URL", f"write {EXAMPLES}")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise StorageError(where, f"{_show(url)}: {error}", f"write {EXAMPLES}") from None
    if "@" in parts.netloc:
        raise StorageError(
            where,
            "holds an account, which would be shown and put on record",
            "write the URL without it; keys come from the environment or ~/.aws "
            "(AWS_ACCESS_KEY_ID, AWS_PROFILE, ...)",
        )
    if parts.query or parts.fragment:
        problem = f"{_show(url)} holds a query"
        raise StorageError(where, problem, f"write {EXAMPLES}; the server is AWS_ENDPOINT_URL's")
    if any(part in (".", "..") for part in parts.path.split("/")) or not url.isprintable():
        raise StorageError(where, f"{_show(url)} is not a plain path", f"write {EXAMPLES}")
    if url.startswith(S3):
        return _read_s3(parts.netloc, parts.path, where)
    if url.startswith(FILE):
        if parts.netloc not in ("", "localhost") or not parts.path.strip("/"):
            problem = f"{_show(url)} is not the path of a folder"
            raise StorageError(where, problem, "write file:// and an absolute path: file:///data")
        return f"{FILE}/{parts.path.strip('/')}"
    raise StorageError(
        where, f"{_show(parts.scheme)}:// is not a scheme that is known", f"write {EXAMPLES}"
    )


def read_place(place: str | Path, where: str) -> str | Path:
    """A place as a person wrote it: a path as it is, a URL as `read_url` reads it."""
    return read_url(place, where) if isinstance(place, str) and "://" in place else place


def _read_s3(bucket: str, path: str, where: str) -> str:
    if not _BUCKET.fullmatch(bucket):
        problem = f"{_show(bucket)} is not the name of a bucket" if bucket else "names no bucket"
        cure = "write s3://BUCKET/PREFIX; the server is not part of it (AWS_ENDPOINT_URL)"
        raise StorageError(where, problem, cure)
    prefix = "/".join(part for part in path.split("/") if part)
    return f"{S3}{bucket}/{prefix}" if prefix else f"{S3}{bucket}"


def _show(text: str) -> str:
    return printable(redact(text))


def is_url(place: str) -> bool:
    """Whether a place is a URL, and not a path."""
    return place.startswith((S3, FILE))


def local_folder(place: str | Path) -> Path | None:
    """The folder that a place is; None for an object store."""
    if isinstance(place, Path) or not is_url(place):
        return Path(place)
    return Path(unquote(place.removeprefix(FILE))) if place.startswith(FILE) else None


def join(place: str, *names: str) -> str:
    """The place of something below a place."""
    return "/".join((place, *names)) if is_url(place) else str(Path(place, *names))


def split_s3(place: str) -> tuple[str, str]:
    """(bucket, prefix) of an s3:// place."""
    bucket, _, prefix = place.removeprefix(S3).partition("/")
    return bucket, prefix
