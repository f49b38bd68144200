"""A network's responses to stimuli, step by step, as files that are larger than memory.

A trace is a folder with a file a layer, float32 [stimuli, steps, features] in NumPy's format, and
`trace.json`. Its name is its identity, made of all that its numbers depend on; it has its name
only once it is whole.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from space.documents.bounds import RECORD
from space.documents.files import parse_json
from space.documents.outside import open_regular, printable, read_text
from space.documents.validation import Value, parse
from space.errors import DataError, InputError
from space.step.stages import write_step
from workers import files
from workers.arrays import map_array, read_header
from workers.brains.presentation import Presentation, place_image, present
from workers.brains.stimuli import StimulusSet
from workers.data.images import Images, decode_image
from workers.data.statistics import Statistics

if TYPE_CHECKING:  # torch is loaded where a network is run
    from torch import Tensor

    from models.build import Network

FORMAT = 1
INDEX = "trace.json"
_INDEX_BYTES = 256 << 20

AT_ONCE, MOST = 256 << 20, 64
"""Bytes of responses that a batch has by default, and the most images of it."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """By channel, black 0 to white 1: what is subtracted from an image, and what it is divided
    by.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]


PUBLISHED = Pixels(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""What the published networks take off ImageNet's images (Nayebi et al. 2022)."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Responses of a network's layers, float32 [stimuli, steps, features] each, read from disk as
    they are needed.

    steps: which steps of the network, counted from the image's onset (0), the second axis of each
    layer holds: those at which the layer depends on the image. milliseconds: that a step stands
    for. source: the network, as errors name it.
    """

    stimuli: NDArray[np.str_]
    layers: Mapping[str, Floats]
    steps: Mapping[str, tuple[int, ...]]
    milliseconds: float
    source: str


class _Index(Value):
    format: int
    stimuli: tuple[str, ...]
    steps: dict[str, tuple[int, ...]]


def trace_layers(  # noqa: PLR0913  (each has a default)
    network: "Network",
    stimuli: StimulusSet,
    presentation: Presentation,
    folder: Path,
    *,
    layers: Sequence[str] | None = None,
    steps: Collection[int] | None = None,
    batch: int | None = None,
    statistics: Statistics | None = None,
    source: str = "network",
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """The responses of `layers` to all stimuli, written to a folder in `folder`.

    A layer is a stage, its `STAGE.input` or a state of its cell, `STAGE.STATE`, or `head`
    (`Network.trace`); by default every stage that the presentation lets the image reach. `steps`,
    counted from the image's onset, are by default all at which a layer depends on the image. A
    trace of this network, these images and this presentation that is there already is read, not
    made again. `batch` images are computed at once; `statistics` are those of the images that the
    network was trained on (its card), by default the published ones, for grey images none.
    `progress` is called with the number of stimuli done.

    Raises InputError for a layer that does not exist and for a step before the first at which it
    depends on the image, DataError for an image that cannot be used and a disk that is too small,
    OSError.
    """
    shown = present(network, presentation)
    by_layer = _choose_steps(shown, presentation, layers, steps)
    pixels = _choose_statistics(shown, statistics)
    tracing = _Tracing(shown, stimuli, presentation, by_layer, pixels)
    name = tracing.identify()
    if not (folder / name).is_dir():
        with files.partial(folder, name) as hidden:
            tracing.write(hidden, batch, progress)
            if not (folder / name).is_dir():  # another process may have been quicker
                hidden.rename(folder / name)
                files.settle(folder)
    return _read(folder / name, presentation.milliseconds, source)


def _choose_steps(
    network: "Network",
    presentation: Presentation,
    layers: Sequence[str] | None,
    steps: Collection[int] | None,
) -> dict[str, tuple[int, ...]]:
    """By layer, its steps counted from the image's onset."""
    onset, total = network.genome.clock.image_on, presentation.total
    stages = [stage.name for stage in network.genome.stages]
    named = write_step(network.genome).named
    chosen = {}
    for layer in dict.fromkeys(stages if layers is None else layers):
        if layer not in named:
            problem, cure = (
                "there is nothing of that name to trace",
                f"there are {', '.join(named)}",
            )
            raise InputError(f"layers: {printable(layer)}", problem, cure)
        stage = layer.partition(".")[0]
        first = network.first_valid_step(stage) - onset
        if first >= total and layers is None:
            continue
        wanted = tuple(
            range(min(first, total - 1), total) if steps is None else sorted(set(steps))
        )
        for step in wanted:
            where = f"steps: {step}"
            if step < first:
                problem = f"no image has reached {stage} at step {step}"
                cure = f"its first valid step is {first}, and the presentation has {total}"
                raise InputError(where, problem, cure)
            if step >= total:
                raise InputError(where, f"the presentation has {total} steps", "show it longer")
        chosen[layer] = wanted
    if not all(chosen.values()) or not chosen:
        raise InputError("layers", "there is nothing to trace", "name a layer and a step")
    return chosen


def _choose_statistics(network: "Network", statistics: Statistics | None) -> Statistics:
    channels = network.image_channels
    if channels not in (1, 3):
        problem = f"the network takes images of {channels} channels"
        raise InputError("stimuli", problem, "give a network for colour or for grey images")
    if statistics is not None:
        return statistics
    return PUBLISHED if channels == 3 else Pixels(mean=(0.0,), std=(1.0,))


@dataclass(frozen=True)
class _Tracing:
    """All that the numbers of a trace depend on: a network under the presentation's clock, and
    the steps of each layer, counted from the image's onset.
    """

    network: "Network"
    stimuli: StimulusSet
    presentation: Presentation
    steps: Mapping[str, tuple[int, ...]]
    pixels: Statistics

    def identify(self) -> str:
        """A name that no other trace has."""
        facts = {
            "format": FORMAT,
            "genome": self.network.genome.document(),
            "presentation": asdict(self.presentation) | {"milliseconds": None},
            "steps": self.steps,
            "pixels": [[*self.pixels.mean], [*self.pixels.std]],
        }
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {[*tensor.shape]}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy())
        for name in self.stimuli.rows:
            image = hashlib.sha256(self.stimuli.read_image(name)).hexdigest()
            digest.update(json.dumps([name, image]).encode())
        return digest.hexdigest()[:32]

    def write(
        self, folder: Path, batch: int | None, progress: Callable[[int], None] | None
    ) -> None:
        """Write all files. Raises DataError, before any image is shown, for a disk that is too
        small.
        """
        features = {
            layer: prod(values.shape[2:])
            for layer, values in self._respond(self._read_images([*self.stimuli.rows][:1]))
        }
        each = 4 * sum(features[layer] * len(steps) for layer, steps in self.steps.items())
        _check_disk(folder, each * len(self.stimuli.rows))
        with ExitStack() as opened:
            written = {
                layer: opened.enter_context((folder / f"{layer}.npy").open("wb"))
                for layer in self.steps
            }
            for layer, file in written.items():
                _write_header(
                    file, (len(self.stimuli.rows), len(self.steps[layer]), features[layer])
                )
            done = 0
            for names in self._divide(batch or max(1, min(MOST, AT_ONCE // each))):
                for layer, values in self._respond(self._read_images(names)):
                    values.flatten(2).float().cpu().numpy().tofile(written[layer])
                done += len(names)
                if progress is not None:
                    progress(done)
            for file in written.values():
                file.flush()
                os.fsync(file.fileno())
        index = _Index(format=FORMAT, stimuli=tuple(self.stimuli.rows), steps=dict(self.steps))
        files.write(folder / INDEX, index.model_dump_json().encode())
        files.settle(folder)

    def _divide(self, batch: int) -> Iterator[list[str]]:
        names = [*self.stimuli.rows]
        for start in range(0, len(names), batch):
            yield names[start : start + batch]

    def _respond(self, images: Images) -> "Iterator[tuple[str, Tensor]]":
        """uint8 [B,S,S,C] -> by layer [B, steps, C', H, W], or [B, steps, classes] of the head."""
        import torch

        from workers.data.preprocessing import normalise_pixels

        like = next(iter(self.network.parameters()))
        taken = normalise_pixels(images, self.pixels).to(like.device, like.dtype)
        onset = self.network.genome.clock.image_on
        reads = {layer: [(layer, onset + step) for step in s] for layer, s in self.steps.items()}
        with torch.no_grad():
            values = self.network.read(taken, [read for one in reads.values() for read in one])
            for layer, wanted in reads.items():
                yield layer, torch.stack([values.pop(read) for read in wanted], 1)

    def _read_images(self, names: Sequence[str]) -> Images:
        """uint8 [B,S,S,C], as the network's field holds them."""
        grey = self.presentation.level
        size = self.network.image_size
        shown = []
        for name in names:
            where = self.stimuli.rows[name]["filename"]
            image = decode_image(self.stimuli.read_image(name), where, (grey, grey, grey))
            placed = place_image(image, self.presentation, size)
            shown.append(_to_grey(placed) if self.network.image_channels == 1 else placed)
        return np.stack(shown)


def _to_grey(image: Images) -> Images:
    """[H,W,3] -> [H,W,1], the luma of ITU-R 601."""
    from PIL import Image

    return np.asarray(Image.fromarray(image).convert("L"))[..., None]


def _check_disk(folder: Path, needed: int) -> None:
    """Raises DataError for a disk that does not hold so many bytes more."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        problem = f"the trace takes {needed / 1e9:,.1f} GB, and the disk has {free / 1e9:,.1f} GB"
        raise DataError(str(folder.parent), problem, "name another folder, or fewer layers")


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    facts = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, facts)


def _read(folder: Path, milliseconds: float, source: str) -> Trace:
    """A trace that is whole. Raises DataError for one that was changed."""
    text = read_text(folder / INDEX, _INDEX_BYTES, DataError)
    where = str(folder / INDEX)
    index = parse(_Index, parse_json(text, where, nodes=RECORD), where, DataError, nodes=RECORD)
    layers: dict[str, Floats] = {}
    for layer, steps in index.steps.items():
        file = folder / f"{layer}.npy"
        with open_regular(file, DataError) as opened:
            shape = read_header(opened, str(file), DataError, _REMOVE).shape
        layers[layer] = map_array(file, dtype="<f4", shape=shape, error=DataError, cure=_REMOVE)
        if layers[layer].shape[:2] != (len(index.stimuli), len(steps)):
            raise DataError(str(file), "has another shape than was written", _REMOVE)
    return Trace(
        stimuli=np.array(index.stimuli),
        layers=layers,
        steps=index.steps,
        milliseconds=milliseconds,
        source=source,
    )


_REMOVE = "remove the folder: it is made again"
