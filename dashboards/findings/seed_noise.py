"""Is the winner above seed noise?

If all networks that were trained were equally good, and differed by the luck of their seeds alone,
the best of them would still stand out. The winner's distance to a network of the space, in
deviations of the seed, is held against what the best of as many equal ones stays below in 95 of
100 cases: the Studentised maximum (Pearson & Hartley 1943, Biometrika 33:89), which is the larger
the fewer seeds the deviation was measured with. A network of the space is the median of all that
were trained (of a sampler that learns, of the first FIRST), the stopped ones carried on to the end
(dashboards/findings/carrying.py). The deviation is that of networks that were trained from several
seeds: controls (`control_seeds`) and certified winners. With fewer than FEW_SEEDS degrees of
freedom, or fewer than LEAST full trainings, the question is left open.
"""

from __future__ import annotations

import math

import numpy as np

from dashboards.findings.carrying import carry_on, list_epochs
from dashboards.findings.chances import bound_best, expect_best
from dashboards.findings.finding import Finding, leave_open
from dashboards.findings.samples import (
    measure_noise,
    select_trained,
    select_whole,
    tabulate_curves,
)
from dashboards.searched import Searched

NAME = "seed-noise"
LEAST = 5
"""Networks that were trained to the end, of which one can be the best."""
FIRST = 20
"""Trained networks that stand for the space: later ones were chosen by what was learned."""
DRAWS = 20
_APART = 1.645 * math.sqrt(2.0)  # two trainings that differ by more are apart, in 95 of 100 cases


def judge(searched: Searched) -> Finding:
    """How far the winner is above what luck makes of equal networks."""
    whole, noise = select_whole(searched), measure_noise(searched)
    scores = whole["top1"].to_numpy(float)
    n = len(select_trained(searched))
    certify = f"ventral certify {searched.id}"
    if len(scores) < LEAST:
        text = (
            f"Only {len(scores)} of the searched networks were trained to the end; {LEAST} are "
            "needed to say whether the best is more than lucky."
        )
        more = 2 * searched.settings.budget.trials
        return leave_open(NAME, text, f"ventral resume {searched.id} --set budget.trials={more}")
    if not noise.known:
        text = (
            f"How far a score is luck of the seed is not known: {noise.freedom + 1} full "
            "trainings of one network are too few. A certification trains the best networks "
            "again from other seeds."
            if noise.freedom
            else "How far a score is luck of the seed is not known: no network was trained to the "
            "end from several seeds. A certification trains the best ones so."
        )
        return leave_open(NAME, text, f"{certify} --seeds 5")
    best, middle = float(scores.max()), _measure_middle(searched)
    value = (best - middle) / noise.deviation
    threshold = bound_best(n, noise.freedom)
    ties = int(np.sum(scores > best - _APART * noise.deviation)) - 1
    beside = (
        f"{ties} other {'is' if ties == 1 else 'are'} within reach of it, and may change places "
        "when trained again"
        if ties
        else "no other is within reach of it"
    )
    above = value > threshold
    verdict = (
        "more than luck makes of equal networks"
        if above
        else "no more than luck may make of equal networks: that it is the best is not shown"
    )
    text = (
        f"The best of {n} networks ({best:.3f}) is {value:.1f} deviations of the seed "
        f"({noise.deviation:.3f}) above a network of the space ({middle:.3f}), {verdict} (the "
        f"best of {n}: {expect_best(n):.1f} expected, below {threshold:.1f} in 95 of 100 cases); "
        f"{beside}."
    )
    top = min(ties + 1, 10) if above else 3
    return Finding(
        name=NAME,
        status="pass" if above else "warning",
        value=value,
        threshold=threshold,
        text=text,
        next=f"{certify} --top {max(top, 1)} --seeds 5",
    )


def _measure_middle(searched: Searched) -> float:
    """The median of the networks that stand for the space, as if all were trained to the end."""
    trained, full = select_trained(searched), searched.full_epochs
    curves = tabulate_curves(searched.reports).reindex(index=trained["trial"])
    stopped = trained[trained["status"] == "pruned"]
    finals = trained.set_index("trial")["top1"].copy()
    if len(stopped):
        carried = carry_on(curves, stopped, list_epochs(curves, stopped, full), full, DRAWS)
        finals[stopped["trial"]] = np.median(carried, axis=0)
    learns = searched.settings.sampler.name != "random"
    return float(np.median(finals.iloc[:FIRST] if learns else finals))
