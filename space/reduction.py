"""A network looked at more cheaply: at a smaller image and for fewer steps, with the same weights.

A training may begin like that (`fidelity` of a recipe in workers/job.py): what holds for all
sizes is learned for less. It has to be the same network: every parameter of the same shape.
Kernels that the genome cuts to the map stay as large as they are on the whole image's maps; what
reaches over a smaller map meets padding there.
"""

from typing import Any

from space.documents.validation import Value
from space.errors import GenomeError
from space.genome import Genome
from space.network.cell_sizes import kernel_on
from space.network.grammar import KERNEL_OPS, Cell, Term
from space.network.sizes import layout
from space.step.parameters import parameters


def reduce_genome(genome: Genome, *, size: int | None = None, steps: int | None = None) -> Genome:
    """The network of a genome for images of `size` pixels, read after `steps` steps.

    What is not given stays as it is. Raises GenomeError if it asks for more than the genome has,
    if the image would not reach the head, or if the weights would be other ones (weights by
    position or by step, a residual that needs a projection at one size only).
    """
    if size is None and steps is None:
        return genome
    smaller = genome
    if size is not None:
        _less("size", size, genome.image.size, "pixels")
        smaller = _pinned(smaller)
        image = smaller.image.model_copy(update={"size": size})
        smaller = smaller.model_copy(update={"image": image})
    if steps is not None:
        _less("steps", steps, genome.clock.steps, "steps")
        off = genome.clock.image_off
        # An image that was to go off later stays on to the end.
        clock = {"steps": steps, "image_off": off if off is not None and off < steps else None}
        smaller = smaller.model_copy(update={"clock": smaller.clock.model_copy(update=clock)})
    smaller = Genome.parse(smaller.document())
    whole, less = (
        {tensor.path: tensor.shape for tensor in parameters(each).parameters}
        for each in (genome, smaller)
    )
    for path in whole | less:
        if whole.get(path) != less.get(path):
            at = f"{smaller.image.size} pixels and {smaller.clock.steps} steps"
            raise GenomeError(path, f"has other weights at {at}", "reduce the network less")
    return smaller


def _less(name: str, wanted: int, has: int, unit: str) -> None:
    if wanted > has:
        problem = f"{wanted} is more than the network's {has} {unit}"
        raise GenomeError(name, problem, f"write {has} or less")


def _pinned(genome: Genome) -> Genome:
    """The same network with the sides of all cells' kernels written out: a cell a stage."""
    stages, cells = [], {}
    for shape in layout(genome).stages:
        stage = shape.stage
        if stage.cell is not None and shape.cell is not None:
            cell, size = genome.cells[stage.cell], shape.cell.output.size
            cells[stage.name] = _written(cell, cell, size)
            stage = stage.model_copy(update={"cell": stage.name})
        stages.append(stage)
    return genome.model_copy(update={"stages": tuple(stages), "cells": cells})


def _written(node: Any, cell: Cell, size: int) -> Any:
    """A part of a cell with the sides that its kernels have on a map of `size`."""
    if isinstance(node, Term):
        if node.operation not in KERNEL_OPS or not node.kernel:
            return node
        return node.model_copy(update={"kernel": kernel_on(cell, node, size), "clip": False})
    if isinstance(node, tuple):
        return tuple(_written(item, cell, size) for item in node)
    if isinstance(node, dict):
        return {key: _written(item, cell, size) for key, item in node.items()}
    if isinstance(node, Value):
        fields = {name: getattr(node, name) for name in type(node).model_fields}
        written = {key: _written(item, cell, size) for key, item in fields.items()}
        changed = {key: item for key, item in written.items() if item is not fields[key]}
        return node.model_copy(update=changed) if changed else node
    return node
