"""One digest for all spellings of a network, another for every other network."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space import zoo
from space.genome import Genome
from space.network.grammar import as_document
from space.zoo import cells as published
from tests.support.drawing import PUBLISHED_CELLS, cells, genomes, small_document
from tests.support.effort import count_calls


def _digest(document: dict[str, Any]) -> str:
    return Genome.parse(document).digest


def _renamed(node: Any, names: dict[str, str]) -> Any:
    """A cell's document with states and gates renamed wherever they stand."""
    if isinstance(node, dict):
        return {names.get(key, key): _renamed(item, names) for key, item in node.items()}
    if isinstance(node, list):
        return [_renamed(item, names) for item in node]
    if isinstance(node, str):
        parts = [part.strip() for part in node.split("*")]
        return " * ".join(
            f"new.{names.get(part[4:], part[4:])}"
            if part.startswith("new.")
            else names.get(part, part)
            for part in parts
        )
    return node


@given(cells(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_names_and_the_order_of_sums_do_not_matter(cell: dict[str, Any], rng: Any) -> None:
    document = small_document(published.ugrnn()) | {
        "cells": {"motif": cell | {"clip_kernels": True}}
    }
    spelling = copy.deepcopy(document)
    other = _renamed(spelling["cells"].pop("motif"), {"hidden": "h", "out": "o", "common": "g"})
    for state in other["states"].values():
        rng.shuffle(state["drive"]["edges"])
        for edge in state["drive"]["edges"]:
            if "multiply" in edge:
                rng.shuffle(edge["multiply"].get("terms", []))
    spelling["cells"]["cell_of_another_name"] = other
    for stage in spelling["stages"]:
        if "cell" in stage:
            stage["cell"] = "cell_of_another_name"
        stage["name"] = stage["name"].replace("conv", "area")
    spelling["feedback"] = {"area3->area2": True}
    assert _digest(spelling) == _digest(document)


def test_a_state_that_nothing_reads_does_not_matter() -> None:
    document = small_document(published.ugrnn())
    plain = _digest(document)
    unread = {"drive": {"edges": [{"add": {"of": ["input", "unread"], "kernel": 3}}]}}
    document["cells"]["motif"]["states"]["unread"] = unread
    assert _digest(document) == plain


def test_a_bias_that_cannot_act_does_not_matter() -> None:
    cell = as_document(PUBLISHED_CELLS["rgc_median"])
    document = small_document(published.ugrnn()) | {"cells": {"motif": cell}}
    plain = _digest(document)
    gate = cell["states"]["out"]["carry"]["gate"]
    assert gate["bias"] != 0.0
    gate["bias"] = 1.25
    assert _digest(document) == plain
    gate["bias_acts"] = "always"
    assert _digest(document) != plain


def test_feedback_that_no_cell_reads_does_not_matter() -> None:
    document = small_document(published.ugrnn())
    assert _digest(document) == _digest(document | {"feedback": {}})
    read = small_document(PUBLISHED_CELLS["rgc_median"])
    assert _digest(read) != _digest(read | {"feedback": {}})


def test_a_kernel_beyond_the_map_is_the_kernel_of_the_map() -> None:
    document = small_document(published.ugrnn(kernel=6))
    other = small_document(published.ugrnn(kernel=9))
    assert _digest(document) == _digest(other)
    assert _digest(document) != _digest(small_document(published.ugrnn(kernel=5)))


def test_a_shared_gate_is_not_two_equal_gates() -> None:
    document = small_document(published.ugrnn())
    apart = copy.deepcopy(document)
    cell = apart["cells"]["motif"]
    cell["states"]["hidden"]["carry"]["gate"] = cell["gates"]["update"]
    assert _digest(apart) != _digest(document)


def test_all_published_cells_differ() -> None:
    digests = {_digest(small_document(cell)) for cell in PUBLISHED_CELLS.values()}
    assert len(digests) == len(PUBLISHED_CELLS)


CHANGES: dict[str, tuple[tuple[str | int, ...], Any]] = {
    "width": (("stages", 1, "convolution", "width"), 8),
    "stage activation": (("stages", 0, "convolution", "activation"), "relu"),
    "pool": (("stages", 0, "pool"), {"kind": "mean"}),
    "steps": (("clock", "steps"), 5),
    "image off": (("clock", "image_off"), 3),
    "blank": (("clock", "blank"), 0.0),
    "classes": (("classes",), 6),
    "image": (("image", "size"), 13),
    "start": (("start",), "masked"),
    "resize": (("resize",), "half_pixel"),
    "head": (("head",), {"form": "flatten_linear"}),
    "residual": (("stages", 2, "residual"), True),
    "second": (("stages", 2, "second"), {"width": 6}),
    "kernel": (("cells", "motif", "states", "cell", "carry", "gate", "terms", 0, "kernel"), 1),
    "nonlinearity": (
        ("cells", "motif", "states", "cell", "carry", "gate", "nonlinearity"),
        "relu",
    ),
    "offset": (("cells", "motif", "states", "cell", "carry", "gate", "offset"), 0.9),
    "scale": (("cells", "motif", "states", "cell", "carry", "gate", "scale"), 1.0),
    "bias": (("cells", "motif", "states", "cell", "carry", "gate", "bias"), 0.5),
    "activation": (("cells", "motif", "states", "out", "activation"), "relu"),
    "norm": (("cells", "motif", "states", "out", "norm"), {"kind": "layer"}),
    "depth": (("cells", "motif", "states", "cell", "depth"), 4),
    "initial": (("cells", "motif", "weights", "initial", "scale"), 0.5),
    "decay": (("cells", "motif", "weights", "decay"), 0.5),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_effective_change_changes_the_digest(change: str) -> None:
    document = small_document(PUBLISHED_CELLS["rgc_median"])
    document["cells"]["motif"]["states"]["cell"]["carry"]["gate"]["bias_acts"] = "always"
    plain = _digest(document)
    path, value = CHANGES[change]
    node: Any = document
    for step in path[:-1]:
        node = node[step]
    assert node.get(path[-1]) != value if isinstance(node, dict) else True
    node[path[-1]] = value
    assert _digest(document) != plain


@given(genomes())
@settings(max_examples=40, deadline=None)
def test_the_digest_is_a_function_of_the_document(genome: Genome) -> None:
    assert Genome.parse(genome.document()).digest == genome.digest
    assert len(genome.digest) == 20


# ------------------------------------------------------------------------- one spelling at a time


def cell_document(states: dict[str, Any], output: str, **fields: Any) -> dict[str, Any]:
    """The three-stage network around a cell."""
    cell = {"states": states, "output": output, "clip_kernels": True, **fields}
    return small_document(published.feedforward()) | {"cells": {"motif": cell}}


def adds(*terms: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"drive": {"edges": [{"add": term} for term in terms]}, **fields}


INPUT: dict[str, Any] = {"of": "input"}
CONVOLVED: dict[str, Any] = {"of": "input", "kernel": 3}
OWN: dict[str, Any] = {"of": "out", "kernel": 3}
GATE: dict[str, Any] = {"offset": 0.3, "scale": 2.0, "terms": [OWN]}
TURNED: dict[str, Any] = {"offset": 0.7, "scale": -2.0, "terms": [OWN]}


def gated(carry: Any, multiply: Any, **gates: Any) -> dict[str, Any]:
    edges = [{"add": CONVOLVED}, {"multiply": multiply}]
    state = {"carry": {"gate": carry}, "drive": {"edges": edges}}
    return cell_document({"out": state}, "out", gates=gates)


def masked(*terms: dict[str, Any]) -> dict[str, Any]:
    return cell_document({"out": adds(*terms)}, "out", gates={"g": GATE})


ELU = {"activation": "elu"}
HALF = {"multiply": {"offset": 0.5, "scale": 0.0}}

SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "complement written out": (
        gated({"shared": "g"}, {"complement": "g"}, g=GATE),
        gated({"complement": "g"}, {"shared": "g"}, g=TURNED),
    ),
    "complement of a gate used once": (
        gated({"complement": "g"}, {"offset": 2.0, "scale": 0.0}, g=GATE),
        gated(TURNED, {"offset": 2.0, "scale": 0.0}),
    ),
    "a product of gates in another order": (
        cell_document(
            {
                "out": {
                    "drive": {"edges": [{"add": INPUT}, {"multiply": GATE}, {"multiply": TURNED}]}
                }
            },
            "out",
        ),
        cell_document(
            {
                "out": {
                    "drive": {"edges": [{"multiply": TURNED}, {"add": INPUT}, {"multiply": GATE}]}
                }
            },
            "out",
        ),
    ),
    "a mask and a gate": (
        masked({"of": "input * g"}, {"of": "out * g"}),
        cell_document(
            {
                "out": {
                    "drive": {
                        "edges": [{"add": INPUT}, {"add": {"of": "out"}}, {"multiply": GATE}]
                    }
                }
            },
            "out",
        ),
    ),
    "a state that passes on": (
        cell_document({"it": adds(INPUT), "out": adds({"of": "new.it", "kernel": 3}, OWN)}, "out"),
        cell_document({"out": adds(CONVOLVED, OWN)}, "out"),
    ),
    "a state that passes on another's old value": (
        cell_document(
            {"out": adds(CONVOLVED, {"of": "it", "kernel": 3}), "it": adds({"of": "new.out"})},
            "out",
        ),
        cell_document({"out": adds(CONVOLVED, OWN)}, "out"),
    ),
    "two states of one definition": (
        cell_document(
            {
                "a": adds(INPUT, activation="elu"),
                "b": adds(INPUT, activation="elu"),
                "out": adds({"of": "new.a", "kernel": 3}, {"of": "b", "kernel": 3}),
            },
            "out",
        ),
        cell_document(
            {
                "a": adds(INPUT, activation="elu"),
                "out": adds({"of": "new.a", "kernel": 3}, {"of": "a", "kernel": 3}),
            },
            "out",
        ),
    ),
    "an activation twice said": (
        cell_document({"out": adds(CONVOLVED, activation="relu")}, "out"),
        cell_document(
            {
                "it": adds(CONVOLVED, activation="relu"),
                "out": adds({"of": "new.it"}, activation="relu"),
            },
            "out",
        ),
    ),
    "two halves of a source": (
        cell_document({"out": adds(CONVOLVED)}, "out"),
        cell_document(
            {
                "half": {"drive": {"edges": [{"add": CONVOLVED}, HALF]}},
                "out": adds({"of": "new.half"}, {"of": "new.half"}),
            },
            "out",
        ),
    ),
    "a gate that is one": (
        gated(None, {"offset": 1.0, "scale": 0.0, "terms": [CONVOLVED]}),
        gated({"offset": 1.0, "scale": 0.0}, {"offset": 1.0, "scale": 0.0}),
    ),
    "a carry through a gate that is zero": (
        cell_document({"out": adds(CONVOLVED)}, "out"),
        cell_document(
            {"out": {**adds(CONVOLVED), "carry": {"gate": {"offset": 0.0, "scale": 0.0}}}}, "out"
        ),
    ),
    "a match and the convolution that it is": (
        cell_document({"out": adds(CONVOLVED, {"of": "residual", "op": "match"})}, "out"),
        cell_document(
            {
                "out": adds(
                    CONVOLVED,
                    {
                        "of": "residual",
                        "kernel": 1,
                        "bias": False,
                        "weights": {"initial": {"scheme": "glorot_uniform"}, "decay": 0.0},
                    },
                )
            },
            "out",
        )
        | {"feedback": {}},
    ),
    "concatenated in another order": (
        cell_document({"out": adds({"of": ["input", "out"], "kernel": 3})}, "out"),
        cell_document({"out": adds({"of": ["out", "input"], "kernel": 3})}, "out"),
    ),
    "the width said": (
        cell_document({"out": adds(CONVOLVED, OWN, depth=6)}, "out"),
        cell_document({"out": adds(CONVOLVED, OWN)}, "out"),
    ),
    "a group norm of one group": (
        cell_document({"out": adds(CONVOLVED, norm={"kind": "layer", "epsilon": 1e-5})}, "out"),
        cell_document({"out": adds(CONVOLVED, norm={"kind": "group", "groups": 1})}, "out"),
    ),
    "no cell, and one that does nothing": (
        cell_document({"out": adds(INPUT)}, "out"),
        small_document(published.feedforward("identity")),
    ),
}


@pytest.mark.parametrize("what", SAME)
def test_two_spellings_of_one_network(what: str) -> None:
    first, second = SAME[what]
    if what == "a match and the convolution that it is":
        # In conv3 nothing has to be matched: there the two differ.
        for document in (first, second):
            document["stages"] = document["stages"][:2]
            document["feedback"] = {}
            document["clock"] = {"steps": 6}
    assert _digest(first) == _digest(second)


OTHER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "complement with weights of its own": (
        gated({"shared": "g"}, {"complement": "g"}, g=GATE),
        gated({"shared": "g"}, TURNED, g=GATE),
    ),
    "this step's value and the one before": (
        cell_document({"it": adds(CONVOLVED), "out": adds({"of": "new.it", "kernel": 3})}, "out"),
        cell_document({"it": adds(CONVOLVED), "out": adds({"of": "it", "kernel": 3})}, "out"),
    ),
    "one kernel over two sources, and two kernels": (
        cell_document({"out": adds({"of": ["input", "out"], "kernel": 3})}, "out"),
        cell_document({"out": adds(CONVOLVED, OWN | {"bias": False})}, "out"),
    ),
    "a tanh and the sigmoid that it is": (
        gated({"nonlinearity": "tanh", "terms": [OWN]}, {"offset": 1.0, "scale": 0.0}),
        gated(
            {"offset": -1.0, "scale": 2.0, "nonlinearity": "sigmoid", "terms": [OWN]},
            {"offset": 1.0, "scale": 0.0},
        ),
    ),
    "a 1x1 separable kernel": (
        cell_document({"out": adds(CONVOLVED | {"kernel": 1})}, "out"),
        cell_document({"out": adds(CONVOLVED | {"kernel": 1, "op": "separable"})}, "out"),
    ),
    "a constant put through a convolution, narrow or wide": (
        cell_document(
            {
                "c": {"drive": {"bias": 0.5}, "depth": 2},
                "out": adds(INPUT, {"of": "new.c", "kernel": 3}),
            },
            "out",
        ),
        cell_document(
            {
                "c": {"drive": {"bias": 0.5}, "depth": 3},
                "out": adds(INPUT, {"of": "new.c", "kernel": 3}),
            },
            "out",
        ),
    ),
    "the constant from the first step on, and a step later": (
        cell_document({"c": {"drive": {"bias": 0.5}}, "out": adds(INPUT, {"of": "new.c"})}, "out"),
        cell_document({"c": {"drive": {"bias": 0.5}}, "out": adds(INPUT, {"of": "c"})}, "out"),
    ),
}


@pytest.mark.parametrize("what", OTHER)
def test_look_alikes_are_other_networks(what: str) -> None:
    first, second = OTHER[what]
    assert _digest(first) != _digest(second)


# -------------------------------------------------------------- cells that colours do not separate


def ring(*lengths: int) -> dict[str, Any]:
    """States in rings, each a convolution of the next one's old value; the output is their sum."""
    states: dict[str, Any] = {}
    names: list[str] = []
    for r, length in enumerate(lengths):
        ours = [f"r{r}s{i}" for i in range(length)]
        for i, name in enumerate(ours):
            follower = ours[(i + 1) % length]
            states[name] = adds(CONVOLVED, {"of": follower, "kernel": 3}, activation="tanh")
        names += ours
    states["out"] = adds(*({"of": f"new.{name}"} for name in names))
    return cell_document(states, "out")


def crosswise(shared: dict[str, str], reads: dict[str, str]) -> dict[str, Any]:
    """Four equal states, each behind one of two equal gates, each reading another one."""
    states: dict[str, Any] = {
        name: {
            "drive": {
                "edges": [
                    {"add": CONVOLVED},
                    {"add": {"of": reads[name], "kernel": 3}},
                    {"multiply": {"shared": gate}},
                ]
            }
        }
        for name, gate in shared.items()
    }
    states["out"] = adds(*({"of": f"new.{name}", "activation": "tanh"} for name in shared))
    gate = {"terms": [CONVOLVED]}
    return cell_document(states, "out", gates={"A": gate, "B": gate})


def test_one_ring_of_six_is_not_two_rings_of_three() -> None:
    digests = {_digest(ring(*lengths)) for lengths in ((6,), (3, 3), (2, 4), (2, 2, 2))}
    assert len(digests) == 4
    assert _digest(ring(4, 2)) == _digest(ring(2, 4))


def test_gates_shared_crosswise_are_told_apart_only_where_they_differ() -> None:
    pairs = {"s1": "s2", "s2": "s1", "s3": "s4", "s4": "s3"}
    within = crosswise({"s1": "A", "s2": "A", "s3": "B", "s4": "B"}, pairs)
    across = crosswise({"s1": "A", "s2": "B", "s3": "A", "s4": "B"}, pairs)
    renamed = crosswise({"s1": "B", "s2": "A", "s3": "A", "s4": "B"}, pairs)
    assert _digest(within) != _digest(across)
    assert _digest(renamed) == _digest(across)
    # Where each reads only itself, any two of them may share a gate.
    alone = {name: name for name in pairs}
    same = [
        _digest(crosswise(dict(zip(pairs, gates, strict=True)), alone))
        for gates in ("AABB", "ABAB", "BAAB")
    ]
    assert len(set(same)) == 1
    assert _digest(crosswise(dict(zip(pairs, "AAAB", strict=True)), alone)) not in same


def test_the_order_of_feedback_counts_only_where_it_is_mixed() -> None:
    """Under a convolution the joined senders are permuted with its kernel; a norm in groups over
    the joined channels groups others where their order is another one.
    """

    def document(first: str, second: str, **state: Any) -> dict[str, Any]:
        stages = [
            {"name": "r", "convolution": {"width": 12}, "cell": "motif"},
            {"name": first, "convolution": {"width": 4}},
            {"name": second, "convolution": {"width": 8}},
        ]
        cell = cell_document({"out": state}, "out")
        feedback = {f"{first}->r": True, f"{second}->r": True}
        return cell | {"stages": stages, "feedback": feedback}

    convolved = adds(CONVOLVED, {"of": "feedback", "kernel": 3})
    assert _digest(document("a", "b", **convolved)) == _digest(document("b", "a", **convolved))
    mixed = adds(CONVOLVED, {"of": "feedback"}, norm={"kind": "group", "groups": 2})
    assert _digest(document("a", "b", **mixed)) != _digest(document("b", "a", **mixed))


def test_a_network_of_ten_stages_takes_milliseconds() -> None:
    from space.identity.digest import digest

    genome = zoo.model("rgc_intermediate").genome
    digest(genome)
    assert count_calls(lambda: digest(genome)) < 60_000, "15,000 calls of functions take 0.004 s"


def test_models_of_the_zoo_are_different_networks() -> None:
    """But for those that are published as one network with another use of its steps."""
    by_digest: dict[str, list[str]] = {}
    for name in zoo.names():
        by_digest.setdefault(zoo.model(name).genome.digest, []).append(name)
    same = [names for names in by_digest.values() if len(names) > 1]
    assert all(len(names) <= 4 for names in same), same
