"""Exports: one directory that gives the same outputs on any machine with PyTorch.

An export holds `genome.json` (the network), `model.safetensors` (its weights, and the card's facts
in the header) and, for people, `README.md` (the card) and `cell.svg` (the circuit). Reading one
needs torch and nothing of Ray, MLflow or a database; this module knows no store, only values.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from space.circuits import draw_circuit
from space.documents.bounds import RECORD
from space.documents.files import parse_json
from space.documents.validation import parse
from space.errors import InputError
from space.genome import Genome
from space.genomes import GENOME, REPLACING, find_file, read_genome
from space.step.parameters import parameters
from workers import files
from workers.card import CIRCUIT, Card, format_card
from workers.tensors import FLOATS, Header, read_header

if TYPE_CHECKING:  # torch is loaded when weights are read or written, not before
    from torch import Tensor

    from models.build import Network

WEIGHTS, CARD = "model.safetensors", "README.md"
OURS = (GENOME, WEIGHTS, CARD, CIRCUIT)

HEADER = "ventral"  # the key of the card's facts in the weights' header


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
        files.write(partial / CARD, format_card(genome, card).encode())
        files.write(partial / CIRCUIT, draw_circuit(genome, title=card.name).encode())
        files.settle(partial)
        if there:
            _take_places(target)  # what a killed process left
            partial.rename(target / REPLACING)
            _take_places(target)
        else:
            partial.rename(target)
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
            str(target), "holds something that is not an export", "name an empty or a new folder"
        )
    return True


def _take_places(target: Path) -> None:
    """Move the new files of an export to their places, as far as that is not done.

    From the moment when REPLACING has its name, `find_file` finds each of them here or there.
    """
    new = target / REPLACING
    if not new.is_dir():
        return
    files.settle(target)
    for name in OURS:
        if (new / name).exists():
            (new / name).replace(target / name)
    files.settle(target)
    new.rmdir()


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1) + "\n").encode()


def read_card(folder: str | Path) -> Card:
    """The facts of an export. Raises InputError if its weights are missing or damaged."""
    file, header = _read_weights(folder)
    if HEADER not in header.metadata:
        raise InputError(str(file), "holds weights but no card", "export the cell again")
    facts = parse_json(header.metadata[HEADER], f"{file}: the card", nodes=RECORD)
    return parse(Card, facts, str(file), nodes=RECORD)


def rewrite_card(folder: str | Path, card: Card) -> None:
    """Give an export another card; its network and its weights stay as they are.

    Raises InputError for a damaged export, OSError where it cannot be written.
    """
    network = load(folder)
    write(folder, network.genome, network.state_dict(), card)


def load(folder: str | Path) -> "Network":
    """The trained network of an export, on the CPU, in evaluation mode.

    Raises InputError if the folder is not an export, or if its weights are damaged or belong to
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
    file = find_file(Path(folder), WEIGHTS)
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
