"""From a job to evidence: the training loop, free of Ray.

`Trainer` runs one job epoch by epoch. On a CPU the same job gives bit-identical numbers twice,
also across a checkpoint. It does not know what the network is made of.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from space.errors import CheckpointError, InputError
from workers import checkpoint, compiling
from workers.data.augmentation import augment, average
from workers.data.feed import Feed
from workers.data.manifest import SplitName
from workers.data.pack import Pack
from workers.data.preprocessing import Normalisation, to_unit
from workers.data.publishing import open_pack
from workers.evaluation import Scored, check_fit, evaluate, move_network
from workers.failures import Diverged, device_lost, out_of_memory
from workers.functions import load_loss, load_metric
from workers.job import WHOLE, Fidelity, Job, Recipe, Report
from workers.optimisation import Optimisation, learning_rate
from workers.peak_memory import read_peak, reset_peak
from workers.seeds import mix_seed, seed_all
from workers.timing import time_each
from workers.training_state import identify_job, identify_start, read_state

_GPU_CHECK = 50  # batches between two looks at the loss; each look waits for the GPU


def _build(job: Job, fidelity: Fidelity) -> nn.Module:
    """The untrained network of a job, for the images and the steps of a fidelity.

    Raises GenomeError if the fidelity asks for more than the network has.
    """
    from models.build import build
    from space.reduction import reduce_genome

    recipe = job.recipe
    return build(
        reduce_genome(job.genome, size=fidelity.size, steps=fidelity.steps),
        seed=job.seed,
        unroll=recipe.unroll,
        recompute=recipe.recompute,
    )


class Trainer:
    """One job, epoch by epoch.

    `device` is a GPU if there is one, by default; `build` makes the untrained network of a job at
    a fidelity. Raises InputError for a job that cannot be run (a genome that does not fit its
    data, say).
    """

    def __init__(
        self,
        job: Job,
        device: str | torch.device | None = None,
        *,
        build: Callable[[Job, Fidelity], nn.Module] = _build,
    ) -> None:
        default = "cuda" if torch.cuda.is_available() else "cpu"
        self.job, self.device = job, torch.device(device or default)
        self.epoch = 0
        self.reports: list[Report] = []
        self._seconds = 0.0
        reset_peak(self.device)
        recipe = job.recipe
        torch.set_num_threads(recipe.threads)
        seed_all(mix_seed(job.seed, "build"))
        self.pack = open_pack(job.data)
        self._build = build
        self._scored = self.pack.scored(recipe.score_on)
        self._own_loss = None if recipe.loss is None else load_loss(recipe.loss)
        self._metric = None if recipe.metric is None else load_metric(recipe.metric)
        self._train = Feed(self.pack, _trained_splits(recipe, self.pack), self.device)
        self._normalise = Normalisation(self.pack, self.device)
        on_gpu = self.device.type == "cuda"
        precision = "bf16" if recipe.precision == "auto" else recipe.precision
        low = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
        self._low = low if on_gpu else None
        self._scaler = torch.amp.GradScaler(enabled=self._low is torch.float16)
        self._prepare(WHOLE)
        self._whole_steps = self._steps_per_epoch
        check_fit(self.network, self.pack)

    def _prepare(self, fidelity: Fidelity) -> None:
        """Make the network, its optimiser and its batches as a fidelity wants them, untrained."""
        self._fidelity, recipe = fidelity, self.job.recipe
        self._images = max(1, round(fidelity.images * len(self._train)))
        # An incomplete last batch is left out: the order is new in every epoch.
        self._batch = min(recipe.batch_size, self._images)
        self._steps_per_epoch = self._images // self._batch
        self.network = move_network(self._build(self.job, fidelity), self.device)
        epochs = sum(recipe.fidelity_of(e + 1) == fidelity for e in range(recipe.epochs))
        self._logits, self._step_logits = compiling.choose_functions(
            self.network, recipe, epochs * self._steps_per_epoch, self.device
        )
        self.optimisation = Optimisation(self.network, recipe, self._scaler)

    def enter(self, fidelity: Fidelity) -> None:
        """Go on at another fidelity, with the same weights and the same optimiser's state."""
        if fidelity != self._fidelity:
            tensors, numbers = self.state()
            self._prepare(fidelity)
            self._load_state(tensors, numbers)

    @property
    def finished(self) -> bool:
        """Whether every epoch of the recipe was run."""
        return self.epoch >= self.job.recipe.epochs

    def run_epoch(self) -> Report:
        """Train for an epoch, evaluate on the split that the recipe scores on, and report both.

        Raises Diverged at the first loss or weight that is not finite.
        """
        start, recipe = time.perf_counter(), self.job.recipe
        self.enter(recipe.fidelity_of(self.epoch + 1))
        train_loss = self._train_epoch(self.epoch + 1)
        scores = evaluate(
            self.network,
            self.pack,
            metric=self._metric,
            batch_size=recipe.evaluation_batch_size,
            split=self._scored,
            reduced=True,
        )
        if not math.isfinite(scores.loss):
            raise Diverged(f"evaluation loss is {scores.loss} at epoch {self.epoch + 1}")
        self.epoch += 1
        self._seconds += time.perf_counter() - start
        report = Report(
            epoch=self.epoch,
            top1=scores.top1,
            top5=scores.top5,
            loss=scores.loss,
            train_loss=train_loss,
            accuracy_by_step=scores.accuracy_by_step,
            seconds=self._seconds,
            memory_mb=read_peak(self.device),
        )
        self.reports.append(report)
        return report

    def _train_epoch(self, epoch: int) -> float:
        """Mean loss (without L2) of the epoch's batches. Raises Diverged."""
        # Whatever the network draws (dropout) follows from the epoch too, so that it resumes.
        seed_all(mix_seed(self.job.seed, "epoch", epoch))
        self.network.train()
        losses: list[Tensor] = []
        every = 1 if self.device.type == "cpu" else _GPU_CHECK
        for batch, (images, labels) in enumerate(self._batches(epoch)):
            # The rate follows the epochs: one with fewer images takes as large a part of it.
            part = batch * self._whole_steps // self._steps_per_epoch
            step = (epoch - 1) * self._whole_steps + part
            losses.append(self.update(images, labels, step))
            if (batch + 1) % every == 0:
                _check_losses(losses[-every:], epoch, batch + 2 - every)
        _check_losses(losses, epoch, 1)
        self.optimisation.check_weights(epoch)
        return float(torch.stack(losses).double().mean())

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The epoch's batches as the network is given them: images [B,C,H,W], labels [B]."""
        generator, seed = torch.Generator(), self.job.seed
        generator.manual_seed(mix_seed(seed, "order", epoch))
        order = torch.randperm(self._images, generator=generator)
        if self._images < (count := len(self._train)):
            # Always the same part, which a larger one contains.
            generator.manual_seed(mix_seed(seed, "part"))
            order = torch.randperm(count, generator=generator)[order]
        chosen = order[: self._steps_per_epoch * self._batch].numpy()
        for batch, (images, labels) in enumerate(self._train.batches(chosen, self._batch)):
            generator.manual_seed(mix_seed(seed, "augmentation", epoch, batch))
            pictures = augment(to_unit(images), self.job.recipe.augmentation, generator)
            yield self._normalise(average(pictures, self._fidelity.size)), labels

    def epoch_seconds(self, seconds: float) -> float:
        """How long an epoch takes, from about `seconds` of updates and of evaluation.

        For a forecast: the network is of no use afterwards.
        """
        recipe = self.job.recipe
        self.network.train()

        def updates() -> Iterator[object]:
            while True:
                for images, labels in self._batches(1):
                    yield self.update(images, labels, 0)

        def evaluations() -> Iterator[object]:
            size = min(recipe.evaluation_batch_size, self.pack.count(self._scored))
            pixels = np.array(self.pack.images(self._scored)[:size])
            images = torch.from_numpy(pixels).to(self.device)
            with torch.no_grad():
                while True:
                    yield cast(Scored, self.network).step_logits(self._normalise(to_unit(images)))

        update = time_each(updates(), seconds * 0.75, self.device)
        self.network.eval()
        evaluation = time_each(evaluations(), seconds * 0.25, self.device)
        batches = math.ceil(self.pack.count(self._scored) / recipe.evaluation_batch_size)
        return self._steps_per_epoch * update + batches * evaluation

    def update(self, images: Tensor, labels: Tensor, step: int) -> Tensor:
        """One update from normalised images [B,C,H,W] and labels [B]; the loss, detached."""
        rate = learning_rate(self.job.recipe, step, self._whole_steps)
        if self.device.type == "cuda":
            images = images.contiguous(memory_format=torch.channels_last)
        self.optimisation.clear()
        with torch.autocast(self.device.type, dtype=self._low, enabled=self._low is not None):
            loss = self.loss(images, labels)
        self.optimisation.update(loss, rate)
        return loss.detach()

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The recipe's loss of normalised images [B,C,H,W] and labels [B], without L2."""
        if self.job.recipe.loss_steps == "last":
            return self._loss_of(self._logits(images).float(), labels)
        first = cast(Scored, self.network).first_valid_step("head")
        logits = self._step_logits(images)[:, first:].float()
        repeated = labels[:, None].expand(logits.shape[:2]).flatten()
        return self._loss_of(logits.flatten(0, 1), repeated)

    def _loss_of(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of logits [N,classes] and labels [N]."""
        if self._own_loss is not None:
            return self._own_loss.compute(logits, labels)
        smoothing = self.job.recipe.label_smoothing
        return cross_entropy(logits, labels, label_smoothing=smoothing)

    # ------------------------------------------------------------------------------ checkpoints

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, numbers): weights and the optimiser's state, by name."""
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        optimiser, numbers = self.optimisation.state()
        return tensors | {f"optimiser.{k}": v for k, v in optimiser.items()}, numbers

    def save(self, folder: str | Path) -> None:
        """Write a checkpoint to `folder` (see checkpoint.save). Raises OSError, StorageError."""
        tensors, numbers = self.state()
        meta = {
            "job": identify_job(self.job),
            "start": identify_start(self.job),
            "epoch": self.epoch,
            "seconds": self._seconds,
            "reports": [report.model_dump(mode="json") for report in self.reports],
            "optimiser": numbers,
            "scaler": self._scaler.state_dict(),
        }
        checkpoint.save(folder, tensors, meta)

    def load(self, folder: str | Path) -> None:
        """Go on from a checkpoint of the same job, or of one that began as it does.

        Raises CheckpointError, StorageError.
        """
        tensors, meta = checkpoint.load(folder)
        state = read_state(meta, folder)
        same = state.job == identify_job(self.job)
        extends = state.start == identify_start(self.job) and state.epoch <= self.job.recipe.epochs
        if not (same or extends):
            raise CheckpointError(
                f"{folder}: is a checkpoint of another genome, recipe, data or seed; delete it"
            )
        try:
            self._load_state(tensors, state.optimiser)
            if self._scaler.is_enabled():
                self._scaler.load_state_dict(state.scaler)
        except (RuntimeError, ValueError, KeyError) as error:
            if out_of_memory(error) or device_lost(error):
                raise
            raise CheckpointError(
                f"{folder}: its tensors do not fit the training ({error}); delete it"
            ) from None
        self.epoch, self._seconds = state.epoch, state.seconds
        self.reports = [*state.reports]

    def _load_state(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.network.load_state_dict(_select(tensors, "network."))
        self.optimisation.load_state(_select(tensors, "optimiser."), numbers)


def _trained_splits(recipe: Recipe, pack: Pack) -> tuple[SplitName, ...]:
    """The splits that are trained on. Raises InputError if one is not there."""
    if recipe.train_on == "train":
        return ("train",)
    if pack.selection != "validation":
        problem = f"{recipe.train_on}, but the data has no validation split"
        raise InputError("recipe.train_on", problem, "write train")
    return ("train", "validation")


def _select(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _check_losses(losses: list[Tensor], epoch: int, first: int) -> None:
    values = torch.stack(losses)
    finite = values.isfinite()
    if not bool(finite.all()):
        place = int((~finite).int().argmax())
        raise Diverged(f"loss is {float(values[place])} at epoch {epoch}, step {first + place}")
