"""Which options were never tried?

Counted is every option of a choice, and every combination of options of the choices that are open
together under one name, such as the operation, kernel and nonlinearity of one edge that
multiplies; where these are more than MOST, each option alone. Tried is what was trained and has a
score. A single option that was never tried though random sampling would have tried it at least
EXPECTED times (so that it happens by chance in 3 of 10,000 cases) is a gap that something made:
limits, failures or the sampler. Beyond that, the part of all combinations that was never tried may
be SHARE; more is expected of too few samples of a large space, and the text says how many sampling
at random would leave.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboards.findings.chances import Numbers
from dashboards.findings.finding import Finding
from dashboards.findings.samples import select_ended
from dashboards.frames import CHOICE
from dashboards.searched import Searched
from space.choices.domains import Categorical, Parameter, Scalar

NAME = "untried-options"
MOST = 64
EXPECTED = 8.0
SHARE = 0.25
_NAMED = 3  # gaps that the text names


@dataclass(frozen=True, kw_only=True)
class Combination:
    """Options of choices that are open together, or one alone; `chance` that a random sample has
    it, `tried` how many trained networks do, `expected` how many of those would with which its
    choices are open, if these were made at random.
    """

    options: Mapping[str, Scalar]
    chance: float
    tried: int
    expected: float

    @property
    def name(self) -> str:
        """As a text shows it: `edge: op convolution, kernel 3`."""
        if len(self.options) == 1:
            ((path, value),) = self.options.items()
            return f"{path} = {_write(value)}"
        above = next(iter(self.options)).rpartition(".")[0]
        inner = (f"{path.rpartition('.')[2]} {_write(v)}" for path, v in self.options.items())
        return f"{above}: {', '.join(inner)}"


def judge(searched: Searched) -> Finding | None:
    """How many options, and combinations of them, no network was trained with. None of a space
    without any.
    """
    ended = select_ended(searched)
    trained = ended[ended["top1"].notna()]
    listed = list(count_combinations(searched.space.parameters, trained))
    if not listed:
        return None
    missed = [one for one in listed if not one.tried]
    gaps = sorted(
        (one for one in missed if len(one.options) == 1 and one.expected >= EXPECTED),
        key=lambda one: -one.expected,
    )
    share = len(missed) / len(listed)
    left = sum((1.0 - one.chance) ** len(trained) for one in listed)
    counted = (
        f"{len(missed)} of {len(listed)} options and combinations were never trained (sampling at "
        f"random as often, {len(trained)} times, would leave {left:.0f})"
    )
    if gaps:
        return _report_gaps(searched, gaps, counted)
    likely = sorted(missed, key=lambda one: -one.chance)[:_NAMED]
    named = f", such as {'; '.join(one.name for one in likely)}" if likely else ""
    if share > SHARE:
        text = f"Too few samples for so large a space: {counted}{named}."
        more = 2 * searched.settings.budget.trials
        return Finding(
            name=NAME,
            status="warning",
            value=share,
            threshold=SHARE,
            text=text,
            next=f"ventral resume {searched.id} --set budget.trials={more}",
        )
    return Finding(
        name=NAME,
        status="pass",
        value=share,
        threshold=SHARE,
        text=f"{counted[0].upper()}{counted[1:]}{named}.",
        next=f"ventral space show {searched.space.name}",
    )


def _report_gaps(searched: Searched, gaps: list[Combination], counted: str) -> Finding:
    worst = gaps[0].expected
    ended = select_ended(searched)
    named = "; ".join(f"{one.name}{_explain(ended, one)}" for one in gaps[:_NAMED])
    more = f"; and {len(gaps) - _NAMED} more" if len(gaps) > _NAMED else ""
    return Finding(
        name=NAME,
        status="warning",
        value=worst,
        threshold=EXPECTED,
        text=f"{len(gaps)} {'option was' if len(gaps) == 1 else 'options were'} never trained, "
        f"though at random {gaps[0].name} would have been {worst:.0f} times: "
        f"{named}{more}. {counted[0].upper()}{counted[1:]}.",
        next=f"ventral submit --from {searched.id} --set sampler.name=random "
        f"--set sampler.options={{}} --set name={searched.name}-random",
    )


def _explain(ended: pd.DataFrame, combination: Combination) -> str:
    """What became of the networks with a combination, none of which was trained."""
    inside = ended[_has(ended, combination.options)]
    if inside.empty:
        return " (never suggested)"
    counts = inside["status"].value_counts()
    return f" (suggested {len(inside)} times: {', '.join(f'{n} {s}' for s, n in counts.items())})"


def count_combinations(
    parameters: tuple[Parameter, ...], trained: pd.DataFrame
) -> Iterator[Combination]:
    """Every single option of a space first, then the combinations under one name."""
    chances = _find_chances(parameters)
    groups: dict[tuple[object, str], list[Parameter]] = defaultdict(list)
    codes: dict[str, Numbers] = {}
    for parameter in parameters:
        domain = parameter.domain
        if not isinstance(domain, Categorical) or len(domain.options) < 2:
            continue
        codes[parameter.path] = _encode(trained, parameter.path, domain)
        groups[parameter.conditions, _name_group(parameter.path)].append(parameter)
        counts = np.bincount(codes[parameter.path] + 1, minlength=domain.size + 1)[1:]
        for place, option in enumerate(domain.options):
            yield Combination(
                options={parameter.path: option},
                chance=chances[parameter.path] * _part(domain, place),
                tried=int(counts[place]),
                expected=float(counts.sum()) * _part(domain, place),
            )
    for members in groups.values():
        sizes = [len(_options(one)) for one in members]
        if len(members) > 1 and math.prod(sizes) <= MOST:
            yield from _combine(members, codes, chances[members[0].path])


def _combine(
    members: list[Parameter], codes: Mapping[str, Numbers], chance: float
) -> Iterator[Combination]:
    """All combinations of the options of choices that are open together with that `chance`."""
    sizes = [len(_options(one)) for one in members]
    place = np.zeros(len(codes[members[0].path]), dtype=int)
    there = np.ones(len(place), dtype=bool)
    for one, size in zip(members, sizes, strict=True):
        place = place * size + codes[one.path]
        there &= codes[one.path] >= 0
    counts = np.bincount(place[there], minlength=math.prod(sizes))
    for at, combination in enumerate(itertools.product(*(range(size) for size in sizes))):
        part = 1.0
        for one, option in zip(members, combination, strict=True):
            assert isinstance(one.domain, Categorical)
            part *= _part(one.domain, option)
        yield Combination(
            options={
                one.path: _options(one)[option]
                for one, option in zip(members, combination, strict=True)
            },
            chance=chance * part,
            tried=int(counts[at]),
            expected=float(there.sum()) * part,
        )


def _options(parameter: Parameter) -> tuple[Scalar, ...]:
    return parameter.domain.options if isinstance(parameter.domain, Categorical) else ()


def _part(domain: Categorical, place: int) -> float:
    """The share of draws that an option has."""
    weights = domain.weights or (1.0,) * domain.size
    return weights[place] / sum(weights)


def _find_chances(parameters: tuple[Parameter, ...]) -> dict[str, float]:
    """By choice: how probable it is that a random sample has it open."""
    by_path = {one.path: one for one in parameters}
    chances: dict[str, float] = {}
    for parameter in parameters:
        chances[parameter.path] = 0.0
        for condition in parameter.conditions:
            chance = 1.0
            for path, label in condition:
                domain = by_path[path].domain
                assert isinstance(domain, Categorical)
                chance *= _part(domain, domain.options.index(domain.accept(label)))
            chances[parameter.path] += chance
    return chances


def _name_group(path: str) -> str:
    """What the choices of one edge or state have in common; a choice without it stands alone."""
    return path.rpartition(".")[0] or path


def _encode(trained: pd.DataFrame, path: str, domain: Categorical) -> Numbers:
    """By network: the place of the option that it has, -1 where the choice was not open."""
    codes = np.full(len(trained), -1)
    if CHOICE + path in trained:
        for place, option in enumerate(domain.options):
            codes[_has(trained, {path: option})] = place
    return codes


def _has(trials: pd.DataFrame, options: Mapping[str, Scalar]) -> Numbers:
    """Which trials have all of these options; true is not 1."""
    within = np.ones(len(trials), dtype=bool)
    for path, option in options.items():
        if CHOICE + path not in trials:
            return np.zeros(len(trials), dtype=bool)
        within &= (trials[CHOICE + path] == option).to_numpy(bool)
    return within


def _write(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
