"""`counts.nwb` was written by pynwb 4.2.0 with ndx-binned-spikes 0.3.1: 3 of 4 units, 6 events."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from space.errors import DataError
from workers.brains.nwb import number_repetitions, read_nwb

COUNTS = Path(__file__).with_name("counts.nwb")
PLACE = "processing/ecephys/BinnedAlignedSpikes"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copy(COUNTS, tmp_path / "counts.nwb"))


def test_a_file_of_pynwb() -> None:
    assembly = read_nwb(COUNTS)
    assert assembly.values.shape == (6, 3, 2)
    assert assembly.stimulus_ids.tolist() == ["apple", "bear"] * 3
    assert assembly.neurons["neuroid_id"].tolist() == ["10", "12", "13"]
    assert assembly.areas == {"IT": 2, "V4": 1}
    assert sorted(assembly.neurons) == ["location", "neuroid_id", "region"]
    assert assembly.bin_names == ["-20--10", "-10-0"]
    # Counts are 12 a unit, 2 an event, 1 a bin.
    assert assembly.arrange().values[1, :, 2, 1].tolist() == [27, 31, 35]


def test_the_names_of_the_first_versions(copied: Path) -> None:
    with h5py.File(copied, "a") as file:
        spikes = file[PLACE]
        for new, old in [
            ("bin_width_in_ms", "bin_width_in_milliseconds"),
            ("event_to_bin_offset_in_ms", "milliseconds_from_event_to_first_bin"),
        ]:
            spikes.attrs[old] = spikes.attrs.pop(new)
    assert read_nwb(copied).bin_names == ["-20--10", "-10-0"]


def test_without_labels_units_and_offset(copied: Path) -> None:
    with h5py.File(copied, "a") as file:
        del file[PLACE]["condition_labels"], file[PLACE]["units_region"], file["units"]
        del file[PLACE].attrs["event_to_bin_offset_in_ms"]
    assembly = read_nwb(copied)
    assert assembly.stimulus_ids.tolist() == ["1", "0"] * 3
    assert assembly.neurons["neuroid_id"].tolist() == ["0", "1", "2"]
    assert assembly.bin_names == ["0-10", "10-20"]


def test_files_without_counts(copied: Path, tmp_path: Path) -> None:
    with h5py.File(copied, "a") as file:
        file[PLACE]["condition_indices"][0] = 7
    with pytest.raises(DataError, match="condition_indices that are not from 0 to 1"):
        read_nwb(copied)
    with h5py.File(copied, "a") as file:
        del file[PLACE]["condition_indices"]
    with pytest.raises(DataError, match=r"has no condition_indices; .* condition_labels, data"):
        read_nwb(copied)
    with h5py.File(copied, "a") as file:
        del file[PLACE]
    with pytest.raises(DataError, match=r"holds 0 objects of type BinnedAlignedSpikes; .*units"):
        read_nwb(copied)
    text = tmp_path / "text.nwb"
    text.write_text("spikes")
    with pytest.raises(DataError, match=r"text.nwb: cannot be read as NWB \("):
        read_nwb(text)


def test_repetitions_are_numbered_as_they_come() -> None:
    assert number_repetitions(np.array([*"abaacb"])).tolist() == [0, 0, 1, 2, 0, 1]
