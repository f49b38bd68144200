"""The memory that training takes by its plan: what the planned execution holds, by arithmetic.

As `space/unroll/memory.py` does it for the literal unroll, over the calls of a plan.
"""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from space.step.operations import Concatenate
from space.unroll.buffers import Prepared, Ready, prepare_calls, segments
from space.unroll.memory import Backward, forward_peak, with_parameters
from space.unroll.plan import Plan
from space.unroll.tape import StoredValue, Tape, Use


def planned_memory(
    plan: Plan, batch: int, *, copies: int = 1, recompute: bool = False, half: bool = False
) -> int:
    """Bytes at the peak of one update of `batch` images, by `plan`.

    `recompute`: the values inside of segments are computed again on the way back. `copies` and
    `half` as `training_memory` has them.
    """
    whole = prepare_calls(plan)
    parts = [s.calls for s in segments(whole, batch)] if recompute else [whole.calls]
    taken = _Planned(whole, batch, half)
    uses = [[use for prepared in part for use in taken.uses(prepared)] for part in parts]
    copied, left, highest = sum(taken.tape.start.makes.values()), 0, 0
    lefts = [taken.left(part) for part in parts[:-1]] + [0]
    for number, part in enumerate(uses):
        # The last segment's values are kept at once; those of others when their turn comes.
        keeps = number == len(parts) - 1
        highest = max(highest, copied + left + forward_peak(part, keeps=keeps))
        left += lefts[number]
    back = Backward(taken.values[place] for place in plan.values.values())
    for part, its in zip(reversed(uses), reversed(lefts), strict=True):
        left -= its
        held = copied + left
        if part is not uses[-1]:
            highest = max(highest, held + back.alive + forward_peak(part))
        highest = max(highest, held + back.peak(part))
    return with_parameters(plan.genome, batch, highest, copies)


def planned_evaluation_memory(plan: Plan, batch: int, *, copies: int = 1) -> int:
    """Bytes of a forward pass of `batch` images in float32, by `plan`, between two updates: the
    gradients of the last one are still there.
    """
    whole = prepare_calls(plan)
    taken = _Planned(whole, batch, half=False)
    uses = [use for prepared in whole.calls for use in taken.uses(prepared)]
    peak = forward_peak([taken.tape.start, *uses], keeps=False)
    return with_parameters(plan.genome, batch, peak, copies, gradients=True)


class _Planned:
    """A plan's calls on a tape."""

    def __init__(self, whole: Ready, batch: int, half: bool) -> None:
        self.ready, self.batch = whole, batch
        self.tape = Tape(whole.plan.genome, half=half)
        self.values: dict[int, StoredValue] = {}  # by place

    def uses(self, prepared: Prepared) -> list[Use]:
        """Take down a call: rows of its operands stacked where they are not, then itself."""
        begun = len(self.tape.uses)
        operands = [
            self.values[column[0] if stack is None else stack]
            if stack is not None or len(column) == 1
            else self._stacked(prepared, column)
            for column, stack in zip(prepared.operands, prepared.stacks, strict=True)
        ]
        call, rows = prepared.call, prepared.call.rows
        made = sum(self._numbers(index) for row in rows for index in row)
        key = ("made", rows[0][0])
        whole = self.tape.compute(call.whats, operands, key, made, self._side(rows[0][0]))
        for part, column in enumerate(zip(*rows, strict=True)):
            alone = len(rows[0]) == 1
            if prepared.makes:
                self.values[prepared.makes[part]] = self._part(
                    whole, column, None if alone else part
                )
            for place in column if prepared.rows else ():
                single = alone and len(column) == 1
                self.values[place] = self._part(whole, [place], None if single else place)
        return self.tape.uses[begun:]

    def left(self, calls: Sequence[Prepared]) -> int:
        """Bytes that a segment leaves to others."""
        freed = {place for prepared in calls for place in prepared.free}
        left = {
            self.values[place].key: self.values[place]
            for prepared in calls
            for place in prepared.writes()
            if place not in freed
        }
        made = {key: size for use in self.tape.uses for key, size in use.makes.items()}
        return sum(made[key] for key in left)

    def _stacked(self, prepared: Prepared, column: Sequence[int]) -> StoredValue:
        numbers = sum(self._numbers(index) for index in column)
        key = ("stacked", prepared.call.rows[0][0], *column)
        values = [self.values[index] for index in column]
        return self.tape.compute([Concatenate()], values, key, numbers, self._side(column[0]))

    def _part(self, whole: StoredValue, places: Sequence[int], part: Hashable) -> StoredValue:
        numbers = sum(self._numbers(place) for place in places)
        return replace(whole, numbers=numbers, part=part)

    def _numbers(self, index: int) -> int:
        return self.ready.numbers(index, self.batch)

    def _side(self, index: int) -> int:
        return max(self.ready.plan.operations[index].map.size, 1)
