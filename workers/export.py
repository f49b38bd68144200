"""Exports: one directory that gives the same outputs on any machine with PyTorch.

An export holds `genome.json` (the network), `model.safetensors` (its weights, and the card's facts
in the header) and `README.md` (the card, for people). Reading one needs torch and nothing of Ray,
MLflow or a database; this module knows no store, only values.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from space.cell_names import short_name
from space.documents.bounds import RECORD, THREADS
from space.documents.files import parse_json
from space.documents.outside import markdown
from space.documents.validation import Value, parse
from space.errors import GenomeError, InputError
from space.genome import Genome
from space.network.sizes import first_informed_step
from space.step.parameters import parameters
from space.unroll.cost import cost
from workers import files
from workers.data.statistics import divisors
from workers.tensors import FLOATS, Header, read_header

if TYPE_CHECKING:  # torch is loaded when weights are read or written, not before
    from torch import Tensor

    from models.build import Network

GENOME, WEIGHTS, CARD = "genome.json", "model.safetensors", "README.md"
OURS = (GENOME, WEIGHTS, CARD)
REPLACING = ".replacing"
"""In an export that is replaced: the new files that have not taken the old ones' place yet."""

HEADER = "ventral"  # the key of the card's facts in the weights' header


Score = Annotated[float, Field(ge=0, le=1)]
Channels = Annotated[tuple[float, ...], Field(min_length=1)]
Deviations = Annotated[
    tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1), AfterValidator(divisors)
]


class Card(Value):
    """The facts of an export: where it comes from, how it was trained, what it scored.

    Scores lie in 0..1 on the test split of `data`. Images are normalised channel by channel:
    (pixel / 255 - mean) / std, where a std is 1 for a channel that has none; `image_size` is the
    side that the network takes. `evaluation_batch_size` and `threads` are those of the recorded
    scores, so that the same machine gives the same numbers.
    """

    name: str
    digest: str
    campaign: str = ""
    campaign_name: str = ""
    trial: int | None = None
    origin: str = ""
    data: dict[str, Any] = Field(description="the data set as a campaign file writes it")
    data_checksum: str
    classes: tuple[str, ...]
    mean: Channels
    std: Deviations
    image_size: int | None = Field(default=None, ge=1)
    seed: int
    recipe: dict[str, Any]
    epochs: int = Field(ge=0)
    top1: Score
    top5: Score | None = None
    loss: float | None = None
    accuracy_by_step: tuple[Score, ...] = ()
    evaluation_batch_size: int = Field(default=256, ge=1)
    threads: int = Field(default=1, ge=1, le=THREADS)
    versions: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if len(self.mean) != len(self.std):
            raise InputError("std", f"{len(self.std)} of them for {len(self.mean)} means")
        return self


def write(folder: str | Path, genome: Genome, tensors: "Mapping[str, Tensor]", card: Card) -> Path:
    """Write an export to `folder`, all of it or nothing. `tensors` is the network's state dict.

    The files of an export that is already there are replaced, and no others. Killed at any
    moment, this leaves the old export or the new one. Raises InputError if `folder` is a link or
    holds something else, OSError on a full disk.
    """
    from safetensors.torch import save

    target = Path(folder).absolute()
    there = _check_target(target)
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    header = {"format": "pt", HEADER: card.model_dump_json()}
    parent, stem = (target, "export") if there else (target.parent, f"{target.name}.export")
    with files.partial(parent, stem) as partial:
        files.write(partial / GENOME, _json(genome.document()))
        files.write(partial / WEIGHTS, save(plain, metadata=header))
        files.write(partial / CARD, card_text(genome, card).encode())
        files.settle(partial)
        if there:
            _take_places(target)  # what a killed process left
            os.rename(partial, target / REPLACING)
            _take_places(target)
        else:
            os.rename(partial, target)
            files.settle(target.parent)
    return target


def _check_target(target: Path) -> bool:
    """Whether an export is there to be replaced. Raises InputError if something else is."""
    if target.is_symlink():
        raise InputError(str(target), "is a link", f"name the folder itself: {target.resolve()}")
    if target.exists() and not target.is_dir():
        raise InputError(str(target), "is a file", "name a folder")
    if not target.is_dir() or not any(target.iterdir()):
        return False
    if not (target / WEIGHTS).exists() or any((target / name).is_dir() for name in OURS):
        raise InputError(
            str(target), "holds something that is no export", "name an empty or a new folder"
        )
    return True


def _take_places(target: Path) -> None:
    """Move the new files of an export to their places, as far as that is not done.

    From the moment when REPLACING has its name, `_file` finds each of them here or there.
    """
    new = target / REPLACING
    if not new.is_dir():
        return
    files.settle(target)
    for name in OURS:
        if (new / name).exists():
            os.replace(new / name, target / name)
    files.settle(target)
    new.rmdir()


def _file(folder: Path, name: str) -> Path:
    """A file of an export: the new one where its replacement was cut off."""
    new = folder / REPLACING / name
    return new if new.exists() else folder / name


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1) + "\n").encode()


def read_genome(path: str | Path) -> Genome:
    """The genome of an export's folder, or of a genome's JSON or YAML file.

    Raises InputError if there is none, GenomeError if it describes no network.
    """
    from space.documents.files import read_document

    place = Path(path)
    file = _file(place, GENOME) if place.is_dir() else place
    if not file.exists():
        cure = f"name a folder that `ventral export` wrote, or a {GENOME}"
        raise InputError(str(file), "does not exist", cure)
    return Genome.parse(read_document(file, GenomeError), str(file))


def read_card(folder: str | Path) -> Card:
    """The facts of an export. Raises InputError if its weights are missing or damaged."""
    file, header = _read_weights(folder)
    if HEADER not in header.metadata:
        raise InputError(str(file), "holds weights but no card", "export the cell again")
    facts = parse_json(header.metadata[HEADER], f"{file}: the card", nodes=RECORD)
    return parse(Card, facts, str(file), nodes=RECORD)


def load(folder: str | Path) -> "Network":
    """The trained network of an export, on the CPU, in evaluation mode.

    Raises InputError if the folder is no export, or if its weights are damaged or belong to
    another genome; then no memory was taken for them.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from models.build import build

    genome = read_genome(folder)
    file, header = _read_weights(folder)
    misfit = _misfit(parameters(genome).shapes, header)
    if misfit:
        problem = f"does not hold the weights of {GENOME} ({misfit})"
        raise InputError(str(file), problem, "export it again")
    network = build(genome)
    try:
        network.load_state_dict(load_file(file))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise InputError(str(file), f"is damaged ({error})", "export the cell again") from None
    return network.eval()


def _read_weights(folder: str | Path) -> tuple[Path, Header]:
    file = _file(Path(folder), WEIGHTS)
    if not file.exists():
        cure = "name a folder that `ventral export` wrote, and copy the whole of it"
        raise InputError(str(file), "does not exist", cure)
    return file, read_header(file, "export the cell again")


def _misfit(expected: Mapping[str, tuple[int, ...]], header: Header) -> str:
    """The first tensor that is not what a network has, in words; nothing if all are."""
    for name, shape in expected.items():
        stored = header.tensors.get(name)
        if stored is None:
            return f"it lacks {name}"
        if stored.shape != shape:
            return f"{name} has the shape {list(stored.shape)}, not {list(shape)}"
        if stored.dtype not in FLOATS:
            return f"{name} is of type {stored.dtype}, not one of {', '.join(FLOATS)}"
    more = sorted(set(header.tensors) - set(expected))
    return f"it has no place for {more[0]}" if more else ""


def card_text(genome: Genome, card: Card) -> str:
    """The card for people: Markdown under a YAML head, as model hubs read it."""
    found = cost(genome)
    stages = [
        f"| {name} | {first_informed_step(genome, name)} |"
        for name in (*(stage.name for stage in genome.stages), "head")
    ]
    by_step = " ".join(f"{accuracy:.3f}" for accuracy in card.accuracy_by_step)
    off = genome.clock.image_off
    shown = f"from step {genome.clock.image_on} to {'the end' if off is None else f'{off - 1}'}"
    origin = "a control" if card.origin == "control" else f"suggested by {card.origin}"
    name = markdown(card.campaign_name)
    source = f"Campaign {name} ({card.campaign}), trial {card.trial}, {origin}. "
    return f"""---
library_name: ventral-search
license: other
tags: [convrnn, ventral-stream, image-classification]
model-index:
- name: {json.dumps(card.name)}
  results:
  - task: {{type: image-classification}}
    dataset: {{name: {card.data.get("name", "")}, type: {card.data.get("name", "")}}}
    metrics:
    - {{type: accuracy, value: {card.top1}}}
---
# {markdown(card.name)}

{short_name(genome)}: {found.parameters:,} parameters, {found.macs:,} multiply-adds an image, \
{len(genome.stages)} stages, {genome.clock.steps} steps. Identity `{card.digest}`.

## Where it comes from
{source if card.campaign else ""}Trained for {card.epochs} epochs with seed {card.seed} on \
`{json.dumps(card.data)}` (checksum `{card.data_checksum[:16]}`).

| score on the test split | |
|---|---|
| top-1 | {card.top1:.4f} |
| top-5 | {"" if card.top5 is None else f"{card.top5:.4f}"} |
| loss, nats | {"" if card.loss is None else f"{card.loss:.4f}"} |

Accuracy of the read-out at each step: {by_step}

## Time
Biological unroll: one arrow is one step of 10 ms, every stage reads what the others put out the \
step before. The image is shown {shown}; every other frame is {genome.clock.blank} in normalised \
units. Before its first informed step a stage's output does not depend on the image.

| stage | first informed step |
|---|---|
{chr(10).join(stages)}

## How to load it
```python
import ventral

network = ventral.load("FOLDER")         # a torch.nn.Module, in evaluation mode
card = ventral.card("FOLDER")            # these facts as a value
images = ventral.normalise(pixels, card) # uint8 [N, H, W, C] -> float32 [N, C, H, W]
logits = network(images)                 # [N, {genome.classes}]
by_step = network.step_logits(images)    # [N, {genome.clock.steps}, {genome.classes}]
```
`ventral evaluate FOLDER` scores it again on its data. `genome.json` alone builds the same \
network untrained, and can be the `base` of a search space.

Images are {genome.image.size} x {genome.image.size} pixels, normalised by \
(pixel / 255 - mean) / std with mean {[round(value, 6) for value in card.mean]} and std \
{[round(value, 6) for value in card.std]}. Classes: {markdown(", ".join(card.classes[:20]))}\
{" ..." if len(card.classes) > 20 else ""}.

## Training
```json
{json.dumps(card.recipe, indent=1)}
```
Made with {", ".join(f"{name} {version}" for name, version in card.versions.items())}.
"""
