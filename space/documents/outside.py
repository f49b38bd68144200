"""What comes from outside: files that somebody else wrote, and texts that somebody else chose.

A file is read only if it is a regular one of a bounded size: a FIFO, a device, a loop of links or
a file of many gigabytes is one error and never a wait. A text is printed without characters that
steer a terminal, and never with the password of an address in it. Where a text of others goes, one
function makes it safe: `printable` in a terminal or a log, `escape_markup` in HTML and SVG,
`markdown` in Markdown.
"""

import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import BinaryIO

from space.errors import InputError


def path_exists(path: Path) -> bool:
    """Whether something is at `path`; False for what no path can be, however long the text is."""
    return os.path.exists(path)  # noqa: PTH110  (Path.exists raises for a name that is too long)


def is_folder(path: Path) -> bool:
    """Whether a folder is at `path`; False for what no path can be."""
    return os.path.isdir(path)  # noqa: PTH112  (as above)


def is_file(path: Path) -> bool:
    """Whether a regular file is at `path`; False for what no path can be."""
    return os.path.isfile(path)  # noqa: PTH113  (as above)


@contextmanager
def open_regular(path: Path, error: type[InputError] = InputError) -> Iterator[BinaryIO]:
    """A regular file, open for reading bytes; links are followed.

    Raises `error`, which names the file, if it is missing, cannot be read or is not a regular
    file.
    """
    try:
        # Without O_NONBLOCK the opening of a FIFO waits for somebody who writes into it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise error(str(path), "there is no such file", "check the path") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        # Kept as the cause: a file system that is away is no matter of the file.
        raise error(str(path), f"cannot be read ({reason})", "check the path") from problem
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise error(str(path), "is not a regular file", "name a file that holds data")
    with os.fdopen(handle, "rb") as file:
        yield file


def read_bytes(path: Path, limit: int, error: type[InputError] = InputError) -> bytes:
    """All bytes of a regular file of at most `limit` bytes.

    Raises `error` as `open_regular` does, and for a larger file.
    """
    with open_regular(path, error) as file:
        try:
            data = file.read(limit + 1)
        except OSError as problem:
            raise error(
                str(path), f"cannot be read ({problem.strerror})", "check the disk"
            ) from problem
    if len(data) > limit:
        raise error(str(path), f"is larger than {limit:,} bytes", "name the file that was meant")
    return data


def read_text(path: Path, limit: int, error: type[InputError] = InputError) -> str:
    """The text of a UTF-8 file, with or without a byte order mark; as `read_bytes` otherwise."""
    try:
        return read_bytes(path, limit, error).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(str(path), f"is not UTF-8 text ({problem})", "give a text file") from None


_STEERING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode's categories that steer a terminal or the direction of text, or that show nothing."""


def printable(text: str, lines: bool = False) -> str:
    r"""`text` with control, direction and unprintable characters written as escapes (`\x1b`).

    `lines` keeps line feeds, for texts of several lines that are ours.
    """
    if text.isprintable():
        return text
    return "".join(
        _escape(letter)
        if unicodedata.category(letter) in _STEERING and not (lines and letter == "\n")
        else letter
        for letter in text
    )


_MARKS = re.compile(r"([\\`*_~\[\]<>|&])")
_MARKED = re.compile(r"\\([\\`*_~\[\]<>|&])")


def markdown(text: str, lines: bool = False) -> str:
    """`text` as Markdown that shows it as it is: no mark-up, link, picture or HTML in it.

    On one line unless `lines` keeps line feeds.
    """
    return _MARKS.sub(r"\\\1", printable(text, lines))


def read_markdown(text: str) -> str:
    """The text that `markdown` made Markdown of, as far as it was printable."""
    return _MARKED.sub(r"\1", text)


def escape_markup(text: str, lines: bool = False) -> str:
    """`text` as HTML and SVG show it as it is, in an element or in a quoted attribute.

    XML has no sign at all for most control characters: they are written as `printable` does.
    `lines` keeps line feeds.
    """
    return escape(printable(text, lines))


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


_USER = re.compile(r"(?P<start>[A-Za-z][A-Za-z0-9+.-]*://[^\s/:'\"]*):.*@")
_FIELD = re.compile(
    r"(?P<start>(?:password|passwd|pwd|passphrase|secret|token)(?:=|['\"]?: ?))"
    r"(?:(?P<quote>['\"])(?:\\.|(?!(?P=quote)).)+|[^\s&'\"]+)",
    re.I,
)


def redact(text: str) -> str:
    """`text` with the passwords of addresses replaced: `postgresql://user:***@host/name`.

    Passwords stand between the `:` of an address and the last `@` of the line, or in fields such
    as `password=` and `"password": `, up to a space or, in quotes, to the closing one. What merely
    looks like one is replaced as well.
    """
    hidden = _USER.sub(r"\g<start>:***@", text)
    return _FIELD.sub(lambda field: f"{field['start']}{field['quote'] or ''}***", hidden)
