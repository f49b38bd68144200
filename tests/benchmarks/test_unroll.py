"""The unroll's benchmark: its baseline computes the same, and it prints what it says."""

import json
import subprocess
import sys

import pytest
import torch

from benchmarks.practice import Loop
from tests.support.drawing import PUBLISHED_CELLS, small_genome
from tests.support.networks import images_for, randomised, ten_stages
from tests.support.waiting import GUARD


@pytest.mark.parametrize("name", ["ten stages", *PUBLISHED_CELLS])
def test_the_baseline_is_the_literal_unroll(name: str) -> None:
    genome = ten_stages() if name == "ten stages" else small_genome(PUBLISHED_CELLS[name])
    network, images = randomised(genome), images_for(genome, batch=3)
    network.unroll = "literal"
    expected, found = network(images), Loop(network)(images)
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("network", "size"),
    [
        ("quickstart", 16),
        pytest.param("rgc_shallow", 32, marks=pytest.mark.slow),
        pytest.param("rgc_intermediate", 32, marks=pytest.mark.slow),
    ],
)
def test_it_runs(network: str, size: int) -> None:
    command = [sys.executable, "benchmarks/unroll.py", "--network", network, "--json"]
    command += ["--size", str(size), "--batch", "2", "--rounds", "1"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=GUARD)
    found = json.loads(ran.stdout)
    assert found["gigamacs"]["planned"] < found["gigamacs"]["literal"]
    for kind in ("practice", "literal", "planned", "recompute", "floor"):
        assert found["step_seconds"][kind] > 0
    assert found["memory_ratios"]["planned / practice"] < 1
