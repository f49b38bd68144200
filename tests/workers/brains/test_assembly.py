from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from space.errors import DataError
from workers.brains.assembly import Assembly, make_assembly


def make(**changes: Any) -> Assembly:
    """Three stimuli, two repetitions, three neurons, two bins; the rows are shuffled."""
    parts: dict[str, Any] = {
        "stimulus_id": np.array(["b", "a", "c", "a", "b", "c"]),
        "repetition": np.array([1, 0, 0, 1, 0, 1]),
        "object_name": np.array(["dog", "car", "car", "car", "dog", "car"]),
    } | changes
    shown = {key: item for key, item in parts.items() if item is not None}
    neurons = {"neuroid_id": np.arange(3), "region": np.array(["V4", "IT", "IT"])}
    neurons["subregion"] = np.array(["V4", "pIT", "cIT"])
    bins = {"time_bin_start": np.array([70.0, 80]), "time_bin_end": np.array([80.0, 90])}
    values = np.arange(36.0).reshape(6, 3, 2)
    coordinates = {"presentation": shown, "neuroid": neurons, "time_bin": bins}
    return make_assembly("it.nc", "netCDF", values, coordinates)


def test_responses_are_arranged_by_stimulus_and_repetition() -> None:
    responses = make().arrange()
    assert responses.stimuli.tolist() == ["a", "b", "c"]
    assert responses.values.shape == (3, 2, 3, 2)
    assert responses.values[:, :, 0, 0].tolist() == [[6, 18], [24, 0], [12, 30]]
    assert responses.averages[:, 0, 0].tolist() == [12, 12, 21]


def test_a_stimulus_shown_less_often_has_gaps_and_one_shown_again_is_averaged() -> None:
    repetitions = np.array([0, 0, 0, 0, 0, 3])
    responses = make(repetition=repetitions).arrange().values[:, :, 0, 0]
    assert responses[:, 0].tolist() == [(6 + 18) / 2, (0 + 24) / 2, 12]
    assert np.isnan(responses[:2, 1]).all()
    assert responses[2, 1] == 30


def test_areas_are_regions_or_parts_of_them() -> None:
    assembly = make()
    assert assembly.areas == {"IT": 2, "V4": 1}
    assert assembly.select_area("IT").values.shape == (6, 2, 2)
    assert assembly.select_area("cIT").neurons["neuroid_id"].tolist() == [2]
    with pytest.raises(DataError, match="has no neuron in V1; it has IT, V4, cIT, pIT"):
        assembly.select_area("V1")
    assert assembly.bin_names == ["70-80", "80-90"]


def test_stimuli_are_selected_with_their_coordinates() -> None:
    chosen = make().select_stimuli(np.array(["c", "a", "z"]))
    assert chosen.stimulus_ids.tolist() == ["a", "c", "a", "c"]
    objects = chosen.describe_stimuli("object_name")
    assert objects is not None
    assert objects.tolist() == ["car", "car"]
    assert (chosen.arrange().values == make().arrange().values[[0, 2]]).all()


def test_a_property_of_stimuli_is_one_a_stimulus() -> None:
    values = make().describe_stimuli("object_name")
    assert values is not None
    assert values.tolist() == ["car", "dog", "car"]
    assert make().describe_stimuli("variation") is None
    names = np.array(["dog", "car", "car", "bear", "dog", "car"])
    with pytest.raises(DataError, match="object_name of the stimulus a is not the same"):
        make(object_name=names).describe_stimuli("object_name")


def test_the_older_name_of_stimuli_is_read() -> None:
    ids = np.array([2, 1, 3, 1, 2, 3])
    assembly = make(stimulus_id=None, image_id=ids)
    assert assembly.arrange().stimuli.tolist() == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"stimulus_id": None},
            "it.nc: has no coordinate stimulus_id along presentation; "
            "those along it are object_name, repetition",
        ),
        (
            {"repetition": None},
            "it.nc: has no coordinate repetition along presentation; "
            "those along it are object_name, stimulus_id",
        ),
    ],
)
def test_a_missing_coordinate_is_named_with_those_there_are(
    changes: dict[str, Any], line: str
) -> None:
    with pytest.raises(DataError) as caught:
        make(**changes)
    assert str(caught.value) == line


def test_an_average_needs_no_repetitions_and_no_time() -> None:
    shown = {"stimulus_id": np.array(["b", "a"])}
    neurons = {"neuroid_id": np.arange(2)}
    coordinates = {"presentation": shown, "neuroid": neurons}
    counts = np.array([[1, 2], [3, 4]])
    assembly = make_assembly("it.nc", "netCDF", counts, coordinates)
    assert assembly.arrange().values[:, 0, :, 0].tolist() == [[3, 4], [1, 2]]
    assert assembly.bin_names == [None]
    assert assembly.areas == {}
    with pytest.raises(DataError, match=r"no neuron in V4; no coordinate \(region\) says where"):
        assembly.select_area("V4")
    with pytest.raises(DataError, match=r"no coordinate neuroid_id along neuroid; .* are none"):
        make_assembly("it.nc", "netCDF", counts, {"presentation": shown})
    with pytest.raises(DataError, match="no coordinate time_bin_start along time_bin"):
        make_assembly("it.nc", "netCDF", counts[:, :, None], coordinates)
    bins = {"time_bin_start": np.array([70]), "time_bin_end": np.array(["80"])}
    with pytest.raises(DataError, match="time_bin_end is of <U2; give milliseconds"):
        make_assembly("it.nc", "netCDF", counts[:, :, None], coordinates | {"time_bin": bins})
    with pytest.raises(DataError, match="values of <U1"):
        make_assembly("it.nc", "netCDF", counts.astype("U1"), coordinates)
    with pytest.raises(DataError, match=r"shape \[2, 0, 1\]"):
        make_assembly("it.nc", "netCDF", counts[:, :0], coordinates)
