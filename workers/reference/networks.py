"""Whole networks of the zoo, whose weights and images are given by a formula."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.build import Network, build
from models.reference_weights import (
    published_state_dict,
)
from space import zoo
from space.genome import Genome
from space.network.architecture import HEAD
from space.step.parameters import parameters
from workers.arrays import Array
from workers.reference.cells import stored_states
from workers.reference.comparison import (
    Errors,
    compare_shapes,
    error,
    to_numpy,
    to_torch,
)
from workers.reference.entries import (
    NetworkEntry,
    Variable,
    read_entry,
)
from workers.reference.files import (
    Arrays,
    generate_images,
    generate_variable,
)


def replay_network(
    entry: NetworkEntry | Mapping[str, Any], arrays: Arrays, dtype: torch.dtype
) -> Errors:
    """Errors of the logits of every step, and of samples of every traced activation."""
    entry = read_entry(NetworkEntry, entry)
    network = published_network(entry, dtype)
    images = generate_images(entry.seed, entry.batch, entry.image_size, network.image_channels)
    return _trace_errors(network, to_torch(images, dtype), arrays)


def published_network(entry: NetworkEntry | Mapping[str, Any], dtype: torch.dtype) -> Network:
    """The network of an entry, its weights by the formula, in evaluation mode."""
    entry = read_entry(NetworkEntry, entry)
    genome = published_genome(entry)
    variables = {variable.name: _variable(entry, variable) for variable in entry.variables}
    state = published_state_dict(genome, variables)
    compare_shapes(
        parameters(genome).shapes, {name: tuple(value.shape) for name, value in state.items()}
    )
    network = build(genome, dtype=dtype)
    network.load_state_dict(state)
    return network.eval()


def published_genome(entry: NetworkEntry | Mapping[str, Any]) -> Genome:
    """The zoo's genome at an entry's image size and clock."""
    entry = read_entry(NetworkEntry, entry)
    document = zoo.model(entry.zoo_model).genome.document()
    document["image"] = document.get("image", {}) | {"size": entry.image_size}
    clock: dict[str, Any] = {"steps": entry.timesteps, "image_off": entry.image_off}
    clock |= {
        key: value
        for key, value in (("image_on", entry.image_on), ("blank", entry.blank))
        if value is not None
    }
    document["clock"] = document.get("clock", {}) | clock
    classes = [
        v.shape[-1] for v in entry.variables if v.name.startswith("imnetds/pre") and v.shape
    ]
    if classes:
        document["classes"] = classes[0]
    return Genome.parse(document)


def _variable(entry: NetworkEntry, variable: Variable) -> Array:
    if variable.rule == "zero":
        return np.zeros(variable.shape, dtype=np.float32)
    if variable.name.endswith("softmax_beta") or variable.name == "decoder_threshold":
        return np.full(variable.shape, variable.value, dtype=np.float32)
    return generate_variable(entry.seed, variable.name, variable.shape, entry.gain)


def _trace_errors(network: Network, images: Tensor, arrays: Arrays) -> Errors:
    genome = network.genome
    names: dict[str, tuple[str, ...]] = {}
    for stage in genome.stages:
        names[f"output/{stage.name}"] = (stage.name,)
        kept = () if stage.cell is None else stored_states(genome.cells[stage.cell])
        names[f"state/{stage.name}"] = tuple(f"{stage.name}.{state}" for state in kept) or (
            f"{stage.name}.input",
        )
    there = {name.rpartition("/")[0] for name in arrays} | set(arrays)
    names = {golden: ours for golden, ours in names.items() if golden in there}
    with torch.no_grad():
        trace = network.trace(images, [HEAD, *(n for ours in names.values() for n in ours)])
    logits = torch.stack([*trace[HEAD].values()])
    errors: Errors = {}
    if "logits" in arrays:
        errors["logits"] = error(to_numpy(logits), arrays["logits"])
    if "decoded" in arrays:
        decoded = network.decode(logits.transpose(0, 1))
        errors["decoded"] = error(to_numpy(decoded.detach()), arrays["decoded"])
    for golden, ours in names.items():
        steps = [
            to_numpy(torch.cat([trace[name][t] for name in ours], 1))
            for t in range(genome.clock.steps)
        ]
        errors |= sample_errors(golden, steps, arrays)
    return errors


def sample_errors(name: str, steps: list[NDArray[np.float64]], arrays: Arrays) -> Errors:
    """Errors of what is stored of a traced tensor, relative to its largest value over all steps.

    Stored may be: the whole tensor, its shape, mean, std and largest absolute value of each step,
    the first 64 values of each step, and 64 values spread evenly over it.
    """
    if name in arrays:
        return {name: error(np.stack(steps), arrays[name])}
    largest = max(float(np.abs(step).max()) for step in steps)
    largest = max(largest, float(np.abs(arrays.get(f"{name}/absmax", np.zeros(1))).max()))
    errors: Errors = {}
    for part, sample in _SAMPLES.items():
        theirs = arrays.get(f"{name}/{part}")
        if theirs is None:
            continue
        ours = np.stack([np.asarray(sample(step)) for step in steps])
        if part == "shape":
            fits = theirs.shape in (ours.shape, ours.shape[1:])  # of each step, or of all
            same = fits and bool((ours == theirs).all())
            errors[f"{name}/{part}"] = 0.0 if same else math.inf
        elif ours.shape != theirs.shape:
            errors[f"{name}/{part}"] = math.inf
        else:
            errors[f"{name}/{part}"] = float(np.abs(ours - theirs).max()) / (largest or 1.0)
    return errors


_SAMPLES: dict[str, Callable[[NDArray[np.float64]], Any]] = {
    "shape": lambda step: step.shape,
    "mean": np.mean,
    "std": np.std,
    "absmax": lambda step: np.abs(step).max(),
    "first64": lambda step: step.ravel()[:64],
    "spread64": lambda step: step.ravel()[np.floor(np.linspace(0, step.size - 1, 64)).astype(int)],
}
