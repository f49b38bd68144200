"""The part of a space's JSON Schema that is of the motif notation (space/notation/).

It knows the keys and what kind of line stands under each. The words within a line are checked by
`ventral space validate`, which points at their place.
"""

from collections.abc import Mapping
from typing import Any

from space.notation.cells import KEYS as CELL_KEYS
from space.notation.documents import CONTROL_KEYS, GENOME_KEYS, OWN_KEYS, SPACE_KEYS

Schema = dict[str, Any]

LINE: Schema = {"type": ["string", "number"]}
"""Words; a number alone is one, too."""

KEYS: dict[str, str] = {
    "steps": "the steps of the unroll: 7; 17 image 0..12 shows the image in the first twelve",
    "stages": "a line a stage: conv1 16 k 3 elu pool; conv2 24 k 3 cell",
    "feedback": "a line an edge: conv3 -> conv2 ?",
    "let": "words of your own that stand for others: W: conv|separable k 1|3*|5",
    "cell": "the cell of the stages with `cell`",
    "cells": "several cells by name, named in the stages: cell rgc",
    "train": "settings of the training; numbers may be left open: log 1e-3..1e-2",
    "controls": "networks to compare with: a list of edges in place of the cell, a mapping, "
    "match parameters|macs|depth, or best without self edges|feedback|PART",
    "states": "by name a state's depth, norm and activation; `?` for one that may be absent",
    "gates": "gates that several edges share: update: input & hidden -> k 3",
    "edges": "a line an edge: SOURCES -> TARGET add|times|keep WORDS",
    "output": "the state that is put out",
    "kernels": "cut to map; then first values and L2 of the weights: init glorot_uniform",
}


def notation_schema(space: Mapping[str, Schema], genome: Mapping[str, Schema]) -> Schema:
    """The JSON Schema of a space in the notation.

    `space` and `genome` have the properties of both in the full grammar, by key: what the notation
    does not write in words is as it is there, and so may be a stage and a whole cell.
    """
    own: dict[str, Schema] = {
        "steps": LINE,
        "stages": {"type": "array", "minItems": 1, "items": {"type": ["string", "object"]}},
        "feedback": _lines(or_one=True),
        "let": {"type": "object", "additionalProperties": LINE},
        "cell": _cell(),
        "cells": {"type": "object", "additionalProperties": _cell()},
        "train": {"type": "object"},
        "controls": {"type": "object", "additionalProperties": _control()},
    }
    assert own.keys() == set(OWN_KEYS), "a key of the notation has no schema"
    parts = {key: genome[key] for key in GENOME_KEYS}
    for key in ("head", "weights"):  # which have words, too
        parts[key] = {"anyOf": [{"type": "string"}, genome[key]]}
    return {
        "type": "object",
        "required": ["name", "stages"],
        "additionalProperties": False,
        "properties": {key: space[key] for key in SPACE_KEYS}
        | parts
        | {key: value | {"description": KEYS[key]} for key, value in own.items()},
    }


def _lines(*, or_one: bool = False) -> Schema:
    """A list of lines; with `or_one` a line alone, or a mapping of the full grammar."""
    lines: Schema = {"type": "array", "items": LINE}
    return {"anyOf": [{"type": ["string", "object"]}, lines]} if or_one else lines


def _cell() -> Schema:
    """A cell in the notation, which has `edges`; or one in the full grammar."""
    named: Schema = {
        "type": "object",
        "additionalProperties": {"type": ["string", "number", "null"]},
    }
    parts = {"states": named, "gates": named, "edges": _lines(), "output": LINE, "kernels": LINE}
    assert parts.keys() == set(CELL_KEYS), "a key of a cell has no schema"
    properties = {key: value | {"description": KEYS[key]} for key, value in parts.items()}
    own = {"required": ["states"], "additionalProperties": False, "properties": properties}
    return {"type": "object", "if": {"required": ["edges"]}, "then": own}


def _control() -> Schema:
    """A control: edges alone, parts of a cell, or what the full grammar lays over the genome."""
    cell = _cell()["then"]["properties"]
    own: dict[str, Schema] = {
        "description": {"type": "string"},
        "states": cell["states"],
        "gates": cell["gates"],
        "edges": cell["edges"],
        "feedback": _lines(or_one=True),
        "choices": {"type": "object"},
        "train": {"type": "object"},
    }
    assert own.keys() == set(CONTROL_KEYS), "a key of a control has no schema"
    full = {"anyOf": [{"required": ["genome"]}, {"required": ["recipe"]}]}
    whole = {"if": full, "else": {"additionalProperties": False, "properties": own}}
    return {"type": ["array", "object", "string"], "items": LINE, **whole}
