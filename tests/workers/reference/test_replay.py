"""Replaying folders of published results: what passes, what is seen, and what is refused."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from space.errors import InputError
from workers.reference.files import (
    read_arrays,
)
from workers.reference.replay import TOLERANCE, verify

GOLDEN = Path(__file__).parents[2] / "models" / "golden"
SMALL = ("timedecay", "lstm_layernorm_peephole", "rgc_median_feedback_projection")


def copied(to: Path, cells: tuple[str, ...] = SMALL, others: tuple[str, ...] = ()) -> Path:
    """A folder of the same layout with some of the golden entries."""
    index = json.loads((GOLDEN / "index.json").read_text())
    index["cells"] = {name: index["cells"][name] for name in cells}
    index["other"] = {name: index["other"][name] for name in others}
    index["networks"] = {}
    (to / "cells").mkdir(parents=True)
    for section in ("cells", "other"):
        for entry in index[section].values():
            shutil.copy(GOLDEN / entry["file"], to / entry["file"])
    (to / "index.json").write_text(json.dumps(index))
    return to


def altered(file: Path, array: str, change: float = 1e-6) -> None:
    """Change one number of one array, by a part of the array's largest value."""
    arrays: dict[str, Any] = dict(read_arrays(file))
    value = arrays[array].copy()
    value.flat[value.size // 2] += change * np.abs(value).max()
    np.savez(file, **(arrays | {array: value}))


def test_a_folder_is_replayed_in_the_order_of_its_index(tmp_path: Path) -> None:
    result = verify(copied(tmp_path, others=("harbor_concat", "decoders")))
    names = [*SMALL, "harbor_concat", "decoders"]
    assert [entry.name for entry in result] == names
    assert [entry.kind for entry in result] == ["cell", "cell", "cell", "join", "decoder"]
    assert all(entry.passed for entry in result), result
    assert all(entry.float64 < 1e-14 and 0 < entry.float32 < 1e-5 for entry in result[1:3])


@pytest.mark.parametrize("array", ["out", "state", "in/res", "w/ReciprocalGateCell/out/tau/bias"])
def test_one_altered_number_fails_that_entry_and_no_other(tmp_path: Path, array: str) -> None:
    folder = copied(tmp_path)
    altered(folder / "cells/rgc_median_feedback_projection.npz", array)
    result = {entry.name: entry for entry in verify(folder)}
    failed = result.pop("rgc_median_feedback_projection")
    assert not failed.passed
    assert failed.float64 > TOLERANCE[torch.float64]
    assert failed.array in ("out", "state")
    assert all(entry.passed for entry in result.values())


@pytest.mark.parametrize("array", ["out/thresh", "out/w_avg", "out/max_conf_beta", "in/logits"])
def test_an_altered_decoder_fails(tmp_path: Path, array: str) -> None:
    folder = copied(tmp_path, cells=(), others=("decoders",))
    altered(folder / "cells/decoders.npz", array)
    assert not verify(folder)[0].passed


def test_a_number_that_is_none_fails(tmp_path: Path) -> None:
    folder = copied(tmp_path, cells=("timedecay",))
    altered(folder / "cells/timedecay.npz", "in/x", math.nan)
    (result,) = verify(folder)
    assert not result.passed
    assert result.float64 == math.inf


def test_an_option_that_does_nothing_known_fails_with_its_name(tmp_path: Path) -> None:
    folder = copied(tmp_path, cells=("timedecay", "gru"))
    index = json.loads((folder / "index.json").read_text())
    index["cells"]["gru"]["options"]["forget_byas"] = 1.0
    (folder / "index.json").write_text(json.dumps(index))
    decay, gru = verify(folder)
    assert decay.passed
    assert not gru.passed
    assert "forget_byas" in gru.problem


def test_what_is_no_such_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"index\.json: is missing"):
        verify(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        verify(tmp_path / "nowhere")
    folder = copied(tmp_path)
    (folder / "cells/timedecay.npz").rename(folder / "cells/other.npz")
    with pytest.raises(InputError, match=r"cells/timedecay\.npz: is missing \(cells\.timedecay"):
        verify(folder)
    (folder / "cells/timedecay.npz").write_bytes(b"no arrays")
    with pytest.raises(InputError, match=r"timedecay\.npz: is not a file of arrays"):
        verify(folder)
    lacking: dict[str, Any] = {"in/x": np.zeros(3)}
    np.savez(folder / "cells/timedecay.npz", **lacking)
    with pytest.raises(InputError, match=r"timedecay\.npz: lacks the array out"):
        verify(folder)
    (folder / "index.json").write_text('{"cells": {"timedecay": {}}}')
    with pytest.raises(InputError, match=r"cells\.timedecay: names no file"):
        verify(folder)
    (folder / "index.json").write_text("[]")
    with pytest.raises(InputError, match="is not a mapping"):
        verify(folder)
    (folder / "index.json").write_text("{}")
    with pytest.raises(InputError, match="none of the sections"):
        verify(folder)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"seed": "one"}, r'seed: "one" is not a whole number'),
        ({"options": []}, r"options: \[\] is not a mapping"),
        ({"weights": [{"name": "a", "shape": [2**20, 2**20]}]}, r"weights\[0\].*larger than"),
        ({"in_channels": 10**9}, "in_channels: 1000000000 is not at most 65536"),
        ({"file": "../cells/timedecay.npz"}, "is not in the folder"),
    ],
)
def test_an_entry_of_another_form_is_refused_by_its_field(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    folder = copied(tmp_path / "results", cells=("timedecay",))
    shutil.copytree(folder / "cells", tmp_path / "cells")
    index = json.loads((folder / "index.json").read_text())
    index["cells"]["timedecay"] |= change
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=problem):
        verify(folder)


def test_shapes_are_compared_before_a_module_takes_memory(tmp_path: Path) -> None:
    folder = copied(tmp_path, cells=("lstm",))
    index = json.loads((folder / "index.json").read_text())
    index["cells"]["lstm"]["options"]["out_depth"] = 60_000
    (folder / "index.json").write_text(json.dumps(index))
    (result,) = verify(folder)
    assert not result.passed
    assert "the shape is" in result.problem


# Joins


# Cells: what the options of both classes mean, against an independent writing


# Networks


# Decoders with weights
