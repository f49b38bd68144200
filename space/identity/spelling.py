"""What parts of an architecture say, with all defaults resolved: JSON values for the normal form.

A field of the head, the decoder, the clock or the architecture that identity does not take apart
is taken as it is written, so that a new one is a difference between networks until it is known not
to be. Stages and cells are read from their operations.
"""

import hashlib
import json
from functools import lru_cache
from typing import Any

from space.documents.validation import Value
from space.step.operations import Normalise
from space.step.parameters import Start

# The fields that are taken apart, by part.
_KNOWN = {
    "Architecture": "image classes clock stages cells feedback head decoder resize start weights",
    "Clock": "steps image_on image_off blank",
    "Decoder": "form start trainable beta threshold layers filters windows pool",
    "Head": "form kernel weights",
}


def write_plain(value: Any) -> Any:
    """A field as JSON values."""
    return write_fields(value) if isinstance(value, Value) else value


def write_fields(value: Value) -> dict[str, Any]:
    """All fields, those at their defaults too."""
    return {name: write_plain(getattr(value, name)) for name in type(value).model_fields}


def write_others(value: Value) -> dict[str, Any]:
    """What a part says beyond the fields that are taken apart."""
    return {
        name: write_plain(getattr(value, name))
        for name, default in _others(type(value))
        if getattr(value, name) != default
    }


@lru_cache
def _others(model: type[Value]) -> tuple[tuple[str, Any], ...]:
    known = next(
        _KNOWN[kind.__name__] for kind in model.__mro__ if kind.__name__ in _KNOWN
    ).split()
    fields = model.model_fields.items()
    return tuple((name, field.get_default()) for name, field in fields if name not in known)


Started = tuple[tuple[str, float, int], float]
"""How a tensor starts (scheme, scale, parts), and its decay."""


def write_start(start: Start) -> Started:
    """How a tensor starts and decays."""
    initial = start.initial
    parts = initial.parts if initial.scheme == "glorot_uniform" else 1
    return (initial.scheme, float(initial.scale), parts), float(start.decay)


def label(*parts: Any) -> str:
    """The label of a vertex: a JSON list."""
    return json.dumps(parts, separators=(",", ":"))


# Networks of one space have few labels of weights, each of which many of their parts bear.


@lru_cache(maxsize=4096)
def label_convolution(
    kernel: int, stride: int, depth: int | str | None, weights: Started, bias: Started | None
) -> str:
    """The label of a convolution of so many channels."""
    there = bias is not None
    return label("convolution", kernel, stride, depth, there, (*weights, bias), {})


@lru_cache(maxsize=4096)
def label_separable(
    kernel: int, repeat: bool, depth: int | str, weights: Started, bias: Started | None
) -> str:
    """The label of a depthwise and a pointwise convolution."""
    repeated = {"repeat": True} if repeat else {}
    there = bias is not None
    return label("separable", kernel, 1, depth, there, (*weights, bias), repeated)


@lru_cache(maxsize=4096)
def label_weighing(kind: str, depth: int | str, weights: Started) -> str:
    """The label of weights a position, or of a learned scalar."""
    return label(kind, None, 1, depth, False, weights, {})


@lru_cache(maxsize=4096)
def label_norm(norm: Normalise, gain: float, shift: float) -> str:
    """The label of a norm, wherever its weights are, whose gain and shift start so."""
    return label(
        "norm",
        (
            norm.kind,
            norm.groups if norm.kind == "group" else None,
            norm.interleaved,
            norm.epsilon,
            gain,
            shift,
            norm.momentum if norm.batch else None,
            {},
        ),
    )


def hash_json(form: Any) -> str:
    """The hash of a JSON value, in hex digits."""
    text = json.dumps(form, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
