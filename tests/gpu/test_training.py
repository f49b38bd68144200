"""Trainings on a GPU: against the CPU's, over a checkpoint, and out of memory.

Run by `make test-gpu`; where a CPU stands in they say that the tests themselves are right.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from search.host.machine import machine
from tests.support.networks import network_with
from workers.data.pack import Pack
from workers.failures import failure, out_of_memory, release
from workers.job import Job, Recipe
from workers.peak_memory import read_peak, reset_peak
from workers.training import Trainer

pytestmark = pytest.mark.gpu

PLAIN: dict[str, Any] = {"precision": "float32", "epochs": 2, "learning_rate": 0.01}


def job_of(digits: Pack, norm: str = "group", **recipe: Any) -> Job:
    made = Recipe().overlaid(PLAIN | recipe)
    return Job(genome=network_with(norm), recipe=made, data=digits.ref, seed=1, folder="nowhere")


def trained(job: Job, device: torch.device | str) -> Trainer:
    trainer = Trainer(job, device)
    while not trainer.finished:
        trainer.run_epoch()
    return trainer


@pytest.mark.parametrize("recipe", [{}, {"recompute": True}, {"accumulate": 4}])
def test_in_float32_it_trains_as_a_cpu_does(
    device: torch.device, digits: Pack, recipe: dict[str, Any]
) -> None:
    here, there = trained(job_of(digits), "cpu"), trained(job_of(digits, **recipe), device)
    for ours, theirs in zip(here.reports, there.reports, strict=True):
        assert theirs.train_loss == pytest.approx(ours.train_loss, rel=0.02)
        assert theirs.top1 == pytest.approx(ours.top1, abs=0.05)


@pytest.mark.parametrize("norm", ["group", "batch"])
@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
def test_every_precision_learns(
    device: torch.device, digits: Pack, precision: str, norm: str
) -> None:
    first, last = trained(job_of(digits, norm, precision=precision, epochs=4), device).reports[::3]
    assert last.train_loss < first.train_loss


def test_it_goes_on_from_its_checkpoint(
    device: torch.device, digits: Pack, tmp_path: Path
) -> None:
    whole = Trainer(job_of(digits), device)
    whole.run_epoch()
    whole.save(tmp_path / "c")
    expected = whole.run_epoch()
    again = Trainer(job_of(digits), device)
    again.load(tmp_path / "c")
    assert again.run_epoch().train_loss == pytest.approx(expected.train_loss, rel=1e-3)


def test_an_allocation_that_is_refused_is_out_of_memory_and_can_be_gone_on_from(
    device: torch.device, digits: Pack
) -> None:
    """The next trial of the same worker has its memory again."""
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**50, dtype=torch.uint8, device=device)
    assert out_of_memory(refused.value)
    assert failure(refused.value).kind == "out-of-memory"
    release()
    assert len(trained(job_of(digits), device).reports) == 2


def test_the_peak_is_of_one_training(device: torch.device) -> None:
    reset_peak(device)
    before = read_peak(device)
    held = torch.ones(50_000_000, dtype=torch.uint8, device=device)
    assert read_peak(device) >= before
    size = held.numel() / 1e6
    if device.type == "cuda":
        assert read_peak(device) >= size
    del held
    release()
    reset_peak(device)
    if device.type == "cuda":
        assert read_peak(device) < size


def test_the_machine_knows_its_cards(device: torch.device) -> None:
    """By the driver's tool as PyTorch does, within what the driver keeps for itself."""
    found = machine()
    if device.type == "cpu":
        assert found.gpus == 0
        assert found.cards == ()
        return
    assert found.gpus == torch.cuda.device_count()
    if shutil.which("nvidia-smi") is None:
        pytest.skip("without the driver's tool")
    total = torch.cuda.get_device_properties(0).total_memory
    assert found.cards
    assert found.cards[0].memory == pytest.approx(total, rel=0.1)
