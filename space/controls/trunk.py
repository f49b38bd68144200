"""The feedforward network of a recurrent one: the same stages, with what goes round taken away.

Cells and feedback edges are left out. A stage that carried a cell keeps the norm and the
activation of the cell's output behind its convolution (an ELU where there was no activation), as
the `feedforward` controls of the named spaces do, so that it is as nonlinear and as trainable.

Without a loop a network has one answer. It is read once: the clock has as many steps as the image
needs to the read-out, the image stays on, and stages are silent until it has reached them (so
that a batch norm averages images alone).
"""

from space.genome import Genome
from space.network.architecture import Clock, Decoder, Join, Stage
from space.network.grammar import Activation

ACTIVATION: Activation = "elu"


def take_recurrence_away(genome: Genome) -> Genome:
    """The feedforward network of `genome`, for the same images and classes."""
    stages = tuple(_bare(genome, stage) for stage in genome.stages)
    return build_chain(genome, stages)


def build_chain(genome: Genome, stages: tuple[Stage, ...]) -> Genome:
    """A feedforward network of `stages`, with all else of `genome` that does not go round.

    Raises GenomeError if they are no network.
    """
    changes = {
        "stages": stages,
        "cells": {},
        "feedback": {},
        "clock": Clock(steps=len(stages) + 1),
        "decoder": Decoder(),
        "start": "masked",
    }
    fields = {name: getattr(genome, name) for name in Genome.model_fields}
    return Genome.parse(Genome.model_construct(**{**fields, **changes}).document())


def _bare(genome: Genome, stage: Stage) -> Stage:
    convolution = stage.convolution.model_copy(update={"reads_feedback": False})
    if stage.cell is not None:
        cell = genome.cells[stage.cell]
        state = cell.states[cell.output]
        activation = state.activation if state.activation != "identity" else ACTIVATION
        changes: dict[str, object] = {"width": state.depth or convolution.width}
        norm = convolution.norm or state.norm
        if convolution.activation == "identity":
            changes["activation"] = activation
            if norm is not None and not norm.gain:
                # As published, a convolution without an activation may start at nothing.
                norm = norm.model_copy(update={"gain": 1.0})
        changes["norm"] = norm
        convolution = convolution.model_copy(update=changes)
    return stage.model_copy(update={"cell": None, "convolution": convolution, "join": Join()})
