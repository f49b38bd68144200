"""Decoders: from stored logits of all steps to one set."""

import math
import re
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import torch

from models.readout import DecoderModule
from models.reference_weights import (
    published_decoder_state_dict,
)
from space.documents.validation import parse, suggestion
from space.errors import InputError
from space.network.architecture import Decoder
from space.step.parameters import decoder_parameters
from workers.reference.comparison import (
    Errors,
    error,
    load_checked,
    node_depth,
    to_numpy,
)
from workers.reference.entries import (
    DecoderEntry,
)
from workers.reference.files import (
    Arrays,
)

_BETA = 0.35  # of the temperature that the published file uses under the names *_beta


def replay_decoder(entry: DecoderEntry, arrays: Arrays, dtype: torch.dtype) -> Errors:
    """Errors of what each decoder makes of the logits [B,T,N], and of the steps it chooses.

    `out/NAME` is a form of decoder, `out/NAME_beta` the same with another temperature (the
    entry's `beta`). Weights are `w/NAME/...` or `w/...` under the reference's names.
    """
    logits = torch.from_numpy(np.ascontiguousarray(arrays["in/logits"])).to(dtype)
    errors: Errors = {}
    for key, theirs in arrays.items():
        kind, _, name = key.partition("/")
        if key == "max_prob":
            errors[key] = error(to_numpy(logits.softmax(2).amax(2)), theirs)
        elif kind in ("out", "time"):
            module = _decoder(name, entry, arrays, dtype)
            with torch.no_grad():
                ours = module(logits) if kind == "out" else module.chosen_steps(logits)
            same = kind == "out" or np.array_equal(to_numpy(ours), theirs)
            errors[key] = error(to_numpy(ours), theirs) if same else math.inf
    return errors


def _decoder(name: str, entry: DecoderEntry, arrays: Arrays, dtype: torch.dtype) -> DecoderModule:
    """The decoder of a name, with its weights."""
    own = entry.given.get(name, {})
    options = {**entry.given, **(own if isinstance(own, Mapping) else {})}
    form = name.removesuffix("_beta")
    fields: dict[str, Any] = {"form": form}
    known = get_args(Decoder.model_fields["form"].annotation)
    if form not in known:
        raise InputError(f"out/{name}", "is not a decoder", suggestion(form, known))
    if form != name:
        fields["beta"] = options.get("beta", _BETA if entry.beta is None else entry.beta)
    if form == "thresh":
        threshold = 0.9 if entry.threshold is None else entry.threshold
        fields["threshold"] = options.get("threshold", threshold)
    variables = {
        key.removeprefix("w/").removeprefix(f"{name}/"): value
        for key, value in arrays.items()
        if key.startswith(f"w/{name}/") or _belongs(form, key)
    }
    if form == "mlp":
        fields["layers"] = tuple(
            value.shape[1]
            for key, value in sorted(variables.items(), key=lambda item: node_depth(item[0]))
            if re.search(r"/fc\d+/weights$", key) and value.ndim == 2
        )
    decoder = parse(Decoder, fields, f"out/{name}")
    _, steps, classes = arrays["in/logits"].shape
    return load_checked(
        lambda: DecoderModule(decoder, decoder_parameters(decoder, steps, classes), dtype),
        published_decoder_state_dict(decoder, variables),
    )


def _belongs(form: str, key: str) -> bool:
    """Whether an array is a weight of a form of decoder, by its published name."""
    scope = {"mlp": "w/mlp_decoder/", "conv1d": "w/conv1_decoder/", "w_avg_t": "w/decoder_alpha"}
    return form in scope and key.startswith(scope[form])
