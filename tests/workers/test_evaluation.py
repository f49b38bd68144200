"""Scoring: what scores are, that they can be had again, and networks that do not fit the data."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from space.errors import InputError
from tests.support.exports import genome
from workers.data.pack import Pack
from workers.evaluation import evaluate
from workers.job import Job
from workers.training import Trainer

MakeJob = Callable[..., Job]


Build = Callable[..., nn.Module]


def test_scores_are_what_they_are_called(digits: Pack, build: Build, job: MakeJob) -> None:
    network = build(job()).eval()
    result = evaluate(network, digits, batch_size=64, split="test")
    stored = torch.from_numpy(np.array(digits.images("test"))).permute(0, 3, 1, 2) / 255
    images = (stored - digits.mean[0]) / digits.std[0]
    labels = torch.from_numpy(np.array(digits.labels("test")))
    with torch.no_grad():
        steps = network.step_logits(images)  # type: ignore[operator]
        ranks = (-network(images)).argsort(1)
        loss = nn.functional.cross_entropy(network(images), labels)
    assert result.top1 == pytest.approx(float((ranks[:, 0] == labels).double().mean()))
    top5 = (ranks[:, :5] == labels[:, None]).any(1).double().mean()
    assert result.top5 == pytest.approx(float(top5))
    assert result.loss == pytest.approx(float(loss), rel=1e-5)
    by_step = (steps.argmax(2) == labels[:, None]).double().mean(0)
    assert result.accuracy_by_step == pytest.approx(by_step.tolist())
    assert result.accuracy_by_step[-1] == result.top1


def test_a_score_can_be_had_again(digits: Pack, build: Build, job: MakeJob) -> None:
    made = job(evaluation_batch_size=48)
    trainer = Trainer(made, build=build)
    report = trainer.run_epoch()
    other = build(job(seed=5))
    other.load_state_dict(trainer.network.state_dict())
    torch.set_num_threads(2)
    again = evaluate(other, digits, batch_size=48, split="validation", threads=1)
    assert torch.get_num_threads() == 2
    assert (again.top1, again.top5, again.loss) == (report.top1, report.top5, report.loss)
    assert again.accuracy_by_step == report.accuracy_by_step
    assert other.training


def test_fewer_than_five_classes_are_all_in_the_top_five(
    digits: Pack, build: Build, job: MakeJob
) -> None:
    network = build(
        job().model_copy(update={"genome": genome().with_images(size=8, channels=1, classes=12)})
    )
    with pytest.raises(InputError, match=r"genome\.classes: 12, but the data has 10; set 10"):
        evaluate(network, digits, split="test")


@pytest.mark.parametrize(
    ("size", "channels", "message"),
    [(16, 1, "image.size: 16"), (8, 3, "image.channels: 3")],
)
def test_a_genome_that_does_not_fit_its_data_is_refused(
    job: MakeJob, build: Build, size: int, channels: int, message: str
) -> None:
    other = genome().with_images(size=size, channels=channels, classes=10)
    with pytest.raises(InputError, match=message):
        Trainer(job().model_copy(update={"genome": other}), build=build)
