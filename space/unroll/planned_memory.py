"""The memory that training takes by its plan: what the planned execution holds, by arithmetic.

As `space/unroll/memory.py` counts the literal unroll: parameters, gradients, the optimiser's
numbers, the copies of kernels that a forward pass works with, and the values that automatic
differentiation saves, each once. The calls are followed one by one, forward and back. What
libraries allocate inside of one operation is not known here. Where few large maps are most of it
(timedecay_shallow) it tells up to a third too much, since slopes of large maps are not all alive
at once.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from space.step.operations import (
    Activate,
    Classify,
    Convolve,
    Multiply,
    Normalise,
    Pooled,
    Resize,
    Scale,
    Separate,
    Sum,
    Weigh,
)
from space.unroll.buffers import Prepared, Ready, ready, segments
from space.unroll.cost import cost
from space.unroll.memory import FLOAT, INDEX, OWN_RESULT
from space.unroll.plan import Plan

_MAPS = 3  # alive around one call on the way back: the slopes of its result, operand and sum


@dataclass(frozen=True, slots=True)
class _Use:
    """What a call does to memory: the storages that it makes and that its way back needs, and
    numbers saved besides.
    """

    makes: dict[object, int]
    needs: frozenset[object]
    besides: int


def planned_memory(plan: Plan, batch: int, *, copies: int = 1, recompute: bool = False) -> int:
    """Bytes at the peak of one update in float32 of batches of `batch` images, by `plan`.

    The optimiser keeps `copies` numbers a parameter: 1 for SGD with momentum, 2 for AdamW.
    `recompute`: the values inside of segments are computed again on the way back.
    """
    found = ready(plan)
    parameters, image = cost(plan.genome).parameters, plan.genome.image
    kernels = _kernels(plan)
    always = parameters * (1 + copies) + batch * image.size**2 * image.channels
    working = always + sum(kernels.values())
    parts = [s.calls for s in segments(found, batch)] if recompute else [found.calls]
    highest, left = 0, 0
    for number, part in enumerate(parts):
        uses = [_use(found, prepared, batch) for prepared in part]
        last = number == len(parts) - 1
        # The last segment's values are saved at once; those of others when their turn comes.
        highest = max(highest, working + left + _forward(uses, saved=last or not recompute))
        if not last:
            left += _left(found, part, batch)
    grown: set[str] = set()
    alive = left
    for part in reversed(parts):
        if part is not parts[-1]:
            alive -= _left(found, part, batch)
        uses = [_use(found, prepared, batch) for prepared in part]
        highest = max(highest, working + alive + _backward(uses, part, kernels, grown))
    return FLOAT * max(highest, always + parameters)


def _kernels(plan: Plan) -> dict[str, int]:
    """The numbers of every kernel that the plan uses, which a forward pass copies."""
    found: dict[str, int] = {}
    for op in plan.operations:
        what, wide = op.what, op.map.channels
        if isinstance(what, Convolve):
            found[_name(what)] = what.kernel**2 * what.channels * wide
        elif isinstance(what, Separate):
            spread = what.kernel**2 * (2 if what.repeat else 1)
            found[_name(what)] = what.channels * (spread + wide)
    return found


def _name(what: Convolve | Separate) -> str:
    return f"{what.weights} {what.first}"


def _forward(uses: Iterable[_Use], *, saved: bool) -> int:
    """The most numbers alive on the way there: what is saved, and what a call makes."""
    kept: set[object] = set()
    made: dict[object, int] = {}
    holding = highest = 0
    for use in uses:
        made |= use.makes
        if saved:
            holding += use.besides + sum(made.get(key, 0) for key in use.needs - kept)
            kept |= use.needs
        passing = sum(size for key, size in use.makes.items() if key not in kept)
        highest = max(highest, holding + passing)
    return highest


def _backward(
    uses: list[_Use], calls: tuple[Prepared, ...], kernels: dict[str, int], grown: set[str]
) -> int:
    """The most numbers alive on the way back. `grown` gets the kernels that have a gradient by
    then; that of a joined kernel is there twice for a while, as a whole and in its parts.
    """
    sizes: dict[object, int] = {}
    holders: Counter[object] = Counter()
    for use in uses:
        sizes |= use.makes
        holders.update(use.needs)
    alive = sum(sizes.get(key, 0) for key in holders) + sum(use.besides for use in uses)
    highest = 0
    for use, prepared in zip(reversed(uses), reversed(calls), strict=True):
        names = [_name(w) for w in prepared.call.whats if isinstance(w, Convolve | Separate)]
        grown.update(names)
        passing = _MAPS * sum(use.makes.values()) + sum(kernels[name] for name in grown)
        passing += sum(kernels[name] for name in names) if len(names) > 1 else 0
        highest = max(highest, alive + passing)
        for key in use.needs:
            holders[key] -= 1
            alive -= 0 if holders[key] else sizes.get(key, 0)
        alive -= use.besides
    return highest


def _left(found: Ready, calls: tuple[Prepared, ...], batch: int) -> int:
    """The numbers that a segment leaves to others."""
    left = {
        found.storages[place]
        for prepared in calls
        for place in {*prepared.writes()} - {p for other in calls for p in other.free}
    }
    made = [_made(found, prepared, batch) for prepared in calls]
    return sum(size for (_, place), size in made if place in left)


def _use(found: Ready, prepared: Prepared, batch: int) -> _Use:
    result, total = _made(found, prepared, batch)
    makes: dict[object, int] = {result: total}
    operands: list[object] = []
    for column, stack in zip(prepared.operands, prepared.stacks, strict=True):
        if stack is not None or len(column) == 1:
            operands.append(_storage(found, column[0] if stack is None else stack))
        else:
            joined = ("joined", id(prepared), column)
            makes[joined] = sum(found.numbers(i, batch) for i in column)
            operands.append(joined)
    what = prepared.call.whats[0]
    needs: set[object] = set()
    besides = 0
    match what:
        case Convolve() | Separate():
            needs.add(operands[0])
            if what.padding[0] != what.padding[1]:
                besides += _padded(found, prepared, what.padding, batch)
            if isinstance(what, Separate):
                besides += (
                    (2 if what.repeat else 1) * what.channels * total // sum(prepared.channels)
                )
        case Activate(name=name):
            needs.update([result] if name in OWN_RESULT else operands)
        case Multiply():
            needs.update(operands)
            besides += max(0, len(operands) - 2) * total
        case Weigh() | Normalise():
            needs.update(operands)
        case Pooled(kind=kind):
            needs.update(operands)
            besides += total * INDEX // FLOAT if kind == "max" else 0
        case Classify():
            needs.update(operands if found.plan.genome.head.form == "convolution_mean" else ())
        case Sum() | Scale() | Resize():
            pass
    return _Use(makes, frozenset(needs), besides)


def _padded(found: Ready, prepared: Prepared, padding: tuple[int, int], batch: int) -> int:
    """The numbers of an operand with uneven padding on it."""
    numbers = 0
    for index in prepared.operands[0]:
        operand = found.plan.operations[index]
        side = (operand.map.size + sum(padding)) ** 2 * operand.map.channels
        numbers += operand.batch(batch) * side
    return numbers


def _made(found: Ready, prepared: Prepared, batch: int) -> tuple[tuple[str, int], int]:
    """The storage of a call's results, and its numbers."""
    rows = prepared.call.rows
    return ("made", rows[0][0]), sum(found.numbers(i, batch) for row in rows for i in row)


def _storage(found: Ready, place: int) -> object:
    return ("made", found.storages[place])
