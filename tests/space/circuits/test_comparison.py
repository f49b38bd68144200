"""Two networks beside each other: what differs is marked where it is, and nothing else."""

from __future__ import annotations

import random

from space import zoo
from space.circuits import draw_difference
from space.circuits.comparison import CHANGED, ONLY, mark_differences, place_difference
from space.genome import Genome
from space.space import Space
from tests.support.geometry import find_faults


def compare(a: str, b: str) -> tuple[dict[str, object], dict[str, object]]:
    one, other = zoo.model(a).genome, zoo.model(b).genome
    return (
        dict(mark_differences(one, other, is_first=True)),
        dict(mark_differences(one, other, is_first=False)),
    )


def test_equal_networks_have_no_marks() -> None:
    assert compare("gru_shallow", "gru_shallow") == ({}, {})


def test_parts_of_one_network_only_are_marked_in_it() -> None:
    gru, ugrnn = compare("gru_shallow", "ugrnn_shallow")
    assert gru == {
        "cells.gru.states.hidden.drive.0": ONLY,
        "cells.gru.gates.reset": ONLY,
        "cells.gru.gates.update": CHANGED,
    }
    assert ugrnn == {
        "cells.ugrnn.states.hidden.drive.0": ONLY,
        "cells.ugrnn.gates.update": CHANGED,
    }


def test_stages_feedback_ends_and_terms_are_marked() -> None:
    median, shallow = compare("rgc_intermediate", "rgc_shallow")
    out = "cells.rgc.states.out"
    assert median["feedback.conv8->conv5"] == median["stages.conv10"] == ONLY
    assert median["stages.image"] == shallow["stages.head"] == shallow["stages.conv5"] == CHANGED
    assert median[f"{out}.drive.1"] == ONLY, "the route of the residual"
    assert median["cells.rgc.states.used"] == ONLY
    assert median["cells.rgc.states.cell"] == shallow["cells.rgc.states.cell"] == CHANGED
    assert median[f"{out}.carry.terms.0"] == shallow[f"{out}.carry.terms.0"] == CHANGED
    assert shallow[f"{out}.drive.1.terms.1"] == ONLY, "the residual in the gate"
    assert not any(name.startswith("feedback.") for name in shallow)


def test_one_choice_is_one_mark() -> None:
    genome = zoo.model("rgc_intermediate").genome
    document = genome.document()
    document["cells"]["rgc"]["states"]["out"]["drive"]["edges"][0]["add"]["kernel"] = 1
    document["cells"]["rgc"]["weights"]["decay"] = 0.5
    other = Genome.parse(document)
    for is_first in (True, False):
        marks = mark_differences(genome, other, is_first=is_first)
        assert marks == {"cells.rgc.states.out.drive.0": CHANGED}


def test_nothing_lies_on_anything_and_all_that_is_marked_is_drawn() -> None:
    space, rng = Space.load("motifs-2018"), random.Random(5)
    for _ in range(30):
        a, b = space.sample(rng).genome, space.sample(rng).genome
        assert find_faults(place_difference(a, b, ("one", "other"))) == []
    svg = draw_difference(
        zoo.model("gru_shallow").genome,
        zoo.model("ugrnn_shallow").genome,
        titles=("gru <1>", "ugrnn"),
    )
    assert svg.count(">only here<") == 3 + 1, "and in the key"
    assert svg.count(">changed<") == 2 + 1
    assert "<title" in svg
    assert "gru &lt;1&gt; and ugrnn" in svg
