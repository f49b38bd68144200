"""What the parts of a genome say, with all defaults resolved: JSON values for the normal form.

A field that this page and `space/identity/normal_form.py` do not take apart is taken as it is
written, so that a new one is a difference between networks until it is known not to be.
"""

import hashlib
import json
from functools import lru_cache
from typing import Any

from space.network.grammar import Initial, Norm, Value, Weights

# The fields that are taken apart, by part.
_KNOWN = {
    "Carry": "of gate",
    "Cell": "states output gates clip_kernels weights",
    "Clock": "steps image_on image_off blank",
    "Convolution": "width kernel stride bias norm activation reads_feedback weights",
    "Decoder": "form start trainable beta threshold layers filters windows pool",
    "Drive": "edges activation norm bias bias_acts",
    "Gate": "shared complement offset scale nonlinearity terms norm bias bias_acts",
    "Architecture": "image classes clock stages cells feedback head decoder resize start weights",
    "Head": "form kernel weights",
    "Join": "kind channels",
    "Norm": "kind groups interleaved epsilon gain shift momentum",
    "Pool": "kernel stride kind",
    "Residual": "by norm",
    "Stage": "name join convolution cell second residual activation pool",
    "State": "depth carry drive norm activation",
    "Term": "of op kernel bias repeat norm skip clip activation after_norm weights",
}


def plain(value: Any) -> Any:
    """A field as JSON values."""
    return fields(value) if isinstance(value, Value) else value


def fields(value: Value) -> dict[str, Any]:
    """All fields, those at their defaults too."""
    return {name: plain(getattr(value, name)) for name in type(value).model_fields}


@lru_cache
def _beyond(model: type[Value]) -> tuple[tuple[str, Any], ...]:
    known = next(
        _KNOWN[kind.__name__] for kind in model.__mro__ if kind.__name__ in _KNOWN
    ).split()
    fields = model.model_fields.items()
    return tuple((name, field.get_default()) for name, field in fields if name not in known)


def more(value: Value) -> dict[str, Any]:
    """What a part says beyond the fields that are taken apart."""
    return {
        name: plain(getattr(value, name))
        for name, default in _beyond(type(value))
        if getattr(value, name) != default
    }


def weights_said(weights: Weights, bias: bool) -> Any:
    """Complete weights; those of the bias only where there is one."""
    first = weights.bias_initial or 0.0
    if not isinstance(first, Initial):
        first = Initial(scheme="constant", scale=first)
    return [
        initial_said(weights.initial or Initial()),
        weights.decay or 0.0,
        [initial_said(first), weights.bias_decay or 0.0] if bias else None,
    ]


def initial_said(initial: Initial) -> Any:
    """How a tensor starts."""
    parts = initial.parts if initial.scheme == "glorot_uniform" else 1
    return [initial.scheme, float(initial.scale), parts]


def norm_said(norm: Norm) -> Any:
    """What a norm does, and how its gain and shift start."""
    blocks = norm.groups if norm.kind == "group" and norm.groups != 1 else None
    kind = "layer" if norm.kind == "group" and blocks is None else norm.kind
    return [
        kind,
        blocks,
        norm.interleaved and blocks is not None,
        norm.added_epsilon,
        norm.gain,
        norm.shift,
        norm.momentum if kind == "batch" else None,
        more(norm),
    ]


def label(*said: Any) -> str:
    """The label of a vertex: a JSON list."""
    return json.dumps(said, separators=(",", ":"))


def hashed(form: Any) -> str:
    """The hash of a JSON value, in hex digits."""
    text = json.dumps(form, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
