"""Several networks against one recording, side by side: the same neurons, stimuli and splits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from space.documents.outside import printable
from space.errors import DataError, InputError
from workers.brains.assembly import Assembly
from workers.brains.differences import Difference, average_neurons, compare_scores
from workers.brains.maps import Map
from workers.brains.preferences import (
    LayerShare,
    choose_layer,
    count_preferences,
    find_preferences,
    halve_splits,
)
from workers.brains.scores import STRATA, Features, LayerFit, divide_areas, find_rows, fit_layers
from workers.brains.splits import SPLITS
from workers.brains.timing import (
    MILLISECONDS,
    OFFSETS,
    TimeFit,
    TimeMapping,
    fit_time_mapping,
    hold_in,
    map_times,
)


@dataclass(frozen=True, kw_only=True)
class Model:
    """Features of a network by a name; `control`: what others are compared with.

    milliseconds: how long a step lasted when the network was presented with the images, if that is
    known.
    """

    name: str
    features: Features
    control: bool = False
    milliseconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What is known of steps in milliseconds, and whether to fit what is not."""

    milliseconds: float | None = None
    offset: float | None = None
    fit: bool = False

    def __post_init__(self) -> None:
        """Raises InputError where there is nothing to fit."""
        if self.fit and self.milliseconds is not None and self.offset is not None:
            problem = "milliseconds a step and offset are both given"
            raise InputError("--fit-time", problem, "leave one of them out, or the fit")

    @property
    def given(self) -> bool:
        """Whether anything is said of time, so that a second axis holds steps."""
        return self.fit or self.milliseconds is not None or self.offset is not None


@dataclass(frozen=True, kw_only=True)
class AreaScores:
    """A model's layers against an area.

    layer: the one that the area prefers, chosen on the first half of the splits; its score is to
    be taken from the others (`scored`). shares: how many neurons prefer which layer. Of one split
    alone there are neither.
    """

    area: str
    fits: tuple[LayerFit, ...]
    layer: str | None
    shares: tuple[LayerShare, ...]

    @property
    def scored(self) -> LayerFit | None:
        """The preferred layer on the splits on which it was not chosen."""
        fit = next((fit for fit in self.fits if fit.layer == self.layer), None)
        if fit is None:
            return None
        _, scoring = halve_splits(len(fit.result.by_split))
        result = replace(fit.result, by_split=fit.result.by_split[scoring])
        return replace(fit, result=result)


@dataclass(frozen=True, kw_only=True)
class ModelScores:
    """What a model scored, by area, and how its steps were taken for time (None: as bins)."""

    name: str
    control: bool
    areas: tuple[AreaScores, ...]
    time: TimeMapping | None = None
    time_fit: TimeFit | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A model less another in an area, each by the layer that the area prefers; `bin` is None for
    all bins that both cover together.
    """

    area: str
    model: str
    against: str
    bin: str | None
    difference: Difference

    def describe(self) -> str:
        """The comparison as a sentence. Neither is above the other if the interval includes 0."""
        area, model, against = map(printable, (self.area, self.model, self.against))
        one = self.difference
        when = "" if self.bin is None else f", {self.bin} ms"
        if np.isnan(one.value):
            return f"{area}{when}: {model} and {against} have no neuron and bin in common"
        of = f"{one.value:+.3f}, 95 % interval over {one.neurons:,} neurons "
        of += "not known" if np.isnan(one.low) else f"{one.low:+.3f} to {one.high:+.3f}"
        if one.verdict == "not told apart":
            return f"{area}{when}: {model} and {against} are not told apart ({of})"
        return f"{area}{when}: {model} is {one.verdict} {against} ({of})"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """All models' scores, and the comparisons between them; `held_in` stimuli are not scored.

    edges: begin and end of each time bin in milliseconds; none of a recording without time.
    """

    models: tuple[ModelScores, ...]
    comparisons: tuple[Comparison, ...]
    edges: tuple[tuple[float, float], ...] = ()
    held_in: int = 0


def score_models(
    models: Sequence[Model],
    assembly: Assembly,
    areas: Sequence[str],
    mapping: Map,
    *,
    shared: bool = True,
    splits: int = SPLITS,
    timing: Timing | None = None,
) -> Panel:
    """Every model against every area.

    Where the time of any model is fitted, a quarter of the stimuli (`timing.hold_in`) is used for
    that alone and all models are scored on the rest. Raises DataError and InputError for what does
    not fit.
    """
    timing = timing or Timing()
    _check_names(models)
    scored, held = assembly, None
    if timing.fit:
        stimuli = np.unique(assembly.stimulus_ids)
        inside, rest = hold_in(len(stimuli), assembly.describe_stimuli(STRATA))
        held = assembly.select_stimuli(stimuli[inside])
        scored = assembly.select_stimuli(stimuli[rest])
    results = []
    for model in models:
        try:
            time, fit = _time_model(model, held, areas, timing)
        except DataError as error:
            where = f"{model.features.source}: {error.where}"
            raise DataError(where, error.problem, error.cure) from None
        features = model.features if time is None else _map_model(model.features, time, scored)
        fits = fit_layers(features, scored, areas, mapping, shared=shared, splits=splits)
        results.append(
            ModelScores(
                name=model.name,
                control=model.control,
                areas=_collect_areas(fits, splits),
                time=time,
                time_fit=fit,
            )
        )
    return Panel(
        models=tuple(results),
        comparisons=tuple(compare_models(results)) if splits > 1 else (),
        edges=_list_edges(assembly),
        held_in=0 if held is None else len(np.unique(held.stimulus_ids)),
    )


def compare_models(models: Sequence[ModelScores]) -> list[Comparison]:
    """Every model less every control; less the first model where there is no control.

    On the splits on which no layer was chosen; over all bins that both cover, and bin by bin.
    """
    controls = [one for one in models if one.control]
    pairs = list(product([one for one in models if not one.control], controls))
    if not controls:
        pairs = [(one, models[0]) for one in models[1:]]
    comparisons = []
    for model, control in pairs:
        for one, other in zip(model.areas, control.areas, strict=True):
            first, second = one.scored, other.scored
            if first is None or second is None:
                continue
            a, b = first.result.by_split, second.result.by_split
            spans: list[tuple[str | None, slice]] = [(None, slice(None))]
            if len(first.bins) > 1:
                spans += [(name, slice(n, n + 1)) for n, name in enumerate(first.bins)]
            for name, span in spans:
                comparisons.append(
                    Comparison(
                        area=one.area,
                        model=model.name,
                        against=control.name,
                        bin=name,
                        difference=compare_scores(*average_neurons(a[..., span], b[..., span])),
                    )
                )
    return comparisons


def _list_edges(assembly: Assembly) -> tuple[tuple[float, float], ...]:
    if not assembly.bins:
        return ()
    edges = zip(assembly.bins["time_bin_start"], assembly.bins["time_bin_end"], strict=True)
    return tuple((float(start), float(end)) for start, end in edges)


def _check_names(models: Sequence[Model]) -> None:
    names = [model.name for model in models]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError("--features", f"two are named {printable(twice)}", "write NAME=FILE")


def _time_model(
    model: Model, held: Assembly | None, areas: Sequence[str], timing: Timing
) -> tuple[TimeMapping | None, TimeFit | None]:
    """How a model's steps are taken for time; None where it has none, or has bins already."""
    features = model.features
    timed = any(values.ndim == 3 for values in features.layers.values())
    if not timed or (features.steps is None and not timing.given):
        return None, None
    length = model.milliseconds if timing.milliseconds is None else timing.milliseconds
    if held is None:
        if length is None:
            cure = "give the milliseconds a step, or have them fitted"
            raise DataError("steps", "nothing says how long a step lasts", cure)
        return TimeMapping(length, timing.offset or 0.0), None
    rows = find_rows(features, held)
    fit = fit_time_mapping(
        {name: values[rows] for name, values in features.layers.items()},
        _number_steps(features),
        {area: part.arrange().averages for area, part in divide_areas(held, areas).items()},
        held.bins,
        milliseconds=MILLISECONDS if length is None else [length],
        offsets=OFFSETS if timing.offset is None else [timing.offset],
    )
    return fit.mapping, fit


def _map_model(features: Features, time: TimeMapping, scored: Assembly) -> Features:
    """The features of the scored stimuli in the recording's bins."""
    rows = find_rows(features, scored)
    layers = map_times(features.layers, _number_steps(features), time, scored.bins, rows)
    return replace(features, stimuli=features.stimuli[rows], layers=layers, steps=None)


def _number_steps(features: Features) -> dict[str, tuple[int, ...]]:
    """Each layer's steps: those that are known, else from 0 on."""
    known = features.steps or {}
    return {
        name: known.get(name, tuple(range(values.shape[1])))
        for name, values in features.layers.items()
        if values.ndim == 3
    }


def _collect_areas(fits: Sequence[LayerFit], splits: int) -> tuple[AreaScores, ...]:
    collected = []
    for area in dict.fromkeys(fit.area for fit in fits):
        of_area = tuple(fit for fit in fits if fit.area == area)
        correlations = {fit.layer: fit.result.by_split for fit in of_area}
        layer: str | None = None
        shares: tuple[LayerShare, ...] = ()
        if splits > 1:
            layer = choose_layer(correlations)
            shares = tuple(count_preferences(find_preferences(correlations)))
        collected.append(AreaScores(area=area, fits=of_area, layer=layer, shares=shares))
    return tuple(collected)
