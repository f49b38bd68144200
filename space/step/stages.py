"""One step of a network, written as operations: every stage in its order, then the head.

A stage is, as far as given: join of its inputs, convolution, cell, second convolution, residual,
activation, pool. `write_step(genome)` writes the operations of all stages in an order in which
each reads only earlier ones, values of the step before, or the frame. They are the same at every
step; which of them a step really needs is worked out in `space/unroll/plan.py`.
"""

from space.network.architecture import HEAD, Architecture, Convolution
from space.network.sizes import HeadShape, Map, StageShape, layout, same_padding
from space.step.equations import Given, resolve_norm, write_cell
from space.step.operations import Classify, Frame, Multiply, Operations, Pooled, Ref, Sum, Writer


def write_step(architecture: Architecture) -> Operations:
    """The operations of one step of `genome`, which must be valid."""
    return _StepWriter(architecture).write()


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
            before = self._joined(shape, [before.value, *senders])
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

    def _joined(self, shape: StageShape, inputs: list[Ref]) -> Given:
        """The sum or product of the inputs, each through a 1x1 convolution where it needs one."""
        stage, outs = shape.stage, shape.input
        values: list[Ref] = []
        for arrival, x in zip(shape.arrivals, inputs, strict=True):
            if arrival.projects:
                path = f"stages.{stage.name}.join.{arrival.name}"
                x = self.writer.write_convolution(
                    x, arrival.map.channels, outs, path, kernel=1, padding=(0, 0)
                )
            values.append(x)
        if len(values) == 1:
            return Given(value=values[0], map=outs)
        what = Sum() if stage.join.kind == "add" else Multiply()
        return Given(value=self.writer.write(what, values, outs, "join"), map=outs)

    def _resized(self, x: Ref, reads: Map, size: int) -> Ref:
        return self.writer.write_resized(x, reads, size, self.architecture.resize)

    def _convolution(self, path: str, part: Convolution, x: Ref, reads: Map, outs: Map) -> int:
        y = self.writer.write_convolution(
            x,
            reads.channels,
            outs,
            path,
            kernel=part.kernel,
            padding=same_padding(reads.size, part.kernel, part.stride),
            stride=part.stride,
            bias=part.bias,
        )
        if part.norm is not None:
            y = self.writer.write_norm(y, resolve_norm(part.norm, path), outs)
        return self.writer.write_activation(y, part.activation, outs, path.rpartition(".")[2])

    def _residual(self, shape: StageShape, before: Given, x: int, outs: Map) -> int:
        """The stage's input added, resized and projected where the maps differ."""
        shortcut, writer = shape.stage.shortcut, self.writer
        if shortcut is None:
            return x
        added, stride = before.value, shape.stage.stride
        if not shape.projects or shortcut.by == "resize":
            added = self._resized(added, before.map, outs.size)
            stride = 1
        if shape.projects:
            path = f"stages.{shape.stage.name}.residual"
            added = writer.write_convolution(
                added,
                before.map.channels,
                outs,
                path,
                kernel=1,
                padding=(0, 0),
                stride=stride,
                bias=False,
            )
            if shortcut.norm is not None:
                added = writer.write_norm(added, resolve_norm(shortcut.norm, path), outs)
        return writer.write(Sum(), [x, added], outs, "residual")

    def _head(self, shape: HeadShape) -> None:
        head, classes = self.architecture.head, self.architecture.classes
        positions = 1
        if head.form == "convolution_mean":
            positions = (shape.reads.size - head.kernel + 1) ** 2
        self.writer.named[HEAD] = self.writer.write(
            Classify(),
            [self.layout.stages[-1].stage.name],
            Map(size=0, channels=classes),
            HEAD,
            macs=positions * shape.inputs * classes,
        )
