"""Real networks of the named space through the training loop: repeatable, resumable, loadable."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from models.build import build
from space.space import Sample, Space
from workers.data.pack import Pack
from workers.evaluation import evaluate
from workers.job import Job, Recipe, Report
from workers.training import Trainer


def sample(seed: int | None) -> Sample:
    space = Space.load("motifs-small").with_images(size=8, channels=1, classes=10)
    return space.control("feedforward") if seed is None else space.sample(random.Random(seed))


def job(pack: Pack, folder: Path, seed: int | None) -> Job:
    chosen = sample(seed)
    recipe = Recipe(epochs=2, batch_size=32, evaluation_batch_size=100).overlaid(chosen.recipe)
    return Job(genome=chosen.genome, recipe=recipe, data=pack.ref, seed=3, folder=str(folder))


def numbers(report: Report) -> Report:
    return report.model_copy(update={"seconds": 0.0, "memory_mb": 0.0})


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_training_repeats_and_resumes_to_the_bit(
    digits: Pack, tmp_path: Path, seed: int | None
) -> None:
    made = job(digits, tmp_path, seed)
    whole = Trainer(made)
    first, second = whole.run_epoch(), whole.run_epoch()
    broken = Trainer(made)
    assert numbers(broken.run_epoch()) == numbers(first)
    broken.save(tmp_path / "c")
    resumed = Trainer(made)
    resumed.load(tmp_path / "c")
    assert numbers(resumed.run_epoch()) == numbers(second)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name])
    assert len(first.accuracy_by_step) == made.genome.clock.steps
    assert first.accuracy_by_step[-1] == first.top1


CHILD = """
import json, sys
from safetensors.torch import load_file
from models.build import build
from space.genome import Genome
from workers.evaluation import evaluate
from workers.data.pack import Pack
genome, weights, pack = sys.argv[1:]
network = build(Genome.parse(json.load(open(genome))))
network.load_state_dict(load_file(weights))
found = evaluate(network, Pack.load(pack), batch_size=100, split="validation", threads=1)
print(json.dumps([found.top1, found.loss, *found.accuracy_by_step]))
"""


def test_the_score_is_had_again_in_another_process(digits: Pack, tmp_path: Path) -> None:
    import json

    from safetensors.torch import save_file

    made = job(digits, tmp_path, 0)
    trainer = Trainer(made)
    report = trainer.run_epoch()
    (tmp_path / "genome.json").write_text(json.dumps(made.genome.document()))
    save_file(trainer.network.state_dict(), tmp_path / "weights")
    command = [sys.executable, "-c", CHILD, "genome.json", "weights", str(digits.path)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    output = subprocess.run(
        command, check=True, cwd=tmp_path, env=environment, capture_output=True, text=True
    ).stdout
    assert json.loads(output) == [report.top1, report.loss, *report.accuracy_by_step]


def test_l2_is_the_gradient_of_half_the_decayed_sum_of_squares(
    digits: Pack, tmp_path: Path
) -> None:
    made = job(digits, tmp_path, 1)
    trainer, network = Trainer(made), build(made.genome, seed=3)
    weights, decays = dict(network.named_parameters()), network.decays()
    decayed = [d / 2 * weights[n].square().sum() for n, d in decays.items() if d]
    torch.stack(decayed).sum().backward()
    by_autograd = {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
    trainer.optimisation.add_l2()
    by_loop = {n: p.grad for n, p in trainer.network.named_parameters() if p.grad is not None}
    assert len(by_loop) > 3
    assert by_autograd.keys() == by_loop.keys()
    for name, expected in by_autograd.items():
        torch.testing.assert_close(by_loop[name], expected)


def test_an_untrained_network_is_at_chance(digits: Pack) -> None:
    network = build(sample(0).genome)
    assert 0.0 <= evaluate(network, digits, split="test").top1 < 0.3


@pytest.mark.parametrize("how", [{"unroll": "literal"}, {"recompute": True}])
def test_how_it_is_executed_changes_no_more_than_rounding(
    digits: Pack, tmp_path: Path, how: dict[str, object]
) -> None:
    made = job(digits, tmp_path, 0)
    other = made.model_copy(update={"recipe": made.recipe.overlaid(how)})
    trainers = [Trainer(made), Trainer(other)]
    first, second = (trainer.run_epoch() for trainer in trainers)
    assert first.train_loss == pytest.approx(second.train_loss, rel=1e-4)
    assert trainers[1].network.unroll == other.recipe.unroll
    assert trainers[1].network.recompute == other.recipe.recompute
    # A checkpoint of one is a checkpoint of the other.
    trainers[0].save(tmp_path / "c")
    trainers[1].load(tmp_path / "c")
    assert trainers[1].epoch == 1
