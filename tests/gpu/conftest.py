"""A GPU for the tests with the mark `gpu`, or the CPU where that is to stand in for it."""

from __future__ import annotations

import os

import pytest
import torch

from benchmarks.gpu_parts import STAND_IN
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded


@pytest.fixture
def device() -> torch.device:
    """Where these tests compute; they are skipped without a GPU, unless the CPU stands in."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if not os.environ.get(STAND_IN):
        pytest.skip("needs a GPU")
    return torch.device("cpu")


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    spec = DigitsOccluded(size=8, train_images=320, test_images=200)
    return pack(spec, tmp_path_factory.mktemp("packs"))
