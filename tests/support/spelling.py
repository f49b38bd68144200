"""Other spellings of a genome, and changes of it, for tests of identity.

`respelled` writes the document of a genome otherwise without changing the network; `changed`
changes one field of it, whatever comes of that.
"""

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

from space.genome import Genome
from space.network.architecture import Pool, Residual
from space.network.grammar import Carry, Gate, Initial, Norm, Term

Document = dict[str, Any]

# ------------------------------------------------------------------------------------ spellings


def written_out(genome: Genome) -> Document:
    """The document of a genome with all defaults in it."""
    return _written_out(genome)  # type: ignore[no-any-return]


def _written_out(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: _written_out(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {key: _written_out(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_written_out(item) for item in value]
    return value


def respelled(genome: Genome, rng: random.Random, times: int = 6) -> Document:
    """The document of the same network after `times` changes of its spelling."""
    document = genome.document() if rng.random() < 0.5 else written_out(genome)
    document = copy.deepcopy(document)
    for name in list(document["cells"]):
        document["cells"][name].setdefault("gates", {})
    for _ in range(times):
        rng.choice(SPELLINGS)(document, rng)
    return document


def _stages(document: Document) -> list[Document]:
    return document["stages"]  # type: ignore[no-any-return]


def _a_cell(document: Document, rng: random.Random) -> Document:
    return document["cells"][rng.choice(list(document["cells"]))]  # type: ignore[no-any-return]


def _a_state(document: Document, rng: random.Random) -> Document:
    states = _a_cell(document, rng)["states"]
    return states[rng.choice(list(states))]  # type: ignore[no-any-return]


def _edges(state: Document) -> list[Document]:
    return state.setdefault("drive", {}).setdefault("edges", [])  # type: ignore[no-any-return]


def _cell_gates(cell: Document) -> Iterator[Document]:
    """Every gate that is written or referred to in a cell, not masks."""
    for state in cell["states"].values():
        if (state.get("carry") or {}).get("gate"):
            yield state["carry"]["gate"]
        yield from (
            e["multiply"] for e in state.get("drive", {}).get("edges", []) if e.get("multiply")
        )


def _cell_terms(cell: Document) -> Iterator[Document]:
    for gate in (*cell["gates"].values(), *_cell_gates(cell)):
        yield from gate.get("terms") or ()
    for state in cell["states"].values():
        yield from (e["add"] for e in _edges(state) if e.get("add"))


def _texts(cell: Document) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every source that is written in a cell."""
    for term in _cell_terms(cell):
        if isinstance(term["of"], str):
            term["of"] = [term["of"]]
        yield from ((term["of"], place) for place in range(len(term["of"])))
    for state in cell["states"].values():
        if (state.get("carry") or {}).get("of"):
            yield state["carry"], "of"


def _fresh(rng: random.Random) -> str:
    return "".join(rng.choice("abcxyzABZ") for _ in range(8))


def rename_states(document: Document, rng: random.Random) -> None:
    cell = _a_cell(document, rng)
    names = {name: _fresh(rng) for name in (*cell["states"], *cell["gates"])}
    for holder, key in list(_texts(cell)):
        name, _, mask = (part.strip() for part in holder[key].partition("*"))
        new = "new." if name.startswith("new.") else ""
        name = name.removeprefix("new.")
        text = new + names.get(name, name)
        holder[key] = f"{text} * {names[mask]}" if mask else text
    for gate in _cell_gates(cell):
        for kind in ("shared", "complement"):
            if gate.get(kind):
                gate[kind] = names[gate[kind]]
    cell["states"] = {names[name]: state for name, state in cell["states"].items()}
    cell["gates"] = {names[name]: gate for name, gate in cell["gates"].items()}
    cell["output"] = names[cell["output"]]


def rename_stages(document: Document, rng: random.Random) -> None:
    """In the same order of strings: it is the order in which feedback is concatenated."""
    old = sorted(stage["name"] for stage in _stages(document))
    new = sorted(_fresh(rng) for _ in old)
    names = dict(zip(old, new, strict=True))
    for stage in _stages(document):
        stage["name"] = names[stage["name"]]
    edges = document.get("feedback", {})
    document["feedback"] = {
        "->".join(names[part.strip()] for part in edge.split("->")): there
        for edge, there in edges.items()
    }


def rename_cells(document: Document, rng: random.Random) -> None:
    names = {name: _fresh(rng) for name in document["cells"]}
    document["cells"] = {names[name]: cell for name, cell in document["cells"].items()}
    for stage in _stages(document):
        if stage.get("cell"):
            stage["cell"] = names[stage["cell"]]


def reorder(document: Document, rng: random.Random) -> None:
    """Sums, products and concatenations; the edges that are not there."""
    cell = _a_cell(document, rng)
    for state in cell["states"].values():
        rng.shuffle(_edges(state))
    for gate in (*cell["gates"].values(), *_cell_gates(cell)):
        if gate.get("terms"):
            rng.shuffle(gate["terms"])
    for term in _cell_terms(cell):
        if isinstance(term["of"], list):
            rng.shuffle(term["of"])
    gates = list(cell["gates"].items())
    rng.shuffle(gates)
    cell["gates"] = dict(gates)
    edges = [(edge, there) for edge, there in document.get("feedback", {}).items() if there]
    rng.shuffle(edges)
    document["feedback"] = dict(edges)


def add_what_nothing_reads(document: Document, rng: random.Random) -> None:
    cell, name = _a_cell(document, rng), _fresh(rng)
    gates = list(cell["gates"]) or [None]
    gate = rng.choice(gates)
    edges: list[Document] = [{"add": {"of": ["input", name], "kernel": 2}}]
    if gate is not None and not any(" * " in h[k] for h, k in _texts(cell)):
        depths = [state.get("depth") for state in cell["states"].values()]
        if not any(depths):
            edges.append({"multiply": {"shared": gate}})
    items = list(cell["states"].items())
    # A gate may read this step's value of any state: behind all of them it reads none too early.
    at = rng.randrange(len(items) + 1) if len(edges) == 1 else len(items)
    items.insert(at, (name, {"drive": {"edges": edges}}))
    cell["states"] = dict(items)
    cell["gates"][_fresh(rng)] = {"terms": [{"of": "input", "kernel": 1}]}
    document["cells"][_fresh(rng)] = copy.deepcopy(cell)


def multiply_by_one(document: Document, rng: random.Random) -> None:
    edges = _edges(_a_state(document, rng))
    one: Document = {"offset": 1.0, "scale": 0.0, "terms": [{"of": "residual", "kernel": 1}]}
    where = rng.randrange(len(edges) + 1)
    if rng.random() < 0.5:
        edges.insert(where, {"multiply": one})
    else:
        halves = [{"multiply": {"offset": value, "scale": 0.0}} for value in (0.2, 5.0)]
        edges[where:where] = halves


def pass_on(document: Document, rng: random.Random) -> None:
    """A source that is read by way of a state that only passes it on."""
    cell = _a_cell(document, rng)
    holder, key = rng.choice(list(_texts(cell)) or [(None, None)])
    if holder is None:
        return
    source, _, mask = (part.strip() for part in holder[key].partition("*"))
    if source not in ("input",):
        return
    name = _fresh(rng)
    cell["states"] = {name: {"drive": {"edges": [{"add": {"of": source}}]}}} | cell["states"]
    holder[key] = f"new.{name}" + (f" * {mask}" if mask else "")


def keep_nothing(document: Document, rng: random.Random) -> None:
    state = _a_state(document, rng)
    if state.get("carry") is None:
        state["carry"] = {"gate": {"offset": 0.0, "scale": 0.0}}


def turn_a_gate_round(document: Document, rng: random.Random) -> None:
    """A shared gate defined as its complement, and each of its uses turned round with it."""
    cell = _a_cell(document, rng)
    if not cell["gates"]:
        return
    name = rng.choice(list(cell["gates"]))
    masks = {holder[key].partition("*")[2].strip() for holder, key in _texts(cell)}
    if name in masks:
        return
    gate = cell["gates"][name]
    gate["offset"] = 1.0 - gate.get("offset", 0.0)
    gate["scale"] = -gate.get("scale", 1.0)
    for use in _cell_gates(cell):
        shared, complement = use.get("shared"), use.get("complement")
        if name in (shared, complement):
            use.update({"shared": complement, "complement": shared})


def share_or_write_in_place(document: Document, rng: random.Random) -> None:
    """A gate used once: by name or in its place, also by its complement."""
    cell = _a_cell(document, rng)
    uses = list(_cell_gates(cell))
    if not uses:
        return
    use = rng.choice(uses)
    name = use.get("shared") or use.get("complement")
    if not name:
        name, content = _fresh(rng), copy.deepcopy(use)
        use.clear()
        if rng.random() < 0.5:
            use["shared"] = name
        else:
            use["complement"] = name
            content["offset"] = 1.0 - content.get("offset", 0.0)
            content["scale"] = -content.get("scale", 1.0)
        cell["gates"][name] = content
        return
    masks = [holder[key].partition("*")[2].strip() for holder, key in _texts(cell)]
    count = masks.count(name) + sum(
        name in (other.get("shared"), other.get("complement")) for other in uses
    )
    if count > 1:
        return
    content = copy.deepcopy(cell["gates"].pop(name))
    if use.get("complement"):
        content["offset"] = 1.0 - content.get("offset", 0.0)
        content["scale"] = -content.get("scale", 1.0)
    use.clear()
    use.update(content)


def move_an_activation(document: Document, rng: random.Random) -> None:
    stage = rng.choice(_stages(document))
    middle = [stage.get("cell"), stage.get("second"), stage.get("residual")]
    convolution = stage["convolution"]
    after, inside = stage.get("activation", "identity"), convolution.get("activation", "identity")
    if not any(middle) and "identity" in (after, inside):
        stage["activation"], convolution["activation"] = inside, after


def dress_a_bare_stage(document: Document, rng: random.Random) -> None:
    """A cell that computes nothing, in a stage that has none."""
    stage = rng.choice(_stages(document))
    if stage.get("cell"):
        return
    name = _fresh(rng)
    document["cells"][name] = {
        "gates": {},
        "states": {"it": {"drive": {"edges": [{"add": {"of": ["input"]}}]}}},
        "output": "it",
    }
    stage["cell"] = name


def change_a_bias_that_cannot_act(document: Document, rng: random.Random) -> None:
    cell = _a_cell(document, rng)
    for gate in (*cell["gates"].values(), *_cell_gates(cell)):
        if gate.get("shared") or gate.get("complement"):
            continue
        kinds = [
            t.get("op") or ("convolution" if t.get("kernel") else "identity")
            for t in gate.get("terms") or ()
        ]
        if "convolution" in kinds:
            continue
        if gate.get("bias_acts", "always") == "full" or not gate.get("bias", 0.0):
            gate["bias"], gate["bias_acts"] = rng.choice([0.0, 1.5, -3.0]), "full"


def stop_after_the_end(document: Document, rng: random.Random) -> None:
    clock = document["clock"]
    if clock.get("image_off") is None:
        clock["image_off"] = clock["steps"] + rng.randrange(3)


def cut_kernels(document: Document, rng: random.Random) -> None:
    """A kernel that is cut to the map may be of any larger size."""
    cell = _a_cell(document, rng)
    if cell.get("clip_kernels") is not True:
        return
    size = document["image"]["size"]
    for term in _cell_terms(cell):
        if (term.get("kernel") or 0) >= size and term.get("clip") is None:
            term["kernel"] += rng.randrange(4)


SPELLINGS: list[Callable[[Document, random.Random], None]] = [
    rename_states,
    rename_stages,
    rename_cells,
    reorder,
    add_what_nothing_reads,
    multiply_by_one,
    pass_on,
    keep_nothing,
    turn_a_gate_round,
    share_or_write_in_place,
    move_an_activation,
    dress_a_bare_stage,
    change_a_bias_that_cannot_act,
    stop_after_the_end,
    cut_kernels,
]

# -------------------------------------------------------------------------------------- changes

ACTIVATIONS = ["identity", "elu", "relu", "tanh", "sigmoid", "softplus"]

# What each field may be set to, by its name; lists are shortened and mappings lose a key.
ALTERNATIVES: dict[str, list[Any]] = {
    "size": [7, 8, 10],
    "channels": [1, 3],
    "classes": [2, 4],
    "steps": [4, 5, 7],
    "image_on": [0, 1],
    "image_off": [None, 2, 4],
    "blank": [0.0, 0.7],
    "width": [3, 6],
    "kernel": [None, 1, 2, 3],
    "stride": [1, 2],
    "bias": [None, True, False, 0.0, 0.4],
    "norm": [None, "layer", {"kind": "group", "groups": 3}, "batch"],
    "activation": ACTIVATIONS,
    "nonlinearity": ACTIVATIONS,
    "reads_feedback": [True, False],
    "kind": ["max", "mean", "layer", "batch", "concat", "add", "multiply"],
    "by": ["resize", "stride"],
    "residual": [True, False, {"by": "stride"}, {"norm": "batch"}],
    "pool": [None, {}, {"kernel": 3}, {"kind": "mean"}, "max", "mean"],
    "second": [None, {"width": 6, "kernel": 1}],
    "cell": [None, "one"],
    "join": ["concat", "add", "multiply", {"kind": "add", "channels": 5}],
    "form": ["mean_linear", "convolution_mean", "flatten_linear", "last", "avg", "sum", "w_avg"],
    "start": [None, "zeros", "masked", 3, 2],
    "trainable": [True, False],
    "beta": [1.0, 2.0],
    "threshold": [0.9, 0.5],
    "layers": [[3], [4, 2]],
    "filters": [2, 4],
    "windows": [[2], [2, 3]],
    "resize": ["corners", "half_pixel"],
    "decoder": ["last", "sum", "w_avg", "thresh", "mlp", "w_avg_t"],
    "groups": [None, 1, 2, 3],
    "interleaved": [True, False],
    "epsilon": [None, 1e-3, 1e-5],
    "gain": [1.0, 0.1],
    "shift": [0.0, 0.5],
    "momentum": [0.1, 0.2],
    "op": [None, "identity", "convolution", "separable", "position", "scalar", "match"],
    "repeat": [True, False],
    "skip": [True, False],
    "squared": [True, False],
    "clip": [None, True, False],
    "after_norm": [True, False],
    "shared": [None, "first", "second", "common"],
    "complement": [None, "first", "second", "common"],
    "offset": [0.0, 0.25, 1.0, 2.0],
    "scale": [0.0, 0.5, 1.0, -1.0],
    "bias_acts": ["always", "full"],
    "gate": [None, {"shared": "first"}, {"terms": [{"of": "input", "kernel": 1}]}],
    "carry": [None, {}, {"of": "input"}, {"gate": {"offset": 0.5, "scale": 0.0}}],
    "depth": [None, 3, 6],
    "clip_kernels": [True, False, "separable"],
    "output": ["a", "b", "hidden", "out"],
    "add": [{"of": "input"}, {"of": "residual", "op": "match"}, {"of": "feedback", "kernel": 1}],
    "multiply": [{"shared": "first"}, {"terms": [{"of": "residual", "kernel": 3}]}],
    "of": ["input", "residual", "feedback", "a", "b", "new.a", "input * first", "hidden", "out"],
    "name": ["another"],
    "scheme": ["variance_scaling", "glorot_uniform", "normal", "constant", "uniform"],
    "parts": [1, 4],
    "initial": [None, {"scheme": "normal", "scale": 0.3}],
    "bias_initial": [None, 0.5, {"scheme": "glorot_uniform"}],
    "decay": [None, 0.0, 0.3],
    "bias_decay": [None, 0.0, 0.3],
}


def fields() -> set[str]:
    """The names of all fields of the grammar."""
    found: set[str] = set()
    pending: list[Any] = [Genome, Gate, Term, Norm, Initial, Carry, Pool, Residual]
    seen: list[Any] = []
    while pending:
        model = pending.pop()
        if model in seen:
            continue
        seen.append(model)
        if isinstance(model, type) and issubclass(model, BaseModel):
            found |= set(model.model_fields)
            pending += [field.annotation for field in model.model_fields.values()]
        else:
            pending += getattr(model, "__args__", ())
    return found


def changed(genome: Genome, rng: random.Random) -> tuple[str, Document] | None:
    """(a field's name, the document with that field changed), None if there was no other value."""
    document = copy.deepcopy(written_out(genome))
    spots = list(_spots(document))
    by_field: dict[str, list[tuple[Document, str]]] = {}
    for holder, key in spots:
        by_field.setdefault(key, []).append((holder, key))
    field = rng.choice(sorted(by_field))
    holder, key = rng.choice(by_field[field])
    present = holder[key]
    if key in ("edges", "terms", "stages", "states", "gates", "feedback", "cells"):
        if not present:
            return None
        gone = rng.choice(list(present) if isinstance(present, dict) else range(len(present)))
        del present[gone]
        return field, document
    options = [value for value in ALTERNATIVES.get(key, []) if value != present]
    if not options:
        return None
    holder[key] = rng.choice(options)
    return field, document


def _spots(node: Any) -> Iterator[tuple[Document, str]]:
    """(mapping, key) of every field below a node that a written-out document holds."""
    if isinstance(node, list):
        for item in node:
            yield from _spots(item)
    if isinstance(node, dict):
        for key, item in node.items():
            if key in ALTERNATIVES or key in _CONTAINERS:
                yield node, key
            yield from _spots(item)


_CONTAINERS = ("edges", "terms", "stages", "states", "gates", "feedback", "cells")
