"""The header of a safetensors file, read and checked without torch and before any tensor.

A file begins with eight bytes, the size of its header; the header is JSON: for each tensor its
type, shape and place among the values behind it, and texts under `__metadata__`.
"""

import io
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

from pydantic import Field

from space.documents.bounds import RECORD
from space.documents.files import parse_json
from space.documents.outside import open_regular
from space.documents.validation import Value, parse
from space.errors import InputError

METADATA = "__metadata__"
HEADER_BYTES = 16 << 20
BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
}
FLOATS = ("F16", "BF16", "F32", "F64")

Side = Annotated[int, Field(ge=0, lt=2**48)]


class Stored(Value):
    """How one tensor is stored: its type, its shape, and where its values begin and end."""

    dtype: Literal[tuple(BYTES)]  # type: ignore[valid-type]
    shape: tuple[Side, ...] = Field(max_length=32)
    data_offsets: tuple[Side, Side]


@dataclass(frozen=True, kw_only=True)
class Header:
    """The tensors of a file by name, and its texts."""

    tensors: Mapping[str, Stored]
    metadata: Mapping[str, str]


def read_header(path: Path, cure: str = "") -> Header:
    """The header of a safetensors file, which fits the file's size and leaves no gap.

    Raises InputError that names the file and what of it is wrong.
    """
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            return _read(file, size)
        except InputError as error:
            problem = f"{error.where}: {error.problem}" if error.where else error.problem
            raise InputError(str(path), f"is damaged ({problem})", cure) from None


def check_header(data: bytes) -> None:
    """Raises InputError unless `data` is a whole safetensors file."""
    _read(io.BytesIO(data), len(data))


def _read(file: BinaryIO, size: int) -> Header:
    prefix = file.read(8)
    (length,) = struct.unpack("<Q", prefix) if len(prefix) == 8 else (0,)
    if not 0 < length <= min(HEADER_BYTES, size - 8):
        raise InputError("", "its header is cut off or too long")
    document = parse_json(file.read(length), "header", nodes=RECORD)
    if not isinstance(document, dict):
        raise InputError("header", "is not a mapping")
    texts = document.pop(METADATA, None) or {}
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise InputError(f"header: {METADATA}", "is not a mapping of texts")
    tensors = {name: parse(Stored, entry, f"header: {name}") for name, entry in document.items()}
    end = 0
    for name, stored in sorted(tensors.items(), key=lambda item: item[1].data_offsets):
        begin, last = stored.data_offsets
        needed = math.prod(stored.shape) * BYTES[stored.dtype]
        if begin != end or last - begin != needed:
            raise InputError(f"header: {name}", "does not lie where its shape says")
        end = last
    if end != size - 8 - length:
        raise InputError("", f"has {size:,} bytes where {8 + length + end:,} were written")
    return Header(tensors=tensors, metadata=texts)
