"""NumPy's files from outside: every header is checked before a value is read or memory taken.

An array file that is smaller than its header says would end the process by a signal once it is
mapped and touched; an archive may inflate to more than any memory. Both are one error here. Only
arrays of plain numbers are read (by `read_values` also texts), and never a pickle.
"""

import ast
import math
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import open_regular
from space.errors import InputError

Array = NDArray[Any]

ARCHIVE_BYTES = 256 << 20
"""How much the arrays of one archive may take together."""

_MAGIC = b"\x93NUMPY"
_HEADER_BYTES = 10_000
_MEMBERS = 10_000
_NUMBERS = re.compile(r"[<>|=]?[biuf][1248]")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class ArrayHeader:
    """The header of an .npy file; its values begin `start` bytes after its own beginning."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    column_order: bool
    start: int

    @property
    def bytes(self) -> int:
        """The size of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(
    file: _Readable, where: str, error: type[InputError] = InputError, cure: str = ""
) -> ArrayHeader:
    """The header of an .npy file; `file` stands at the values afterwards. Raises `error`."""
    prefix = file.read(8)
    if len(prefix) < 8 or prefix[:6] != _MAGIC or prefix[6] not in (1, 2, 3):
        raise error(where, "is not an array file of NumPy", cure)
    form = "<H" if prefix[6] == 1 else "<I"
    length = file.read(struct.calcsize(form))
    size = struct.unpack(form, length)[0] if len(length) == struct.calcsize(form) else 0
    text = file.read(min(size, _HEADER_BYTES))
    if not 0 < size <= _HEADER_BYTES or len(text) < size:
        raise error(where, "has a header that is cut off or too long", cure)
    try:
        fields = ast.literal_eval(text.decode("utf-8" if prefix[6] == 3 else "latin-1").strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or fields.keys() != {"descr", "fortran_order", "shape"}:
        raise error(where, "has an unknown kind of header", cure)
    descr, shape, order = fields["descr"], fields["shape"], fields["fortran_order"]
    if not isinstance(descr, str) or not _NUMBERS.fullmatch(descr):
        raise error(where, f"holds {str(descr)[:40]!r}, not plain numbers", cure)
    sides = shape if isinstance(shape, tuple) else None
    if sides is None or len(sides) > 32 or not all(_is_side(side) for side in sides):
        raise error(where, f"has the shape {str(shape)[:60]}", cure)
    try:
        dtype = np.dtype(descr)
    except TypeError:  # a number of one byte of a kind that has none
        raise error(where, f"holds {descr!r}, which is not a kind of number", cure) from None
    start = 8 + len(length) + size
    return ArrayHeader(dtype=dtype, shape=sides, column_order=bool(order), start=start)


def _is_side(side: object) -> bool:
    return type(side) is int and 0 <= side < 2**48


def map_array(
    path: Path,
    *,
    dtype: str,
    shape: tuple[int, ...],
    error: type[InputError] = InputError,
    cure: str = "",
) -> Array:
    """The array of an .npy file, mapped read-only: row-major, of exactly this type and shape.

    Raises `error` if the file is not a regular one, holds something else, or has another size than
    its header.
    """
    with open_regular(path, error) as file:
        header = read_header(file, str(path), error, cure)
        if (header.dtype, header.shape) != (np.dtype(dtype), shape):
            actual = f"{header.dtype.str} {list(header.shape)}"
            raise error(str(path), f"holds {actual}, not {dtype} {list(shape)}", cure)
        if header.column_order:
            raise error(str(path), "is not in row-major order", cure)
        size = file.seek(0, 2)
        if size != header.start + header.bytes:
            expected = header.start + header.bytes
            raise error(str(path), f"has {size:,} bytes, its header says {expected:,}", cure)
        if not header.bytes:
            return np.empty(shape, dtype)
        return np.memmap(file, dtype=header.dtype, mode="r", offset=header.start, shape=shape)


def array_names(path: Path) -> tuple[str, ...]:
    """The names of the arrays in an .npz file; none of them is read. Raises InputError."""
    with open_regular(path) as file:
        return tuple(_members(file, path, ARCHIVE_BYTES))


def read_archive(path: Path, limit: int = ARCHIVE_BYTES) -> dict[str, Array]:
    """Every array of an .npz file by its name, of at most `limit` bytes together.

    Raises InputError if it is not such a file, is damaged or holds something else.
    """
    with open_regular(path) as file:
        members = _members(file, path, limit)
        return {name: _read_member(path, name, *member) for name, member in members.items()}


_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    OSError,
    EOFError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
)
"""What `zipfile` raises of what is not a zip, or a damaged one."""

_Member = tuple[zipfile.ZipFile, zipfile.ZipInfo]


def _members(file: BinaryIO, path: Path, limit: int) -> dict[str, _Member]:
    cure = "give an .npz file of arrays"
    try:
        opened = zipfile.ZipFile(file)
        listed = opened.infolist()
    except _DAMAGE as problem:
        raise InputError(str(path), f"is not a file of arrays ({problem})", cure) from None
    members = {info.filename.removesuffix(".npy"): (opened, info) for info in listed}
    if len(members) < len(listed) or len(listed) > _MEMBERS:
        raise InputError(str(path), "holds an array twice, or too many", cure)
    for info in listed:
        plain = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if not plain or info.flag_bits & 1:
            raise InputError(
                str(path), f"{info.filename!r} is encrypted or packed in an unknown way", cure
            )
    total = sum(info.file_size for info in listed)
    if total > limit:
        excess = f"inflates to {total:,} bytes, more than {limit:,}"
        raise InputError(str(path), excess, "give a file of fewer or smaller arrays")
    return members


def _read_member(path: Path, name: str, opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    where, cure = f"{path}: {name}", "get the file anew"
    try:
        with opened.open(info) as file:
            header = read_header(file, where, cure=cure)
            if header.start + header.bytes != info.file_size:
                raise InputError(where, "has another size than its header says", cure)
            data = file.read(header.bytes)
    except InputError:
        raise
    except _DAMAGE as problem:
        raise InputError(where, f"cannot be read ({problem})", cure) from None
    if len(data) != header.bytes:
        raise InputError(where, "is cut off", cure)
    # A copy that may be written to, in the machine's own order of bytes.
    values = np.frombuffer(data, header.dtype).astype(header.dtype.newbyteorder("="))
    return values.reshape(header.shape, order="F" if header.column_order else "C")


_NUMPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_values(member: IO[bytes], size: int) -> Array:
    """The array of an .npy file of `size` bytes, of any type but Python objects: also texts.

    Raises ValueError, before memory is taken, for a file that is smaller than its header says; and
    whatever zipfile and NumPy raise for a damaged one.
    """
    version = np.lib.format.read_magic(member)
    if version not in _NUMPY_HEADERS:
        raise ValueError(f"format {version} of an array")
    shape, fortran, dtype = _NUMPY_HEADERS[version](member)
    if dtype.hasobject:
        raise ValueError("Python objects in an array")
    count = math.prod(shape)
    if count * dtype.itemsize > size:
        raise ValueError("an array is cut off")
    array = np.frombuffer(member.read(count * dtype.itemsize), dtype=dtype, count=count)
    return array.reshape(shape, order="F" if fortran else "C")
