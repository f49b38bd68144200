"""Where a genome lies in a space: the choices that make it.

A space's document is opened, a genome's is closed, and the same network can be written in many
ways; so the document is not read backwards. Choices are made one after the other, those that open
others with the best of what they open, each so that the fewest differences are left
(space/differences.py), until the network is the same by its digest. The way takes some hundred
genomes; where several choices hide each other it may end beside a genome that is a point of the
space.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from space.choices.domains import Categorical, Integer, Parameter, Scalar
from space.differences import Difference, differences
from space.documents.validation import quote
from space.errors import GenomeError, SpaceError
from space.genome import Genome
from space.space import Sample, Space

_PASSES = 4
"""Over all choices."""
_NAMED = 3
"""Differences that an error names."""


def place_genome(
    space: Space, genome: Genome, hint: Mapping[str, Scalar] | None = None, *, where: str = ""
) -> Sample:
    """The sample of the space that is this network, made for the space's images.

    `hint` are choices that perhaps make it, of this space or of one like it: those of the recipe
    are taken from it, and are at their defaults without. Raises SpaceError, which names `where`
    and what does not fit, if no sample is found.
    """
    own = space.complete({}).genome
    try:
        target = genome.with_images(
            size=own.image.size, channels=own.image.channels, classes=own.classes
        )
    except GenomeError as error:
        images = f"the space's images ({own.image.size} pixels, {own.image.channels} channels)"
        raise SpaceError(where, f"is no network for {images}: {error}") from None
    nearest = _Search(space, target).run(dict(hint or {}))
    if nearest.sample.digest == target.digest:
        return nearest.sample
    raise SpaceError(
        where,
        f"is no point of the space {space.name}: {_describe(nearest, target)}",
        "open these choices in the space, or name a network of it",
    )


@dataclass(frozen=True, kw_only=True)
class _Point:
    """A sample, and how many values are otherwise in it than in the network that is looked for."""

    sample: Sample
    distance: int


class _Search:
    """The way to one network."""

    def __init__(self, space: Space, target: Genome) -> None:
        self._space, self._target = space, target
        self._numbers = sorted(set(_list_numbers(target.document())))

    def run(self, hint: Mapping[str, Scalar]) -> _Point:
        """The nearest sample that is found."""
        point = self._measure(hint)
        if point is None:
            point = self._measure({})
            assert point is not None, "a space's defaults are a genome: it was checked"
        for _ in range(_PASSES):
            better = self._improve(point, self._space.parameters)
            if not better.distance or better.distance == point.distance:
                return better
            point = better
        return point

    def _improve(self, point: _Point, parameters: tuple[Parameter, ...]) -> _Point:
        """The nearest sample that is reached by these choices, each made once, in their order."""
        for parameter in parameters:
            if not point.distance:
                break
            made = point.sample.choices
            if parameter.path not in made or parameter.path.startswith("recipe."):
                continue
            for value in self._list_values(parameter):
                if value == made[parameter.path]:
                    continue
                other = self._measure({**made, parameter.path: value})
                if other is None:
                    continue
                # What a branch opens is at its defaults: it is judged by its best.
                opened = tuple(
                    one
                    for one in self._space.parameters
                    if one.path in other.sample.choices and one.path not in made
                )
                other = self._improve(other, opened)
                if other.distance < point.distance:
                    point = other
        return point

    def _measure(self, choices: Mapping[str, Scalar]) -> _Point | None:
        try:
            sample = self._space.complete(choices)
        except GenomeError:
            return None
        same = sample.digest == self._target.digest
        left = differences(sample.genome, self._target)
        distance = 0 if same else max(1, sum(_weigh(one) for one in left))
        return _Point(sample=sample, distance=distance)

    def _list_values(self, parameter: Parameter) -> list[Scalar]:
        """The options of a choice; of a number those of the network that it may be."""
        domain = parameter.domain
        if isinstance(domain, Categorical):
            return list(domain.options)
        inside = [one for one in self._numbers if domain.low <= one <= domain.high]
        if isinstance(domain, Integer):
            return [int(one) for one in inside if float(one).is_integer()]
        return [float(one) for one in inside]


def _weigh(one: Difference) -> int:
    """How many values differ: a part that only one network has counts with all that is in it."""
    return max(_count_values(one.a), _count_values(one.b))


def _count_values(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(map(_count_values, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_count_values, value))
    return 1


def _list_numbers(value: Any) -> Iterator[float]:
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _list_numbers(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _list_numbers(item)


def _describe(nearest: _Point, target: Genome) -> str:
    """What of a network is not in the space, by the nearest sample of it."""
    left = differences(nearest.sample.genome, target)
    named = "; ".join(_describe_one(one) for one in left[:_NAMED])
    more = f"; and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    return f"{named}{more}"


def _describe_one(one: Difference) -> str:
    has = "has nothing" if one.b is None else f"has {quote(one.b)}"
    offers = "nothing" if one.a is None else quote(one.a)
    return f"at {one.path} it {has} where the space comes nearest with {offers}"
