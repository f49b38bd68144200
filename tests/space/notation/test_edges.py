"""Lines of edges become terms, gates and what is kept."""

from typing import Any

import pytest

from space.notation.edges import Edge, EdgeReader, Names
from space.notation.phrases import NotationError, Phrase

NAMES = Names(states=("hidden", "out"), gates=("update",), has_input=True)
GONE = Names(states=("out",), gates=("update",), absent=("hidden",))


def edge(text: str, names: Names = NAMES) -> Edge:
    read = EdgeReader(Phrase(text, ("edges", 0)), names).read()
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("text", "target", "node"),
    [
        ("input -> out", "out", {"add": {"of": "new.used"}}),
        (
            "residual & out -> out add k 3",
            "out",
            {"add": {"of": ["residual", "out"], "kernel": 3}},
        ),
        ("hidden * update -> out", "out", {"add": {"of": "hidden * update"}}),
        ("out -> update k 3", "update", {"add": {"of": "out", "kernel": 3}}),
        ("1 - update -> out times", "out", {"multiply": {"complement": "update"}}),
        ("update -> out keep of input", "out", {"of": "new.used", "gate": {"shared": "update"}}),
        ("-> out keep", "out", {}),
        (
            "out k 3 + residual k 1 -> out times falling 1",
            "out",
            {
                "multiply": {
                    "offset": 1,
                    "scale": -1,
                    "terms": [{"of": "out", "kernel": 3}, {"of": "residual", "kernel": 1}],
                }
            },
        ),
        (
            "out -> out keep k 3 norm + (residual k same ?)",
            "out",
            {
                "gate": {
                    "norm": {"kind": "layer"},
                    "terms": [
                        {"of": "out", "kernel": 3},
                        {
                            "optional": {"of": "residual", "kernel": 3},
                            "name": "out->out keep.residual",
                            "default": False,
                        },
                    ],
                }
            },
        ),
    ],
)
def test_edges(text: str, target: str, node: Any) -> None:
    read = edge(text)
    assert (read.target, read.node) == (target, node)


def test_choices_are_called_by_the_edge() -> None:
    node = edge("residual -> out add conv|separable k 1|3 ?*").node
    term = node["optional"]["add"]
    assert (node["name"], term["op"]["name"]) == ("residual->out", "residual->out.op")
    assert term["kernel"] == {"choice": [1, 3], "name": "residual->out.kernel"}
    kept = edge("out k 1|3 -> out keep").node["gate"]["terms"][0]
    assert kept["kernel"]["name"] == "out->out keep.kernel"


def test_an_edge_adds_or_multiplies() -> None:
    node = edge("hidden -> out add k 1|3 | times* tanh k 1|3").node
    assert (node["name"], node["default"]) == ("hidden->out by", "times")
    add, times = node["choice"]["add"]["add"], node["choice"]["times"]["multiply"]
    assert add["kernel"] == times["terms"][0]["kernel"]
    via = edge("input -> out direct|conv k 3 elu")
    assert via.node["add"]["choice"] == {
        "direct": {"of": "new.used", "activation": "elu"},
        "kernel": {"of": "new.used", "op": "convolution", "kernel": 3, "activation": "elu"},
    }


def test_two_edges_of_one_name_have_a_number() -> None:
    used: dict[str, int] = {}
    names = []
    for _ in range(2):
        read = EdgeReader(Phrase("out -> out k 1|3", ()), NAMES, used).read()
        assert read is not None
        names.append(read.node["add"]["kernel"]["name"])
    assert names == ["out->out.kernel", "out->out#2.kernel"]


def test_an_edge_of_an_absent_state_is_gone() -> None:
    for text in ("hidden -> out", "input -> hidden k 3", "new.hidden -> out times"):
        assert EdgeReader(Phrase(text, ()), GONE).read() is None
    gate = edge("out + hidden -> out times k 3", GONE).node["multiply"]
    assert gate["terms"] == [{"of": "out", "kernel": 3}]
    tied = edge("hidden k 1|3 + out k same + residual k same -> out keep", GONE).node["gate"]
    assert [term["kernel"] for term in tied["terms"]] == [
        {"choice": [1, 3], "name": "hidden->out keep.kernel"},
        {"same_as": "hidden->out keep.kernel"},
    ]


@pytest.mark.parametrize(
    ("text", "at", "problem"),
    [
        ("inptu -> out", 0, r'inptu is not a source of this cell; did you mean "input"\?'),
        ("input -> outt", 9, r'outt is no state or gate of this cell; did you mean "out"\?'),
        ("input out", 0, "an edge has no arrow"),
        ("input -> out ad", 13, r'"ad" is not a word of an edge; did you mean "add"\?'),
        ("update -> out add", 14, '"add" is not what the gate does'),
        ("update + out -> out times", 0, "update is a gate, and no source; mask a source"),
        ("input -> update times", 16, "update is a gate: edges only add to it"),
        ("out -> input keep", 13, "the input keeps no old value"),
        ("out + input -> out add k 3", 6, "an edge that adds has one term"),
        ("out -> out ? elu", 13, "elu stands behind the ?"),
        ("out -> out multiply k 3", 11, '"multiply" is not a word of an edge; write times'),
        ("out -> out kernel 3", 11, "write k$"),
        ("out -> out conv3", 11, "write conv k 3"),
        ("out -> out 3", 11, "write k 3 for a kernel"),
        ("res -> out", 0, "write residual"),
        ("out -> out k 3|k 5", 15, "write the values alone"),
        ("out -> out k same", 0, "k same is the kernel of the first of several"),
        ("out -> out direct k 3", 0, "direct has no kernel"),
        ("out -> out add k 3 | add k 5", 21, "add stands here twice"),
    ],
)
def test_wrong_edges(text: str, at: int, problem: str) -> None:
    with pytest.raises(NotationError, match=problem) as caught:
        edge(text)
    assert caught.value.at == at
