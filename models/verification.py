"""Replays a folder of published results and measures how far ours are from them.

A folder holds an `index.json` and the arrays it names: recurrent cells with their inputs, weights
and the values of every step; joins of inputs; decoders; whole networks of the zoo, whose weights
and images are given by a formula (`generated`). `replay` computes each entry in float64 and in
float32; the reference's values are those of its float64 run.

This room reads such folders and nothing else. What a cell's options mean is said in
`space/published.py`, where variables belong in `models/published_weights.py`.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor, nn

from models import layers
from models.arrays import Array
from models.build import Network, build
from models.cells import CellModule
from models.published_entries import (
    NUMBERS,
    CellEntry,
    DecoderEntry,
    JoinEntry,
    NetworkEntry,
    Variable,
    read_entry,
)
from models.published_files import (
    Arrays,
    entries,
    generated,
    generated_image,
    noise,
    read_arrays,
    read_json,
)
from models.published_weights import (
    published_cell_state_dict,
    published_decoder_state_dict,
    published_state_dict,
)
from models.readout import DecoderModule
from models.stages import JoinedInputs
from space import zoo
from space.errors import InputError
from space.genome import HEAD, Decoder, Genome
from space.geometry import Arrival, Map
from space.grammar import Cell
from space.published import from_options
from space.step.parameters import decoder_parameters, join_parameters, parameters
from space.validation import parse, shown, suggestion

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}

Errors = dict[str, float]  # of every array, relative to its largest value
_STEPS = 1000  # of a cell, at most
M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class Verified:
    """One entry, replayed: its largest error by float type, and the array where that is.

    Errors are relative to the largest value of the tensor. `problem` says why an entry could not
    be replayed at all; its errors are infinite then.
    """

    name: str
    kind: str  # cell, join, decoder, network
    float64: float
    float32: float
    array: str = ""
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether both errors are within the tolerance. A value that is no number is not."""
        within64 = self.float64 <= TOLERANCE[torch.float64]
        return within64 and self.float32 <= TOLERANCE[torch.float32]


def verify(folder: str | Path) -> list[Verified]:
    """Every entry of a folder. Raises InputError if it is not such a folder."""
    return list(replay(folder))


def replay(folder: str | Path) -> Iterator[Verified]:
    """Every entry of a folder, one after the other, in the order of its index.

    All files are looked for before the first is replayed. Raises InputError for a folder without
    an index, for a file that the index names and that is not there, for an entry of another form,
    and for a file that lacks what its kind needs.
    """
    root = Path(folder)
    for kind, name, entry in entries(root):
        arrays = read_arrays(root / entry["file"])
        facts = entry
        if kind == "network":
            facts = entry | read_json(root / entry["variables_file"])
        yield verified(kind, name, facts, arrays, str(root / entry["file"]))


def verified(
    kind: str, name: str, entry: Mapping[str, Any], arrays: Arrays, where: str = ""
) -> Verified:
    """One entry replayed in both float types. Raises InputError for one that lacks a part."""
    missing = _missing(kind, arrays)
    if missing:
        raise InputError(where or name, f"lacks {missing}", "give a file of the same layout")
    form, replayed = _REPLAYED[kind]
    typed = read_entry(form, entry, where or name)
    found: dict[torch.dtype, tuple[float, str]] = {}
    try:
        for dtype in TOLERANCE:
            found[dtype] = _worst(replayed(typed, arrays, dtype))
    except (ValueError, RuntimeError) as error:  # what NumPy and PyTorch raise of other shapes
        problem = str(error).strip().splitlines()[0]
        return Verified(name=name, kind=kind, float64=math.inf, float32=math.inf, problem=problem)
    of64, of32 = found[torch.float64], found[torch.float32]
    failed = of32 if of64[0] <= TOLERANCE[torch.float64] else of64
    return Verified(name=name, kind=kind, float64=of64[0], float32=of32[0], array=failed[1])


def _worst(errors: Errors) -> tuple[float, str]:
    """The largest error and its array; one that is no number counts as infinite."""
    if not errors:
        raise InputError("", "holds no array to compare with")
    name = max(errors, key=lambda key: math.inf if math.isnan(errors[key]) else errors[key])
    return (math.inf if math.isnan(errors[name]) else errors[name]), name


_AXES = {"cell": 5, "join": 4, "decoder": 3}  # of inputs and outputs, of logits


def _missing(kind: str, arrays: Arrays) -> str:
    """What the arrays of an entry lack, in words; nothing if they are complete."""
    needed = {"cell": ("out",), "join": ("out",), "decoder": ("in/logits",), "network": ()}
    lacking = [f"the array {key}" for key in needed[kind] if key not in arrays]
    if kind == "network" and not any(k == "logits" or "/" in k for k in arrays):
        lacking.append("the array logits")
    if kind == "join" and not any(key.startswith("in/") for key in arrays):
        lacking.append("inputs")
    for key, value in arrays.items():
        read = key.startswith("in/") or (key == "out" and kind in ("cell", "join"))
        if read and value.ndim != _AXES.get(kind, value.ndim):
            lacking.append(f"an array {key} of {_AXES[kind]} axes")
        if (read or key.startswith("w/")) and value.dtype.kind != "f":
            lacking.append(f"an array {key} of floats")
        if not value.size:
            lacking.append(f"values in {key}")
    return ", ".join(lacking)


def _loaded(make: Callable[[], M], state: Mapping[str, Tensor]) -> M:
    """A module with its tensors. Their shapes are compared before it takes memory.

    Raises InputError for a tensor that is missing, too much or of another shape.
    """
    with torch.device("meta"):
        expected = {name: tuple(value.shape) for name, value in make().state_dict().items()}
    _compare(expected, {name: tuple(value.shape) for name, value in state.items()})
    module = make()
    module.load_state_dict(state)
    return module


_Shapes = Mapping[str, tuple[int, ...]]


def _compare(expected: _Shapes, found: _Shapes) -> None:
    for name in (*expected, *(name for name in found if name not in expected)):
        if expected.get(name) != found.get(name):
            ours, theirs = expected.get(name), found.get(name)
            raise InputError(name, f"the shape is {theirs} where the genome has {ours}")


# Tensors


def to_torch(array: Array, dtype: torch.dtype) -> Tensor:
    """[B,H,W,C] -> [B,C,H,W]."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(dtype).permute(0, 3, 1, 2).contiguous()


def to_numpy(tensor: Tensor) -> NDArray[np.float64]:
    """[B,C,H,W] -> [B,H,W,C]; other shapes stay as they are."""
    moved = tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor
    return moved.double().numpy()


def error(ours: Array, theirs: Array) -> float:
    """The largest difference, relative to the largest value of the reference's tensor.

    Infinite where shapes differ or a value of ours is no number.
    """
    if ours.shape != theirs.shape:
        return math.inf
    reference = theirs.astype(np.float64)
    largest = float(np.abs(reference).max(initial=0.0))
    difference = float(np.abs(ours.astype(np.float64) - reference).max(initial=0.0))
    return difference / largest if largest else difference


# Cells

_SOURCES = {"x": "input", "res": "residual", "fb": "feedback"}


def replayed_cell(entry: CellEntry, arrays: Arrays, dtype: torch.dtype) -> Errors:
    """Errors of the outputs and states of one cell, over all of its steps."""
    inputs = {
        word: found
        for key, word in _SOURCES.items()
        if (found := _cell_input(entry, arrays, key)) is not None
    }
    _check_inputs(inputs, arrays["out"])
    sources = {word: _map(value.shape[2:], word) for word, value in inputs.items()}
    cell = published_cell(entry, residual="residual" in inputs)
    state = published_cell_state_dict(cell, sources, _cell_weights(entry, arrays))
    module = _loaded(lambda: CellModule(cell, sources, dtype=dtype), state)
    module.train(bool(entry.given.get("is_training", False)))
    outputs, kept = _cell_steps(module, cell, inputs, dtype)
    ours = {"out": outputs, "state": kept}
    return {name: error(ours[name], arrays[name]) for name in ours if name in arrays}


def _check_inputs(inputs: Mapping[str, Array], out: Array) -> None:
    if "input" not in inputs:
        raise InputError("in/x", "is missing", "store it, or write in_channels")
    for word, value in inputs.items():
        if value.shape[:2] != out.shape[:2] or len(value) > _STEPS:
            problem = f"steps and batch {value.shape[:2]}, the outputs' are {out.shape[:2]}"
            raise InputError(word, problem, f"give up to {_STEPS} steps")


def published_cell(entry: CellEntry | Mapping[str, Any], *, residual: bool) -> Cell:
    """The cell of an index's entry: its options, and depths where those do not say them."""
    entry = read_entry(CellEntry, entry)
    options = dict(entry.given)
    channels = {"out_depth": entry.out_channels, "cell_depth": entry.cell_channels}
    for option, fact in channels.items():
        if option not in options and fact is not None:
            options[option] = fact
    try:
        cell = from_options(entry.cell, options, residual=residual)
    except ValidationError as caught:
        problem = caught.errors(include_url=False)[0]
        raise InputError("options", f"make no cell ({problem['loc']}: {problem['msg']})") from None
    # The reference takes full kernels that exceed the map, and does not cut them.
    whole = cell.model_copy(update={"clip_kernels": "separable"})
    return cell if cell.clip_kernels else whole


def stored_states(cell: Cell) -> tuple[str, ...]:
    """What the reference keeps as a cell's state, in its order: [cell, out], [c, h], or one."""
    if "cell" in cell.states:
        return ("cell", "hidden" if "hidden" in cell.states else "out")
    return ("hidden",) if "hidden" in cell.states else (cell.output,)


def _cell_input(entry: CellEntry, arrays: Arrays, key: str) -> Array | None:
    """An input [T,B,H,W,C], stored or by the formula; None where the cell gets none."""
    stored = arrays.get(f"in/{key}")
    channels = {
        "x": entry.in_channels,
        "res": entry.residual_channels,
        "fb": entry.feedback_channels,
    }[key]
    if stored is not None or channels is None:
        return stored
    shape = (*arrays["out"].shape[:4], channels)
    if math.prod(shape) > NUMBERS:
        raise InputError(f"in/{key}", f"{list(shape)} is larger than {NUMBERS:,} numbers")
    value: Array = (1.5 * noise(entry.seed, f"input/{key}", shape)).astype(np.float32)
    return value


def _cell_weights(entry: CellEntry, arrays: Arrays) -> dict[str, Array]:
    weights = {k.removeprefix("w/"): v for k, v in arrays.items() if k.startswith("w/")}
    for weight in entry.weights:
        if weight.name not in weights:
            weights[weight.name] = generated(entry.seed, weight.name, weight.shape, entry.gain)
    return weights


def _map(shape: tuple[int, ...], what: str) -> Map:
    height, width, channels = shape[-3:]
    if height != width:
        raise InputError(what, f"is {height}x{width}", "maps are square here")
    return Map(size=height, channels=channels)


def _cell_steps(
    module: CellModule, cell: Cell, inputs: Mapping[str, Array], dtype: torch.dtype
) -> tuple[Array, Array]:
    """Outputs and kept states of every step, [T,B,H,W,C] each."""
    outputs, kept = [], []
    states = None
    for t in range(len(inputs["input"])):
        now = {word: to_torch(value[t], dtype) for word, value in inputs.items()}
        states = module.zero_states(now["input"]) if states is None else states
        with torch.no_grad():
            states = module.step(now, states)
        outputs.append(to_numpy(states[cell.output]))
        kept.append(to_numpy(torch.cat([states[name] for name in stored_states(cell)], 1)))
    return np.stack(outputs), np.stack(kept)


# Joins of inputs


def replayed_join(entry: JoinEntry, arrays: Arrays, dtype: torch.dtype) -> Errors:
    """Error of the joined inputs: resized to the feedforward input's map, then concatenated,
    summed or multiplied.

    The feedforward input is the one that the entry names (`feedforward`), else the shallowest;
    the others follow in string order of their names. Weights of the 1x1 convolutions are
    `w/.../conv_to_conv_harbor_for_NAME/weights` and `bias`.
    """
    inputs = {k.removeprefix("in/"): v for k, v in arrays.items() if k.startswith("in/")}
    options = entry.given
    first = entry.feedforward or options.get("feedforward", min(inputs, key=_depth))
    if first not in inputs:
        raise InputError("feedforward", f"{shown(first)} is no input", suggestion(first, inputs))
    order = [first, *sorted(set(inputs) - {first})]
    maps = {name: _map(inputs[name].shape, name) for name in order}
    size, out = maps[first].size, arrays["out"]
    _map(out.shape, "out")
    on_map = [
        layers.resize(to_torch(inputs[name], dtype), size, _resize(options)) for name in order
    ]
    kind = _join_kind(entry, sum(m.channels for m in maps.values()), out.shape[-1])
    if kind == "concat":
        joined = torch.cat(on_map, 1)
    else:
        channels = out.shape[-1]
        arrivals = [
            Arrival(name=name, map=maps[name], projects=maps[name].channels != channels)
            for name in order
        ]
        table = join_parameters(arrivals, channels)
        module = _loaded(
            lambda: JoinedInputs(kind, arrivals, table, dtype), _join_weights(arrivals, arrays)
        )
        with torch.no_grad():
            joined = module.apply_to(on_map, module.prepare(torch.contiguous_format))
    return {"out": error(to_numpy(joined), out)}


def _depth(name: str) -> tuple[int, str]:
    """Where a node stands in the chain, by the number in its name."""
    number = re.search(r"\d+", name)
    return (int(number[0]) if number else 0, name)


def _resize(options: Mapping[str, Any]) -> layers.Resize:
    return "half_pixel" if options.get("resize") == "half_pixel" else "corners"


def _join_kind(entry: JoinEntry, total: int, out: int) -> Any:
    """concat, add or multiply: as the entry says, else by its name and the channels put out."""
    told = [entry.channel_op, entry.given.get("channel_op"), entry.kind, entry.file]
    for text in told:
        for kind in ("concat", "multiply", "add"):
            if isinstance(text, str) and kind in Path(text).stem:
                return kind
    return "concat" if total == out else "add"


def _join_weights(arrivals: list[Arrival], arrays: Arrays) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for arrival in arrivals:
        for theirs, ours in (("weights", "kernel"), ("bias", "bias")):
            pattern = re.compile(rf"^w/(.*[_/])?{re.escape(arrival.name)}/{theirs}$")
            for name, value in arrays.items():
                if pattern.match(name) and arrival.projects:
                    moved = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value
                    tensor = torch.from_numpy(np.ascontiguousarray(moved).copy())
                    state[f"{arrival.name}.{ours}"] = tensor
    return state


# Decoders

_BETA = 0.35  # of the temperature that the published file uses under the names *_beta


def replayed_decoder(entry: DecoderEntry, arrays: Arrays, dtype: torch.dtype) -> Errors:
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
                found = module(logits) if kind == "out" else module.chosen_steps(logits)
            same = kind == "out" or np.array_equal(to_numpy(found), theirs)
            errors[key] = error(to_numpy(found), theirs) if same else math.inf
    return errors


def _decoder(name: str, entry: DecoderEntry, arrays: Arrays, dtype: torch.dtype) -> DecoderModule:
    """The decoder of a name, with its weights."""
    own = entry.given.get(name, {})
    options = {**entry.given, **(own if isinstance(own, Mapping) else {})}
    form = name.removesuffix("_beta")
    fields: dict[str, Any] = {"form": form}
    known = get_args(Decoder.model_fields["form"].annotation)
    if form not in known:
        raise InputError(f"out/{name}", "is no decoder", suggestion(form, known))
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
            for key, value in sorted(variables.items(), key=lambda item: _depth(item[0]))
            if re.search(r"/fc\d+/weights$", key) and value.ndim == 2
        )
    decoder = parse(Decoder, fields, f"out/{name}")
    _, steps, classes = arrays["in/logits"].shape
    return _loaded(
        lambda: DecoderModule(decoder, decoder_parameters(decoder, steps, classes), dtype),
        published_decoder_state_dict(decoder, variables),
    )


def _belongs(form: str, key: str) -> bool:
    """Whether an array is a weight of a form of decoder, by its published name."""
    scope = {"mlp": "w/mlp_decoder/", "conv1d": "w/conv1_decoder/", "w_avg_t": "w/decoder_alpha"}
    return form in scope and key.startswith(scope[form])


# Networks


def replayed_network(
    entry: NetworkEntry | Mapping[str, Any], arrays: Arrays, dtype: torch.dtype
) -> Errors:
    """Errors of the logits of every step, and of samples of every traced activation."""
    entry = read_entry(NetworkEntry, entry)
    network = published_network(entry, dtype)
    images = generated_image(entry.seed, entry.batch, entry.image_size, network.image_channels)
    return _trace_errors(network, to_torch(images, dtype), arrays)


def published_network(entry: NetworkEntry | Mapping[str, Any], dtype: torch.dtype) -> Network:
    """The network of an entry, its weights by the formula, in evaluation mode."""
    entry = read_entry(NetworkEntry, entry)
    genome = published_genome(entry)
    variables = {variable.name: _variable(entry, variable) for variable in entry.variables}
    state = published_state_dict(genome, variables)
    _compare(
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
    return generated(entry.seed, variable.name, variable.shape, entry.gain)


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
        found = np.stack([np.asarray(sample(step)) for step in steps])
        if part == "shape":
            fits = theirs.shape in (found.shape, found.shape[1:])  # of each step, or of all
            same = fits and bool((found == theirs).all())
            errors[f"{name}/{part}"] = 0.0 if same else math.inf
        elif found.shape != theirs.shape:
            errors[f"{name}/{part}"] = math.inf
        else:
            errors[f"{name}/{part}"] = float(np.abs(found - theirs).max()) / (largest or 1.0)
    return errors


_SAMPLES: dict[str, Callable[[NDArray[np.float64]], Any]] = {
    "shape": lambda step: step.shape,
    "mean": np.mean,
    "std": np.std,
    "absmax": lambda step: np.abs(step).max(),
    "first64": lambda step: step.ravel()[:64],
    "spread64": lambda step: step.ravel()[np.floor(np.linspace(0, step.size - 1, 64)).astype(int)],
}


_REPLAYED: dict[str, tuple[type[Any], Callable[[Any, Arrays, torch.dtype], Errors]]] = {
    "cell": (CellEntry, replayed_cell),
    "join": (JoinEntry, replayed_join),
    "decoder": (DecoderEntry, replayed_decoder),
    "network": (NetworkEntry, replayed_network),
}
