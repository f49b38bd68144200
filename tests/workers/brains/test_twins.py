from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from space.errors import DataError, GenomeError, InputError
from space.parts import list_parts
from tests.support import exports
from tests.support.networks import images_for, randomised, ten_stages
from workers.brains.agreement import compare_dynamics
from workers.brains.stimuli import StimulusSet
from workers.brains.twins import (
    compare_twins,
    lesion_network,
    list_gates,
    read_pictures,
    trace_stages,
)


def test_a_twin_without_a_gate_has_other_dynamics() -> None:
    network = randomised(ten_stages()).eval()
    images = images_for(network.genome, batch=12)
    # A gate that reads one source is an edge that multiplies.
    gates = [part.name for part in list_parts(network.genome) if part.name.endswith(" times")]
    twin = lesion_network(network, gates[0])
    whole, without = (trace_stages(one, images, ["conv5", "conv3"]) for one in (network, twin))
    first = network.first_valid_step("conv5")
    assert whole["conv5"].shape[:2] == (12, network.genome.clock.steps - first)
    step = first + 2
    expected = network.trace(images, ["conv5"], [step])["conv5"][step].flatten(1)
    assert whole["conv5"][:, 2] == pytest.approx(expected.detach().numpy())
    # What stands before the cells is the same in both, what they do is not.
    assert without["conv3"] == pytest.approx(whole["conv3"])
    apart = compare_dynamics(whole["conv5"], without["conv5"], rank=4, draws=20)
    itself = compare_dynamics(whole["conv5"], whole["conv5"], rank=4, draws=20)
    assert itself.distance == pytest.approx(0, abs=1e-6)
    assert apart.distance > 0.01
    assert apart.low < apart.high


def test_a_twin_keeps_the_other_weights_and_their_precision() -> None:
    network = randomised(ten_stages())
    edge = next(part.name for part in list_parts(network.genome) if part.kind == "feedback")
    twin = lesion_network(network, edge)
    whole, left = network.state_dict(), twin.state_dict()
    assert set(left) < set(whole)
    name = next(name for name in left if name.startswith("stages.conv1."))
    assert torch.equal(left[name], whole[name])
    assert left[name].dtype == torch.float64
    with pytest.raises(GenomeError, match="conv1->conv9: is no part of this network; "):
        lesion_network(network, "conv1->conv9")


def test_every_gate_has_a_distance_at_every_stage() -> None:
    network = randomised(ten_stages()).eval()
    images = images_for(network.genome, batch=12)
    gates = list_gates(network)
    assert gates
    assert all(name.endswith((" times", " keep")) for name in gates)
    rows = list(compare_twins(network, images, gates[:2], ["conv4", "conv5"], rank=2, draws=20))
    assert [(row.part, row.stage) for row in rows] == [
        (gate, stage) for gate in gates[:2] for stage in ("conv4", "conv5")
    ]
    assert all(row.agreement.distance > 1e-4 for row in rows)
    assert rows[0].document()["kind"] == "edge"
    # What stands before every cell does not change.
    (still,) = compare_twins(network, images, gates[:1], ["conv2"], rank=3, draws=20)
    assert still.agreement.distance == pytest.approx(0, abs=1e-6)
    refused: list[str] = []
    dark = images * 0
    assert not list(
        compare_twins(
            network,
            dark,
            gates[:1],
            ["conv1"],
            rank=30,
            draws=20,
            refuse=lambda *why: refused.extend(why),
        )
    )
    assert refused[0] == f"{gates[0]} at conv1"
    assert "rank: is 30" in refused[1] or "all 0" in refused[1]


def test_projections_keep_the_dynamics() -> None:
    network = randomised(ten_stages()).eval()
    images = images_for(network.genome, batch=12)
    whole = trace_stages(network, images, ["conv4"])["conv4"]
    seen = trace_stages(network, images, ["conv4"], most=40)["conv4"]
    assert whole.shape[2] > 40
    assert seen.shape == (*whole.shape[:2], 40)
    assert (trace_stages(network, images, ["conv4"], most=40)["conv4"] == seen).all()
    assert (trace_stages(network, images, ["conv4"], most=9999)["conv4"] == whole).all()
    apart = compare_dynamics(whole, seen, rank=3, draws=20)
    assert apart.distance < 0.2 * apart.within


def test_networks_without_gates_have_no_twins() -> None:
    network = randomised(exports.genome())
    with pytest.raises(InputError, match="parts: are none: the network has no gates; name other"):
        list(compare_twins(network, images_for(network.genome)))
    with pytest.raises(GenomeError, match="gate: is no part of this network; it has no cells and"):
        list(compare_twins(network, images_for(network.genome), ["gate"]))


def test_pictures_are_as_the_card_says(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (20, 10), (255, 0, 0)).save(tmp_path / "red.png")
    rows = {"a": {"filename": "red.png"}}
    pictures = read_pictures(StimulusSet(rows, tmp_path), exports.card(), 8)
    assert pictures.shape == (1, 1, 8, 8)
    assert np.unique(pictures.numpy()) == pytest.approx([(85 / 255 - 0.5) / 0.25])
    with pytest.raises(DataError, match=r"red.zip: is no folder of images; unpack them"):
        read_pictures(StimulusSet(rows, tmp_path / "red.zip"), exports.card(), 8)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "red.png").symlink_to(tmp_path / "red.png")
    with pytest.raises(DataError, match=r"red.png: leads out of the folder of images"):
        read_pictures(StimulusSet(rows, tmp_path / "set"), exports.card(), 8)
    missing = {"a": {"filename": "none.png"}}
    with pytest.raises(DataError, match=r"none.png: there is no such file"):
        read_pictures(StimulusSet(missing, tmp_path), exports.card(), 8)
