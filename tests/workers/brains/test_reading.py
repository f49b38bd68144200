from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from space.errors import DataError
from tests.workers.brains.test_archives import write
from workers.brains.reading import describe_assembly, read_assembly


def test_what_a_recording_holds(tmp_path: Path) -> None:
    responses = np.arange(24.0).reshape(4, 3, 2)
    responses[0, 0] = np.nan
    path = write(tmp_path / "it.npz", responses=responses, stimulus_id=np.array([*"baab"]))
    assert describe_assembly(read_assembly(path)) == {
        "file": str(path),
        "format": "npz",
        "presentations": 4,
        "stimuli": 2,
        "fewest_repetitions": 2,
        "most_repetitions": 2,
        "neurons": 3,
        "areas": {"IT": 2, "V4": 1},
        "bins": ["70-80", "80-90"],
        "missing": 2 / 24,
        "coordinates": {
            "presentation": ["repetition", "stimulus_id"],
            "neuroid": ["neuroid_id", "region"],
            "time_bin": ["time_bin_end", "time_bin_start"],
        },
    }


def test_a_file_is_read_by_its_suffix(tmp_path: Path) -> None:
    assert read_assembly(Path(__file__).with_name("counts.nwb")).form == "NWB"
    with pytest.raises(DataError, match=r"unknown kind \('.mat'\); give netCDF-4 of Brain-Score"):
        read_assembly(tmp_path / "it.mat")
    with pytest.raises(DataError, match="there is no such file"):
        read_assembly(tmp_path / "it.npz")
