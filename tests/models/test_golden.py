"""The published reference's own numbers: every cell, joins, decoders, and whole networks.

The files under golden/ hold inputs and results of the reference; weights are stored (cells) or
come from a formula (networks).
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.build import build
from space import zoo
from space.genome import Genome
from workers.reference.comparison import error, to_numpy, to_torch
from workers.reference.files import entries, generate_images, read_arrays, read_json
from workers.reference.networks import published_network
from workers.reference.replay import verify_entry

GOLDEN = Path(__file__).parent / "golden"
ENTRIES = {name: (kind, entry) for kind, name, entry in entries(GOLDEN)}
LARGE = ("rgc_intermediate", "feedforward_intermediate")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in sorted(ENTRIES)],
)
def test_the_reference_numbers(name: str) -> None:
    kind, entry = ENTRIES[name]
    facts = entry
    if kind == "network":
        facts = entry | read_json(GOLDEN / entry["variables_file"])
    found = verify_entry(kind, name, facts, read_arrays(GOLDEN / entry["file"]))
    print(found)
    assert found.passed, found


def test_logits_of_all_steps_and_of_the_last() -> None:
    _, entry = ENTRIES["rgc_intermediate_64px"]
    facts = entry | read_json(GOLDEN / entry["variables_file"])
    network = published_network(facts, torch.float32)
    assert sum(p.numel() for p in network.parameters()) == facts["trainable_parameters"]
    images = to_torch(generate_images(facts["seed"], 2, 64), torch.float32)
    theirs = read_arrays(GOLDEN / entry["file"])["logits"]
    with torch.no_grad():
        assert error(to_numpy(network.step_logits(images).transpose(0, 1)), theirs) < 1e-4
        assert error(to_numpy(network(images)), theirs[-1]) < 1e-4


def test_the_blank_cannot_reach_the_read_out_in_time() -> None:
    """At T = 17 the last logits have seen frames 0 to 6 only (trap 10)."""
    small = zoo.model("rgc_intermediate").genome.with_images(size=32, channels=3, classes=10)
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    last: dict[int | None, np.ndarray] = {}
    for image_off in (6, 7, 12, None):
        clock = {"steps": 17, "image_off": image_off}
        network = build(Genome.parse(small.document() | {"clock": clock}))
        with torch.no_grad():
            last[image_off] = network(images).numpy()
    assert np.array_equal(last[7], last[12])
    assert np.array_equal(last[12], last[None])
    assert not np.array_equal(last[6], last[7])
