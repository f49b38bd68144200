"""Which choices sit at the border of their range?

Of every ordered choice (a number, or one of at least three numbers) the share of the best networks
that are at an end is held against the share that the space itself puts there: one-sided binomial
test (Clopper & Pearson 1934, Biometrika 26:404) at LEVEL, corrected for all ends that are looked
at (Bonferroni). The end of an interval is its outer ZONE, in the logarithm where it is drawn so.
Two more things must hold, since the children of one parent are alike without being good: at least
half of the best are there, and among all networks those there are better by more than ERRORS
standard errors, the kinship of networks allowed for (dashboards/findings/kinship.py). A kernel or
depth of 1 has nothing below, and is no border.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri  # type: ignore[import-untyped]

from dashboards.findings.chances import Marks, Numbers, exceed_count
from dashboards.findings.finding import Finding, leave_open
from dashboards.findings.kinship import Kinship
from dashboards.findings.samples import select_ended
from dashboards.frames import CHOICE
from dashboards.searched import Searched
from space.choices.domains import Categorical, Domain, Uniform

NAME = "borders"
ZONE = 0.2
"""The part of an interval that is its end."""
BEST, FEWEST, MOST = 0.1, 10, 100
"""The best are this part of all with a score, within these bounds."""
LEVEL = 0.01
ERRORS = 2.33
HALF = 0.5
RELATED = 5_000
"""Networks whose kinship is allowed for; of more, so many drawn at random, the best among them."""


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of an ordered choice: `inside` are the networks there, of those that have it open;
    their share of the best, of all, and of the space's own draws; `p` of the binomial test.
    """

    choice: str
    end: str
    zone: str
    best: float
    all: float
    drawn: float
    p: float
    inside: Marks


def judge(searched: Searched) -> Finding:
    """The choices whose best values lie at an end."""
    ended = select_ended(searched)
    ranked = ended[ended["top1"].notna()].sort_values(["epochs", "top1"], ascending=False)
    count = min(MOST, max(FEWEST, round(BEST * len(ranked))))
    if len(ranked) < 3 * FEWEST:
        text = (
            f"{len(ranked)} networks with a score are too few to say which choices sit at the "
            f"border of their range; {3 * FEWEST} are needed."
        )
        return leave_open(
            NAME, text, f"ventral resume {searched.id} --set budget.trials={6 * FEWEST}"
        )
    if len(ranked) > RELATED:
        others = ranked.iloc[count:].sample(RELATED - count, random_state=0).index
        ranked = ranked[ranked.index.isin({*ranked.index[:count], *others})]
    ends = list(compare_ends(searched, ranked, count))
    level = LEVEL / max(1, len(ends))
    crowded = [one for one in ends if one.p < level and one.best >= HALF]
    at = sorted(_keep_better(searched, ranked, crowded), key=lambda one: one.p)
    if not at:
        strongest = max(ends, key=lambda one: one.best, default=None)
        return Finding(
            name=NAME,
            status="pass",
            value=0.0,
            threshold=0.0,
            text=f"No ordered choice sits at the border of its range among the best {count} "
            f"({len(ends)} ends looked at{_mention(strongest)}).",
            next=f"ventral top {searched.id}",
        )
    listed = "; ".join(map(_describe, at[:5]))
    more = f"; and {len(at) - 5} more" if len(at) > 5 else ""
    return Finding(
        name=NAME,
        status="warning",
        value=float(len(at)),
        threshold=0.0,
        text=f"The best {count} networks sit at the border of the range of {len(at)} "
        f"{'choice' if len(at) == 1 else 'choices'}; what lies beyond was not searched: "
        f"{listed}{more}.",
        next=f"ventral space show {searched.space.name}",
    )


def compare_ends(searched: Searched, ranked: pd.DataFrame, count: int) -> Iterator[End]:
    """All ends of ordered choices that at least FEWEST of the `count` best have open. `ranked` are
    the networks with a score, best first.
    """
    for parameter in searched.space.parameters:
        column = CHOICE + parameter.path
        if column not in ranked or not _is_ordered(parameter.domain):
            continue
        values = pd.to_numeric(ranked[column], errors="coerce").to_numpy(float)
        there = ~np.isnan(values)
        best = there & (np.arange(len(values)) < count)
        if int(best.sum()) < FEWEST:
            continue
        for end, zone, within, drawn in _zones(parameter.domain, values):
            inside, among = within & there, int(best.sum())
            chosen = int((inside & best).sum())
            share = chosen / among
            yield End(
                choice=parameter.path,
                end=end,
                zone=zone,
                best=share,
                all=float(inside.sum() / there.sum()),
                drawn=drawn,
                p=exceed_count(chosen, among, drawn),
                inside=inside,
            )


def _keep_better(searched: Searched, ranked: pd.DataFrame, ends: list[End]) -> list[End]:
    """Those at which networks are better than their kin elsewhere."""
    if not ends:
        return []
    kinship = Kinship(searched.space.parameters, ranked)
    places = np.arange(len(ranked), 0.0, -1.0)
    scores = ndtri((places - 0.5) / len(places))  # ranks alone are comparable across epochs
    return [one for one in ends if kinship.measure_effect(one.choice, one.inside, scores) > ERRORS]


def _is_ordered(domain: Domain) -> bool:
    if isinstance(domain, Categorical):
        numbers = all(type(one) in (int, float) for one in domain.options)
        return numbers and len(domain.options) >= 3
    return domain.size is None or domain.size >= 3


def _zones(domain: Domain, values: Numbers) -> Iterator[tuple[str, str, Marks, float]]:
    """The ends of a domain: which, in words, which values are there, and the share of draws."""
    if isinstance(domain, Categorical):
        options = [float(one) for one in domain.options]  # type: ignore[arg-type]
        weights = domain.weights or (1.0,) * len(options)
        for end, option in (("lower", min(options)), ("upper", max(options))):
            if end == "upper" or option > 1:
                part = weights[options.index(option)] / sum(weights)
                yield end, f"at {option:g}", values == option, part
        return
    if not isinstance(domain, Uniform) and domain.high - domain.low < 1 / ZONE:
        for end, at in (("lower", domain.low), ("upper", domain.high)):
            if end == "upper" or at > 1:
                yield end, f"at {at}", values == at, _drawn_at(domain.low, domain.high, at, domain)
        return
    low, high = float(domain.low), float(domain.high)
    if domain.log:
        first, last = math.log(low), math.log(high)
        below, above = (math.exp(first + part * (last - first)) for part in (ZONE, 1 - ZONE))
    else:
        below, above = (low + part * (high - low) for part in (ZONE, 1 - ZONE))
    if isinstance(domain, Uniform) or low > 1:
        yield "lower", f"below {below:.2g}", values <= below, ZONE
    yield "upper", f"above {above:.2g}", values >= above, ZONE


def _drawn_at(low: int, high: int, at: int, domain: Domain) -> float:
    """The share of draws of an integer at an end: each owns half a unit around it."""
    if getattr(domain, "log", False):
        whole = math.log((high + 0.5) / (low - 0.5))
        return math.log((at + 0.5) / (at - 0.5)) / whole
    return 1.0 / (high - low + 1)


def _describe(one: End) -> str:
    return (
        f"{one.choice} at its {one.end} end ({one.best:.0%} of the best are {one.zone}, "
        f"{one.all:.0%} of all, {one.drawn:.0%} of the space's draws; p = {one.p:.1g})"
    )


def _mention(one: End | None) -> str:
    if one is None:
        return ""
    return f"; most: {one.choice} {one.zone}, {one.best:.0%} of the best"
