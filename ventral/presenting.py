"""Networks that see a recording's stimuli: the options of it, and their features."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from space.documents.outside import printable
from space.errors import InputError
from ventral.output import note
from ventral.progress import ProgressLine

if TYPE_CHECKING:
    from workers.brains.assembly import Assembly
    from workers.brains.panel import Model
    from workers.brains.presentation import Presentation
    from workers.brains.stimuli import StimulusSet
    from workers.brains.subjects import Subject
    from workers.brains.tracing import Trace

STEP_MS = 10.0
"""Milliseconds of a step of a model where nothing is given."""
TRACES = "traces"
"""Where traces are kept by default, below a machine's cache."""

Models = Annotated[
    list[str] | None,
    typer.Argument(help="exports, models of the zoo, genomes' files", show_default=False),
]
Stimuli = Annotated[
    Path | None, typer.Option(help="for models: .csv with stimulus_id and filename")
]
Images = Annotated[
    Path | None, typer.Option(help="for models: the folder or zip file of the images")
]
ImageMs = Annotated[
    float | None, typer.Option(help="how long the image is on; as the model's clock if not given")
]
Degrees = Annotated[float, typer.Option(help="degrees of visual angle of the image's width")]
FieldDegrees = Annotated[float, typer.Option(help="degrees of visual angle that a model sees")]
Layers = Annotated[
    str | None, typer.Option(help="layers, such as conv4,conv8.out; every stage if not given")
]
Units = Annotated[
    int | None, typer.Option(min=1, help="random projections instead of larger layers")
]
Size = Annotated[int | None, typer.Option(min=1, help="side of the images of models of the zoo")]
Seed = Annotated[
    int, typer.Option(min=0, help="of projections, and of weights of models of the zoo")
]
Traces = Annotated[
    Path | None, typer.Option(help="the folder that keeps traces; by default in the cache")
]


@dataclass(frozen=True)
class Screen:
    """For how long and how large images are shown, as the options have it."""

    step_ms: float
    image_ms: float | None
    degrees: float
    field_degrees: float

    def show(self, subject: "Subject", until: int) -> "Presentation":
        """The presentation for a network, to the end of its clock or to step `until`.

        Raises InputError for times that are no steps.
        """
        from workers.brains.presentation import count_steps

        steps = None
        if self.image_ms is not None:
            steps = count_steps(self.image_ms, self.step_ms, "image-ms")
        return subject.show(
            self.step_ms,
            steps=steps,
            until=until,
            degrees=self.degrees,
            field_degrees=self.field_degrees,
        )


@dataclass(frozen=True)
class Showing:
    """What models are shown and what is kept of them, as the options have it."""

    stimuli: Path | None
    images: Path | None
    screen: Screen
    layers: str | None
    units: int | None
    size: int | None
    seed: int
    traces: Path | None

    def read_stimuli(self, assembly: "Assembly") -> "StimulusSet":
        """The recording's stimuli. Raises InputError if files are not named, or lack one."""
        from workers.brains.stimuli import read_stimuli
        from workers.brains.traced_features import select_stimuli

        for name, place in (("--stimuli", self.stimuli), ("--images", self.images)):
            if place is None:
                what = "FILE.csv" if name == "--stimuli" else "FOLDER"
                problem = "is not given, and models have to be shown the images"
                raise InputError(name, problem, f"write {name} {what}")
        assert self.stimuli is not None
        return select_stimuli(read_stimuli(self.stimuli, self.images), assembly)

    def list_options(self) -> list[str]:
        """The options of models that were given, as far as they have no default."""
        options = {
            "--stimuli": self.stimuli,
            "--images": self.images,
            "--image-ms": self.screen.image_ms,
            "--layers": self.layers,
            "--units": self.units,
            "--size": self.size,
            "--traces": self.traces,
        }
        return [name for name, value in options.items() if value is not None]

    def trace(self, subject: "Subject", stimuli: "StimulusSet", until: int) -> "Trace":
        """The responses of a network, to the end of its clock or to step `until`."""
        from workers.brains.tracing import trace_layers
        from workers.storage.cache import ensure_cache

        name = printable(subject.name)
        if not subject.trained:
            note(f"{name}: no weights come with it; these are random (--seed {self.seed})")
        shown, folder = self.screen.show(subject, until), self.traces
        if folder is None:
            folder = ensure_cache(TRACES)
            note(f"{name}: its responses are kept in {folder}, to be used again (--traces)")
        return trace_layers(
            subject.network,
            stimuli,
            shown,
            folder,
            layers=split_names(self.layers) or None,
            statistics=subject.statistics,
            source=name,
            progress=ProgressLine("traced", len(stimuli.rows), "images").advance,
        )


def split_names(text: str | None) -> list[str]:
    """The names in `V4,IT`; none for None."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def check_sources(models: Sequence[str] | None, features: Path | None, showing: Showing) -> None:
    """Raises InputError unless there are models or features, and for options of the others."""
    if not models and features is None:
        problem = "is given neither models nor --features"
        cure = "name exports or models of the zoo, or give --features FILE.npz"
        raise InputError("ventral score neural", problem, cure)
    if models and features is not None:
        problem = "is given models and --features"
        raise InputError("ventral score neural", problem, "give one of the two")
    if features is not None and (options := showing.list_options()):
        problem = "is for models, which are shown images"
        raise InputError(options[0], problem, "leave it out, or name models instead of --features")


def read_models(
    names: Sequence[str] | None, features: Path | None, assembly: "Assembly", showing: Showing
) -> "list[Model]":
    """Those of a file of features, or the networks of these names, traced one after the other."""
    from workers.brains.panel import Model
    from workers.brains.presentation import cover_time
    from workers.brains.scores import read_features
    from workers.brains.subjects import load_subject
    from workers.brains.traced_features import arrange_trace

    if features is not None:
        return [Model(name=features.stem, features=read_features(features))]
    stimuli = showing.read_stimuli(assembly)
    subjects = [
        load_subject(name, seed=showing.seed, size=showing.size)
        for name in dict.fromkeys(names or ())
    ]
    step = showing.screen.step_ms
    until = 0
    if assembly.bins:  # a network runs on to the end of the recording
        until = cover_time(float(max(assembly.bins["time_bin_end"])), step)
    models = []
    for subject in subjects:
        trace = showing.trace(subject, stimuli, until)
        arranged = arrange_trace(trace, assembly, units=showing.units, seed=showing.seed)
        models.append(Model(name=subject.name, features=arranged, milliseconds=step))
    return models
