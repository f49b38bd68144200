"""IDX files, in which MNIST and its like come: arrays of unsigned bytes, often gzipped."""

import gzip
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import open_regular
from space.errors import DataError

BYTES = 1 << 30
"""The most that a file may hold."""


def read_idx(
    path: Path,
    dimensions: int,
    cure: str,
    listen: Callable[[bytes], object] | None = None,
) -> NDArray[np.uint8]:
    """The array of an IDX file, gzipped or not; `listen` gets all of its bytes.

    Raises DataError that names the file, with `cure`, if it is not such a file, is cut short or
    goes on after its end, or holds more than 1 GiB.
    """
    start = 4 + 4 * dimensions
    with open_regular(path, DataError) as file:
        packed = path.suffix == ".gz"
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
        try:
            header = stream.read(start)
            if len(header) < start or header[:4] != bytes([0, 0, 8, dimensions]):
                problem = f"is not an IDX file of {dimensions} dimensions"
                raise DataError(str(path), problem, cure)
            shape = [int(n) for n in np.frombuffer(header, ">u4", offset=4)]
            expected = math.prod(shape)
            if expected > BYTES:
                problem = f"its header says {shape}, more than {BYTES:,} bytes"
                raise DataError(str(path), problem, cure)
            body = stream.read(expected + 1)  # no more is unpacked than the header says
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(str(path), f"cannot be read ({error})", cure) from error
    if len(body) != expected:
        held = "more" if len(body) > expected else f"{len(body)}"
        problem = f"holds {held} bytes where its header says {shape}"
        raise DataError(str(path), problem, cure)
    if listen is not None:
        listen(header)
        listen(body)
    return np.frombuffer(body, np.uint8).reshape(shape)
