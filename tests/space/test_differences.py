"""Two genomes compared: what differs is named by its path, and nothing else is."""

from typing import Any

from hypothesis import given, settings

from space import zoo
from space.differences import Difference, differences
from space.genome import Genome
from tests.support.drawing import any_genomes


def compared(a: str, b: str) -> dict[str, tuple[Any, Any]]:
    return {d.path: (d.a, d.b) for d in differences(zoo.model(a).genome, zoo.model(b).genome)}


def test_equal_genomes_have_no_difference() -> None:
    assert differences(zoo.model("gru_shallow").genome, zoo.model("gru_shallow").genome) == ()


def test_the_known_differences_of_the_two_reciprocal_networks() -> None:
    found = compared("rgc_intermediate", "rgc_shallow")
    assert found["clock.steps"] == (17, 16)
    assert found["head.form"] == ("mean_linear", "convolution_mean")
    assert found["feedback.conv8->conv5"] == (True, None)
    assert found["stages.conv5.convolution.width"] == (128, 512)
    assert found["stages.conv3.cell"] == (None, "rgc")
    assert found["stages.conv10"][1] is None
    at = "cells.rgc.states.out"
    assert found[f"{at}.carry.gate.terms.out.kernel"] == (7, 3)
    assert found[f"{at}.carry.gate.terms.out.op"] == ("separable", "convolution")
    assert found[f"{at}.drive.edges.multiply(cell).nonlinearity"] == ("tanh", "sigmoid")
    route = found[f"{at}.drive.edges.multiply(cell).terms.residual"]
    assert route == (None, {"of": ["residual"], "kernel": 3, "bias": False})
    assert found[f"{at}.drive.edges.add(residual)"][1] is None
    assert found["cells.rgc.states.cell.depth"] == (64, None)


def test_feedback_alone() -> None:
    found = compared("median_2018_t17", "rgc_intermediate")
    assert set(found) == {
        f"feedback.{edge}" for edge in zoo.model("rgc_intermediate").genome.feedback
    }


def test_clock_and_decoder_alone() -> None:
    found = compared("rgc_intermediate", "rgc_intermediate_t22_tmaxconf")
    assert found == {
        "clock.steps": (17, 22),
        "clock.image_off": (12, None),
        "decoder.form": ("last", "max_conf"),
        "decoder.trainable": (False, True),
    }


def test_a_cell_that_only_one_network_has_is_told_edge_by_edge() -> None:
    found = compared("basenet_intermediate", "timedecay_intermediate")
    stages = {f"stages.conv{i}.cell": (None, "decay") for i in range(4, 11)}
    assert found == stages | {
        "cells.decay.states.hidden.drive.edges.add(hidden)": (
            None,
            {"of": ["hidden"], "op": "scalar"},
        ),
        "cells.decay.states.hidden.drive.edges.add(input)": (None, {"of": ["input"]}),
        "cells.decay.output": (None, "hidden"),
    }


def test_cells_of_two_names_are_compared_once_for_the_stages_that_carry_them() -> None:
    found = differences(
        zoo.model("gru_intermediate").genome, zoo.model("ugrnn_intermediate").genome
    )
    assert found
    assert all(d.path.startswith("cells.gru|ugrnn.") for d in found)
    assert Difference(path="cells.gru|ugrnn.gates.update.bias", a=0.0, b=1.0) in found


@given(any_genomes(), any_genomes())
@settings(max_examples=20, deadline=None)
def test_the_other_way_round_the_sides_are_exchanged(a: Genome, b: Genome) -> None:
    assert differences(a, Genome.parse(a.document())) == ()
    there, back = differences(a, b), differences(b, a)
    assert {(d.a, d.b) == (None, None) for d in there} <= {False}
    assert (not there) == (not back) == (a == b)
    one = sorted(str((d.a, d.b)) for d in there if "|" not in d.path)
    other = sorted(str((d.b, d.a)) for d in back if "|" not in d.path)
    assert one == other
