"""The feedforward part of a space: no sample of it has a loop, and all of them are the whole's."""

import copy
import random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from space.errors import GenomeError, SpaceError
from space.feedforward import close_loops
from space.genome import Genome
from space.network.grammar import as_document
from space.recurrence import recurrence
from space.space import Space
from space.zoo import cells as published
from tests.support.drawing import any_genomes, small_document

CLOSED = {"out->out keep", "out->out", "hidden->hidden keep", "hidden->hidden", "out->hidden"}


def space_of(genome: dict[str, Any], **more: Any) -> Space:
    return Space.parse({"name": "drawn", "genome": genome} | more)


def cell(**states: Any) -> dict[str, Any]:
    """The document of a small network with a cell of such states, the last of which is put out."""
    document = small_document(published.feedforward(), feedback=False)
    motif = {"states": states, "output": list(states)[-1]}
    return document | {"cells": {"motif": motif}}


def drive(*edges: Any, **more: Any) -> dict[str, Any]:
    return {"drive": {"edges": list(edges)}, **more}


INPUT = {"add": {"of": "input"}}


@pytest.mark.parametrize("name", Space.named())
def test_no_sample_of_a_named_space_has_a_loop(name: str) -> None:
    whole = Space.load(name).with_images(size=32, channels=1, classes=10)
    part = close_loops(whole)
    rng, digests = random.Random(4), set()
    for _ in range(6):
        sample = part.sample(rng)
        assert recurrence(sample.genome) == "none"
        same = whole.close(sample.choices)
        assert (same.digest, same.recipe) == (sample.digest, sample.recipe)
        digests.add(sample.digest)
    assert len(digests) == 6


@pytest.mark.parametrize("name", Space.named())
def test_all_else_stays_open(name: str) -> None:
    whole = Space.load(name)
    part = close_loops(whole)
    closed = {path for path in part.only if not path.startswith("conv")}
    assert closed == CLOSED
    assert all(options == (False,) for options in part.only.values())
    edges = [path for path in part.only if path.startswith("conv")]
    assert len(edges) == len(whole.genome["feedback"])
    inside = {p.path for p in whole.parameters if any(path in closed for path, _ in p.condition)}
    assert {p.path for p in whole.parameters} - inside == {p.path for p in part.parameters}
    assert {p.path for p in part.parameters if p.domain.size != 1} >= {
        *("learning_rate", "hidden", "hidden->out by", "input->hidden.kernel"),
        *("input->out.op", "out.activation", "out.norm"),
    }


def test_it_is_the_same_every_time_and_has_a_document() -> None:
    whole = Space.load("motifs-small").with_images(size=8, channels=1, classes=10)
    part = close_loops(whole)
    assert close_loops(whole) == part
    assert close_loops(part) == part
    assert Space.parse(part.document()) == part


def optional(node: Any) -> Any:
    """A genome's document in which every carry, edge and feedback edge may be absent."""
    document = copy.deepcopy(node)
    for one in document.get("cells", {}).values():
        for state in one["states"].values():
            if "carry" in state:
                state["carry"] = {"optional": state["carry"], "default": True}
            edges = state.get("drive", {}).get("edges", ())
            if edges:
                made = [{"optional": edge, "default": True} for edge in edges]
                state["drive"]["edges"] = made
    feedback = document.get("feedback", {})
    document["feedback"] = {key: {"choice": [True, False]} for key in feedback}
    return document


FEW = settings(max_examples=12, deadline=None)
MANY = settings(FEW, max_examples=400)


@FEW
@given(genome=any_genomes(), seed=st.integers(0, 99))
def test_no_sample_of_a_drawn_space_has_a_loop(genome: Genome, seed: int) -> None:
    find_no_loop(genome, seed)


@pytest.mark.slow
@MANY
@given(genome=any_genomes(), seed=st.integers(0, 99))
def test_no_sample_of_many_drawn_spaces_has_a_loop(genome: Genome, seed: int) -> None:
    find_no_loop(genome, seed)


def find_no_loop(genome: Genome, seed: int) -> None:
    whole = space_of(optional(genome.document()))
    try:
        part = close_loops(whole)
    except GenomeError:
        assume(False)  # without its edges it is no network
    except SpaceError as error:
        if "in every network" not in error.problem:  # a loop of gates, which are always there
            raise
        return
    rng = random.Random(seed)
    for _ in range(3):
        try:
            sample = part.sample(rng)
        except GenomeError:
            continue
        assert recurrence(sample.genome) == "none"
        assert whole.close(sample.choices).digest == sample.digest


@FEW
@given(genome=any_genomes())
def test_a_network_that_has_a_loop_is_never_taken_for_one_without(genome: Genome) -> None:
    space = space_of(genome.document())
    try:
        assert close_loops(space) is space
    except SpaceError:
        return
    assert recurrence(genome) == "none"


@pytest.mark.parametrize(
    "made",
    [published.conv_lstm(), published.conv_gru(), published.ugrnn(), published.simple_rnn()],
)
def test_a_space_of_one_recurrent_network_has_none_without_loops(made: Any) -> None:
    genome = small_document(made, feedback=False)
    with pytest.raises(
        SpaceError, match=r"genome\.cells\.motif\.states\.\w+: goes round in every"
    ):
        close_loops(space_of(genome))


def test_a_feedforward_space_is_its_own_part() -> None:
    genome = small_document(published.feedforward(), feedback=False)
    genome["stages"][0]["convolution"]["width"] = {"choice": [2, 4]}
    space = space_of(genome)
    assert close_loops(space) is space


def test_where_an_edge_cannot_be_absent_the_other_alternative_is_taken() -> None:
    source = {"choice": ["residual", "out"], "name": "source"}
    out = drive(INPUT, {"add": {"of": source, "kernel": 3}})
    part = close_loops(space_of(cell(out=out)))
    assert part.only == {"source": ("residual",)}
    fixed = {"choice": {"loop": {"add": {"of": "out", "kernel": 1}}, "none": INPUT}, "name": "by"}
    assert close_loops(space_of(cell(out=drive(INPUT, fixed)))).only == {"by": ("none",)}


def test_of_two_edges_that_close_a_loop_the_one_that_leads_back_goes() -> None:
    def maybe(source: str, name: str, kernels: list[int]) -> dict[str, Any]:
        term = {"of": source, "kernel": {"choice": kernels, "name": f"{name}.kernel"}}
        return {"optional": {"add": term}, "name": name}

    states = {
        "hidden": drive(INPUT, maybe("out", "back", [1, 2, 3, 5])),
        "out": drive(INPUT, maybe("hidden", "forward", [1])),
    }
    assert close_loops(space_of(cell(**states))).only == {"back": (False,)}
    # Where that one must be there, the loop is opened at the other one.
    states["hidden"] = drive(INPUT, {"add": {"of": "out", "kernel": 3}})
    assert close_loops(space_of(cell(**states))).only == {"forward": (False,)}


def test_one_of_two_cells_that_always_loops_is_left_out() -> None:
    document = cell(out=drive(INPUT))
    loop = {"states": {"out": drive(INPUT, carry={})}, "output": "out"}
    document["cells"]["motif"] = {
        "choice": {"plain": document["cells"]["motif"], "loop": loop},
        "name": "cell",
    }
    assert close_loops(space_of(document)).only == {"cell": ("plain",)}


def test_a_loop_through_a_gate_and_a_mask_is_one() -> None:
    gate = {"terms": [{"of": {"choice": ["residual", "out"], "name": "gated"}, "kernel": 3}]}
    document = cell(out=drive({"add": {"of": "input * reset"}}))
    document["cells"]["motif"]["gates"] = {"reset": gate}
    assert close_loops(space_of(document)).only == {"gated": ("residual",)}
    document["cells"]["motif"]["states"]["out"] = drive(INPUT, {"multiply": "reset"})
    assert close_loops(space_of(document)).only == {"gated": ("residual",)}


def test_a_tie_to_what_loops_is_followed() -> None:
    term = {"of": {"choice": ["residual", "out"], "name": "source"}, "kernel": 3}
    document = cell(out=drive(INPUT))
    document["cells"]["motif"]["gates"] = {"reset": {"terms": [{"of": {"same_as": "source"}}]}}
    edges = [{"add": {"of": "input * reset"}}, {"add": {"of": "residual", "kernel": 3}}]
    document["cells"]["other"] = {"states": {"out": drive({"add": term})}, "output": "out"}
    document["cells"]["motif"]["states"]["out"] = drive(*edges)
    document["stages"][1]["cell"] = "other"
    assert close_loops(space_of(document)).only == {"source": ("residual",)}


def test_feedback_that_must_be_there_is_left_unread() -> None:
    read = {"optional": {"add": {"of": "feedback", "kernel": 1}}, "name": "read"}
    document = cell(out=drive(INPUT, read)) | {"feedback": {"conv3->conv2": True}}
    part = close_loops(space_of(document))
    assert part.only == {"read": (False,)}
    assert recurrence(part.complete({}).genome) == "none"
    document["stages"][1]["join"] = "add"
    with pytest.raises(SpaceError, match=r"conv3->conv2.*is there in every network, and read"):
        close_loops(space_of(document))


def test_a_space_over_a_published_network_says_where_it_loops() -> None:
    genome = {"base": "gru_intermediate", "choices": {"clock.steps": {"choice": [16, 17]}}}
    with pytest.raises(SpaceError, match="goes round in every network"):
        close_loops(Space.parse({"name": "gru", "genome": genome}))


def test_a_carry_of_another_source_is_no_loop() -> None:
    """The IntersectionRNN's output carries its input."""
    out = drive(INPUT, carry={"of": "input"})
    space = space_of(cell(out=out))
    assert as_document(space.complete({}).genome.cells["motif"])["states"]["out"]["carry"]
    assert close_loops(space) is space
