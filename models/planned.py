"""The planned execution: what has to be computed, once, in as few calls as possible.

`space/unroll/plan.py` says which operations are left and `space/unroll/calls.py` in which calls;
this module runs them. It gives the numbers of the literal execution (`models/literal.py`), and the
same gradients, up to the rounding of sums in another order.

A value that no image has reached has a batch of 1 until it meets one that has. Kernels that a
loop uses at many steps have one gradient, over all their uses (`models/shared_kernels.py`).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from models import arithmetic
from models.operations import (
    HAS_PARAMETERS,
    NormTensors,
    PartAt,
    Setting,
    execute,
    frame,
    prepare,
    prepare_bias,
    spread_bias,
    zeros,
)
from models.shared_kernels import SharedKernel
from models.statistics import BatchNorms
from space.genome import Genome
from space.step.operations import Bias, Convolve, Frame, Normalise, Operations, Sum, Zeros
from space.unroll.buffers import Prepared, Ready, Segment, prepare_calls, segments
from space.unroll.calls import Call
from space.unroll.plan import Operation, plan
from space.unroll.reads import Read

_KEPT_PLANS = 8  # of what was read lately, by a network

_Values = list[Tensor | None]  # by place


class PlannedUnroll:
    """The planned execution of a genome; it keeps the plans of what was read lately."""

    def __init__(self, genome: Genome, operations: Operations) -> None:
        self.genome = genome
        whats = (op.what for op in operations.ops)
        self.batch_norms = {w.weights: w for w in whats if isinstance(w, Normalise) and w.batch}
        self._kept: dict[tuple[frozenset[Read], bool], _Kept] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": {}}

    def run(
        self,
        part_at: PartAt,
        images: Tensor,
        reads: Collection[Read],
        *,
        recompute: bool = False,
    ) -> dict[Read, Tensor]:
        """images [B,C,S,S], normalised already -> what is read, each [B,...], in its order.

        `part_at` gives the parts of the genome's network by their paths. With `recompute` a
        backward pass finds only a few values kept and computes the others again.
        """
        training = any(part_at(path).training for path in self.batch_norms)
        key = (frozenset(reads), training)
        kept = self._kept.pop(key, None)
        if kept is None:
            kept = _Kept(prepare_calls(plan(self.genome, key[0], training=training)))
        self._kept[key] = kept
        if len(self._kept) > _KEPT_PLANS:
            del self._kept[next(iter(self._kept))]
        again = kept.segments(len(images)) if recompute and torch.is_grad_enabled() else ()
        values = _Pass(kept.ready, self.batch_norms, part_at, images).run(again)
        return {read: values[read] for read in reads}


@dataclass(slots=True)
class _Kept:
    """A plan made ready, and its segments for the batches seen so far."""

    ready: Ready
    by_batch: dict[int, tuple[Segment, ...]] = field(default_factory=dict)

    def segments(self, batch: int) -> tuple[Segment, ...]:
        """The segments of a pass over `batch` images."""
        if batch not in self.by_batch:
            self.by_batch[batch] = segments(self.ready, batch)
        return self.by_batch[batch]


class _Pass:
    """One forward pass over images [B,C,S,S]."""

    def __init__(
        self, ready: Ready, norms: dict[str, Normalise], part_at: PartAt, images: Tensor
    ) -> None:
        layout = arithmetic.best_layout(images)
        self.ready, self.norms, self.part_at = ready, norms, part_at
        self.images = arithmetic.laid_out(images, layout)
        self.batch = images.shape[0]
        self.setting = Setting(like=self.images[:1], layout=layout, defers=True)
        self.prepared: dict[object, Any] = {}
        self.batch_norms = BatchNorms(self.batch, part_at)

    def run(self, again: Sequence[Segment] = ()) -> dict[Read, Tensor]:
        """What is read. The values inside of `again`'s segments are computed again on the way
        back.
        """
        values: _Values = [None] * self.ready.places
        if again:
            self._run_segments(again, values)
        else:
            self._execute(self.ready.calls, values)
        operations = self.ready.plan.operations
        if self.ready.plan.effects:  # else torch.export writes an empty part without gradients
            self.batch_norms.move(
                self.ready.plan.effects,
                self.norms,
                partial(_value_at, values),
                lambda number: operations[number].image,
            )
        return {
            read: self._whole(_value_at(values, i)) for read, i in self.ready.plan.values.items()
        }

    def _run_segments(self, again: Sequence[Segment], values: _Values) -> None:
        """All calls; of every segment but the last only what it leaves is remembered."""
        for prepared in self.ready.calls:  # once, outside of what is done twice
            if type(prepared.call.whats[0]) in HAS_PARAMETERS:
                self._prepared(prepared.call)
        *first, last = again
        for segment in first:
            given = [values[place] for place in segment.reads]
            left = checkpoint(
                partial(self._run_segment, segment),
                *given,
                use_reentrant=False,
                preserve_rng_state=False,  # nothing is drawn
            )
            for place, value in zip(segment.leaves, left, strict=True):
                values[place] = value
            for prepared in segment.calls:
                for place in prepared.free:
                    values[place] = None
        self._execute(last.calls, values)

    def _run_segment(self, segment: Segment, *given: Tensor) -> tuple[Tensor | None, ...]:
        values: _Values = [None] * self.ready.places
        for place, value in zip(segment.reads, given, strict=True):
            values[place] = value
        self._execute(segment.calls, values)
        return tuple(values[place] for place in segment.leaves)

    def _execute(self, calls: Sequence[Prepared], values: _Values) -> None:
        """Run calls: fills the places of their values, and empties those that are done with."""
        for prepared in calls:
            call = prepared.call
            single = len(call.rows) == 1
            operands: list[Any]
            if single:
                operands = [values[column[0]] for column in prepared.operands]
            else:
                operands = [
                    self._stack(values, column, prepared.images)
                    if stack is None
                    else values[stack]
                    for column, stack in zip(prepared.operands, prepared.stacks, strict=True)
                ]
            out = self._value(call, operands)
            outs = (out,) if len(call.whats) == 1 else torch.split(out, prepared.channels, 1)
            if single:
                for index, value in zip(call.rows[0], outs, strict=True):
                    values[index] = value
            else:
                self._put_rows(prepared, outs, values)
            for place in prepared.free:
                values[place] = None

    def _put_rows(self, prepared: Prepared, outs: Sequence[Tensor], values: _Values) -> None:
        """Put the stacks of a call [rows*B,C,H,W] in their places, and their rows [B,C,H,W]."""
        sizes = [self.batch if image else 1 for image in prepared.images]
        for part, value in enumerate(outs):
            values[prepared.makes[part]] = value
            if prepared.rows:
                pieces = torch.split(value, sizes)
                for row, piece in zip(prepared.call.rows, pieces, strict=True):
                    values[row[part]] = piece

    def _value(self, call: Call, operands: Sequence[Tensor]) -> Tensor:
        """The value of a call [rows*B,C,H,W]; of several convolutions side by side on channels."""
        what = call.whats[0]
        kind = type(what)
        if kind in _OWN:
            return _OWN[kind](self, call, what, operands)
        return execute(what, operands, self._prepared(call) if kind in HAS_PARAMETERS else None)

    # Kinds that need more of the pass than their parameters

    def compute_frame(self, call: Call, _what: Frame, _operands: Sequence[Tensor]) -> Tensor:
        """The frame [B,C,S,S] of an image, or one blank [1,C,S,S]."""
        shows = self._operation(call).image
        images = self.images if shows else self.setting.like
        return frame(images, shows_image=shows, blank=self.ready.plan.genome.clock.blank)

    def compute_zeros(self, call: Call, _what: Zeros, _operands: Sequence[Tensor]) -> Tensor:
        """Zeros [1,C,H,W], or [1,C] for logits."""
        return zeros(self._operation(call).map, self.setting)

    def compute_convolution(
        self, call: Call, what: Convolve, operands: Sequence[Tensor]
    ) -> Tensor:
        """[B,I,H,W] -> [B,O,H',W'], with one gradient for all uses of a loop."""
        kernel: SharedKernel = self._prepared(call)
        return execute(what, operands, kernel) if call.loop else kernel.apply_alone(operands[0])

    def compute_bias(self, _call: Call, what: Bias, _operands: Sequence[Tensor]) -> Tensor:
        """A bias [O] on its map, [1,O,H,W]."""
        bias = prepare_bias(what, self.part_at)
        assert bias is not None
        return spread_bias(what, bias)

    def compute_sum(self, _call: Call, what: Sum, operands: Sequence[Tensor]) -> Tensor:
        """Maps [B,C,H,W] -> their sum, in the images' type where it is `wide`."""
        return execute(what, operands, self.images.dtype if what.wide else None)

    def compute_norm(self, call: Call, what: Normalise, operands: Sequence[Tensor]) -> Tensor:
        """[B,C,H,W] -> [B,C,H,W]; in training a batch norm notes its statistics."""
        tensors: NormTensors = self._prepared(call)
        if tensors.running is None:
            return execute(what, operands, tensors)
        (value,) = self._operation(call).operands
        return self.batch_norms.apply(operands[0], what, tensors, value)

    def _operation(self, call: Call) -> Operation:
        return self.ready.plan.operations[call.rows[0][0]]

    def _prepared(self, call: Call) -> Any:
        """The parameters of a call, made ready once a pass."""
        made = self.prepared.get(call.whats)
        if made is None:
            made = self.prepared[call.whats] = prepare(call.whats, self.part_at, self.setting)
        return made

    def _whole(self, value: Tensor) -> Tensor:
        """A value that is read, for every image."""
        if value.shape[0] == self.batch:
            return value
        return value.repeat(self.batch, *(1 for _ in value.shape[1:]))

    def _stack(
        self, values: Sequence[Tensor | None], column: Sequence[int], images: Sequence[bool]
    ) -> Tensor:
        """The values of one operand in all rows of a call, [rows*B,C,H,W]."""
        rows = []
        for index, image in zip(column, images, strict=True):
            value = _value_at(values, index)
            if image and value.shape[0] != self.batch:
                value = value.expand(self.batch, *value.shape[1:])
            rows.append(value)
        return torch.cat(rows)


def _value_at(values: Sequence[Tensor | None], place: int) -> Tensor:
    value = values[place]
    assert value is not None
    return value


_OWN: dict[type, Callable[[_Pass, Call, Any, Sequence[Tensor]], Tensor]] = {
    Frame: _Pass.compute_frame,
    Zeros: _Pass.compute_zeros,
    Convolve: _Pass.compute_convolution,
    Bias: _Pass.compute_bias,
    Sum: _Pass.compute_sum,
    Normalise: _Pass.compute_norm,
}
