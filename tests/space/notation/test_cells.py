"""Cells: states, gates, edges, and what an optional state makes of them."""

from typing import Any

import pytest

from space.notation.cells import CellReader, Origins
from space.notation.phrases import NotationError


def read(prefix: str = "", **cell: Any) -> Any:
    return CellReader(cell, ("cell",), {}, Origins(), prefix).read()


GRU: dict[str, Any] = {
    "kernels": "separable cut to map init glorot_uniform biases 0 decay 1e-4 bias decay 1e-4",
    "states": {"hidden": "drive tanh"},
    "gates": {"reset": "input & hidden -> k 3 bias 1", "update": None},
    "edges": [
        "input & hidden -> update k 3",
        "update -> hidden keep",
        "input & hidden * reset -> hidden add k 3",
        "1 - update -> hidden times",
    ],
}


def test_a_gated_cell() -> None:
    joint = {"of": ["input", "hidden"], "kernel": 3}
    cell = read(**GRU)
    assert cell["output"] == "hidden"
    assert cell["clip_kernels"] == "separable"
    assert cell["weights"]["bias_decay"] == 0.0001
    assert cell["gates"] == {"reset": {"bias": 1, "terms": [joint]}, "update": {"terms": [joint]}}
    assert cell["states"]["hidden"] == {
        "carry": {"gate": {"shared": "update"}},
        "drive": {
            "edges": [
                {"add": {"of": ["input", "hidden * reset"], "kernel": 3}},
                {"multiply": {"complement": "update"}},
            ],
            "activation": "tanh",
        },
    }


def test_an_input_with_an_activation_is_a_state_read_at_once() -> None:
    cell = read(
        states={"out": "elu", "input": "relu"}, edges=["input -> out", "out -> input add k 3"]
    )
    assert list(cell["states"]) == ["used", "out"]
    assert cell["states"]["used"]["drive"]["edges"][0] == {"add": {"of": "input"}}
    assert cell["states"]["out"]["drive"]["edges"] == [{"add": {"of": "new.used"}}]
    assert cell["output"] == "out"


def test_an_optional_state_makes_two_cells_with_one_set_of_names() -> None:
    node = read(
        states={"hidden ?*": "8|16", "out": None},
        edges=[
            "input -> hidden k 3",
            "hidden -> out k 3",
            "input -> out k 1|3",
            "out -> out keep k 3 ?",
        ],
    )
    assert (node["name"], node["default"]) == ("hidden", "present")
    absent, present = node["choice"]["absent"], node["choice"]["present"]
    assert list(absent["states"]) == ["out"]
    assert list(present["states"]) == ["hidden", "out"]
    assert (
        absent["states"]["out"]["drive"]["edges"] == present["states"]["out"]["drive"]["edges"][1:]
    )
    assert absent["states"]["out"]["carry"] == present["states"]["out"]["carry"]


def test_choices_of_several_cells_begin_with_the_cell() -> None:
    cell = read(prefix="rgc.", states={"out": "elu|relu"}, edges=["input -> out k 1|3"])
    out = cell["states"]["out"]
    assert out["activation"]["name"] == "rgc.out.activation"
    assert out["drive"]["edges"][0]["add"]["kernel"]["name"] == "rgc.input->out.kernel"


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ({"edges": []}, "a cell has no states"),
        ({"states": {"out": ""}}, "a cell has no edges"),
        ({"states": {"hidden ?": ""}, "edges": []}, "no state that is always there"),
        ({"states": {"out": "16 16"}, "edges": []}, "the depth is given twice"),
        ({"states": {"out": ""}, "edge": []}, r'unknown key "edge"; did you mean "edges"'),
        ({"states": {"input": "8", "out": ""}, "edges": []}, "the input has the channels"),
        ({"states": {"out": ""}, "edges": "input -> out"}, "is not a list of edges"),
        ({"states": {"out": ""}, "edges": [3.5]}, "an edge has no arrow"),
        ({"states": {"out": ["elu"]}, "edges": []}, "is no line of words"),
        ({"states": {"out": ""}, "edges": [], "output": "hidden"}, "not a state that is always"),
        (
            {"states": {"out": ""}, "edges": [], "kernels": "cutto map"},
            "is not a word of initial values",
        ),
        ({"states": {"out": "elu", "out ?": "relu"}, "edges": []}, "two states are called out"),
        ({"states": {3: "elu"}, "edges": []}, "3 is not a word"),
        (
            {"states": {"out": ""} | {f"s{n} ?": "" for n in range(10)}, "edges": []},
            "more than 9 states may be absent",
        ),
        ({"states": {"residual": "", "out": ""}, "edges": []}, "cannot be the name"),
        (
            {"states": {"out": ""}, "edges": ["out -> out keep k 3", "input -> out keep k 3"]},
            "out is kept by two edges",
        ),
    ],
)
def test_wrong_cells(cell: dict[str, Any], problem: str) -> None:
    with pytest.raises(NotationError, match=problem):
        read(**cell)
