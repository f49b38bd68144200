"""Networks that see a recording's stimuli: the options of it, and their features."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from space.documents.outside import path_exists, printable
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
"""That a step of a network stands for in the published models."""
ENDS = (".npz", ".json", ".yaml", ".yml")
"""How files of features and of genomes end, which their names in a table do not."""
TRACES = "traces"
"""Where traces are kept by default, below a machine's cache."""

Models = Annotated[
    list[str] | None,
    typer.Argument(
        help="exports, models of the zoo or genomes' files: [NAME=]PLACE", show_default=False
    ),
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

    step_ms: float | None
    offset_ms: float | None
    image_ms: float | None
    degrees: float
    field_degrees: float

    @property
    def step(self) -> float:
        """Milliseconds of a step."""
        return STEP_MS if self.step_ms is None else self.step_ms

    def show(self, subject: "Subject", until: int) -> "Presentation":
        """The presentation for a network, to the end of its clock or to step `until`.

        Raises InputError for times that are no steps.
        """
        from workers.brains.presentation import count_steps

        steps = None
        if self.image_ms is not None:
            steps = count_steps(self.image_ms, self.step, "image-ms")
        return subject.show(
            self.step,
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
        return trace_layers(
            subject.network,
            stimuli,
            self.screen.show(subject, until),
            self.traces or ensure_cache(TRACES),
            layers=split_names(self.layers) or None,
            statistics=subject.statistics,
            source=name,
            progress=ProgressLine("traced", len(stimuli.rows), "images").advance,
        )


def split_names(text: str | None) -> list[str]:
    """The names in `V4,IT`; none for None."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


@dataclass(frozen=True)
class Source:
    """What is scored, by a name: a file of features (.npz), or a network that is shown images."""

    name: str
    place: str
    control: bool

    @property
    def is_file(self) -> bool:
        """Whether it is a file of features."""
        return self.place.endswith(".npz")


def name_sources(
    models: Sequence[str] | None, features: Sequence[str] | None, controls: Sequence[str] | None
) -> list[Source]:
    """Models, files of features and controls of either kind: NAME=PLACE, or PLACE, which is named
    by its last part. Raises InputError for an empty name or place, and for a file of features
    among the models.
    """
    named = {"models": models, "--features": features, "--control": controls}
    sources = []
    for option, texts in named.items():
        for text in texts or ():
            name, separator, place = text.partition("=")
            if not separator or "://" in name or path_exists(Path(text)):
                name, place = Path(text).stem if text.endswith(ENDS) else Path(text).name, text
            if not name or not place:
                form, end = ("FILE", ".npz") if option == "--features" else ("PLACE", "")
                problem = f"{printable(text)} is no NAME={form}"
                raise InputError(option, problem, f"write NAME={form}{end}")
            source = Source(name, place, option == "--control")
            if option != "--control" and source.is_file != (option == "--features"):
                is_what = "a file of features" if source.is_file else "no .npz"
                cure = "give files of features by --features, and models without"
                raise InputError(option, f"{printable(text)} is {is_what}", cure)
            sources.append(source)
    return sources


def check_sources(sources: Sequence[Source], showing: Showing) -> None:
    """Raises InputError where nothing is to be scored, or is shown anything."""
    if not any(not source.control for source in sources):
        problem = "is given neither models nor --features"
        cure = "name exports or models of the zoo, or give --features FILE.npz"
        raise InputError("ventral score neural", problem, cure)
    files = all(source.is_file for source in sources)
    if files and (options := showing.list_options()):
        problem = "is for models, which are shown images"
        raise InputError(options[0], problem, "leave it out, or name models")


def read_models(
    sources: Sequence[Source], assembly: "Assembly", showing: Showing
) -> "list[Model]":
    """Features from files, and of networks, which are traced one after the other."""
    from workers.brains.panel import Model
    from workers.brains.presentation import cover_time
    from workers.brains.scores import read_features
    from workers.brains.subjects import load_subject
    from workers.brains.traced_features import arrange_trace

    read = {s: read_features(Path(s.place)) for s in sources if s.is_file}
    subjects = {
        s: replace(load_subject(s.place, seed=showing.seed, size=showing.size), name=s.name)
        for s in sources
        if not s.is_file
    }
    if subjects:
        stimuli = showing.read_stimuli(assembly)
    until, screen = 0, showing.screen
    if subjects and assembly.bins:  # a network runs on to the end of the recording
        end = float(max(assembly.bins["time_bin_end"])) - (screen.offset_ms or 0)
        until = cover_time(end, screen.step)
    for source, subject in subjects.items():
        trace = showing.trace(subject, stimuli, until)
        read[source] = arrange_trace(trace, assembly, units=showing.units, seed=showing.seed)
    return [
        Model(
            name=source.name,
            features=read[source],
            control=source.control,
            milliseconds=None if source.is_file else screen.step,
        )
        for source in sources
    ]
