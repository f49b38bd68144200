"""The names that published cells have, by the identity of the cell."""

from functools import lru_cache

from space import zoo
from space.errors import GenomeError
from space.genome import Genome
from space.network.grammar import Cell, as_document
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal

FEEDFORWARD = "feedforward"


def find_published(cell: Cell) -> str:
    """What a cell is called in the literature; empty if it is none of the published ones."""
    return _published_names().get(_fingerprint(cell), "")


@lru_cache(maxsize=1)
def _published_names() -> dict[str, str]:
    cells = {
        FEEDFORWARD: published.feedforward(),
        "time decay": published.time_decay(),
        "SimpleRNN": published.simple_rnn(),
        "SimpleRNN (layer norm)": published.simple_rnn(layer_norm=True),
        "ConvLSTM": published.conv_lstm(),
        "ConvGRU": published.conv_gru(),
        "UGRNN": published.ugrnn(),
        "IntersectionRNN": published.intersection_rnn(),
        "median reciprocal gated cell": reciprocal.rgc_median(),
        "reciprocal gated cell": reciprocal.rgc_shallow(),
    }
    names = {_fingerprint(cell): name for name, cell in cells.items()}
    (shallow,) = zoo.model("rgc_shallow").genome.cells.values()
    return names | {_fingerprint(shallow): "reciprocal gated cell without feedback"}


def _fingerprint(cell: Cell) -> str:
    """The digest of a cell in a network of reference; empty if it does not fit there."""
    motif = cell.model_copy(update={"clip_kernels": True, "weights": reciprocal.UNDECAYED})
    stages = [{"name": f"stage{i}", "convolution": {"width": 4}, "cell": "motif"} for i in (1, 2)]
    try:
        return Genome.parse(
            {
                "image": {"size": 16, "channels": 2},
                "stages": stages,
                "cells": {"motif": as_document(motif)},
                "feedback": {"stage2->stage1": True},
            }
        ).digest
    except GenomeError:
        return ""
