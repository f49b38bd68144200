"""When compiling pays, and that a compiled training is the same training."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from models.build import build
from space.space import Space
from tests.support.drawing import PUBLISHED_CELLS, small_genome
from workers.compiling import choose_functions, pays
from workers.job import Recipe

CPU = torch.device("cpu")
QUICKSTART = Recipe(epochs=9, batch_size=48)
UPDATES = 9 * 1200 // 48


def test_it_does_not_pay_for_a_trial_of_a_search() -> None:
    space = Space.load("motifs-small").with_images(size=16, channels=1, classes=10)
    for seed in range(10):
        network = build(space.sample(random.Random(seed)).genome)
        assert not pays(network, QUICKSTART, UPDATES, CPU)
        # Nor would it for the 200 epochs of a night.
        assert not pays(network, QUICKSTART, 200 * UPDATES // 9, CPU)


def test_it_pays_for_weeks_of_one_cell() -> None:
    network = build(small_genome(PUBLISHED_CELLS["conv_gru"]))
    assert pays(network, QUICKSTART, 10**7, CPU)
    assert not pays(network, QUICKSTART, 10**7, torch.device("cuda"))  # nothing was measured


def test_the_recipe_has_the_last_word() -> None:
    network = build(small_genome(PUBLISHED_CELLS["conv_gru"]))
    assert pays(network, Recipe(compile="always"), 1, CPU)
    assert not pays(network, Recipe(compile="never"), 10**9, CPU)


SCRIPT = """
import torch
from models.build import build
from tests.support.drawing import PUBLISHED_CELLS, small_genome
from workers.compiling import choose_functions
from workers.job import Recipe

genome = small_genome(PUBLISHED_CELLS["time_decay"], feedback=False)
network, image = build(genome), genome.image
images = torch.randn(3, image.channels, image.size, image.size)
losses = []
for kind in ("never", "always"):
    logits, _ = choose_functions(network, Recipe(compile=kind), 1, torch.device("cpu"))
    network.zero_grad()
    loss = logits(images).square().sum()
    loss.backward()
    losses.append([loss.detach(), *(p.grad.clone() for p in network.parameters())])
for a, b in zip(*losses, strict=True):
    assert torch.allclose(a, b, rtol=1e-4, atol=1e-5), (a, b)
print("equal")
"""


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["", "/no/compiler/here"])
def test_a_compiled_network_computes_the_same(compiler: str, tmp_path: Path) -> None:
    """Also where there is no compiler: then it is not compiled."""
    environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    if compiler:
        environment["CXX"] = compiler
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ran.stdout.strip() == "equal", ran.stderr[-2000:]


def test_without_a_network_of_ours_nothing_is_compiled() -> None:
    other = torch.nn.Linear(2, 2)
    assert choose_functions(other, Recipe(compile="always"), 1, CPU) == (other, other)
