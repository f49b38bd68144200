"""Layers of a network among the animals of a recording: the distances of the Turing test.

All subjects are made alike but for what they are. Each is seen by as many neurons, drawn at random
several times (`samples`), over which distances are averaged; and the model's units get noise, as
much of it beside their variance over stimuli as the animals' neurons have: a model without noise
would predict better and be predicted better than any animal.

    map    1 - r: how badly a map fitted to subject i's neurons predicts those of j, on held-out
           stimuli (the median over neurons, averaged over splits and bins)
    rsa    1 - the similarity of the movies of dissimilarities, averaged over bins; one number for
           both directions
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.assembly import Assembly
from workers.brains.averages import average_defined, divide
from workers.brains.correlation import Floats
from workers.brains.maps import Map
from workers.brains.populations import choose_layers, split_animals
from workers.brains.predictivity import predict_neurons
from workers.brains.scores import STRATA, Features, divide_areas, find_rows
from workers.brains.similarity import compare_movies, measure_dissimilarities
from workers.brains.splits import SPLITS, Split, split_stimuli
from workers.brains.turing import FEWEST, LEVEL, Verdict, find_power, judge_model

Distance = Callable[[Floats, Floats], float]
"""Of the second's responses [stimuli, units, bins] from what the first's predict of them."""

SAMPLES = 5
SEED = 1
NOISIEST = 20.0
"""Noise of more than so many times the signal counts as so much: some neurons have no signal."""


@dataclass(frozen=True, kw_only=True)
class Animal:
    """An animal's neurons that have every stimulus: `responses` [stimuli, neurons, bins], averaged
    over repetitions, and the variance of their `noise` as a multiple of their signal's; NaN where
    neither repetitions nor a coordinate `reliability` say it.
    """

    name: str
    responses: Floats
    noise: float


@dataclass(frozen=True, kw_only=True)
class TuringScore:
    """The verdict on a layer among the animals of an area, each seen by so many `neurons`.

    `noise`: whether the layer was made as noisy as the animals; it is not where nothing says how
    noisy these are.
    """

    layer: str
    area: str
    neurons: int
    noise: bool
    verdict: Verdict

    def document(self) -> dict[str, Any]:
        """The row as one prints it."""
        head = {"layer": self.layer, "area": self.area, "neurons": self.neurons}
        return {**head, **asdict(self.verdict), "noise": self.noise}


@dataclass(frozen=True, kw_only=True)
class TuringPower:
    """How often a model as far off as this layer would be rejected, with so many animals."""

    layer: str
    area: str
    neurons: int
    animals: int
    effect: float
    power: float

    def document(self) -> dict[str, Any]:
        """The row as one prints it."""
        return asdict(self)


def take_animals(assembly: Assembly, area: str) -> list[Animal]:
    """The animals of an area. Raises DataError for fewer than three, and for one without a neuron
    that has every stimulus.
    """
    parts = split_animals(assembly)
    if len(parts) < FEWEST:
        problem = f"has neurons of {len(parts)} animals in {printable(area)}"
        cure = f"the test needs {FEWEST} or more, named by the coordinate animal"
        raise DataError(assembly.source, problem, cure)
    animals: list[Animal] = []
    for name, part in parts.items():
        arranged = part.arrange()
        known = np.asarray(np.isfinite(arranged.averages).all(axis=(0, 2)))
        if not known.any():
            problem = f"has no neuron of animal {printable(name)} that has every stimulus"
            raise DataError(assembly.source, problem, "keep the stimuli that all animals saw")
        animals.append(
            Animal(
                name=name,
                responses=arranged.averages[:, known],
                noise=_measure_noise(part, arranged.values, known),
            )
        )
    return animals


def _measure_noise(assembly: Assembly, responses: NDArray[Any], known: NDArray[np.bool_]) -> float:
    """The variance of noise in averages of responses [stimuli, repetitions, neurons, bins], as a
    multiple of the signal's, over the neurons that are `known`.

    Both are summed over neurons first: a quotient a neuron would be of few stimuli, and too large
    on average.
    """
    if responses.shape[1] == 1:
        reliability = assembly.neurons.get("reliability")
        if reliability is None or reliability.dtype.kind != "f":
            return float("nan")
        mean = float(average_defined(reliability[known]))
        return min((1 - mean) / mean, NOISIEST) if mean > 0 else NOISIEST
    values = np.asarray(responses[:, :, known], dtype=np.float64)
    there = np.isfinite(values).sum(axis=1)
    averages = average_defined(values, axis=1)
    squares = np.nansum(np.square(values - averages[:, None]), axis=1)
    noise = average_defined(divide(squares, (there - 1.0) * there))  # of each stimulus' average
    total = averages.var(axis=0, ddof=1)
    seen = np.isfinite(noise)  # neurons that any stimulus was shown to twice
    if not seen.any():
        return float("nan")
    signal = float((total - noise)[seen].sum())
    spread = float(noise[seen].sum())
    return min(spread / signal, NOISIEST) if signal > 0 else NOISIEST


def score_turing(
    features: Features,
    assembly: Assembly,
    areas: Sequence[str],
    layers: Sequence[str],
    distance: Distance,
    *,
    neurons: Sequence[int] = (),
    samples: int = SAMPLES,
    level: float = LEVEL,
) -> list[TuringScore]:
    """Every layer among the animals of every area (those of the recording, if none are named).

    neurons: how many each subject is seen by; those of the animal with the fewest, if not given.
    Raises DataError as `take_animals` does, and for layers or animals with fewer units.
    """
    rows = find_rows(features, np.unique(assembly.stimulus_ids), assembly.source)
    chosen = choose_layers(features, layers)
    scores: list[TuringScore] = []
    for area, part in divide_areas(assembly, areas).items():
        animals = take_animals(part, area)
        fewest = min(animals, key=lambda animal: animal.responses.shape[1])
        there = fewest.responses.shape[1]
        bins = fewest.responses.shape[2]
        models = {name: _order_model(features, name, rows, bins) for name in chosen}
        for count in neurons or [there]:
            if count > there:
                problem = f"are {count}, and animal {printable(fewest.name)} has {there}"
                raise DataError("neurons", problem, f"give at most {there}")
            scores += _score_area(area, animals, models, distance, count, samples, level)
    return scores


def find_powers(
    scores: Sequence[TuringScore], animals: Sequence[int], *, level: float = LEVEL
) -> list[TuringPower]:
    """The power of the test of both directions with each number of animals, by the effect that
    was seen in the further one. The animals' deviation is taken as it is.
    """
    return [
        TuringPower(
            layer=score.layer,
            area=score.area,
            neurons=score.neurons,
            animals=count,
            effect=score.verdict.effect,
            power=float(power),
        )
        for score in scores
        if score.verdict.direction == "both"
        for count, power in zip(
            animals, find_power(score.verdict.effect, animals, level=level / 2), strict=True
        )
    ]


# ------------------------------------------------------------------------------------ distances


def map_distance(splits: Sequence[Split], mapping: Map) -> Distance:
    """1 - r of predictions on held-out stimuli; one map for all bins."""

    def measure(first: Floats, second: Floats) -> float:
        source = np.moveaxis(first, 2, 1)
        center = predict_neurons(source, second, splits, mapping, shared=True).summary.center
        return 1 - float(average_defined(center))

    return measure


def similarity_distance() -> Distance:
    """1 - the similarity of dissimilarities, the same in both directions."""

    def measure(first: Floats, second: Floats) -> float:
        one, other = (measure_dissimilarities(responses) for responses in (first, second))
        return 1 - float(average_defined(compare_movies(one, other)))

    return measure


def split_recording(assembly: Assembly, splits: int = SPLITS) -> list[Split]:
    """The splits of a recording's stimuli, by object where it has `object_name`."""
    return split_stimuli(
        len(np.unique(assembly.stimulus_ids)), assembly.describe_stimuli(STRATA), splits=splits
    )


def add_noise(responses: Floats, noise: float, random: np.random.Generator) -> Floats:
    """Responses [stimuli, units, bins] with noise of `noise` times their variance over stimuli; as
    they are where it is not known (NaN).
    """
    if np.isnan(noise):
        return responses
    deviations = responses.std(axis=0) * np.sqrt(noise)
    noisy: Floats = responses + deviations * random.standard_normal(responses.shape)
    return noisy


def _order_model(
    features: Features, layer: str, rows: NDArray[np.int64], bins: int
) -> tuple[str, Floats]:
    """Where a layer is from, and its responses [stimuli, units, bins]."""
    values = np.asarray(features.layers[layer][rows], dtype=np.float64)
    where = f"{features.source}: {printable(layer)}"
    values = np.repeat(values[:, None], bins, axis=1) if values.ndim == 2 else values
    if values.shape[1] != bins:
        problem = f"has {values.shape[1]} time bins, and the recording has {bins}"
        raise DataError(where, problem, "give features in the recording's bins")
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        cure = "leave out the layer, or the units that have them"
        raise DataError(where, f"has {count:,} numbers that are not finite", cure)
    return where, np.moveaxis(values, 1, 2)


def _score_area(
    area: str,
    animals: Sequence[Animal],
    models: dict[str, tuple[str, Floats]],
    distance: Distance,
    count: int,
    samples: int,
    level: float,
) -> list[TuringScore]:
    """The verdicts on all layers; the animals' own distances are measured once for them."""
    noise = float(average_defined(np.array([animal.noise for animal in animals])))
    subjects = len(animals) + 1
    totals: dict[str, Floats] = {name: np.zeros((subjects, subjects)) for name in models}
    random = np.random.default_rng(SEED)
    for _ in range(samples):
        seen = [_draw_units(animal.responses, count, random) for animal in animals]
        between = np.zeros((subjects, subjects))
        for i, first in enumerate(seen):
            for j, second in enumerate(seen):
                between[i, j] = distance(first, second) if i != j else 0
        for name, (where, responses) in models.items():
            if responses.shape[1] < count:
                problem = f"has {responses.shape[1]} units, fewer than {count} neurons"
                raise DataError(where, problem, "give fewer --neurons, or another layer")
            drawn = add_noise(_draw_units(responses, count, random), noise, random)
            border = between.copy()
            border[-1, :-1] = [distance(drawn, other) for other in seen]
            border[:-1, -1] = [distance(other, drawn) for other in seen]
            totals[name] += border / samples
    noisy = not np.isnan(noise)
    return [
        TuringScore(layer=name, area=area, neurons=count, noise=noisy, verdict=verdict)
        for name, total in totals.items()
        for verdict in judge_model(total, level=level)
    ]


def _draw_units(responses: Floats, count: int, random: np.random.Generator) -> Floats:
    units = np.sort(random.choice(responses.shape[1], count, replace=False))
    return responses[:, units]
