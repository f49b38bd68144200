"""Kernels up to the map: which options of a choice with `up_to: map` there is room for.

    kernel: {choice: [1, 3, 5, 9], up_to: map}

A cell's kernels slide over the map that the stage's convolution puts out; a stage's convolution,
second convolution and pool over the map that each reads; the head's kernel over the last stage's.
A cell that several stages carry has one kernel for all of them, so an option is offered if it fits
the smallest of their maps: nothing is then refused for its size, and nothing is cut.

The sizes follow from the image and the strides. Where strides, pools or the cells of stages are
choices themselves, a map has no one size: what is left out is what never fits, and what fits only
with some of the other choices stays (without them such a sample is infeasible, with a reason); the
default is then one that always fits, if there is one. A tie copies the number, so a choice is
bounded by the maps of all its copies.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from space.choices.domains import Categorical, Parameter, Scalar
from space.choices.open_document import OpenDocument
from space.choices.possible import ABSENT, Where
from space.documents.paths import format_path
from space.errors import SpaceError
from space.network.architecture import Convolution, Image, Pool
from space.network.maps import same_size


def limit_kernels(opened: OpenDocument) -> OpenDocument:
    """A space's document without the options that exceed their maps, where it asks for that.

    Every choice keeps its key. Raises SpaceError for `up_to: map` at what is no kernel, and for a
    choice of which no option fits.
    """
    bounded = [parameter for parameter in opened.parameters if parameter.up_to is not None]
    if not bounded:
        return opened
    places, maps = _list_places(opened, bounded), _Maps(opened)
    kept: dict[str, list[int]] = {}
    defaults: dict[str, Scalar] = {}
    for parameter in bounded:
        bounds = [bound for place in places[parameter.path] if (bound := maps.bound(place))]
        if bounds:
            fitting = _list_fitting(parameter, min(bounds, key=lambda bound: bound.side.high))
            kept[parameter.path] = fitting
            always = min(bound.side.low for bound in bounds)
            if not isinstance(parameter.default, int) or parameter.default > always:
                sure = (option for option in fitting if option <= always)
                defaults[parameter.path] = max(sure, default=min(fitting))
    return opened.narrow(kept, defaults)


def _list_fitting(parameter: Parameter, bound: "_Bound") -> list[int]:
    """The options that the largest map has room for. Raises SpaceError if there is none."""
    assert isinstance(parameter.domain, Categorical)
    options = [option for option in parameter.domain.options if isinstance(option, int)]
    side = bound.side.high
    if fitting := [option for option in options if option <= side]:
        return fitting
    listed = ", ".join(map(str, options))
    raise SpaceError(
        parameter.path,
        f"no kernel of {listed} fits the {side}x{side} map of {bound.owner}",
        "offer a smaller kernel (1 fits every map), or take larger images",
    )


def _list_places(
    opened: OpenDocument, bounded: Iterable[Parameter]
) -> dict[str, dict[Where, None]]:
    """Where the options of each choice may stand, ties followed. Raises SpaceError."""
    places: dict[str, dict[Where, None]] = {parameter.path: {} for parameter in bounded}
    for possible in opened.possible_values():
        for path, _ in possible.taken:
            if path in places:
                places[path][possible.where] = None
                _check_kernel(path, possible.where)
    return places


def _check_kernel(path: str, where: Where) -> None:
    if where[-1] != "kernel":
        raise SpaceError(
            f"{path}.up_to", f"{format_path(where)} is not a kernel", "leave up_to: map out"
        )


@dataclass(frozen=True, kw_only=True)
class _Side:
    """The least and the largest side that a map may have."""

    low: int
    high: int

    def over(self, strides: "_Side") -> "_Side":
        """The map after a window of such strides."""
        return _Side(low=same_size(self.low, strides.high), high=same_size(self.high, strides.low))


@dataclass(frozen=True, kw_only=True)
class _Bound:
    """A map, and whose it is."""

    side: _Side
    owner: str


@dataclass(frozen=True, kw_only=True)
class _StageMaps:
    """The maps of a stage. `cells` are those that it may carry, `always` is the one that it
    carries whatever is chosen.
    """

    name: str
    reads: _Side
    convolution: _Side
    second: _Side
    output: _Side
    cells: frozenset[str]
    always: str | None


class _Maps:
    """The maps that the stages of an open document may have."""

    def __init__(self, opened: OpenDocument) -> None:
        self._opened = opened

    def bound(self, where: Where) -> _Bound | None:
        """The map that a kernel at `where` slides over; None where no stage has such a kernel."""
        match where:
            case ("genome", "cells", str(name), *_):
                return self._bound_cell(name)
            case ("genome", "stages", int(place), str(part), "kernel") if place < len(self.stages):
                stage = self.stages[place]
                sides = {"convolution": stage.reads, "second": stage.convolution}
                return _Bound(side=sides.get(part, stage.second), owner=f"stage {stage.name}")
            case ("genome", "head", "kernel") if self.stages:
                last = self.stages[-1]
                return _Bound(side=last.output, owner=f"stage {last.name}")
            case _:
                return None

    def _bound_cell(self, cell: str) -> _Bound | None:
        carrying = [stage for stage in self.stages if cell in stage.cells]
        if not carrying:
            return None
        always = [stage for stage in carrying if stage.always == cell]
        if always:
            stage = min(always, key=lambda stage: stage.convolution.high)
        else:  # one of them carries it wherever the kernel acts, and nobody knows which
            stage = max(carrying, key=lambda stage: stage.convolution.high)
        low = min(stage.convolution.low for stage in carrying)
        side = _Side(low=low, high=stage.convolution.high)
        return _Bound(side=side, owner=f"stage {stage.name}")

    @cached_property
    def stages(self) -> tuple[_StageMaps, ...]:
        """Every place in the list of stages, those that may be absent included."""
        sizes = self._list_whole(("genome", "image", "size")) or [Image().size]
        side = _Side(low=min(sizes), high=max(sizes))
        stages: list[_StageMaps] = []
        while any(there is not ABSENT for there in self._at("genome", "stages", len(stages))):
            stages.append(self._stage(len(stages), side))
            side = stages[-1].output
        return tuple(stages)

    def _stage(self, place: int, reads: _Side) -> _StageMaps:
        at: Where = ("genome", "stages", place)
        names = [name for name in self._at(*at, "name") if isinstance(name, str)]
        cells = self._at(*at, "cell")
        sure = isinstance(cells[0], str) and all(cell == cells[0] for cell in cells)
        convolution = reads.over(self._strides((*at, "convolution"), Convolution))
        second = convolution.over(self._strides((*at, "second"), Convolution))
        return _StageMaps(
            name=" or ".join(dict.fromkeys(names)) or f"[{place}]",
            reads=reads,
            convolution=convolution,
            second=second,
            output=second.over(self._strides((*at, "pool"), Pool)),
            cells=frozenset(cell for cell in cells if isinstance(cell, str)),
            always=cells[0] if sure else None,
        )

    def _strides(self, where: Where, part: type[Convolution] | type[Pool]) -> _Side:
        """The strides that a part may have: 1 where it is absent."""
        there = self._at(*where)
        strides = self._list_whole((*where, "stride"))
        if any(one is not ABSENT and one is not None for one in there) and any(
            stride is ABSENT for stride in self._at(*where, "stride")
        ):
            strides.append(part.model_fields["stride"].default)
        if any(one is ABSENT or one is None for one in there):
            strides.append(1)
        return _Side(low=min(strides, default=1), high=max(strides, default=1))

    def _list_whole(self, where: Where) -> list[int]:
        """The whole numbers from 1 that may stand at a place: others are refused elsewhere."""
        values = self._at(*where)
        whole = [v for v in values if isinstance(v, int) and not isinstance(v, bool)]
        return [value for value in whole if value > 0]

    def _at(self, *where: Any) -> list[Any]:
        return self._opened.values_at(where)
