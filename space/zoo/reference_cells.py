"""Published cells from options under the names of the released reference implementation."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from space.documents.validation import quote, suggestion
from space.errors import InputError
from space.network.grammar import Cell
from space.zoo.cells import (
    basic_rnn,
    conv_gru,
    conv_lstm,
    intersection_rnn,
    simple_rnn,
    time_decay,
    ugrnn,
)
from space.zoo.reciprocal_gated import ReciprocalGated, reciprocal_gated
from space.zoo.reference_options import Options

RGC_A, RGC_B = "RGC variant A (median)", "RGC variant B"

# What a kind may be called: the words of files of results, and the classes of the reference.
_KINDS = {
    "time decay": ("timedecay", "memory"),
    "vanilla": ("simplernn", "convnormbasiccell", "normbasic"),
    "basic": ("convbasiccell", "tanhrnn"),
    "LSTM": ("convlstm", "convlstmcell"),
    "GRU": ("convgru", "convgrucell"),
    "UGRNN": ("convugrnncell",),
    "IntersectionRNN": ("convintersectionrnncell",),
    RGC_A: ("rgca", "rgcmedian"),
    RGC_B: ("rgcb", "rgcshallow"),
}


def from_options(kind: str, options: Mapping[str, Any], *, residual: bool = True) -> Cell:
    """The cell that the reference makes of `options`, by its own names and with its defaults.

    `kind` is what a file of results calls the cell ("time decay", "vanilla", "LSTM", "GRU",
    "UGRNN", "IntersectionRNN", "RGC variant A (median)", "RGC variant B", or the reference's
    class). `out_depth` among the options is the number of channels, that of the cell's input
    unless it is given. `residual` false says that the cell gets no residual input: its routes are
    left out then, as in the reference. Options that bear on training only (initialisers, L2) are
    kept as the cell's weights.

    Raises InputError for an option that the kind does not have, for a value that is not supported,
    and for what the reference itself cannot run (UGRNN with layer norm, crelu).
    """
    name = _kind(kind)
    read = Options(name, options)
    read.ignore("shape", "memory_shape", "is_training", "data_format", "name")
    cell = _MAKERS[name](read) if name in _MAKERS else _reciprocal(read, name, residual)
    read.done()
    return cell


def _kind(text: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    plain = plain.replace("reciprocalgatedcell", "rgc").replace("reciprocalgatecell", "rgc")
    for name, others in _KINDS.items():
        if plain in (re.sub(r"[^a-z0-9]", "", name.lower()), *others):
            return name
    variant = re.match("rgc(?:variant|class)([ab])", plain)
    if variant:
        return RGC_A if variant[1] == "a" else RGC_B
    problem = f"no published cell is called {quote(text)}"
    raise InputError("cell", problem, suggestion(text, _KINDS))


def _time_decay(read: Options) -> Cell:
    read.ignore("trainable", "out_depth")
    return time_decay(read.number("memory_decay", 0.0))


def _vanilla(read: Options) -> Cell:
    return simple_rnn(
        kernel=read.kernel(),
        layer_norm=read.flag("layer_norm", True),
        depth=read.depth(),
        activation=read.function("activation", "elu"),
        weights=read.weights("kernel_regularizer", "bias_regularizer"),
    )


def _basic(read: Options) -> Cell:
    return basic_rnn(
        kernel=read.kernel(),
        depth=read.depth(),
        activation=read.function("activation", "tanh"),
        weights=read.weights(),
    )


def _lstm(read: Options) -> Cell:
    read.only("state_is_tuple", False, "is another layout of the same state")
    return conv_lstm(
        kernel=read.kernel(),
        depth=read.depth(),
        forget_bias=read.number("forget_bias", 1.0),
        peepholes=read.flag("use_peepholes"),
        layer_norm=read.norm(),
        activation=read.function("activation", "tanh"),
        weights=read.weights(),
    )


def _gru(read: Options) -> Cell:
    has_start = read.left.get("bias_initializer") is not None
    weights = read.weights()
    return conv_gru(
        kernel=read.kernel(),
        depth=read.depth(),
        forget_bias=read.number("forget_bias", 1.0),
        layer_norm=read.norm(),
        activation=read.function("activation", "tanh"),
        weights=weights if has_start else weights.model_copy(update={"bias_initial": None}),
    )


def _ugrnn(read: Options) -> Cell:
    read.only("layer_norm", False, "reads an undefined name in the reference: it cannot run")
    read.ignore("norm_gain", "norm_shift")
    return ugrnn(
        kernel=read.kernel(),
        depth=read.depth(),
        forget_bias=read.number("forget_bias", 1.0),
        weights=read.weights(),
    )


def _intersection(read: Options) -> Cell:
    read.ignore("out_depth")
    return intersection_rnn(
        kernel=read.kernel(),
        forget_bias=read.number("forget_bias", 1.0),
        layer_norm=read.norm(),
        weights=read.weights(),
    )


_MAKERS: dict[str, Callable[[Options], Cell]] = {
    "time decay": _time_decay,
    "vanilla": _vanilla,
    "basic": _basic,
    "LSTM": _lstm,
    "GRU": _gru,
    "UGRNN": _ugrnn,
    "IntersectionRNN": _intersection,
}

_RESIDUAL_ROUTES = (
    "out_residual",
    "residual_to_cell_tau",
    "residual_to_cell_gate",
    "residual_to_out_tau",
    "residual_to_out_gate",
)


def _reciprocal(read: Options, kind: str, residual: bool) -> Cell:
    read.only("recurrent_keep_prob", 1.0, "drops out states, which is not supported")
    read.only("bn_trainable", True, "freezes the batch norms, which is not supported")
    read.only("crossdevice_bn_kwargs", {}, "is for several devices")
    read.ignore("total_training_steps")
    weights = read.weights().model_copy(update={"bias_decay": 0.0})
    values: dict[str, Any] = {}
    hints = get_type_hints(ReciprocalGated)
    for option in fields(ReciprocalGated):
        if option.name in ("variant", "weights"):
            continue
        default = option.default
        value = _option(read, option.name, hints[option.name], default)
        values[option.name] = default if value is None else value
    read.done()
    for name in () if residual else _RESIDUAL_ROUTES:
        values[name] = False
    values["variant"] = "A" if kind == RGC_A else "B"
    return reciprocal_gated(ReciprocalGated(weights=weights, **values))


def _option(read: Options, name: str, hint: Any, default: Any) -> Any:
    """One option of the reciprocal gated cell, read as what it is."""
    if name.endswith("_filter_size"):
        return read.size(name, default)
    if name in ("cell_depth", "out_depth"):
        return read.depth(name)
    if name.endswith(("_activation", "_nonlinearity")):
        return read.function(name, default)
    if name == "feedback_entry":
        return read.word(name, default, ("input", "cell", "out"))
    if name == "edges_init_zero":
        return read.take(name, default)
    return read.number(name, default) if hint is float else read.flag(name, default)
