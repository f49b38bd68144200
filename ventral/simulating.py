"""Simulated recordings on the command line: the options, and the networks that are traced."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from space.documents.outside import printable
from space.errors import InputError
from ventral.output import note
from ventral.presenting import TRACES, Screen, split_names
from ventral.progress import ProgressLine

if TYPE_CHECKING:
    from workers.brains.simulation import Teacher
    from workers.brains.stimuli import StimulusSet
    from workers.brains.subjects import Subject

TeacherName = Annotated[
    str, typer.Argument(metavar="TEACHER", help="an export, a model of the zoo, a genome's file")
]
Out = Annotated[Path | None, typer.Option(help="the recording to write: .nc or .npz")]
Data = Annotated[str | None, typer.Option(help="a data set whose images are the stimuli")]
Set = Annotated[list[str] | None, typer.Option("--set", help="an option of the data set: size=32")]
Count = Annotated[int, typer.Option(min=2, help="how many images of the data set")]
Stimuli = Annotated[
    Path | None, typer.Option(help="instead of --data: .csv with stimulus_id and filename")
]
Images = Annotated[Path | None, typer.Option(help="the folder or zip file of its images")]
Neurons = Annotated[int, typer.Option(min=1, help="neurons in all areas together")]
Repetitions = Annotated[int, typer.Option(min=1, help="presentations of each image")]
Ceiling = Annotated[
    float, typer.Option(max=1.0, help="consistency of each neuron, 1 without noise")
]
LatencyMs = Annotated[float, typer.Option(min=0.0, help="when the network's first step begins")]
StepMs = Annotated[float, typer.Option(help="milliseconds that a step stands for")]
BinMs = Annotated[float, typer.Option(help="width of a time bin")]
Area = Annotated[
    list[str] | None,
    typer.Option(help="an area's layers, V4=conv3,conv4; else the last two thirds of the layers"),
]
Seed = Annotated[int, typer.Option(min=0, help="of neurons and noise")]
NetworkSeed = Annotated[int, typer.Option(min=0, help="of weights that no export gives")]
Power = Annotated[
    bool, typer.Option("--power", help="how often would this experiment find the teacher?")
]
Rival = Annotated[
    list[str] | None,
    typer.Option(help="with --power: another network to compare with, as TEACHER is named"),
]
OtherSeeds = Annotated[
    int, typer.Option(min=0, help="with --power: so many rivals with other random weights")
]
Draws = Annotated[int, typer.Option(min=1, help="with --power: recordings of each size")]
Tried = Annotated[str | None, typer.Option(help="with --power: several numbers: 50,100,200")]


STATIC = "static twin"
"""The rival that has the teacher's features, the same at all times."""


@dataclass(frozen=True)
class Shown:
    """The stimuli that networks are shown, and how: as the options have it."""

    stimuli: "StimulusSet"
    screen: Screen
    layers: str | None
    size: int | None
    traces: Path | None

    def trace(self, subject: "Subject", name: str) -> "Teacher":
        """The features of a network, under a name."""
        from workers.brains.teachers import make_teacher
        from workers.brains.tracing import trace_layers
        from workers.storage.cache import ensure_cache

        trace = trace_layers(
            subject.network,
            self.stimuli,
            self.screen.show(subject, 0),
            self.traces or ensure_cache(TRACES),
            layers=split_names(self.layers) or None,
            statistics=subject.statistics,
            source=printable(name),
            progress=ProgressLine("traced", len(self.stimuli.rows), "images").advance,
        )
        return make_teacher(trace, self.stimuli)

    def trace_rivals(
        self, subject: "Subject", true: "Teacher", names: Sequence[str], seeds: Sequence[int]
    ) -> "dict[str, Teacher]":
        """The static twin of a teacher, its network with random weights of other seeds, and the
        networks of these names.
        """
        from workers.brains.teachers import reseed
        from workers.brains.time_controls import make_static

        others = {f"{subject.name}, seed {seed}": reseed(subject, seed) for seed in seeds}
        others |= {name: load_network(name, 0, self.size) for name in names}
        rivals = {STATIC: make_static(true)}
        return rivals | {name: self.trace(other, name) for name, other in others.items()}


def load_network(called: str, seed: int, size: int | None) -> "Subject":
    """A network by its name, with a note if its weights are random. Raises InputError for what
    is none.
    """
    from workers.brains.subjects import load_subject

    subject = load_subject(called, seed=seed, size=size)
    if not subject.trained:
        note(f"{printable(called)}: no weights come with it; these are random (seed {seed})")
    return subject


def read_shown(
    data: str | None,
    options: Sequence[str],
    count: int,
    table: tuple[Path | None, Path | None],
    folder: Path,
) -> "StimulusSet":
    """The stimuli of a table and its images, or those of a data set, written to `folder`.

    Raises InputError unless one of both is given.
    """
    from workers.brains.data_stimuli import write_stimuli
    from workers.brains.stimuli import read_stimuli

    stimuli, images = table
    if (data is None) == (stimuli is None):
        problem = "are both given" if data else "are not given, neither of them"
        cure = "name a data set (`ventral data list`), or a table and its --images"
        raise InputError("--data and --stimuli", problem, cure)
    if stimuli is not None:
        if images is None:
            raise InputError("--images", "is not given", "name the folder of the table's images")
        return read_stimuli(stimuli, images)
    return write_stimuli(_read_spec(str(data), options), count, folder)


def _read_spec(name: str, options: Sequence[str]) -> Any:
    from search.campaign import apply
    from workers.data.specs import data_spec

    document: dict[str, Any] = {"name": name}
    for option in options:
        apply(document, option)
    return data_spec(document)


def read_areas(texts: Sequence[str], layers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Areas as they are written, `V4=conv3,conv4`; by default as `place_areas` has them.

    Raises InputError for a text that is no area.
    """
    from workers.brains.simulation import place_areas

    areas: dict[str, tuple[str, ...]] = {}
    for text in texts:
        area, _, names = text.partition("=")
        chosen = tuple(split_names(names))
        if not area.strip() or not chosen:
            raise InputError("--area", f"{printable(text)!r} is no area", "write V4=conv3,conv4")
        areas[area.strip()] = chosen
    return areas or place_areas(layers)


def read_sizes(
    images: str | None, neurons: str | None, repetitions: str | None
) -> dict[str, list[int]]:
    """The sizes to try, by what they are of, of those that are given. Raises InputError."""
    given = {"images": images, "neurons": neurons, "repetitions": repetitions}
    return {name: _read_numbers(f"--try-{name}", text) for name, text in given.items() if text}


def _read_numbers(option: str, text: str) -> list[int]:
    numbers = []
    for word in split_names(text):
        if not word.isascii() or not word.isdigit() or not int(word):
            problem = f"{printable(word)!r} is no number of them"
            raise InputError(option, problem, "write whole numbers from 1: 50,100")
        numbers.append(int(word))
    return numbers
