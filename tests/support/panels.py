"""Scores of two networks against a recording with time, made up: nothing is fitted."""

from __future__ import annotations

import numpy as np

from workers.brains.panel import AreaScores, ModelScores, Panel, compare_models
from workers.brains.predictivity import Predictivity
from workers.brains.preferences import choose_layer, count_preferences, find_preferences
from workers.brains.scores import Ceilings, LayerFit
from workers.brains.timing import TimeCandidate, TimeFit, TimeMapping

BINS = 6


def make_panel(*, areas: tuple[str, ...] = ("V4", "IT"), splits: int = 4, seed: int = 0) -> Panel:
    """Two models, one a control that is worse by 0.2; 30 neurons an area, the last bin not covered
    by the first model.
    """
    random = np.random.RandomState(seed)
    fits = {
        model: [
            _fit(
                layer, area, top - 0.2 * (place != number) + 0.02 * random.randn(splits, 30, BINS)
            )
            for number, area in enumerate(areas)
            for place, layer in enumerate(("low", "high"))
        ]
        for model, top in (("ours", 0.7), ("feedforward", 0.5))
    }
    for fit in fits["ours"]:
        fit.result.by_split[..., -1] = np.nan
    time = TimeMapping(10, 40)
    tried = (TimeCandidate(TimeMapping(10, 30), 0.4, 6), TimeCandidate(time, 0.5, 5))
    models = [
        ModelScores(
            name=name,
            control=name == "feedforward",
            areas=tuple(
                _collect(area, [fit for fit in of_model if fit.area == area]) for area in areas
            ),
            time=time if name == "ours" else None,
            time_fit=TimeFit(mapping=time, candidates=tried, stimuli=20)
            if name == "ours"
            else None,
        )
        for name, of_model in fits.items()
    ]
    return Panel(
        models=tuple(models),
        comparisons=tuple(compare_models(models)),
        edges=tuple((70.0 + 10 * n, 80.0 + 10 * n) for n in range(BINS)),
        held_in=20,
    )


def _fit(layer: str, area: str, correlations: np.ndarray) -> LayerFit:
    ceilings = Ceilings(center=np.full(BINS, 0.64), error=np.full(BINS, 0.01))
    return LayerFit(
        layer=layer,
        area=area,
        bins=tuple(f"{70 + 10 * n}-{80 + 10 * n}" for n in range(BINS)),
        result=Predictivity(correlations, 25),
        ceilings=ceilings,
        stimuli=60,
    )


def _collect(area: str, fits: list[LayerFit]) -> AreaScores:
    correlations = {fit.layer: fit.result.by_split for fit in fits}
    return AreaScores(
        area=area,
        fits=tuple(fits),
        layer=choose_layer(correlations),
        shares=tuple(count_preferences(find_preferences(correlations))),
    )
