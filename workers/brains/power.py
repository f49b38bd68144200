"""Power: how often an experiment would find the network that the neurons read from.

Of a teacher many recordings are drawn, each with other neurons and other noise, and each is
analysed as a real one would be: the layers of the teacher and of its rivals predict the neurons
under one map for all bins, a neuron's layer is chosen on half of the splits and scored on the
others, a network's score is the median over neurons. The time of the steps is known when networks
are compared, and fitted (on stimuli that are held in) when it is asked whether it can be found.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from space.documents.outside import printable
from space.errors import DataError
from workers.brains.assembly import Coordinates
from workers.brains.consistency import apply_spearman_brown
from workers.brains.correlation import Floats
from workers.brains.predictivity import predict_neurons
from workers.brains.preferences import Preferences, find_common_bins, find_preferences
from workers.brains.quick_ridge import QuickRidge
from workers.brains.simulation import Averages, Experiment, Teacher, draw_averages, place_bins
from workers.brains.splits import Indices, split_stimuli
from workers.brains.timing import (
    FEWEST_HELD_IN,
    HELD_IN,
    TimeMapping,
    fit_time_mapping,
    hold_in,
    map_times,
)
from workers.seeds import mix_seed

SPLITS = 4
AT_ONCE = 20
"""How many recordings are analysed in one fit: a map's neurons do not see each other."""
OFFSETS = 4
"""How many bins before and behind the true latency are tried."""


@dataclass(frozen=True, kw_only=True)
class Power:
    """What came of `draws` recordings of one size.

    ceiling: that of so many repetitions. first: in how many the teacher's score was above that of
    every rival. recovered: in how many the fitted latency was within one bin of the true one; None
    where that was not asked. preferred: the share of all neurons whose layer was right. scores: by
    network the mean score. lost: by rival, in how many draws it was at least as good.
    """

    images: int
    neurons: int
    repetitions: int
    ceiling: float
    draws: int
    first: int
    recovered: int | None
    preferred: float
    scores: Mapping[str, float]
    lost: Mapping[str, int]


def analyse_power(
    teacher: Teacher,
    rivals: Mapping[str, Teacher],
    experiment: Experiment,
    sizes: Mapping[str, Sequence[int]],
    *,
    draws: int = 100,
    seed: int = 0,
    latency: bool = True,
) -> Iterator[Power]:
    """One `Power` for each combination of the `images`, `neurons` and `repetitions` of `sizes`.

    What `sizes` does not name is the experiment's, and all images. The ceiling is the experiment's
    at its own number of repetitions, and by Spearman-Brown at another. Raises DataError as
    `estimate_power` does, for more images than there are, and for too few.
    """
    options = [
        sizes.get("images") or [len(teacher.stimuli)],
        sizes.get("neurons") or [experiment.neurons],
        sizes.get("repetitions") or [experiment.repetitions],
    ]
    for images in options[0]:  # all of them before the draws for any
        teacher.choose(images)
        if latency:
            hold_in_images(images)
    for images, neurons, repetitions in product(*options):
        changed = change_repetitions(replace(experiment, neurons=neurons), repetitions)
        yield estimate_power(
            teacher.choose(images),
            {name: rival.choose(images) for name, rival in rivals.items()},
            changed,
            draws=draws,
            seed=seed,
            latency=latency,
        )


def hold_in_images(images: int) -> Indices:
    """The images that a latency is fitted to. Raises DataError if they are too few."""
    try:
        return hold_in(images)[0]
    except DataError:
        problem = f"{images} are too few to fit a latency to a quarter of them"
        cure = f"give {round(FEWEST_HELD_IN / HELD_IN)} or more"
        raise DataError("images", problem, cure) from None


def change_repetitions(experiment: Experiment, repetitions: int) -> Experiment:
    """The same neurons and noise with another number of repetitions, and so another ceiling."""
    factor = repetitions / experiment.repetitions
    (ceiling,) = apply_spearman_brown(np.array([experiment.ceiling]), factor)
    return replace(experiment, repetitions=repetitions, ceiling=float(ceiling))


def estimate_power(
    teacher: Teacher,
    rivals: Mapping[str, Teacher],
    experiment: Experiment,
    *,
    draws: int = 100,
    seed: int = 0,
    latency: bool = True,
) -> Power:
    """Draw recordings of the teacher and analyse each. All networks have the same stimuli.

    latency: whether it is fitted as well. Raises DataError for rivals of other stimuli or without
    any, for too few images to split, and as `simulate` does.
    """
    networks = {teacher.source: teacher, **rivals}
    _check(teacher, rivals, networks)
    scores: dict[str, list[Floats]] = {name: [] for name in networks}
    right = recovered = 0
    for start in range(0, draws, AT_ONCE):
        seeds = [mix_seed(seed, "draw", d) for d in range(start, min(draws, start + AT_ONCE))]
        drawn = [draw_averages(teacher, experiment, one) for one in seeds]
        found = _score_networks(networks, drawn, experiment)
        for name, (by_draw, _) in found.items():
            scores[name].append(by_draw)
        right += _count_right(found[teacher.source][1], drawn)
        if latency:
            recovered += sum(_recovers(teacher, one, experiment) for one in drawn)
    whole = {name: np.concatenate(parts) for name, parts in scores.items()}
    own = whole[teacher.source]
    best = np.max([whole[name] for name in rivals], axis=0)
    return Power(
        images=len(teacher.stimuli),
        neurons=experiment.neurons,
        repetitions=experiment.repetitions,
        ceiling=experiment.ceiling,
        draws=draws,
        first=int((own > best).sum()),
        recovered=recovered if latency else None,
        preferred=right / (draws * experiment.neurons),
        scores={name: float(values.mean()) for name, values in whole.items()},
        lost={name: int((whole[name] >= own).sum()) for name in rivals},
    )


def _check(
    teacher: Teacher, rivals: Mapping[str, Teacher], networks: Mapping[str, Teacher]
) -> None:
    if not rivals or len(networks) == len(rivals):
        problem = "there is none of another name than the teacher's"
        raise DataError("rivals", problem, "name a network to compare with")
    for name, rival in rivals.items():
        if not np.array_equal(rival.stimuli, teacher.stimuli):
            problem = f"{printable(name)} has other stimuli than {printable(teacher.source)}"
            raise DataError("rivals", problem, "trace all of them on the same images")


def _place(experiment: Experiment, end: int) -> Coordinates:
    edges = np.asarray(place_bins(end, experiment))
    return {"time_bin_start": edges[:, 0], "time_bin_end": edges[:, 1]}


def _score_networks(
    networks: Mapping[str, Teacher], drawn: Sequence[Averages], experiment: Experiment
) -> dict[str, tuple[Floats, Preferences]]:
    """By network its score in each draw, and the preferred layers of all draws' neurons."""
    teacher = next(iter(networks.values()))
    bins = _place(experiment, teacher.end)
    time = TimeMapping(experiment.milliseconds, experiment.latency)
    responses = np.concatenate([one.averages for one in drawn], axis=1)
    order = np.argsort(teacher.stimuli)
    splits = split_stimuli(len(order), splits=SPLITS)
    correlations: dict[str, dict[str, Floats]] = {}
    for name, network in networks.items():
        mapped = map_times(network.layers, network.steps, time, bins, rows=order)
        correlations[name] = {
            layer: predict_neurons(values, responses, splits, QuickRidge(), shared=True).by_split
            for layer, values in mapped.items()
        }
    everything = {f"{n}/{k}": values for n, of in correlations.items() for k, values in of.items()}
    common = [*find_common_bins(everything)]
    found = {}
    for name, layers in correlations.items():
        preferences = find_preferences({k: values[:, :, common] for k, values in layers.items()})
        by_neuron = np.nan_to_num(preferences.scores)  # what nothing predicts counts as 0
        found[name] = np.median(by_neuron.reshape(len(drawn), -1), axis=1), preferences
    return found


def _count_right(preferences: Preferences, drawn: Sequence[Averages]) -> int:
    true = [layer for one in drawn for layer in one.preferred]
    return sum(
        place >= 0 and preferences.layers[place] == layer
        for place, layer in zip(preferences.chosen.tolist(), true, strict=True)
    )


def _recovers(teacher: Teacher, drawn: Averages, experiment: Experiment) -> bool:
    """Whether the latency that fits a recording best is within one bin of the true one."""
    order = np.argsort(teacher.stimuli)
    rows = hold_in_images(len(order))
    chosen = order[rows]
    fit = fit_time_mapping(
        {name: values[chosen] for name, values in teacher.layers.items()},
        teacher.steps,
        {"all": drawn.averages[rows]},
        _place(experiment, teacher.end),
        milliseconds=[experiment.milliseconds],
        offsets=list_offsets(experiment),
    )
    return abs(fit.mapping.offset - experiment.latency) <= experiment.bin * (1 + 1e-9)


def list_offsets(experiment: Experiment) -> list[float]:
    """The latencies that are tried: whole bins before and behind the true one, from 0 on."""
    around = range(-OFFSETS, OFFSETS + 1)
    tried = [experiment.latency + place * experiment.bin for place in around]
    return [offset for offset in tried if offset >= 0]
