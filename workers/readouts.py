"""What else could be read from a trained network: every decoder of the grammar on its logits.

The network is frozen and runs once: the head's logits at the steps of the published window are
written to a file for each split. Decoders without weights read them as they are. The others are
trained on those of the training split, by Adam on the cross-entropy with the decoder's own decay,
and the learning rate and the epoch are chosen on validation. Nothing of the network changes.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.initial import initialise
from models.parameters import starts
from models.readout import DecoderModule
from space.errors import InputError
from space.network.architecture import Architecture, Decoder, DecoderForm
from space.step.parameters import decoder_parameters
from workers.data.manifest import SplitName
from workers.data.pack import Pack
from workers.evaluation import choose_classes
from workers.job import ScoredSplit
from workers.robustness.answers import Reader, frozen
from workers.shares import Difference, Right, bound_share, compare_shares, correct_differences

if TYPE_CHECKING:
    from models.build import Network

OWN = "own"
"""The name of the decoder that the network was trained with, in a comparison."""
PLAIN: tuple[DecoderForm, ...] = (
    "last",
    "simple_linear",
    "sum",
    "avg",
    "max_conf",
    "thresh",
    "time_max",
    "w_avg",
    "w_time_avg",
)
"""Decoders without weights. `simple` is `last`, and `simple_soft` answers as it does."""
TEMPERED: tuple[DecoderForm, ...] = ("w_avg", "w_time_avg")
"""Those of them whose softmax can be trained: a gradient reaches its beta."""
LEARNED: tuple[DecoderForm, ...] = ("w_avg_t", "mlp", "conv1d")
"""Those that consist of weights."""
RATES = (0.03, 0.003)
"""Learning rates that are tried."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """How decoders are trained: all that is drawn comes from `seed`."""

    epochs: int = 20
    batch_size: int = 256
    rates: tuple[float, ...] = RATES
    train_images: int | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Traced:
    """Logits of a split at the steps of a window [N,T',classes], in a file, with the labels [N],
    and whether the network's own answers are right.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    right: Right


@dataclass(frozen=True, kw_only=True)
class Readout:
    """A decoder compared with the network's own. Shares lie in 0..1, bounds are at 95 %.

    `difference` is its top-1 less that of the network's own decoder over the same images, `p`
    McNemar's, corrected by Holm for all decoders. `better` says whether it is (False: the own one
    is); None where the interval includes 0 or p is above 5 %. `validation` is top-1 on validation,
    by which `chosen` is the best decoder. `step` is the step that is read on average, of those
    that choose one; `rate` and `epochs` are those chosen for a trained one.
    """

    decoder: str
    trained: bool
    parameters: int
    images: int
    top1: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    p: float
    better: bool | None
    validation: float
    step: float | None = None
    rate: float | None = None
    epochs: int | None = None
    chosen: bool = False


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A decoder ready to read, and how it came to be."""

    name: str
    module: DecoderModule
    validation: float
    rate: float | None = None
    epochs: int | None = None

    @property
    def trained(self) -> bool:
        """Whether it has weights that were trained."""
        return self.rate is not None


def find_window(genome: Architecture) -> range:
    """The steps that are traced: from one step after the first that depends on the image, as
    published, or only the last where there is no such step.
    """
    steps = genome.clock.steps
    return range(min(genome.published_start, steps - 1), steps)


def list_decoders(window: int) -> dict[str, tuple[Decoder, bool]]:
    """Every decoder by name, and whether it is trained, for a window of so many steps.

    `conv1d` has those of its windows that fit, and is left out where none does.
    """
    listed: dict[str, tuple[Decoder, bool]] = {}
    for form in PLAIN:
        listed[form] = (Decoder(form=form), False)
    for form in TEMPERED:
        listed[f"{form} (trained)"] = (Decoder(form=form, trainable=True), True)
    for form in LEARNED:
        decoder = Decoder(form=form)
        if form == "conv1d":
            fitting = tuple(one for one in decoder.windows if one <= window)
            if not fitting:
                continue
            decoder = Decoder(form=form, windows=fitting)
        listed[form] = (decoder, True)
    return listed


@torch.no_grad()
def trace_logits(
    reader: Reader,
    data: Pack,
    split: SplitName,
    folder: Path,
    most: int | None = None,
    seed: int = 0,
) -> Traced:
    """Run a network over a split, or over `most` of its images, drawn by `seed`, and keep the
    logits of the window in a file of the folder.
    """
    network, labels = reader.network, data.labels(split)
    numbers = np.sort(np.random.RandomState(seed).permutation(len(labels))[:most])
    window = find_window(network.genome)
    shape = (len(numbers), len(window), network.classes)
    file = folder / f"{split}.npy"
    logits = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
    right = np.zeros(len(numbers), dtype=bool)
    with frozen(network):
        for start in range(0, len(numbers), reader.batch_size):
            part = numbers[start : start + reader.batch_size]
            by_step = reader.step_logits(reader.show(np.array(data.images(split)[part])))
            answers = choose_classes(network.decode(by_step)).cpu().numpy()
            right[start : start + len(part)] = answers == labels[part]
            logits[start : start + len(part)] = by_step[:, window.start :].cpu().numpy()
    return Traced(logits=logits, labels=labels[numbers], right=right)


def compare_decoders(
    reader: Reader,
    data: Pack,
    split: ScoredSplit,
    folder: Path,
    training: Training,
    listen: Callable[[str], None] = lambda _name: None,
) -> list[Readout]:
    """Every decoder on the images of a split, the network's own first.

    Logits are written to `folder`, which takes images x steps x classes x 4 bytes a split.
    `listen` is called before each part of the work. Raises InputError for data without a
    validation split, by which decoders are chosen.
    """
    if "validation" not in data.splits:
        problem = "there are no validation images to choose decoders by"
        raise InputError("data", problem, "give --data a pack that has some")
    traced: dict[str, Traced] = {}
    splits: Sequence[SplitName] = ("train", "validation", split)
    for one in dict.fromkeys(splits):
        listen(f"logits of {one} images")
        most = training.train_images if one == "train" else None
        traced[one] = trace_logits(reader, data, one, folder, most, training.seed)
    scored, network = traced[split], reader.network
    window = find_window(network.genome)
    rows = [_score_own(network, scored, traced["validation"])]
    for name, (decoder, trained) in list_decoders(len(window)).items():
        listen(name)
        if trained:
            fitted = fit_decoder(name, decoder, traced["train"], traced["validation"], training)
        else:
            fitted = _take(name, decoder, traced["validation"])
        rows.append(_score(fitted, scored, window))
    return _judge(rows)


def fit_decoder(
    name: str, decoder: Decoder, train: Traced, validation: Traced, training: Training
) -> Fitted:
    """Train a decoder on the logits of one split; the rate and the epoch of the best top-1 on the
    other are taken, of equals that of the lower loss.
    """
    best: tuple[tuple[float, float], Fitted] | None = None
    for rate in training.rates:
        module = _build(decoder, train, training.seed)
        for epoch in _train(module, train, rate, training):
            rank = _rank(module, validation)
            if best is None or rank > best[0]:
                kept = _build(decoder, train, training.seed)
                kept.load_state_dict(module.state_dict())
                best = (
                    rank,
                    Fitted(name=name, module=kept, validation=rank[0], rate=rate, epochs=epoch),
                )
    assert best is not None
    return best[1]


def _build(decoder: Decoder, traced: Traced, seed: int) -> DecoderModule:
    _, steps, classes = traced.logits.shape
    module = DecoderModule(decoder, decoder_parameters(decoder, steps, classes), torch.float32)
    initialise(module, seed)
    return module


def _take(name: str, decoder: Decoder, validation: Traced) -> Fitted:
    module = _build(decoder, validation, 0)
    return Fitted(name=name, module=module, validation=_rank(module, validation)[0])


def _train(module: DecoderModule, train: Traced, rate: float, training: Training) -> Iterator[int]:
    """Train epoch by epoch; the number of those that are done, after each."""
    optimiser = torch.optim.Adam(module.parameters(), lr=rate)
    decays = [(parameter, start.decay) for _, parameter, start in starts(module) if start.decay]
    draw = np.random.RandomState(training.seed)
    labels = torch.from_numpy(train.labels)
    for epoch in range(training.epochs):
        order = draw.permutation(len(train.labels))
        for start in range(0, len(order), training.batch_size):
            part = np.sort(order[start : start + training.batch_size])
            logits = module(torch.from_numpy(train.logits[part]))
            loss = cross_entropy(logits, labels[torch.from_numpy(part)])
            for parameter, decay in decays:
                loss = loss + decay * parameter.square().sum() / 2
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        yield epoch + 1


def _read(module: DecoderModule, traced: Traced) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(logits of the window, the decoder's, labels) in batches."""
    for start in range(0, len(traced.labels), 1024):
        logits = torch.from_numpy(np.array(traced.logits[start : start + 1024]))
        labels = torch.from_numpy(traced.labels[start : start + 1024])
        with torch.no_grad():
            yield logits, module(logits), labels


def _rank(module: DecoderModule, traced: Traced) -> tuple[float, float]:
    """(top-1, minus the mean loss): what is better is larger."""
    right = loss = 0.0
    for _, decoded, labels in _read(module, traced):
        right += float((choose_classes(decoded) == labels).sum())
        loss += float(cross_entropy(decoded, labels, reduction="sum"))
    count = len(traced.labels)
    return right / count, -loss / count if math.isfinite(loss) else -math.inf


def _score_own(network: "Network", scored: Traced, validation: Traced) -> Readout:
    own = network.genome.decoder
    return _describe(
        f"{OWN}: {own.form}",
        scored.right,
        scored.right,
        trained=bool(list(network.decoder.parameters())),
        parameters=sum(one.numel() for one in network.decoder.parameters()),
        validation=float(validation.right.mean()),
    )


def _score(fitted: Fitted, scored: Traced, window: range) -> Readout:
    right, steps = [], []
    for logits, decoded, labels in _read(fitted.module, scored):
        right.append(choose_classes(decoded) == labels)
        if fitted.module.decoder.form in ("max_conf", "thresh"):
            steps.append(fitted.module.chosen_steps(logits))
    row = _describe(
        fitted.name,
        torch.cat(right).numpy(),
        scored.right,
        trained=fitted.trained,
        parameters=sum(one.numel() for one in fitted.module.parameters()),
        validation=fitted.validation,
    )
    step = float(torch.cat(steps).double().mean()) + window.start if steps else None
    return replace(row, step=step, rate=fitted.rate, epochs=fitted.epochs)


def _describe(
    name: str, right: Right, own: Right, *, trained: bool, parameters: int, validation: float
) -> Readout:
    share, difference = bound_share(int(right.sum()), len(right)), compare_shares(right, own)
    return Readout(
        decoder=name,
        trained=trained,
        parameters=parameters,
        images=len(right),
        top1=share.value,
        low=share.low,
        high=share.high,
        difference=difference.value,
        difference_low=difference.low,
        difference_high=difference.high,
        p=difference.p,
        better=None,
        validation=validation,
    )


def _judge(rows: Sequence[Readout]) -> list[Readout]:
    """The rows (the own decoder first) with p corrected together, and the one to choose."""
    own, *others = rows
    differences = correct_differences(
        [
            Difference(row.difference, row.difference_low, row.difference_high, row.p)
            for row in others
        ]
    )
    judged = [own]
    for row, one in zip(others, differences, strict=True):
        judged.append(replace(row, p=one.p, better=one.value > 0 if one.shown else None))
    best = max(judged, key=lambda row: row.validation)
    return [replace(row, chosen=row is best) for row in judged]
