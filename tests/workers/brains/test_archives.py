from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from space.errors import DataError
from workers.brains.archives import read_arrays, read_npz


def write(path: Path, **changes: Any) -> Path:
    arrays = {
        "responses": np.arange(24.0).reshape(4, 3, 2),
        "stimulus_id": np.array([*"baba"]),
        "repetition": np.array([0, 0, 1, 1]),
        "neuroid_id": np.arange(3),
        "region": np.array(["V4", "IT", "IT"]),
        "time_bin_start": np.array([70, 80]),
        "time_bin_end": np.array([80, 90]),
    } | changes
    np.savez(path, **{key: item for key, item in arrays.items() if item is not None})
    return path


def test_an_archive_is_a_recording(tmp_path: Path) -> None:
    assembly = read_npz(write(tmp_path / "it.npz"))
    assert assembly.arrange().values[:, :, 0, 1].tolist() == [[7, 19], [1, 13]]
    assert assembly.bin_names == ["70-80", "80-90"]
    flat = read_npz(write(tmp_path / "flat.npz", responses=np.zeros((4, 3))))
    assert flat.bin_names == [None]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"responses": None},
            r"responses: none; give \[presentations, neurons, bins\]; there are",
        ),
        ({"responses": np.zeros(4)}, r"responses: \[4\]"),
        ({"neuroid_id": None}, "has no coordinate neuroid_id along neuroid; .* are region"),
        ({"region": np.array(["V4"])}, r"region along neuroid has the shape \[1\]; give \[3\]"),
        ({"regions": np.zeros(3)}, "has an array regions; rename it; responses and these are"),
        ({"region": np.array([{}] * 3)}, r"cannot be read as an archive of arrays \(Python obj"),
    ],
)
def test_what_is_no_recording_is_one_error(
    tmp_path: Path, changes: dict[str, Any], line: str
) -> None:
    with pytest.raises(DataError, match=line):
        read_npz(write(tmp_path / "it.npz", **changes))


def test_archives_are_bounded_and_checked(tmp_path: Path) -> None:
    path = write(tmp_path / "it.npz")
    with pytest.raises(DataError, match="bytes, more than 1,000; give a smaller file"):
        read_arrays(path, limit=1000)
    cut = tmp_path / "cut.npz"
    cut.write_bytes(path.read_bytes()[:600])
    with pytest.raises(DataError, match=r"cut.npz: cannot be read as an archive of arrays"):
        read_arrays(cut)
    assert read_arrays(path)["region"].tolist() == ["V4", "IT", "IT"]
