"""Array files from outside: a header is checked before memory is taken or touched."""

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from space.errors import DataError, InputError
from workers.arrays import array_names, map_array, read_archive, read_values

VALUES = np.arange(12, dtype="<i8").reshape(3, 4)


def npy(values: np.ndarray = VALUES) -> bytes:
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


def with_header(text: str, values: bytes = VALUES.tobytes()) -> bytes:
    header = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + values


def mapped(path: Path, data: bytes) -> np.ndarray:
    path.write_bytes(data)
    return map_array(path, dtype="<i8", shape=(3, 4), error=DataError, cure="pack it again")


def test_a_whole_array_is_mapped_and_cannot_be_written_to(tmp_path: Path) -> None:
    result = mapped(tmp_path / "a.npy", npy())
    assert isinstance(result, np.memmap)
    np.testing.assert_array_equal(result, VALUES)
    with pytest.raises(ValueError, match="read-only"):
        result[0, 0] = 1


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is not an array file"),
        (b"\x93NUMPY\x09\x00" + npy()[8:], "is not an array file"),
        (npy()[:9], "cut off or too long"),
        (npy()[:40], "cut off or too long"),
        (npy()[:-1], r"has 223 bytes, its header says 224"),
        (npy() + b"x", r"has 225 bytes, its header says 224"),
        (npy(VALUES.astype("<i4")), r"holds <i4 \[3, 4\], not <i8 \[3, 4\]"),
        (npy(VALUES.T.copy()), r"holds <i8 \[4, 3\]"),
        (npy(np.asfortranarray(VALUES)), "row-major"),
        (with_header("{'descr': '<i8', 'fortran_order': False}"), "unknown kind of header"),
        (with_header("[" * 5000), "unknown kind of header"),
        (
            with_header("{'descr': '|O', 'fortran_order': False, 'shape': (3, 4)}"),
            "not plain numbers",
        ),
        (
            with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (-3, 4)}"),
            "has the shape",
        ),
        (
            with_header(f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({2**60}, 4)}}"),
            "has the shape",
        ),
    ],
)
def test_any_other_array_is_one_error_with_the_cure(
    tmp_path: Path, data: bytes, problem: str
) -> None:
    with pytest.raises(DataError, match=rf"a\.npy: .*{problem}") as caught:
        mapped(tmp_path / "a.npy", data)
    assert caught.value.cure == "pack it again"


def test_an_archive_comes_back_and_may_be_written_to(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    kept: dict[str, Any] = {
        "in/x": VALUES,
        "big": VALUES.astype(">f4"),
        "column": np.asfortranarray(VALUES),
    }
    np.savez_compressed(path, **kept)
    assert array_names(path) == tuple(kept)
    result = read_archive(path)
    for name, values in kept.items():
        np.testing.assert_array_equal(result[name], values)
        assert result[name].dtype.isnative
        result[name][0, 0] = 7


def test_an_archive_that_inflates_without_bound_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("a.npy", npy(np.zeros((1000, 1000))))
    assert path.stat().st_size < 20_000
    with pytest.raises(InputError, match=r"inflates to 8,000,128 bytes, more than 1,000,000"):
        read_archive(path, limit=1_000_000)


def test_damaged_archives_are_one_error(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=VALUES, b=VALUES)
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"a\.npz: is not a file of arrays"):
            read_archive(path)
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("a.npy", npy()[:-8])
    with pytest.raises(InputError, match=r"a\.npz: a: has another size than its header says"):
        read_archive(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as written:
        written.writestr("a.npy", npy())
    with pytest.raises(InputError, match="packed in an unknown way"):
        read_archive(path)


def test_values_may_be_texts_and_are_checked_before_they_are_read() -> None:
    for values in (np.array(["V4", "IT"]), np.asfortranarray(VALUES)):
        data = npy(values)
        np.testing.assert_array_equal(read_values(io.BytesIO(data), len(data)), values)
    huge = with_header("{'descr': '<i8', 'fortran_order': False, 'shape': (10000000000000,)}")
    with pytest.raises(ValueError, match="an array is cut off"):
        read_values(io.BytesIO(huge), len(huge))
    objects = npy(np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="Python objects in an array"):
        read_values(io.BytesIO(objects), len(objects))
