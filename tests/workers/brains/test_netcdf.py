"""Files as Brain-Score's packaging writes them: no index, and all that varies between them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from space.errors import DataError
from workers.brains.netcdf import read_netcdf


def write(path: Path, *, bins: int | None = 2, name: str | None = "data", **changes: Any) -> Path:
    """An assembly of 4 presentations and 3 neurons. `name` None: written as an array alone."""
    shape = (4, 3) if bins is None else (4, 3, bins)
    dims = ["presentation", "neuroid", "time_bin"][: len(shape)]
    coordinates: dict[str, Any] = {
        "stimulus_id": ("presentation", np.array(["b", "a", "b", "a"], dtype=object)),
        "repetition": ("presentation", [0, 0, 1, 1]),
        "object_name": ("presentation", np.array(["dog", None, "dog", "car"], dtype=object)),
        "neuroid_id": ("neuroid", np.array(["n0", "n1", "n2"], dtype=object)),
        "region": ("neuroid", np.array(["V4", "IT", "IT"], dtype=object)),
    }
    if bins is not None:
        coordinates["time_bin_start"] = ("time_bin", 70 + 10 * np.arange(bins))
        coordinates["time_bin_end"] = ("time_bin", 80 + 10 * np.arange(bins), {"units": "ms"})
    coordinates |= changes
    coordinates = {key: item for key, item in coordinates.items() if item is not None}
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    array = xarray.DataArray(values, dims=dims, coords=coordinates)
    if name is None:
        array.to_netcdf(path, engine="h5netcdf")
    else:
        packed = {name: {"zlib": True, "complevel": 9}}
        array.to_dataset(name=name).to_netcdf(path, engine="h5netcdf", encoding=packed)
    return path


@pytest.mark.parametrize("name", ["data", None])
@pytest.mark.parametrize("bins", [None, 1, 3])
def test_compressed_and_plain_with_and_without_time(
    tmp_path: Path, name: str | None, bins: int | None
) -> None:
    assembly = read_netcdf(write(tmp_path / "it.nc", bins=bins, name=name))
    assert assembly.values.shape == (4, 3, bins or 1)
    assert assembly.values.dtype == np.float32
    assert assembly.stimulus_ids.tolist() == ["b", "a", "b", "a"]
    assert assembly.presentations["object_name"].tolist() == ["dog", "", "dog", "car"]
    assert assembly.areas == {"IT": 2, "V4": 1}
    first = [None] if bins is None else [f"{70 + 10 * i}-{80 + 10 * i}" for i in range(bins)]
    assert assembly.bin_names == first
    step = bins or 1
    assert assembly.arrange().values[:, :, 0, 0].tolist() == [[3 * step, 9 * step], [0, 6 * step]]


def test_the_older_name_underscores_and_missing_attributes(tmp_path: Path) -> None:
    ids = ("presentation", np.array(["b", "a", "b", "a"], dtype=object))
    path = write(tmp_path / "old.nc", stimulus_id=None, image_id=ids, region_=("neuroid", [1] * 3))
    assembly = read_netcdf(path)
    assert assembly.stimulus_ids.tolist() == ["b", "a", "b", "a"]
    assert assembly.areas == {"IT": 2, "V4": 1}
    under = write(tmp_path / "u.nc", neuroid_id=None, neuroid_id_=("neuroid", [3, 4, 5]))
    assert read_netcdf(under).neurons["neuroid_id"].tolist() == [3, 4, 5]
    # Without the attribute that names coordinates they are variables like the data.
    dataset = xarray.open_dataset(path, engine="h5netcdf").load().reset_coords()
    bare = tmp_path / "bare.nc"
    dataset.to_netcdf(bare, engine="h5netcdf")
    assert read_netcdf(bare).stimulus_ids.tolist() == ["b", "a", "b", "a"]


def test_dimensions_may_stand_in_any_order_and_groups_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "it.nc")
    turned = xarray.open_dataset(path, engine="h5netcdf").load()
    other = tmp_path / "turned.nc"
    turned.transpose("time_bin", "neuroid", "presentation").to_netcdf(other, engine="h5netcdf")
    events = xarray.Dataset({"eye_h_degrees": ("event", np.zeros(5))})
    events.to_netcdf(other, engine="h5netcdf", group="test", mode="a")
    assert (read_netcdf(other).values == read_netcdf(path).values).all()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"stimulus_id": None},
            "has no coordinate stimulus_id along presentation; those along it are object_name, ",
        ),
        (
            {"neuroid_id": None},
            "has no coordinate neuroid_id along neuroid; those along it are region",
        ),
        ({"repetition": None}, "has no coordinate repetition along presentation; "),
        ({"time_bin_end": None}, "has no coordinate time_bin_end along time_bin; "),
    ],
)
def test_a_missing_coordinate_is_named(tmp_path: Path, changes: dict[str, Any], line: str) -> None:
    path = write(tmp_path / "it.nc", **changes)
    with pytest.raises(DataError, match="^" + re.escape(f"{path}: {line}")):
        read_netcdf(path)


def test_files_without_an_assembly(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read_netcdf(tmp_path / "none.nc")
    text = tmp_path / "text.nc"
    text.write_text("stimulus_id,response\n")
    with pytest.raises(DataError, match=r"text.nc: cannot be read as netCDF-4 \("):
        read_netcdf(text)
    cut = tmp_path / "cut.nc"
    cut.write_bytes(write(tmp_path / "it.nc").read_bytes()[:3000])
    with pytest.raises(DataError, match=r"cut.nc: cannot be read as netCDF-4"):
        read_netcdf(cut)
    events = tmp_path / "events.nc"
    array = xarray.Dataset({"data": ("event", np.arange(4.0))})
    array.to_netcdf(events, engine="h5netcdf")
    with pytest.raises(DataError, match="has the dimensions event; an assembly has presentation"):
        read_netcdf(events)
    two = tmp_path / "two.nc"
    both = xarray.Dataset({name: (("a", "b"), np.zeros((2, 2))) for name in "xy"})
    both.to_netcdf(two, engine="h5netcdf")
    with pytest.raises(DataError, match=r"holds 2 arrays of more than one dimension; .* x, y"):
        read_netcdf(two)
