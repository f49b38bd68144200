"""Simulated recordings: what neurons would have done that read from a network that we know.

A neuron is a weighted sum of a few units of one layer of the teacher, its preferred layer. Step k
of the teacher stands for the time from `latency + k * milliseconds` to a step later; a response is
the mean over a bin. Before the image has reached a layer its neurons rest. To every presentation
noise is added, of the variance that makes a neuron's consistency in each bin what was asked for:

    consistency = s^2 / (s^2 + n^2 / R)    =>    n^2 = R s^2 (1 - c) / c

with s^2 the variance of the signal over stimuli, n^2 that of the noise of one presentation and R
the number of repetitions; halves of R / 2 repetitions correlate by s^2 / (s^2 + 2 n^2 / R), of
which Spearman-Brown makes this. Everything is drawn from a seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.assembly import Assembly, list_names, make_assembly
from workers.brains.correlation import Floats, find_varying
from workers.brains.read_out import FOLDS, find_solution_times
from workers.seeds import mix_seed

UNITS = 8
"""How many units of its layer a neuron reads."""


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A network's features of stimuli over time: by layer [stimuli, steps, units].

    `steps` are those of the unroll (0-based) along the second axis of each layer, one after the
    other, from the first at which the image has reached it. `objects` [stimuli] are what the
    stimuli show, if that is known. `source` is the network's name, for errors.
    """

    stimuli: NDArray[np.str_]
    layers: Mapping[str, NDArray[Any]]
    steps: Mapping[str, Sequence[int]]
    source: str
    objects: NDArray[np.str_] | None = None

    @property
    def end(self) -> int:
        """The number of steps of the unroll, as far as layers have it."""
        return 1 + max(steps[-1] for steps in self.steps.values())

    def choose(self, count: int) -> "Teacher":
        """The first `count` stimuli. Raises DataError for more than there are."""
        if not 0 < count <= len(self.stimuli):
            cure = f"give 1 to {len(self.stimuli):,}"
            raise DataError("images", f"{count:,} of {len(self.stimuli):,}", cure)
        return Teacher(
            stimuli=self.stimuli[:count],
            layers={name: values[:count] for name, values in self.layers.items()},
            steps=self.steps,
            source=self.source,
            objects=None if self.objects is None else self.objects[:count],
        )


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is recorded, and how well.

    neurons: in all, dealt out to the areas. repetitions: of every stimulus. ceiling: the
    consistency of a neuron in a bin in which it responds, 1 for no noise. latency, milliseconds:
    when the teacher's first step begins after the stimulus' onset, and how long a step lasts.
    bin: the width of a time bin, in milliseconds; the first begins at the onset, the last ends
    with the teacher's last step or before. areas: by area the layers that its neurons prefer.
    """

    neurons: int = 100
    repetitions: int = 10
    ceiling: float = 0.8
    latency: float = 50.0
    milliseconds: float = 10.0
    bin: float = 10.0
    areas: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        for name in ("neurons", "repetitions"):
            if getattr(self, name) < 1:
                raise DataError(name, f"{getattr(self, name)} of them", "give 1 or more")
        if not 0 < self.ceiling <= 1:
            raise DataError("ceiling", f"{self.ceiling:g}", "give a share above 0, at most 1")
        if not 0 <= self.latency < np.inf:
            raise DataError("latency", f"{self.latency:g} ms", "give 0 or more")
        for name in ("milliseconds", "bin"):
            if not 0 < getattr(self, name) < np.inf:
                raise DataError(name, f"{getattr(self, name):g} ms", "give more than 0")
        if not self.areas or not all(self.areas.values()):
            raise DataError("areas", "an area has no layer", "name one or more for each")
        if self.neurons < len(self.areas):
            cure = f"give {len(self.areas)} or more"
            raise DataError("neurons", f"{self.neurons} for {len(self.areas)} areas", cure)


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What is true of a simulated recording.

    preferred, areas: of each neuron, in the recording's order. latency, milliseconds: of the
    teacher's steps. solved: by stimulus when the noiseless neurons first say what it shows
    (workers/brains/read_out.py), in milliseconds after its onset; None for a stimulus that they
    do not solve, empty where it is not known what the stimuli show, or too few show the same.
    """

    teacher: str
    seed: int
    latency: float
    milliseconds: float
    ceiling: float
    repetitions: int
    preferred: tuple[str, ...]
    areas: tuple[str, ...]
    solved: Mapping[str, float | None]

    def document(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        facts = asdict(self)
        return facts | {"preferred": [*self.preferred], "areas": [*self.areas]}


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """A simulated recording and what is true of it. `signal` [stimuli, neurons, bins], in the
    order of stimulus ids, is the recording without its noise.
    """

    assembly: Assembly
    truth: Truth
    signal: Floats


@dataclass(frozen=True, kw_only=True)
class Averages:
    """What is left of a recording once its repetitions are averaged: [stimuli, neurons, bins], in
    the order of stimulus ids, and the neurons' preferred layers.
    """

    averages: Floats
    preferred: tuple[str, ...]


def place_areas(layers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """V4 and IT by stage: the last third of the layers is IT, the third before it V4.

    Of two layers the first is V4; a single one is IT.
    """
    third = max(1, round(len(layers) / 3))
    areas = {"V4": tuple(layers[-2 * third : -third]), "IT": tuple(layers[-third:])}
    return {area: names for area, names in areas.items() if names}


def place_bins(end: int, experiment: Experiment) -> list[tuple[float, float]]:
    """The recording's time bins, as milliseconds from the onset, for a teacher of `end` steps.

    Raises DataError if the teacher's last step ends before the first bin does.
    """
    last = experiment.latency + end * experiment.milliseconds
    count = int(np.floor(last / experiment.bin + 1e-9))
    if not count:
        problem = f"{experiment.bin:g} ms, and the last step ends at {last:g} ms"
        raise DataError("bin", problem, "give narrower bins")
    return [(place * experiment.bin, (place + 1) * experiment.bin) for place in range(count)]


def weigh_steps(
    steps: Sequence[int], experiment: Experiment, bins: Sequence[tuple[float, float]]
) -> Floats:
    """[bins, steps]: which share of a bin each step takes. The rest of a bin is rest."""
    starts = experiment.latency + experiment.milliseconds * np.asarray(steps, dtype=np.float64)
    edges = np.asarray(bins, dtype=np.float64)
    low = np.maximum(edges[:, :1], starts)
    high = np.minimum(edges[:, 1:], starts + experiment.milliseconds)
    shares: Floats = np.maximum(high - low, 0) / (edges[:, 1:] - edges[:, :1])
    return shares


def simulate(teacher: Teacher, experiment: Experiment, seed: int = 0) -> Simulation:
    """A recording of neurons that read from the teacher, and what is true of it.

    Raises DataError for layers that the teacher lacks, for features that are not finite or do not
    vary, and for time bins without a step.
    """
    bins = place_bins(teacher.end, experiment)
    areas, preferred = draw_layers(teacher, experiment, seed)
    order = np.argsort(teacher.stimuli)
    signal = draw_signal(teacher, experiment, preferred, seed)[order]
    variance = measure_noise(signal, experiment)
    random = np.random.default_rng(mix_seed(seed, "noise"))
    shape = (len(signal), experiment.repetitions, *signal.shape[1:])
    values = random.standard_normal(shape, dtype=np.float32)  # in place: it may be large
    values *= np.sqrt(variance).astype(np.float32)
    values += signal[:, None].astype(np.float32)
    stimuli = teacher.stimuli[order]
    shown: dict[str, NDArray[Any]] = {
        "stimulus_id": np.repeat(stimuli, experiment.repetitions),
        "repetition": np.tile(np.arange(experiment.repetitions), len(stimuli)),
    }
    if teacher.objects is not None:
        shown["object_name"] = np.repeat(teacher.objects[order], experiment.repetitions)
    edges = np.asarray(bins)
    coordinates = {
        "presentation": shown,
        "neuroid": {
            "neuroid_id": np.array([f"n{place:04}" for place in range(len(areas))]),
            "region": np.array(areas),
        },
        "time_bin": {"time_bin_start": edges[:, 0], "time_bin_end": edges[:, 1]},
    }
    source = f"simulated from {printable(teacher.source)}"
    assembly = make_assembly(source, "simulated", values.reshape(-1, *shape[2:]), coordinates)
    truth = Truth(
        teacher=teacher.source,
        seed=seed,
        latency=experiment.latency,
        milliseconds=experiment.milliseconds,
        ceiling=experiment.ceiling,
        repetitions=experiment.repetitions,
        preferred=preferred,
        areas=areas,
        solved=_solve(teacher, order, signal, edges),
    )
    return Simulation(assembly=assembly, truth=truth, signal=signal)


def draw_averages(teacher: Teacher, experiment: Experiment, seed: int = 0) -> Averages:
    """The neurons of `simulate` and averages over repetitions, which are drawn at once: what many
    draws need and no more. Raises DataError as `simulate` does.
    """
    _, preferred = draw_layers(teacher, experiment, seed)
    signal = draw_signal(teacher, experiment, preferred, seed)[np.argsort(teacher.stimuli)]
    deviation = np.sqrt(measure_noise(signal, experiment) / experiment.repetitions)
    random = np.random.default_rng(mix_seed(seed, "averages"))
    noise = random.standard_normal(signal.shape) * deviation
    return Averages(averages=signal + noise, preferred=preferred)


def _solve(
    teacher: Teacher, order: NDArray[Any], signal: Floats, edges: Floats
) -> dict[str, float | None]:
    """When the noiseless neurons first say what each stimulus shows; empty where none can."""
    if teacher.objects is None:
        return {}
    objects = teacher.objects[order]
    _, counts = np.unique(objects, return_counts=True)
    if len(counts) < 2 or counts.min() < FOLDS:
        return {}
    times = find_solution_times(signal, objects, edges.mean(axis=1))
    return {
        str(stimulus): None if np.isnan(time) else float(time)
        for stimulus, time in zip(teacher.stimuli[order], times, strict=True)
    }


def draw_layers(
    teacher: Teacher, experiment: Experiment, seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The area and the preferred layer of each neuron, area after area.

    Areas get equal numbers, the first ones one more where that does not come out; so do layers,
    in an order that is drawn. Raises DataError for a layer that the teacher lacks.
    """
    random = np.random.default_rng(mix_seed(seed, "layers"))
    areas: list[str] = []
    preferred: list[str] = []
    for place, (area, names) in enumerate(experiment.areas.items()):
        if missing := [name for name in names if name not in teacher.layers]:
            problem = f"{printable(area)} prefers {printable(missing[0])}, which it has not"
            cure = f"its layers are {list_names(teacher.layers)}"
            raise DataError(printable(teacher.source), problem, cure)
        count = len(range(place, experiment.neurons, len(experiment.areas)))
        turns = [names[turn % len(names)] for turn in range(count)]
        preferred += [turns[turn] for turn in random.permutation(count)]
        areas += [area] * count
    return tuple(areas), tuple(preferred)


def draw_signal(
    teacher: Teacher, experiment: Experiment, preferred: Sequence[str], seed: int
) -> Floats:
    """[stimuli, neurons, bins]: what the neurons would do without noise.

    A neuron rests at 0, which is what it would say of units that are all 0; its deviation over
    stimuli and steps is 1.
    """
    bins = place_bins(teacher.end, experiment)
    signal = np.zeros((len(teacher.stimuli), len(preferred), len(bins)))
    for layer in dict.fromkeys(preferred):
        values = np.asarray(teacher.layers[layer], dtype=np.float64)
        flat = values.reshape(-1, values.shape[2])
        live = np.flatnonzero(find_varying(flat))
        if not len(live):
            where = f"{printable(teacher.source)}: {printable(layer)}"
            problem = "has no finite unit that varies among the stimuli"
            raise DataError(where, problem, "let neurons prefer another layer")
        places = [place for place, name in enumerate(preferred) if name == layer]
        random = np.random.default_rng(mix_seed(seed, "neurons", layer))
        weights = np.zeros((len(live), len(places)))
        for column in range(len(places)):
            chosen = random.choice(len(live), min(UNITS, len(live)), replace=False)
            weights[chosen, column] = random.standard_normal(len(chosen))
        weights /= flat[:, live].std(axis=0)[:, None]
        drawn = flat[:, live] @ weights
        by_step = (drawn / drawn.std(axis=0)).reshape(*values.shape[:2], -1)
        shares = weigh_steps(teacher.steps[layer], experiment, bins)
        signal[:, places] = np.einsum("skn,bk->snb", by_step, shares)
    return signal


def measure_noise(signal: Floats, experiment: Experiment) -> Floats:
    """[neurons, bins]: the variance of a presentation's noise that gives the asked-for ceiling.

    A bin in which a neuron does not respond to the stimuli has the mean noise of its others.
    """
    variances = signal.var(axis=0)
    responds = find_varying(signal) & (variances > 0)
    others = np.where(responds, variances, 0).sum(axis=1) / np.maximum(responds.sum(axis=1), 1)
    scale = experiment.repetitions * (1 - experiment.ceiling) / experiment.ceiling
    noise: Floats = scale * np.where(responds, variances, others[:, None])
    return noise
