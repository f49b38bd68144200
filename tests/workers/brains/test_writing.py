"""Recordings that were written are read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from space.errors import DataError
from tests.support.teachers import draw_teacher
from workers.brains.reading import read_assembly
from workers.brains.simulation import Experiment, simulate
from workers.brains.writing import write_assembly

AREAS = {"V4": ("conv2",), "IT": ("conv3",)}


@pytest.mark.parametrize("ending", ["nc", "npz"])
@pytest.mark.parametrize("timed", [True, False])
def test_a_recording_comes_back(tmp_path: Path, ending: str, timed: bool) -> None:
    experiment = Experiment(neurons=5, repetitions=2, areas=AREAS)
    recording = simulate(draw_teacher(10), experiment).assembly
    if not timed:
        recording = replace(recording, values=recording.values[:, :, :1], bins={})
    file = tmp_path / f"it.{ending}"
    write_assembly(file, recording)
    again = read_assembly(file)
    np.testing.assert_array_equal(again.values, recording.values)
    for name in ("presentations", "neurons", "bins"):
        wanted, there = getattr(recording, name), getattr(again, name)
        assert set(there) == set(wanted)
        for key in wanted:
            assert there[key].tolist() == wanted[key].tolist(), key
    assert [*tmp_path.iterdir()] == [file]


def test_another_ending_is_refused(tmp_path: Path) -> None:
    recording = simulate(draw_teacher(10), Experiment(neurons=2, areas=AREAS)).assembly
    with pytest.raises(DataError, match=r"it\.nwb: is of a kind .*; write \.nc or \.npz"):
        write_assembly(tmp_path / "it.nwb", recording)
    assert not [*tmp_path.iterdir()]
