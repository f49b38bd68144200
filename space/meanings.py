"""What every word of a genome and of a space means, in one line each.

Editors show these lines (space/json_schema.py) and the reference of the grammar prints them
(space/reference.py). The words, types, defaults and bounds are those of the values themselves,
whose docstrings say more; here each is explained once, by the name of its value.
"""

from collections.abc import Mapping

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "Architecture": {
        "image": "what the network looks at",
        "classes": "what the read-out tells apart",
        "clock": "steps of the unroll, and when the image is shown",
        "stages": "the chain from the image to the read-out",
        "cells": "recurrent cells by name; stages carry them",
        "feedback": "long-range edges, `SENDER->RECEIVER: true`, from a later stage to an earlier",
        "head": "the classifier, which reads the last stage",
        "decoder": "from the logits of all steps to the network's; its form alone is enough",
        "resize": "how maps are resized: corners aligned (published), or half-pixel centres",
        "start": "states before the image: computed from zeros (published), or held at zero",
        "weights": "initial values and L2 of everything that does not say its own",
    },
    "Image": {
        "size": "side in pixels; images are square",
        "channels": "1 of grey images, 3 of colour",
    },
    "Clock": {
        "steps": "time steps; one arrow of the network takes one step (10 ms in published models)",
        "image_on": "the first step at which the image is shown",
        "image_off": "the first step at which it is not any more; null: never",
        "blank": "what is shown otherwise, in normalised units",
    },
    "Stage": {
        "name": "what edges and reports call it",
        "join": "how the feedforward input and feedback become one; its kind alone is enough",
        "convolution": "the stage's convolution; its output is the cell's `input`",
        "cell": "the cell that it carries, by name",
        "second": "a second convolution, behind the cell",
        "residual": "adds the stage's input to what comes out; a mapping says how",
        "activation": "behind the residual",
        "pool": "the last operation; `{}` is 2x2 max pooling",
    },
    "Join": {
        "kind": "concatenate (feedback goes to the cell), or sum or multiply all inputs",
        "channels": "to which inputs are brought before a sum or product; null: the input's",
    },
    "Convolution": {
        "width": "output channels",
        "kernel": "side of the kernel",
        "stride": "pixels from one position to the next",
        "bias": "whether a bias is learned",
        "norm": "behind the convolution; its kind alone is enough",
        "activation": "behind the norm",
        "reads_feedback": "concatenates the stage's feedback to what it reads",
        "weights": "initial values and L2",
    },
    "Pool": {
        "kernel": "side of the window",
        "stride": "pixels from one window to the next",
        "kind": "what is taken of a window",
    },
    "Residual": {
        "by": "where maps differ: resize the input first (published), or stride the projection",
        "norm": "behind the projection; its kind alone is enough",
    },
    "Head": {
        "form": "mean over space then linear, kernels then mean, or linear on every position",
        "kernel": "of convolution_mean: side of the kernel",
        "weights": "initial values and L2",
    },
    "Decoder": {
        "form": "which steps count, and how they are weighed",
        "start": "the first step that is read; null: one step after the image reaches the head",
        "trainable": "learns beta or threshold",
        "beta": "inverse temperature of softmaxes",
        "threshold": "of thresh: the probability at which a step is taken",
        "layers": "of mlp: units of each layer",
        "filters": "of conv1d: filters of each window",
        "windows": "of conv1d: lengths of the windows in steps",
        "pool": "of conv1d: over time",
    },
    "Cell": {
        "states": "by name, in the order in which they are updated",
        "output": "the state that the stage puts out",
        "gates": "gates that several states share, by name",
        "clip_kernels": "cuts kernels to the map: all, separable ones, or none (refuses them)",
        "weights": "initial values and L2 of its terms",
    },
    "State": {
        "depth": "channels; null: the stage's width",
        "carry": "what it keeps; null: nothing of before",
        "drive": "what drives it",
        "norm": "of carry + drive; its kind alone is enough",
        "activation": "of the whole",
    },
    "Carry": {
        "of": "the source that is kept; null: the state's own value of before",
        "gate": "what it is multiplied by: a gate, or the name of a shared one; null: 1",
    },
    "Drive": {
        "edges": "what arrives: each adds or multiplies",
        "activation": "of the sum, before it is multiplied",
        "norm": "of the sum, before the activation; its kind alone is enough",
        "bias": "a constant added to the sum",
        "bias_acts": "always, or beside a full convolution alone",
    },
    "Edge": {
        "add": "a term of the sum",
        "multiply": "a factor of the drive: a gate, or the name of a shared one",
    },
    "Gate": {
        "shared": "this gate is the cell's gate of that name",
        "complement": "this gate is one minus the cell's gate of that name",
        "offset": "added to the scaled nonlinearity",
        "scale": "of the nonlinearity; negative: the gate falls with its argument",
        "nonlinearity": "of the argument",
        "terms": "what is summed to the argument",
        "norm": "of that sum; its kind alone is enough",
        "bias": "a constant added to the argument",
        "bias_acts": "always, or beside a full convolution alone",
    },
    "Term": {
        "of": "what is read: input, residual, feedback, a state, new.STATE, or SOURCE * GATE",
        "op": "null: convolution where a kernel is given, else identity",
        "kernel": "side of the kernel of a (separable) convolution",
        "bias": "whether a bias is learned; null: convolutions learn one",
        "repeat": "one more depthwise kernel and an ELU before a separable convolution",
        "norm": "behind the operation; its kind alone is enough",
        "skip": "adds the sources themselves",
        "clip": "whether this kernel is cut to the map; null: as the cell says",
        "activation": "of the term",
        "squared": "multiplies the term by itself",
        "after_norm": "added behind the norm of the sum that it stands in",
        "weights": "initial values and L2",
    },
    "Norm": {
        "kind": "statistics over height, width and channels; groups of channels; or the batch",
        "groups": "of group: how many, a divisor of the channels",
        "interleaved": "of group: channels of equal index modulo `groups` are one (published)",
        "epsilon": "added to the variance; null: 1e-12 of layer, 1e-5 of the others",
        "gain": "at which the learned gains start",
        "shift": "at which the learned shifts start",
        "momentum": "of batch: of the running averages",
    },
    "Weights": {
        "initial": "how kernels start; null: as outside",
        "bias_initial": "the value, or how biases start; null: as outside",
        "decay": "L2 of kernels: the coefficient of sum(w^2)/2; null: as outside",
        "bias_decay": "L2 of biases; null: as outside",
    },
    "Initial": {
        "scheme": "of the first values",
        "scale": "of the variance (variance_scaling, glorot_uniform); deviation; value; upper end",
        "parts": "of glorot_uniform: the kernel is one of so many equal slices of a larger one",
    },
    "Space": {
        "name": "a label",
        "description": "one line for people",
        "images": "what the network looks at where no campaign says it",
        "genome": "a genome with choices; or {base: GENOME, choices: {PATH: CHOICE}}",
        "recipe": "training settings to lay over the campaign's, choices too",
        "only": "by choice, the options that are left of it",
        "controls": "networks to compare with, by name",
    },
    "Images": {
        "size": "side in pixels",
        "channels": "1 of grey images, 3 of colour",
        "classes": "how many there are",
    },
    "Control": {
        "description": "one line for people",
        "genome": "laid over the space's: mappings merge, the rest replaces; keys may be paths",
        "recipe": "laid over the space's",
        "choices": "choices made; those left are at their defaults",
        "whole": "true: nothing of the space's genome and recipe lies under it",
        "match": "the feedforward network that has as much of this as the best network found",
        "without": "the best network found, without these parts: self edges, feedback, or names",
    },
}

CHOICES: Mapping[str, str] = {
    "choice": "one of these: values or whole parts; a list, or a mapping that names the options",
    "uniform": "a number between two",
    "loguniform": "a number between two, uniform in its logarithm",
    "integers": "a whole number between two, both included",
    "logintegers": "a whole number between two, uniform in its logarithm",
    "optional": "there or not (true or false); what is not there leaves no key",
    "same_as": "the value of another place: its path, or the name of its choice",
}
"""The keys that make a mapping a choice, in place of any value or part."""

BESIDE: Mapping[str, str] = {
    "name": "what the choice is called; by default its path",
    "default": "the value where nothing chooses; else the first, absent, or the middle",
    "weights": "of a choice: how likely each option is; a list, or a mapping by option",
    "up_to": "of a choice of kernels: `map` does not offer those larger than the stage's map",
    "times": "of same_as: multiplies the number",
}
"""The keys that may stand beside them."""
