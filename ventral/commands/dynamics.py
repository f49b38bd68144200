"""`ventral score solution-times`, `dynamics` and `turing`: networks beside animals in time."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from space.documents.outside import printable
from space.errors import InputError
from ventral.commands.brains import MapName
from ventral.commands.neural import Area
from ventral.output import Column, Format, Output, note, plain, table
from ventral.presenting import split_names


class By(StrEnum):
    """What is compared."""

    rsa = "rsa"
    times = "times"
    dsa = "dsa"


class DissimilarityName(StrEnum):
    """How far two stimuli are apart in a population."""

    correlation = "correlation"
    euclidean = "euclidean"


class ComparisonName(StrEnum):
    """How alike two sets of dissimilarities are."""

    corr = "corr"
    cosine = "cosine"
    spearman = "spearman"


class Measure(StrEnum):
    """How far a subject is from another."""

    map = "map"
    rsa = "rsa"


class Documented(Protocol):
    """A row that writes itself."""

    def document(self) -> dict[str, Any]:
        """The row as one prints it."""


Neurons = Annotated[
    str | None, typer.Option(help="how many of each subject, such as 20,50; as many as all have")
]
Layer = Annotated[
    str | None, typer.Option(help="layers, such as conv5,conv6; all of them if not given")
]


def register(app: typer.Typer) -> None:
    """Put the commands under `ventral score`."""
    app.command("solution-times")(score_times)
    app.command("dynamics")(score_dynamics)
    app.command("turing")(score_turing)


def score_times(
    features: Annotated[
        Path, typer.Option(help=".npz with stimulus_id, and a layer's [stimuli, bins, features]")
    ],
    primate: Annotated[
        Path, typer.Option(help=".csv or .npz: stimulus_id, object_name, ost, i1, challenge")
    ],
    layer: Layer = None,
    start: Annotated[float, typer.Option(help="when the first bin begins, in ms")] = 70,
    width: Annotated[float, typer.Option(min=0.001, help="how long a bin is, in ms")] = 10,
    splits: Annotated[int, typer.Option(min=1, help="random divisions of the images")] = 10,
    output: Output = Format.table,
) -> None:
    """Does a network solve images in the order in which the animal does?"""
    from workers.brains.animal_times import read_times
    from workers.brains.order_scores import score_layer_orders
    from workers.brains.scores import read_features

    scores = score_layer_orders(
        read_features(features),
        read_times(primate),
        split_names(layer),
        start=start,
        width=width,
        splits=splits,
    )
    numbers = ("spearman", "error", "low", "high")
    show_rows(scores, ("layer", "group"), numbers, ("images", "solved", "splits"), output)


def score_dynamics(  # noqa: PLR0913  (each is an option of the command)
    features: Annotated[
        Path, typer.Option(help=".npz with stimulus_id, and an array a layer of a network")
    ],
    assembly: Annotated[
        Path | None, typer.Option(help="a recording: .nc of Brain-Score, .nwb or .npz")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="features of another network, instead of a recording")
    ] = None,
    area: Area = None,
    layer: Layer = None,
    by: Annotated[
        By, typer.Option(help="rsa: similarity bin by bin; times: every two bins; dsa: dynamics")
    ] = By.rsa,
    dissimilarity: Annotated[
        DissimilarityName, typer.Option(help="of two stimuli, by the population")
    ] = DissimilarityName.correlation,
    comparison: Annotated[
        ComparisonName, typer.Option(help="of two sets of dissimilarities")
    ] = ComparisonName.corr,
    delays: Annotated[int, typer.Option(min=1, help="dsa: bins in a row of the embedding")] = 1,
    rank: Annotated[
        int | None, typer.Option(min=1, help="dsa: coordinates; as many as hold 99 %")
    ] = None,
    draws: Annotated[int, typer.Option(min=20, help="stimuli drawn again, for intervals")] = 200,
    output: Output = Format.table,
) -> None:
    """Do a network's representations and dynamics agree with a brain's, without a fitted map?"""
    from workers.brains import dynamic_scores, populations
    from workers.brains.reading import read_assembly
    from workers.brains.scores import read_features

    read, layers = read_features(features), split_names(layer)
    if assembly is not None and against is None:
        areas = split_names(area)
        pairings = populations.pair_with_areas(read, layers, read_assembly(assembly), areas)
    elif against is not None and assembly is None:
        pairings = populations.pair_with_features(read, layers, read_features(against))
    else:
        cure = "give --assembly FILE or --against FILE, one of them"
        raise InputError("ventral score dynamics", "compares with one thing", cure)
    names = ("layer", "against")
    if by is By.dsa:
        flows = dynamic_scores.score_flows(pairings, delays=delays, rank=rank, draws=draws)
        columns = ("distance", "low", "high", "within", "angle", "eigenvalues", "share")
        show_rows(flows, names, columns, ("rank",), output)
    elif by is By.times:
        squares = dynamic_scores.score_times(pairings, dissimilarity.value, comparison.value)
        show_rows(squares, (*names, "bin", "against_bin"), ("similarity",), (), output)
    else:
        similarities = dynamic_scores.score_similarity(
            pairings, dissimilarity.value, comparison.value, draws=draws
        )
        numbers = ("similarity", "low", "high", "lower", "upper")
        show_rows(similarities, (*names, "bin"), numbers, ("animals", "stimuli"), output)


def score_turing(  # noqa: PLR0913  (each is an option of the command)
    features: Annotated[
        Path, typer.Option(help=".npz with stimulus_id, and an array a layer of a network")
    ],
    assembly: Annotated[
        Path, typer.Option(help="a recording of three animals or more, by the coordinate animal")
    ],
    area: Area = None,
    layer: Layer = None,
    by: Annotated[
        Measure, typer.Option(help="map: a fitted map's errors; rsa: dissimilarities")
    ] = Measure.map,
    mapping: Annotated[MapName, typer.Option("--map", help="from subject to subject")] = (
        MapName.ridge
    ),
    splits: Annotated[int, typer.Option(min=1, help="random divisions of the stimuli")] = 10,
    neurons: Neurons = None,
    samples: Annotated[int, typer.Option(min=1, help="times that neurons are drawn")] = 5,
    level: Annotated[float, typer.Option(min=0.0001, max=0.5, help="of the test")] = 0.05,
    power: Annotated[
        str | None, typer.Option(help="numbers of animals, such as 3,5,10: how often rejected")
    ] = None,
    output: Output = Format.table,
) -> None:
    """Is a network as far from the animals as they are from each other? (NeuroAI Turing test)"""
    from workers.brains import turing_scores
    from workers.brains.maps import MAPS
    from workers.brains.reading import read_assembly
    from workers.brains.scores import read_features

    counts, animals = _list_counts("--neurons", neurons), _list_counts("--power", power)
    recording = read_assembly(assembly)
    distance = turing_scores.similarity_distance()
    if by is Measure.map:
        drawn = turing_scores.split_recording(recording, splits)
        distance = turing_scores.map_distance(drawn, MAPS[mapping.value]())
    scores = turing_scores.score_turing(
        read_features(features),
        recording,
        split_names(area),
        split_names(layer),
        distance,
        neurons=counts,
        samples=samples,
        level=level,
    )
    if not all(one.noise for one in scores):
        note("nothing says how noisy the neurons are: the network has no noise, and looks nearer")
    names = ("layer", "area", "neurons")
    if animals:
        powers = turing_scores.find_powers(scores, animals, level=level)
        show_rows(powers, (*names, "animals"), ("effect", "power"), (), output)
        return
    numbers = ("model", "others", "deviation", "effect", "p", "rank_p")
    show_rows(scores, (*names, "direction"), numbers, ("rejected", "animals"), output)


def _list_counts(option: str, text: str | None) -> list[int]:
    """Whole numbers of an option. Raises InputError for something else, and below 2."""
    names = split_names(text)
    for name in names:
        if not (name.isdecimal() and len(name) < 10 and int(name) >= 2):
            raise InputError(option, f"{printable(name)!r} is no count", "give 2 or more: 3,5,10")
    return [int(name) for name in names]


def show_rows(
    scores: Sequence[Documented],
    names: Sequence[str],
    numbers: Sequence[str],
    counts: Sequence[str],
    output: Format,
) -> None:
    """Print rows: names on the left, numbers with four digits, counts."""
    rows = [{key: plain(item) for key, item in one.document().items()} for one in scores]
    columns = [
        *(Column(key=key) for key in names),
        *(Column(key=key, write=_write, right=True) for key in numbers),
        *(Column(key=key, right=True) for key in counts),
    ]
    table(rows, columns, output)


def _write(number: float) -> str:
    return f"{number:.4f}"
