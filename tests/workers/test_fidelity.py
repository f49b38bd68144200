"""Trainings that begin with smaller images, fewer steps or fewer images."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.build import Network, build
from space.errors import InputError
from space.genome import Genome
from space.space import Space
from workers import training
from workers.data.augmentation import average
from workers.data.feed import Feed
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded
from workers.evaluation import evaluate
from workers.job import WHOLE, Fidelity, Job, Recipe, Report
from workers.training import Trainer

CHEAP = [
    {"until": 1, "size": 8, "steps": 5, "images": 0.3},
    {"until": 3, "steps": 6, "images": 0.5},
]


@pytest.fixture(scope="module")
def sixteen(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    spec = DigitsOccluded(size=16, train_images=120, test_images=80)
    return pack(spec, tmp_path_factory.mktemp("packs"))


def job(data: Pack, seed: int = 1, **recipe: Any) -> Job:
    space = Space.load("motifs-small").with_images(size=16, channels=1, classes=10)
    sample = space.sample(random.Random(seed))
    defaults = {"epochs": 4, "batch_size": 16, "warmup_epochs": 1.5}
    made = Recipe().overlaid(defaults | recipe).overlaid(sample.recipe)
    return Job(genome=sample.genome, recipe=made, data=data.ref, seed=3, folder="")


def numbers(report: Report) -> Report:
    return report.model_copy(update={"seconds": 0.0, "memory_mb": 0.0})


def trained(made: Job, epochs: int = 4) -> Trainer:
    trainer = Trainer(made)
    while trainer.epoch < epochs:
        trainer.run_epoch()
    return trainer


# ------------------------------------------------------------------------------- what is written


@pytest.mark.parametrize(
    ("fidelity", "message"),
    [
        ([{"until": 4}], r"fidelity\[0\]\.until: 4 leaves no epoch of 4 .*write up to 3"),
        ([{"until": 2}, {"until": 2}], r"fidelity\[1\]\.until: 2 is not after epoch 2.*write 3"),
        ([{"until": 2, "images": 0}], r"fidelity\[0\]\.images: 0"),
        ([{"until": 2, "images": 1.5}], r"fidelity\[0\]\.images: 1\.5"),
        ([{"until": 2, "steps": 0}], r"fidelity\[0\]\.steps: 0"),
        ([{"until": 2, "sise": 8}], r'fidelity\[0\]: unknown key "sise"'),
    ],
)
def test_a_wrong_fidelity_is_named(fidelity: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Recipe(epochs=4).overlaid({"fidelity": fidelity})


def test_an_epoch_has_the_first_fidelity_that_is_not_over() -> None:
    recipe = Recipe(epochs=5).overlaid({"fidelity": CHEAP})
    first, second = (Fidelity.model_validate(part) for part in CHEAP)
    assert [recipe.fidelity_of(e) for e in range(1, 6)] == [first, second, second, WHOLE, WHOLE]


def test_a_recipe_without_it_is_known_as_before() -> None:
    """Checkpoints and works of earlier versions are known by what decides their numbers."""
    assert "fidelity" not in Recipe().deciding()
    assert "fidelity" in Recipe(epochs=9).overlaid({"fidelity": CHEAP}).deciding()


# -------------------------------------------------------------------------------------- training


def test_to_ask_for_no_less_changes_no_number(sixteen: Pack) -> None:
    plain = job(sixteen)
    steps = plain.genome.clock.steps
    full = [{"until": 1, "size": 16}, {"until": 2, "steps": steps}, {"until": 3, "images": 1.0}]
    ours, theirs = trained(job(sixteen, fidelity=full)), trained(plain)
    assert [numbers(r) for r in ours.reports] == [numbers(r) for r in theirs.reports]


def test_it_ends_as_the_whole_network(sixteen: Pack) -> None:
    trainer = trained(job(sixteen, fidelity=CHEAP))
    steps = [len(report.accuracy_by_step) for report in trainer.reports]
    whole = trainer.job.genome.clock.steps
    assert steps == [5, 6, 6, whole]
    network = trainer.network
    assert isinstance(network, Network)
    assert network.genome == trainer.job.genome
    assert evaluate(network, sixteen, split="validation").top1 == trainer.reports[-1].top1


def test_a_trainer_parses_only_what_it_reduces(
    sixteen: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job holds its genome."""
    parsed: list[object] = []
    parse = Genome.parse

    def count(document: object, *args: Any) -> Genome:
        parsed.append(document)
        return parse(document, *args)

    made = job(sixteen, fidelity=CHEAP)
    monkeypatch.setattr(Genome, "parse", count)
    trainer = Trainer(made)
    assert parsed == []
    trainer.enter(made.recipe.fidelity_of(1))
    assert len(parsed) == 1


def test_a_cheap_score_is_that_of_the_averaged_images(sixteen: Pack) -> None:
    """By hand: means over 2x2 pixels, and what the whole network's weights say of them."""
    made = job(sixteen, fidelity=CHEAP)
    trainer = trained(made, epochs=1)
    pixels = np.array(sixteen.images("validation"), dtype=np.float64)[..., 0] / 255
    small = pixels.reshape(len(pixels), 8, 2, 8, 2).mean(axis=(2, 4))
    images = torch.from_numpy((small - sixteen.mean[0]) / sixteen.std[0])[:, None].float()
    assert isinstance(trainer.network, Network)
    other = build(trainer.network.genome)
    assert (other.image_size, other.genome.clock.steps) == (8, 5)
    other.load_state_dict(trainer.network.state_dict())
    with torch.no_grad():
        output = other.eval()(images).argmax(1).numpy()
    hits = float((output == sixteen.labels("validation")).mean())
    assert trainer.reports[0].top1 == pytest.approx(hits, abs=1.5 / len(output))
    build(made.genome).load_state_dict(trainer.network.state_dict())


def test_images_are_averaged_as_areas() -> None:
    images = torch.rand(2, 3, 12, 12, dtype=torch.float64)
    blocks = images.reshape(2, 3, 4, 3, 4, 3).mean(dim=(3, 5))
    torch.testing.assert_close(average(images, 4), blocks)
    assert average(images, 12) is images
    assert average(images, None) is images


def test_a_part_of_the_images_is_always_the_same_part(
    sixteen: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[int]] = []
    rates: list[int] = []

    def batches(feed: Feed, order: Any, size: int) -> Iterator[Any]:
        seen.append({int(place) for place in order})
        return original(feed, order, size)

    def rate(_recipe: Recipe, step: int, steps_per_epoch: int) -> float:
        assert steps_per_epoch == 15
        rates.append(step)
        return 0.001

    original = Feed.batches
    monkeypatch.setattr(training, "learning_rate", rate)
    trainer = Trainer(
        job(
            sixteen,
            batch_size=8,
            fidelity=[{"until": 2, "images": 0.4}, {"until": 3, "images": 0.8}],
        )
    )
    monkeypatch.setattr(Feed, "batches", batches)
    while not trainer.finished:
        trainer.run_epoch()
    trains = [part for part in seen if part != set(range(240))]
    assert [len(part) for part in trains] == [48, 48, 96, 120]
    assert trains[0] == trains[1] < trains[2] < trains[3]
    # The rate goes through a whole epoch's steps in fewer strides.
    assert rates[:6] == [0, 2, 5, 7, 10, 12]
    assert rates[6] == 15
    assert rates[-15:] == list(range(45, 60))


@pytest.mark.parametrize("stopped", [1, 2, 3])
def test_it_resumes_to_the_bit(sixteen: Pack, tmp_path: Path, stopped: int) -> None:
    made = job(sixteen, seed=2, fidelity=CHEAP, optimiser="adamw")
    whole = trained(made)
    broken = trained(made, epochs=stopped)
    broken.save(tmp_path / "c")
    resumed = Trainer(made)
    resumed.load(tmp_path / "c")
    while not resumed.finished:
        resumed.run_epoch()
    assert [numbers(r) for r in resumed.reports] == [numbers(r) for r in whole.reports]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name])


def test_the_optimiser_remembers(sixteen: Pack) -> None:
    """Its averages go on over the change: they are not those of a new one."""
    trainer = trained(job(sixteen, fidelity=CHEAP), epochs=1)
    before, _ = trainer.state()
    trainer.enter(WHOLE)
    after, _ = trainer.state()
    moments = [name for name in before if name.endswith(".exp_avg")]
    assert moments
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert any(before[name].abs().max() > 0 for name in moments)
