"""One step of a network, written as operations: every stage in its order, then the head.

A stage is, as far as given: join of its inputs, convolution, cell, second convolution, residual,
activation, pool. `write_step(genome)` writes the operations of all stages in an order in which
each reads only earlier ones, values of the step before, or the frame. They are the same at every
step; which of them a step really needs is worked out in `space/unroll/plan.py`.
"""

from collections.abc import Sequence

from space.network.architecture import HEAD, Architecture, Convolution
from space.network.maps import Map, same_padding
from space.network.sizes import Arrival, HeadShape, StageShape, layout
from space.step.equations import ALONE, Given, resolve_norm, write_cell, write_sources
from space.step.operations import (
    Classify,
    Convolve,
    Frame,
    Multiply,
    Operations,
    Pooled,
    Ref,
    Sum,
    Writer,
)


def write_step(architecture: Architecture) -> Operations:
    """The operations of one step of `architecture`, which must be valid."""
    return _StepWriter(architecture).write()


def write_joined(
    writer: Writer,
    kind: str,
    arrivals: Sequence[Arrival],
    inputs: Sequence[Ref],
    outs: Map,
    path: str,
) -> Ref:
    """Write the sum (`add`) or product of inputs that lie on one map, each through a 1x1
    convolution where its channels differ: the part at `path`.
    """
    first, values = writer.next, list[Ref]()
    for arrival, x in zip(arrivals, inputs, strict=True):
        if arrival.projects:
            what = Convolve(weights=f"{path}.{arrival.name}", channels=arrival.map.channels)
            x = writer.write_convolution(what, x, outs)
        values.append(x)
    joined = values[0]
    if len(values) > 1:
        joined = writer.write(Sum() if kind == "add" else Multiply(), values, outs, "join")
    writer.end_part(path, first, joined)
    return joined


def join_step(kind: str, arrivals: Sequence[Arrival], outs: Map) -> Operations:
    """The operations of a sum or product of inputs that stands alone, as a part of `ALONE`: the
    first ones are where the inputs come in, in their order.
    """
    writer = Writer()
    on_map = {a.name: Map(size=outs.size, channels=a.map.channels) for a in arrivals}
    inputs = [given.value for given in write_sources(writer, on_map).values()]
    write_joined(writer, kind, arrivals, inputs, outs, f"stages.{ALONE}.join")
    writer.end_stage()
    return writer.operations()


def write_stage(architecture: Architecture, place: int) -> Writer:
    """The operations of the stage at `place` alone, as drafts: what other stages put out and the
    stage's own values of the step before are read by their names.
    """
    writer = _StepWriter(architecture)
    writer.write_stage(writer.layout.stages[place], place)
    return writer.writer


class _StepWriter:
    def __init__(self, architecture: Architecture) -> None:
        self.architecture, self.layout, self.writer = architecture, layout(architecture), Writer()

    def write(self) -> Operations:
        for place, shape in enumerate(self.layout.stages):
            self.write_stage(shape, place)
            self.writer.end_stage()
        self._head(self.layout.head)
        self.writer.end_stage()
        return self.writer.operations()

    def write_stage(self, shape: StageShape, place: int) -> None:
        stage, writer, name = shape.stage, self.writer, shape.stage.name
        before = self._before(place)
        senders = [
            self._resized(sender, self.layout[sender].output, before.map.size)
            for sender in self.architecture.senders(name)
        ]
        feedback: Ref | None = None
        if shape.arrivals:
            inputs = [before.value, *senders]
            joined = write_joined(
                writer, stage.join.kind, shape.arrivals, inputs, shape.input, f"stages.{name}.join"
            )
            before = Given(value=joined, map=shape.input)
        elif shape.feedback is not None:
            feedback = writer.write_join(senders, shape.feedback, "feedback")
        read = before.value
        if feedback is not None and stage.convolution.reads_feedback:
            read = writer.write_join([read, feedback], shape.reads, "convolution")
        path = f"stages.{name}.convolution"
        x = self._convolution(path, stage.convolution, read, shape.reads, shape.convolution)
        writer.named[f"{name}.input"] = x
        current = shape.convolution
        if stage.cell is not None and shape.cell is not None:
            sources = {"input": Given(value=x, map=current), "residual": before}
            if feedback is not None and shape.feedback is not None:
                sources["feedback"] = Given(value=feedback, map=shape.feedback)
            cell = self.architecture.cells[stage.cell]
            x = write_cell(writer, cell, shape.cell, name, sources, self.architecture.resize)
            current = shape.cell.output
        if stage.second is not None and shape.second is not None:
            path = f"stages.{name}.second"
            x = self._convolution(path, stage.second, x, current, shape.second)
            current = shape.second
        x = self._residual(shape, before, x, current)
        x = writer.write_activation(x, stage.activation, current, "activation")
        if stage.pool is not None:
            pool = stage.pool
            padding = same_padding(current.size, pool.kernel, pool.stride)
            what = Pooled(kind=pool.kind, kernel=pool.kernel, stride=pool.stride, padding=padding)
            x = writer.write(what, [x], shape.output, "pool")
        writer.named[name] = writer.write_own(x, shape.output, "output")

    def _before(self, place: int) -> Given:
        """What comes from below: the stage's, of the step before, or the frame, of this one."""
        if place:
            sender = self.layout.stages[place - 1]
            return Given(value=sender.stage.name, map=sender.output)
        image = self.architecture.image
        outs = Map(size=image.size, channels=image.channels)
        return Given(value=self.writer.write(Frame(), [], outs, "frame"), map=outs)

    def _resized(self, x: Ref, reads: Map, size: int) -> Ref:
        return self.writer.write_resized(x, reads, size, self.architecture.resize)

    def _convolution(self, path: str, part: Convolution, x: Ref, reads: Map, outs: Map) -> int:
        first = self.writer.next
        what = Convolve(
            weights=path,
            channels=reads.channels,
            kernel=part.kernel,
            padding=same_padding(reads.size, part.kernel, part.stride),
            stride=part.stride,
            bias=part.bias,
        )
        y = self.writer.write_convolution(what, x, outs)
        if part.norm is not None:
            y = self.writer.write_norm(y, resolve_norm(part.norm, path), outs)
        y = self.writer.write_activation(y, part.activation, outs, path.rpartition(".")[2])
        self.writer.end_part(path, first, y)
        return y

    def _residual(self, shape: StageShape, before: Given, x: int, outs: Map) -> int:
        """The stage's input added, resized and projected where the maps differ."""
        shortcut, writer = shape.stage.shortcut, self.writer
        if shortcut is None:
            return x
        added = self._projected(shape, before, outs) if shape.projects else before.value
        return writer.write(Sum(), [x, added], outs, "residual")

    def _projected(self, shape: StageShape, before: Given, outs: Map) -> int:
        """The stage's input on another map: resized or strided, through a 1x1 convolution."""
        shortcut, writer = shape.stage.shortcut, self.writer
        assert shortcut is not None
        path, first = f"stages.{shape.stage.name}.residual", writer.next
        added, stride = before.value, shape.stage.stride
        if shortcut.by == "resize":
            added, stride = self._resized(added, before.map, outs.size), 1
        what = Convolve(weights=path, channels=before.map.channels, stride=stride, bias=False)
        projected = writer.write_convolution(what, added, outs)
        if shortcut.norm is not None:
            projected = writer.write_norm(projected, resolve_norm(shortcut.norm, path), outs)
        writer.end_part(path, first, projected)
        return projected

    def _head(self, shape: HeadShape) -> None:
        head, classes = self.architecture.head, self.architecture.classes
        positions = 1
        if head.form == "convolution_mean":
            positions = (shape.reads.size - head.kernel + 1) ** 2
        self.writer.named[HEAD] = self.writer.write(
            Classify(form=head.form),
            [self.layout.stages[-1].stage.name],
            Map(size=0, channels=classes),
            HEAD,
            macs=positions * shape.inputs * classes,
        )
