"""A small recurrent network with the interface of models.build.Network, and jobs to train it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.support.broken_network import Line, breakable_line
from tests.support.exports import genome
from tests.support.s3_server import S3Server
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded
from workers.job import WHOLE, Fidelity, Job, Recipe


class Tiny(nn.Module):
    """Two convolutions, the second recurrent; dropout, to see that its draws are seeded too."""

    def __init__(
        self, size: int = 8, channels: int = 1, classes: int = 10, steps: int = 3
    ) -> None:
        super().__init__()
        self.image_size, self.image_channels, self.classes, self.steps = (
            size,
            channels,
            classes,
            steps,
        )
        self.first = nn.Conv2d(channels, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.again = nn.Conv2d(16, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(16, classes)

    def step_logits(self, images: Tensor) -> Tensor:
        drive = self.norm(self.second(torch.relu(self.first(images))))
        state, logits = torch.zeros_like(drive), []
        for _ in range(self.steps):
            state = torch.relu(drive + self.again(state))
            logits.append(self.head(self.drop(state).mean((2, 3))))
        return torch.stack(logits, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.step_logits(images)[:, -1]

    def first_valid_step(self, _stage: str) -> int:
        return 1

    def decays(self) -> dict[str, float]:
        return {"first.weight": 1e-3, "again.weight": 1e-2, "again.bias": 1e-2}


def build_tiny(job: Job, _fidelity: Fidelity = WHOLE) -> Tiny:
    torch.manual_seed(job.seed)
    image = job.genome.image
    return Tiny(image.size, image.channels, job.genome.classes)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def line(
    s3_server: S3Server,
    bucket: str,  # noqa: ARG001  (its variables are set first)
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Line]:
    """The line to the server of `bucket`, which can be broken."""
    with breakable_line(s3_server.endpoint) as line:
        monkeypatch.setenv("AWS_ENDPOINT_URL", line.endpoint)
        yield line


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """320 + 200 occluded digits of 8x8."""
    spec = DigitsOccluded(size=8, train_images=320, test_images=200)
    return pack(spec, tmp_path_factory.mktemp("packs"))


@pytest.fixture
def job(digits: Pack, tmp_path: Path) -> Callable[..., Job]:
    """Makes a job for Tiny on `digits`; keywords are of the recipe, but for `seed`."""

    def make(seed: int = 1, **recipe: object) -> Job:
        chosen = Recipe(epochs=3, batch_size=64).overlaid(recipe)
        return Job(
            genome=genome(),
            recipe=chosen,
            data=digits.ref,
            seed=seed,
            folder=str(tmp_path / "trial"),
        )

    return make


@pytest.fixture
def build() -> Callable[..., Tiny]:
    return build_tiny
