"""What acts, by the digest: parts that are left out change nothing, choices that act change it."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from space.activity import acting_choices, alternatives, drop_inert
from space.choices.open_document import Choices
from space.genome import Genome
from space.space import Sample, Space
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal
from tests.support.drawing import any_genomes, genomes, small_genome

SPACES = {
    name: Space.load(name).with_images(size=16, channels=1, classes=10)
    for name in ("motifs-small", "motifs-2018")
}


@settings(max_examples=60, deadline=None)
@given(genome=genomes() | any_genomes())
def test_without_inert_parts_it_is_the_same_network(genome: Genome) -> None:
    assert drop_inert(genome).digest == genome.digest


def test_what_nobody_reads_is_left_out() -> None:
    network = small_genome(published.conv_gru())
    assert network.edges
    assert not drop_inert(network).edges
    assert drop_inert(small_genome(reciprocal.rgc_median(cell_depth=3))).edges


def test_states_gates_and_terms_that_nothing_needs_are_left_out() -> None:
    term = {"of": "input", "kernel": 3}
    document = small_genome(published.feedforward()).document()
    document["cells"]["motif"] = {
        "states": {
            "lost": {"drive": {"edges": [{"add": {"of": "lost", "kernel": 3}}]}},
            "out": {"drive": {"edges": [{"add": term}, {"add": {"of": "feedback", "kernel": 1}}]}},
        },
        "gates": {"unused": {"terms": [term]}},
        "output": "out",
    }
    document["feedback"] = {}
    cell = drop_inert(Genome.parse(document)).cells["motif"]
    assert list(cell.states) == ["out"]
    assert not cell.gates
    assert [term.of for term in cell.states["out"].drive.terms] == [("input",)]


def others(space: Space, sample: Sample, path: str) -> list[tuple[str, object]]:
    """What the sample is with each alternative at `path`."""
    domain = space.opened.parameter(path).domain
    changed = (
        space.complete({**sample.choices, path: value})
        for value in alternatives(domain, sample.choices[path])
    )
    return [(other.digest, other.recipe) for other in changed]


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_choices_that_act_change_the_network_and_inert_ones_do_not(seed: int) -> None:
    check_choices(SPACES["motifs-small"], seed)


def test_so_do_those_of_the_large_space() -> None:
    check_choices(SPACES["motifs-2018"], seed=5)


def check_choices(space: Space, seed: int) -> None:
    sample = space.sample(random.Random(seed))
    found = acting_choices(space.opened, sample.choices)
    same = (sample.digest, sample.recipe)
    for path in sample.choices:
        changes = any(other != same for other in others(space, sample, path))
        assert changes == (path in found), path


def small(choices: Choices) -> Choices:
    """The acting ones of a completed sample of motifs-small."""
    space = SPACES["motifs-small"]
    return acting_choices(space.opened, space.complete(choices).choices)


def test_without_feedback_its_choices_are_inert() -> None:
    made = {"hidden": "absent", "feedback->out by": "add"}
    its = {f"feedback->out.{key}" for key in ("op", "kernel", "activation")}
    assert its <= small({**made, "conv3->conv2": True}).keys()
    without = small({**made, "conv3->conv2": False})
    assert not its & without.keys()
    assert without["conv3->conv2"] is False  # its alternative would be read


def test_feedback_that_no_cell_reads_is_no_choice() -> None:
    document = SPACES["motifs-small"].document()
    document["genome"]["cells"] = {"motif": {"output": "out", "states": {"out": {"carry": {}}}}}
    space = Space.parse(document | {"controls": {}})
    choices = {"conv3->conv2": True, "learning_rate": 0.004}
    assert list(acting_choices(space.opened, choices)) == ["learning_rate"]


def test_a_recipe_is_part_of_what_is_chosen() -> None:
    assert "learning_rate" in small({})
