"""The zoo and the published numbers from the command line and from Python."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import ventral
from space import zoo
from space.errors import InputError
from tests.ventral.conftest import Shell
from tests.workers.reference.test_replay import altered, copied


def test_the_zoo_is_listed(shell: Shell) -> None:
    rows = {row["name"]: row for row in shell("zoo", "list", "-o", "json").json}
    assert set(rows) == set(zoo.names())
    row = rows["rgc_intermediate"]
    assert {"name", "parameters", "macs", "steps", "top1", "source"} <= row.keys()
    assert (row["parameters"], row["steps"], row["top1"]) == (15_445_800, 17, 73.0)
    assert row["macs"] == pytest.approx(71.5e9, rel=0.001)
    assert rows["basenet_intermediate"]["top1"] is None
    table = shell("zoo", "list").out
    assert "ugrnn_intermediate_t30_tmaxconf" in table


def test_a_model_is_shown_and_read_again(shell: Shell) -> None:
    shown = shell("zoo", "show", "lstm_shallow")
    assert shown.out.startswith("# lstm_shallow: ")
    assert "63.43 %" in shown.out
    (shell.folder / "mine.yaml").write_text(shown.out)
    document = shell("zoo", "show", "lstm_shallow", "-o", "json").json
    assert document == yaml.safe_load(shown.out) == zoo.model("lstm_shallow").genome.document()
    same = shell("zoo", "diff", "lstm_shallow", "mine.yaml")
    assert (same.code, same.out) == (0, "lstm_shallow and mine.yaml are one genome\n")
    assert "no top-1 is published" in shell("zoo", "show", "basenet_shallow").out


def test_two_models_are_compared(shell: Shell) -> None:
    ended = shell("zoo", "diff", "rgc_intermediate", "rgc_shallow")
    assert ended.code == 0
    for line in (
        "  steps: 17 -> 16",
        "  form: mean_linear -> convolution_mean",
        "  conv8->conv5: - true",
        "  states.out.carry.gate.terms.out.kernel: 7 -> 3",
        "  states.cell.depth: - 64",
    ):
        assert line in ended.out.splitlines(), line
    rows = shell("zoo", "diff", "rgc_intermediate", "rgc_shallow", "-o", "json").json
    assert {"path": "clock.steps", "a": 17, "b": 16} in rows
    assert all(row.keys() == {"path", "a", "b"} for row in rows)
    assert shell("zoo", "diff", "rgc_shallow", "rgc_shallow", "-o", "json").json == []


def test_an_unknown_model_ends_with_2(shell: Shell) -> None:
    ended = shell("zoo", "diff", "rgc_intermediate", "rgc_shalow")
    assert ended.code == 2
    assert 'did you mean "rgc_shallow"' in ended.err
    assert shell("zoo", "show", "nowhere.yaml").code == 2


def test_a_folder_of_published_numbers_is_verified(shell: Shell) -> None:
    folder = copied(shell.folder, others=("decoders", "harbor_concat"))
    ended = shell("verify", folder)
    assert ended.code == 0, ended.err
    assert "all 5 entries pass" in ended.err
    rows = shell("verify", folder, "-o", "json").json
    assert [row["passed"] for row in rows] == [True] * 5
    assert all(row["float64"] < 1e-9 and row["float32"] < 1e-4 for row in rows)
    assert {row["kind"] for row in rows} == {"cell", "join", "decoder"}


def test_an_altered_array_ends_with_1_and_names_its_entry(shell: Shell) -> None:
    folder = copied(shell.folder)
    altered(folder / "cells/timedecay.npz", "state", np.nan)
    ended = shell("verify", folder, "-o", "json")
    assert ended.code == 1
    rows = {row["name"]: row for row in ended.json}
    assert [name for name, row in rows.items() if not row["passed"]] == ["timedecay"]
    assert rows["timedecay"]["array"] == "state"
    assert "1 of 3 entries fail: timedecay" in ended.err
    assert rows["timedecay"]["float64"] is None


def test_what_is_no_such_folder_ends_with_2(shell: Shell) -> None:
    ended = shell("verify", shell.folder)
    assert ended.code == 2
    assert str(shell.folder / "index.json") in ended.err
    assert "Traceback" not in ended.err
    folder = copied(shell.folder)
    (folder / "cells/timedecay.npz").unlink()
    ended = shell("verify", folder)
    assert ended.code == 2
    assert "cells/timedecay.npz: is missing" in ended.err
    assert ended.out == ""


def test_a_network_of_a_zoo_models_name(tmp_path: Path) -> None:
    network = ventral.network("simplernn_shallow", image_size=96, classes=3, seed=4)
    assert (network.image_size, network.classes) == (96, 3)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(zoo.model("simplernn_shallow").genome.document()))
    same = ventral.network(file, image_size=96, classes=3, seed=4)
    other = ventral.network("simplernn_shallow", image_size=96, classes=3, seed=5)
    kernels = [n.state_dict()["head.kernel"] for n in (network, same, other)]
    assert torch.equal(kernels[0], kernels[1])
    assert not torch.equal(kernels[0], kernels[2])
    document = zoo.model("simplernn_shallow").genome.document()
    assert ventral.network(document, image_size=96).classes == 1000
    with pytest.raises(InputError, match="simplernn_shallow"):
        ventral.network("simplernn_shalow")
