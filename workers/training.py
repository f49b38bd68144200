"""From a job to evidence: the training loop, free of Ray.

`Trainer` runs one job epoch by epoch. On a CPU the same job gives bit-identical numbers twice,
also across a checkpoint. It does not know what the network is made of.
"""

import hashlib
import math
import random
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from space.errors import CheckpointError
from workers import checkpoint, compiling
from workers.augmentation import augment, averaged
from workers.evaluation import Evaluation, Feed, Scored, evaluate, fits, placed
from workers.failures import Diverged, device_lost, out_of_memory
from workers.job import WHOLE, Fidelity, Job, Recipe, Report
from workers.pack import Pack
from workers.preprocessing import Normalisation, unit
from workers.training_state import read_state

__all__ = ["Diverged", "Evaluation", "Trainer", "evaluate", "learning_rate"]

_LONG = 30.0  # seconds; a first piece of work that took longer says enough
_GPU_CHECK = 50  # batches between two looks at the loss; each look waits for the GPU


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The rate of iteration `step` (from 0): linear rise, then constant, cosine or steps."""
    rise = round(recipe.warmup_epochs * steps_per_epoch)
    if step < rise:
        return recipe.learning_rate * (step + 1) / rise
    if recipe.schedule == "step":
        drops = step // steps_per_epoch // recipe.step_epochs
        return recipe.learning_rate * recipe.factor**drops
    if recipe.schedule == "cosine":
        part = (step - rise) / max(1, recipe.epochs * steps_per_epoch - rise)
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, part)))
    return recipe.learning_rate


def mixed(seed: int, *purpose: object) -> int:
    """A seed of 63 bits for one purpose (an epoch's order, a batch's crops), from the job's."""
    text = "/".join(str(item) for item in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def _reduced(job: Job, fidelity: Fidelity) -> Job:
    """The job with its network for the images and the steps of a fidelity. Raises GenomeError."""
    if fidelity.size is None and fidelity.steps is None:
        return job
    from space.genome import Genome
    from space.reduction import reduced

    genome = reduced(Genome.parse(job.genome), size=fidelity.size, steps=fidelity.steps)
    return job.model_copy(update={"genome": genome.document()})


def _build(job: Job) -> nn.Module:
    from models.build import build
    from space.genome import Genome

    recipe = job.recipe
    return build(
        Genome.parse(job.genome),
        seed=job.seed,
        unroll=recipe.unroll,
        recompute=recipe.recompute,
    )


class Trainer:
    """One job, epoch by epoch.

    `device` is a GPU if there is one, by default; `build` makes the untrained network of a job.
    Raises InputError for a job that cannot be run (a genome that does not fit its data, say).
    """

    def __init__(
        self,
        job: Job,
        device: str | torch.device | None = None,
        *,
        build: Callable[[Job], nn.Module] = _build,
    ) -> None:
        default = "cuda" if torch.cuda.is_available() else "cpu"
        self.job, self.device = job, torch.device(device or default)
        self.epoch = 0
        self.reports: list[Report] = []
        self._seconds = 0.0
        _forget_peak(self.device)
        recipe = job.recipe
        torch.set_num_threads(recipe.threads)
        self._seed_all("build")
        self.pack = Pack.load(job.data.path, job.data.checksum)
        self._build = build
        self._train = Feed(self.pack, "train", self.device)
        self._normalise = Normalisation(self.pack, self.device)
        on_gpu = self.device.type == "cuda"
        precision = "bf16" if recipe.precision == "auto" else recipe.precision
        low = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
        self._low = low if on_gpu else None
        self._scaler = torch.amp.GradScaler(enabled=self._low is torch.float16)
        self._look(WHOLE)
        self._whole_steps = self._steps_per_epoch
        fits(self.network, self.pack)

    def _look(self, fidelity: Fidelity) -> None:
        """Make the network, its optimiser and its batches as a fidelity wants them, untrained."""
        self._fidelity, recipe = fidelity, self.job.recipe
        self._images = max(1, round(fidelity.images * self.pack.count("train")))
        # An incomplete last batch is left out: the order is new in every epoch.
        self._batch = min(recipe.batch_size, self._images)
        self._steps_per_epoch = self._images // self._batch
        self.network = placed(self._build(_reduced(self.job, fidelity)), self.device)
        epochs = sum(recipe.fidelity_of(e + 1) == fidelity for e in range(recipe.epochs))
        self._logits, self._step_logits = compiling.functions(
            self.network, recipe, epochs * self._steps_per_epoch, self.device
        )
        self._parameters = [p for p in self.network.parameters() if p.requires_grad]
        self._names = {id(p): name for name, p in self.network.named_parameters()}
        self._l2 = self._decayed()
        self._kernels: list[Tensor] = [p for p in self._parameters if p.ndim > 1]
        self._optimiser = self._make_optimiser()

    def _enter(self, fidelity: Fidelity) -> None:
        """Go on at another fidelity, with the same weights and the same optimiser's state."""
        if fidelity != self._fidelity:
            tensors, numbers = self._state()
            self._look(fidelity)
            self._take(tensors, numbers)

    @property
    def finished(self) -> bool:
        """Whether every epoch of the recipe was run."""
        return self.epoch >= self.job.recipe.epochs

    def run_epoch(self) -> Report:
        """Train for an epoch, evaluate on the test split, and report both.

        Raises Diverged at the first loss or weight that is not finite.
        """
        start, recipe = time.perf_counter(), self.job.recipe
        self._enter(recipe.fidelity_of(self.epoch + 1))
        train_loss = self._train_epoch(self.epoch + 1)
        scores = evaluate(
            self.network, self.pack, batch_size=recipe.evaluation_batch_size, reduced=True
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
            memory_mb=_peak_mb(self.device),
        )
        self.reports.append(report)
        return report

    def _train_epoch(self, epoch: int) -> float:
        """Mean loss (without L2) of the epoch's batches. Raises Diverged."""
        # Whatever the network draws (dropout) follows from the epoch too, so that it resumes.
        self._seed_all("epoch", epoch)
        self.network.train()
        losses: list[Tensor] = []
        every = 1 if self.device.type == "cpu" else _GPU_CHECK
        for batch, (images, labels) in enumerate(self._batches(epoch)):
            # The rate follows the epochs: one with fewer images takes as large a part of it.
            part = batch * self._whole_steps // self._steps_per_epoch
            step = (epoch - 1) * self._whole_steps + part
            losses.append(self._step(images, labels, step))
            if (batch + 1) % every == 0:
                _demand_finite(losses[-every:], epoch, batch + 2 - every)
        _demand_finite(losses, epoch, 1)
        self._demand_finite_weights(epoch)
        return float(torch.stack(losses).double().mean())

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The epoch's batches as the network is given them: images [B,C,H,W], labels [B]."""
        generator, seed = torch.Generator(), self.job.seed
        generator.manual_seed(mixed(seed, "order", epoch))
        order = torch.randperm(self._images, generator=generator)
        if self._images < (count := self.pack.count("train")):
            # Always the same part, which a larger one contains.
            generator.manual_seed(mixed(seed, "part"))
            order = torch.randperm(count, generator=generator)[order]
        chosen = order[: self._steps_per_epoch * self._batch].numpy()
        for batch, (images, labels) in enumerate(self._train.batches(chosen, self._batch)):
            generator.manual_seed(mixed(seed, "augmentation", epoch, batch))
            pictures = augment(unit(images), self.job.recipe.augmentation, generator)
            yield self._normalise(averaged(pictures, self._fidelity.size)), labels

    def epoch_seconds(self, seconds: float) -> float:
        """How long an epoch takes, from about `seconds` of updates and of evaluation.

        For a forecast: the network is of no use afterwards.
        """
        recipe = self.job.recipe
        self.network.train()

        def updates() -> Iterator[object]:
            while True:
                for images, labels in self._batches(1):
                    yield self._step(images, labels, 0)

        def evaluations() -> Iterator[object]:
            count = self.pack.count("test")
            size = min(recipe.evaluation_batch_size, count)
            images = torch.from_numpy(np.array(self.pack.images("test")[:size])).to(self.device)
            with torch.no_grad():
                while True:
                    yield cast(Scored, self.network).step_logits(self._normalise(unit(images)))

        update = _each(updates(), seconds * 0.75, self.device)
        self.network.eval()
        evaluation = _each(evaluations(), seconds * 0.25, self.device)
        batches = math.ceil(self.pack.count("test") / recipe.evaluation_batch_size)
        return self._steps_per_epoch * update + batches * evaluation

    def _step(self, images: Tensor, labels: Tensor, step: int) -> Tensor:
        """One update from normalised images [B,C,H,W] and labels [B]; the loss, detached."""
        recipe, rate = self.job.recipe, learning_rate(self.job.recipe, step, self._whole_steps)
        if self.device.type == "cuda":
            images = images.contiguous(memory_format=torch.channels_last)
        self._optimiser.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, dtype=self._low, enabled=self._low is not None):
            loss = self._loss(images, labels)
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._optimiser)
        self._add_l2()
        if recipe.clip is not None and recipe.clip.norm is not None:
            nn.utils.clip_grad_norm_(self._parameters, recipe.clip.norm)
        elif recipe.clip is not None and recipe.clip.value is not None:
            nn.utils.clip_grad_value_(self._parameters, recipe.clip.value)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        if recipe.weight_decay:
            with torch.no_grad():
                torch._foreach_mul_(self._kernels, 1 - rate * recipe.weight_decay)
        self._scaler.step(self._optimiser)
        self._scaler.update()
        return loss.detach()

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        smoothing = self.job.recipe.label_smoothing
        if self.job.recipe.loss_steps == "last":
            logits = self._logits(images).float()
            return cross_entropy(logits, labels, label_smoothing=smoothing)
        first = cast(Scored, self.network).first_valid_step("head")
        logits = self._step_logits(images)[:, first:].float()
        repeated = labels[:, None].expand(logits.shape[:2]).flatten()
        return cross_entropy(logits.flatten(0, 1), repeated, label_smoothing=smoothing)

    def _decayed(self) -> dict[float, list[Tensor]]:
        """The parameters under L2 by their coefficient: one call each, not one a parameter."""
        named = dict(self.network.named_parameters())
        groups: dict[float, list[Tensor]] = {}
        for name, coefficient in cast(Scored, self.network).decays().items():
            if coefficient and named[name].requires_grad:
                groups.setdefault(coefficient, []).append(named[name])
        return groups

    @torch.no_grad()
    def _add_l2(self) -> None:
        """Add the gradient of the sum of coefficient * sum(w^2) / 2 to the gradients."""
        for coefficient, parameters in self._l2.items():
            slopes: list[Tensor] = []
            for parameter in parameters:
                if parameter.grad is None:  # it was not used, and decays all the same
                    parameter.grad = torch.zeros_like(parameter)
                slopes.append(parameter.grad)
            torch._foreach_add_(slopes, parameters, alpha=coefficient)

    def _make_optimiser(self) -> torch.optim.Optimizer:
        # Fused: for the small tensors of small networks four times as fast, on a CPU too.
        recipe = self.job.recipe
        if recipe.optimiser == "sgd":
            return torch.optim.SGD(
                self._parameters,
                lr=recipe.learning_rate,
                momentum=recipe.momentum,
                nesterov=recipe.nesterov and recipe.momentum > 0,
                fused=True,
            )
        return torch.optim.AdamW(
            self._parameters,
            lr=recipe.learning_rate,
            betas=recipe.betas,
            weight_decay=0.0,
            fused=True,
        )

    def _seed_all(self, *purpose: object) -> None:
        seed = mixed(self.job.seed, *purpose)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)

    def _demand_finite_weights(self, epoch: int) -> None:
        finite = torch.stack([p.detach().isfinite().all() for p in self._parameters])
        if not bool(finite.all()):
            bad = self._parameters[int((~finite).int().argmax())]
            raise Diverged(f"{self._names[id(bad)]} is not finite at the end of epoch {epoch}")

    # ------------------------------------------------------------------------------ checkpoints

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Weights and the optimiser's state, by name."""
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        numbers: dict[str, Any] = {}
        for parameter, state in self._optimiser.state.items():
            for key, value in state.items():
                name = f"{self._names[id(parameter)]}.{key}"
                if isinstance(value, Tensor):
                    tensors[f"optimiser.{name}"] = value
                elif value is not None:
                    numbers[name] = value
        return tensors, numbers

    def save(self, folder: str | Path) -> None:
        """Write a checkpoint to `folder` (see checkpoint.save). Raises OSError."""
        tensors, numbers = self._state()
        meta = {
            "job": _identity(self.job),
            "start": _start(self.job),
            "epoch": self.epoch,
            "seconds": self._seconds,
            "reports": [report.model_dump(mode="json") for report in self.reports],
            "optimiser": numbers,
            "scaler": self._scaler.state_dict(),
        }
        checkpoint.save(folder, tensors, meta)

    def load(self, folder: str | Path) -> None:
        """Go on from a checkpoint of the same job, or of one that began as it does.

        Raises CheckpointError.
        """
        tensors, meta = checkpoint.load(folder)
        state = read_state(meta, folder)
        same = state.job == _identity(self.job)
        began = state.start == _start(self.job) and state.epoch <= self.job.recipe.epochs
        if not (same or began):
            raise CheckpointError(
                f"{folder}: is a checkpoint of another genome, recipe, data or seed; delete it"
            )
        try:
            self._take(tensors, state.optimiser)
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

    def _take(self, tensors: dict[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """Go on from what `_state` gave."""
        weights = {
            name.removeprefix("network."): value
            for name, value in tensors.items()
            if name.startswith("network.")
        }
        self.network.load_state_dict(weights)
        self._load_optimiser(tensors, numbers)

    def _load_optimiser(self, tensors: dict[str, Tensor], numbers: Mapping[str, Any]) -> None:
        by_parameter: dict[str, dict[str, Any]] = {}
        found: dict[str, Any] = {
            name.removeprefix("optimiser."): value
            for name, value in tensors.items()
            if name.startswith("optimiser.")
        }
        for name, value in {**found, **numbers}.items():
            owner, _, key = name.rpartition(".")
            by_parameter.setdefault(owner, {})[key] = value
        packed = self._optimiser.state_dict()
        order = [self._names[id(p)] for p in self._parameters]
        packed["state"] = {
            place: by_parameter[name] for place, name in enumerate(order) if name in by_parameter
        }
        self._optimiser.load_state_dict(packed)


def _identity(job: Job) -> str:
    """A hash of all that decides the numbers; the folder and the pack's place do not."""
    parts = [job.genome, job.recipe.deciding(), job.data.checksum, job.seed]
    return hashlib.sha256(repr(_ordered(parts)).encode()).hexdigest()


def _start(job: Job) -> str:
    """Equal for jobs whose trainings are the same as long as both last."""
    if job.recipe.looks_ahead:
        return _identity(job)
    return _identity(
        job.model_copy(update={"recipe": job.recipe.model_copy(update={"epochs": 1})})
    )


def _ordered(node: object) -> object:
    if isinstance(node, dict):
        return sorted((key, _ordered(value)) for key, value in node.items())
    return [_ordered(item) for item in node] if isinstance(node, (list, tuple)) else node


def _demand_finite(losses: list[Tensor], epoch: int, first: int) -> None:
    values = torch.stack(losses)
    finite = values.isfinite()
    if not bool(finite.all()):
        place = int((~finite).int().argmax())
        raise Diverged(f"loss is {float(values[place])} at epoch {epoch}, step {first + place}")


def _each(work: Iterator[object], seconds: float, device: torch.device) -> float:
    """Seconds that one piece of `work` takes: the mean over about `seconds`.

    The first piece, which is slower, does not count, unless it alone took very long.
    """
    took: list[float] = []
    while sum(took) < _LONG if len(took) < 2 else sum(took[1:]) < seconds:
        start = time.perf_counter()
        next(work)
        _finish(device)
        took.append(time.perf_counter() - start)
    return sum(took[1:]) / (len(took) - 1) if len(took) > 1 else took[0]


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _forget_peak(device: torch.device) -> None:
    """Start measuring memory anew: a reused worker would report its greediest trial for ever."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError):  # not Linux, or not allowed: then it is the peak of a process's life
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb(device: torch.device) -> float:
    """Peak memory since `_forget_peak`, in MB of 10^6 bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
