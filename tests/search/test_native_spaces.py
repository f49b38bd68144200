"""The samplers' own spaces are the space: the same support, conditions and frequencies.

A space is drawn from three times: by itself, by Optuna from the distributions of
`via_optuna.Encoding`, and by HyperOpt from the tree of `via_hyperopt`. Counts of every parameter's
values (with "not open" as one of them) are compared by a chi-square test of homogeneity. Seeds
are fixed, so that the tests cannot fail by chance; the level is what a wrong space is far beyond.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import optuna
import pytest
from hyperopt import pyll
from hyperopt.base import Domain
from scipy.stats import chi2_contingency  # type: ignore[import-untyped]

from search.samplers import via_hyperopt
from search.samplers.protocol import draw_point, open_part
from search.samplers.via_optuna import Encoding
from space.choices.domains import Categorical, Integer, Parameter, Scalar, Uniform
from space.genome import Genome
from space.space import Sample, Space
from tests.support import toys
from ventral.testing.spaces import CONDITIONAL, make_space

Flat = dict[str, Scalar]
LEVEL = 1e-4
NOT_OPEN = "not open"


@cache
def named(name: str) -> Space:
    return Space.load(name).with_images(size=32, channels=3, classes=10)


@cache
def conditional() -> Space:
    return make_space()


@cache
def unweighted() -> Space:
    """The same without weights of options: Optuna has none."""
    document = json.loads(json.dumps(CONDITIONAL))
    _strip(document)
    return toys.space(document)


def _strip(node: Any) -> None:
    if isinstance(node, dict):
        node.pop("weights", None)
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            _strip(item)


@cache
def shared() -> Space:
    """Two of three stages leave the same choices open: one set of names in two branches."""
    kernel = {"choice": [1, 3, 5], "name": "kernel"}
    norm = {
        "optional": {"kind": "layer", "gain": {"uniform": [0, 1], "name": "gain"}},
        "name": "n",
    }
    ways = {
        "small": {"width": 2, "kernel": kernel, "norm": norm},
        "large": {"width": {"choice": [4, 8], "name": "w"}, "kernel": kernel, "norm": norm},
        "plain": {"width": 3},
    }
    stage = {"name": "a", "convolution": {"choice": ways, "name": "size"}}
    return toys.space({"name": "shared", "genome": {"clock": {"steps": 3}, "stages": [stage]}})


def by_space(space: Space, number: int) -> list[Flat]:
    rng = random.Random(11)
    return [draw_point(space.parameters, rng) for _ in range(number)]


def by_optuna(space: Space, number: int) -> list[Flat]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    encoding = Encoding(space)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=12))
    found = []
    for _ in range(number):
        trial = study.ask(encoding.distributions)
        found.append(encoding.open(trial.params))
    return found


def by_hyperopt(space: Space, number: int) -> list[Flat]:
    """HyperOpt says itself which parameters are open in a draw."""
    domain = Domain(lambda _point: 0.0, via_hyperopt.nest(space.parameters))
    rng = np.random.default_rng(13)
    memo = {domain.s_new_ids: list(range(number)), domain.s_rng: rng}
    draws, values = pyll.rec_eval(domain.s_idxs_vals, memo=memo)
    parameters = {parameter.path: parameter for parameter in space.parameters}
    flats: list[Flat] = [{} for _ in range(number)]
    for path, taken in draws.items():
        for draw, value in zip(taken, values[path], strict=True):
            flats[draw][path] = via_hyperopt.decode(parameters[path].domain, value)
    return flats


def kind(parameter: Parameter, value: Scalar) -> str:
    """The class of a value that is counted: an option, or a tenth of an interval."""
    domain = parameter.domain
    if isinstance(domain, Categorical) or (isinstance(domain, Integer) and domain.size <= 40):
        return json.dumps(value)
    assert isinstance(domain, (Uniform, Integer))
    assert isinstance(value, (int, float))
    low, high, number = float(domain.low), float(domain.high), float(value)
    if domain.log:
        low, high, number = np.log(low), np.log(high), np.log(number)
    return str(min(9, int(10 * (number - low) / (high - low))))


def homogeneous(counts: Sequence[Counter[str]]) -> float:
    """The probability of counts as different as these if all come from one distribution."""
    total = sum(counts, Counter())
    rare = {key for key, count in total.items() if count < 10 * len(counts)}
    table = []
    for found in counts:
        kept = [found[key] for key in sorted(total.keys() - rare)]
        table.append([*kept, *([sum(found[key] for key in rare)] if rare else [])])
    columns = [column for column in zip(*table, strict=True) if sum(column) >= 10]
    if len(columns) < 2:
        return 1.0
    return float(chi2_contingency(np.array(columns)).pvalue)


def assert_alike(space: Space, draws: Mapping[str, list[Flat]]) -> None:
    """All ways of drawing have one support, one structure and one distribution."""
    parameters = {parameter.path: parameter for parameter in space.parameters}
    for flats in draws.values():
        for flat in flats[:500]:
            assert dict(space.opened.flatten(flat)) == flat
        for flat in flats:
            # Open is what the space says is open, no more and no less.
            assert open_part(space.parameters, {**dict.fromkeys(parameters), **flat}) == flat
    for parameter in space.parameters:
        counts = [
            Counter(
                kind(parameter, flat[parameter.path]) if parameter.path in flat else NOT_OPEN
                for flat in flats
            )
            for flats in draws.values()
        ]
        assert {name for found in counts for name in found} <= set(_support(parameter)), parameter
        assert homogeneous(counts) > LEVEL, (parameter.path, counts)


def _support(parameter: Parameter) -> list[str]:
    domain = parameter.domain
    if isinstance(domain, Categorical):
        found = [json.dumps(option) for option in domain.options]
    elif isinstance(domain, Integer) and domain.size <= 40:
        found = [json.dumps(value) for value in range(domain.low, domain.high + 1)]
    else:
        found = [str(tenth) for tenth in range(10)]
    return [*found, NOT_OPEN]


def structures(flats: list[Flat]) -> Counter[str]:
    """How often each set of parameters was open."""
    return Counter(" ".join(sorted(flat)) for flat in flats)


def test_hyperopt_draws_the_conditional_space() -> None:
    space = conditional()
    draws = {"space": by_space(space, 10_000), "hyperopt": by_hyperopt(space, 10_000)}
    assert_alike(space, draws)
    found = [structures(flats) for flats in draws.values()]
    assert found[0].keys() == found[1].keys()
    assert len(found[0]) == 3  # no edge, one that adds, one that multiplies
    assert homogeneous(found) > LEVEL


def test_optuna_draws_the_conditional_space_but_for_weights() -> None:
    space = unweighted()
    draws = {"space": by_space(space, 10_000), "optuna": by_optuna(space, 10_000)}
    assert_alike(space, draws)
    found = [structures(flats) for flats in draws.values()]
    assert found[0].keys() == found[1].keys()
    assert homogeneous(found) > LEVEL


def test_optuna_knows_no_weights() -> None:
    """It starts from draws of the space, which have them; its model's prior has not."""
    weighted, plain = by_space(conditional(), 2000), by_optuna(conditional(), 2000)
    counts = [Counter(str(flat.get("c")) for flat in flats) for flats in (weighted, plain)]
    assert homogeneous(counts) < 1e-6
    assert counts[0].keys() == counts[1].keys()


@pytest.mark.parametrize("by", [by_hyperopt, by_optuna])
def test_both_draw_choices_of_several_branches(by: Callable[[Space, int], list[Flat]]) -> None:
    space = shared()
    assert [len(one.conditions) for one in space.parameters] == [1, 1, 2, 2, 2]
    draws = {"space": by_space(space, 2000), "theirs": by(space, 2000)}
    assert_alike(space, draws)
    found = [structures(flats) for flats in draws.values()]
    assert found[0].keys() == found[1].keys()
    assert homogeneous(found) > LEVEL


@pytest.mark.parametrize(("by", "number"), [(by_hyperopt, 2000), (by_optuna, 500)])
def test_both_draw_motifs_small(by: Callable[[Space, int], list[Flat]], number: int) -> None:
    space = named("motifs-small")
    assert_alike(space, {"space": by_space(space, number), "theirs": by(space, number)})


@pytest.mark.slow
@pytest.mark.parametrize("by", [by_hyperopt, by_optuna])
def test_both_draw_motifs_small_10000_times(by: Callable[[Space, int], list[Flat]]) -> None:
    space = named("motifs-small")
    assert_alike(space, {"space": by_space(space, 10_000), "theirs": by(space, 10_000)})


@pytest.mark.slow
def test_hyperopt_draws_motifs_2018() -> None:
    space = named("motifs-2018")
    assert_alike(space, {"space": by_space(space, 10_000), "theirs": by_hyperopt(space, 10_000)})


def test_a_wrong_space_would_be_seen() -> None:
    """The level is of use: half a step off at an integer's end is far beyond it."""
    rng = random.Random(0)
    right = Counter(str(rng.randrange(2, 7)) for _ in range(10_000))
    wrong = Counter(str(round(2 + 4 * rng.random())) for _ in range(10_000))
    assert homogeneous([right, wrong]) < 1e-20


# ----------------------------------------------------------------------------------- round trips


def returned(space: Space, sample: Sample) -> Sample:
    """A sample by way of text: its choices, and the documents that they made."""
    choices = json.loads(json.dumps(sample.choices))
    back = space.close(choices)
    document = json.loads(json.dumps(back.genome.document()))
    genome = Genome.parse(document)
    assert genome.document() == document
    return Sample(choices=back.choices, genome=genome, recipe=json.loads(json.dumps(back.recipe)))


@pytest.mark.parametrize("name", Space.named())
def test_flat_form_to_genome_and_back(name: str) -> None:
    space, rng = named(name), random.Random(21)
    for _ in range(60):
        sample = space.sample(rng)
        back = returned(space, sample)
        assert back == sample
        assert list(back.choices) == list(sample.choices)
        assert back.digest == sample.digest


@pytest.mark.parametrize("name", Space.named())
def test_every_choice_can_be_read_off_the_documents(name: str) -> None:
    """Two samples of one genome and one recipe have the same flat form."""
    space, rng = named(name), random.Random(22)
    for _ in range(15):
        sample = space.sample(rng)
        for _ in range(4):
            other = space.mutate(sample, rng)
            assert other.choices != sample.choices
            assert (other.genome, other.recipe) != (sample.genome, sample.recipe)


@pytest.mark.parametrize("name", Space.named())
def test_both_encodings_return_every_sample(name: str) -> None:
    space, rng = named(name), random.Random(23)
    encoding = Encoding(space)
    parameters = {parameter.path: parameter for parameter in space.parameters}
    for _ in range(200):
        flat = draw_point(space.parameters, rng)
        assert encoding.open(encoding.slots(flat)) == flat
        for path, value in flat.items():
            domain = parameters[path].domain
            there_and_back = via_hyperopt.decode(domain, via_hyperopt.encode(domain, value))
            assert there_and_back == value
            assert type(there_and_back) is type(value)
