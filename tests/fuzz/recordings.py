"""What others wrote of brains: recordings, features and tables of stimuli, damaged."""

from __future__ import annotations

import csv
import io
import random
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray

from tests.fuzz import trials
from tests.fuzz.mutations import ODD_VALUES, mutate_bytes, mutate_zip
from tests.support.shrinking import ROOT
from workers.brains.reading import describe_assembly, read_assembly
from workers.brains.scores import read_features
from workers.brains.stimuli import read_stimuli

COUNTS = ROOT / "tests" / "workers" / "brains" / "counts.nwb"


def recordings(folder: Path) -> trials.Try:
    """Recordings of the three kinds, with members changed.

    Bytes are changed in archives alone: a damaged HDF5 file may keep HDF5's own library busy for
    ever, inside a call that nothing ends (SECURITY.md).
    """
    _write_netcdf(folder / "whole.nc")
    shutil.copy(COUNTS, folder / "whole.nwb")
    _write_npz(folder / "whole.npz")
    whole = {path.suffix: path.read_bytes() for path in folder.glob("whole.*")}
    (folder / "damaged").mkdir()

    def attempt(rng: random.Random) -> None:
        suffix = rng.choice((".nc", ".nwb", ".npz"))
        path = folder / "damaged" / f"recording{suffix}"
        if suffix == ".npz":
            path.write_bytes(mutate_zip(whole[suffix], rng))
        else:
            path.write_bytes(whole[suffix])
            with h5py.File(path, "r+") as file:
                _change_member(file, rng)
        assembly = read_assembly(path)
        assert describe_assembly(assembly)["neurons"] >= 0
        assembly.arrange()

    return attempt


def features(folder: Path) -> trials.Try:
    """Archives of features, with and without time bins."""
    numbers = np.random.default_rng(0)
    file, path = io.BytesIO(), folder / "features.npz"
    flat, timed = numbers.normal(size=(6, 5)), numbers.normal(size=(6, 2, 5))
    np.savez(file, stimulus_id=np.array(list("abcdef")), flat=flat, timed=timed)

    def attempt(rng: random.Random) -> None:
        path.write_bytes(mutate_zip(file.getvalue(), rng))
        read = read_features(path)
        assert all(len(values) == len(read.stimuli) for values in read.layers.values())

    return attempt


def stimuli(folder: Path) -> trials.Try:
    """Tables of stimuli with images in a folder or a zip file."""
    (folder / "images").mkdir()
    for name in "abc":
        (folder / "images" / f"{name}.png").write_bytes(b"image")
    archive = shutil.make_archive(str(folder / "archive"), "zip", folder / "images")
    packed, images = Path(archive).read_bytes(), folder / "images.zip"
    rows = [["stimulus_id", "filename", "object_name"]]
    rows += [[name, f"{name}.png", "dog"] for name in "abc"]
    path = folder / "stimuli.csv"

    def attempt(rng: random.Random) -> None:
        table = [[_change_cell(cell, rng) for cell in row] for row in rows]
        text = io.StringIO()
        csv.writer(text).writerows(table)
        data = text.getvalue().encode("utf-8", "surrogatepass")
        path.write_bytes(mutate_bytes(data, rng) if rng.random() < 0.5 else data)
        images.write_bytes(mutate_bytes(packed, rng) if rng.random() < 0.5 else packed)
        read = read_stimuli(path, rng.choice((folder / "images", images)))
        for name in read.rows:
            assert read.read_image(name) == b"image"

    return attempt


def _write_netcdf(path: Path) -> None:
    names: dict[str, Any] = {
        "stimulus_id": ("presentation", np.array(list("baba"), dtype=object)),
        "repetition": ("presentation", [0, 0, 1, 1]),
        "neuroid_id": ("neuroid", np.array(["n0", "n1", "n2"], dtype=object)),
        "region": ("neuroid", np.array(["V4", "IT", "IT"], dtype=object)),
        "time_bin_start": ("time_bin", [70, 80]),
        "time_bin_end": ("time_bin", [80, 90]),
    }
    values = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    dims = ["presentation", "neuroid", "time_bin"]
    packed = {"data": {"zlib": True, "complevel": 9}}
    dataset = xarray.DataArray(values, dims=dims, coords=names).to_dataset(name="data")
    dataset.to_netcdf(path, engine="h5netcdf", encoding=packed)


def _write_npz(path: Path) -> None:
    np.savez(
        path,
        responses=np.arange(24.0).reshape(4, 3, 2),
        stimulus_id=np.array(list("baba")),
        repetition=np.array([0, 0, 1, 1]),
        neuroid_id=np.arange(3),
        region=np.array(["V4", "IT", "IT"]),
        time_bin_start=np.array([70, 80]),
        time_bin_end=np.array([80, 90]),
    )


def _change_member(file: h5py.File, rng: random.Random) -> None:
    """Another value, type or name of a member or an attribute, or one less."""
    members: list[str] = []
    file.visit(members.append)
    name = rng.choice(members)
    member = file[name]
    match rng.randrange(5):
        case 0:
            del file[name]
        case 1:
            renamed = rng.choice(("other", f"{name}_", "data", "stimulus_id"))
            if renamed not in file:
                file.move(name, renamed)
        case 2 if member.attrs:
            _set_attribute(member, rng.choice([*member.attrs]), rng)
        case 3 if isinstance(member, h5py.Dataset) and member.shape:
            values = np.resize(member[()], rng.choice(((0,), (1,), (7,), (2, 2), (4, 3, 2))))
            attributes = dict(member.attrs)
            del file[name]
            made = file.create_dataset(name, data=values, dtype=member_type(values))
            for key, value in attributes.items():
                if key not in ("DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME"):
                    made.attrs[key] = value
        case _:
            _set_attribute(member, rng.choice(("_FillValue", "scale_factor", "coordinates")), rng)


def member_type(values: Any) -> Any:
    """The type by which HDF5 keeps values: texts need one of their own."""
    return h5py.string_dtype() if values.dtype.kind == "O" else values.dtype


def _set_attribute(member: Any, name: str, rng: random.Random) -> None:
    plain = [value for value in ODD_VALUES if isinstance(value, str | int | float)]
    value = rng.choice(plain)
    text = isinstance(value, str) or (isinstance(value, int) and abs(value) >= 2**63)
    written = str(value).replace("\0", "").encode("utf-8", "replace").decode()
    member.attrs[name] = written if text else value


def _change_cell(cell: str, rng: random.Random) -> str:
    if rng.random() < 0.9:
        return cell
    odd: tuple[str, ...] = ("", "../a.png", "/etc/passwd", "a.png", "a" * 5000, "\x1b[31m", *"ab")
    return rng.choice(odd)
