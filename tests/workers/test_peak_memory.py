"""The peak of memory: measured anew for each trial."""

from collections.abc import Callable

import torch
from torch import nn

from workers.job import Job
from workers.peak_memory import read_peak
from workers.training import Trainer

MakeJob = Callable[..., Job]


Build = Callable[..., nn.Module]


def test_the_peak_of_memory_is_forgotten_between_trials(job: MakeJob, build: Build) -> None:
    big = torch.ones(40_000_000)  # 160 MB
    high = read_peak(torch.device("cpu"))
    del big
    low = Trainer(job(), build=build).run_epoch().memory_mb
    assert low < high - 100
