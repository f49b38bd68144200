"""Terms, gates and sources in words."""

from typing import Any

from space.notation.edge_writing import Vocabulary, write_added, write_gate

PLAIN = Vocabulary()


def test_terms_that_add() -> None:
    term = {"of": "input", "op": "separable", "kernel": 3, "bias": False, "activation": "elu"}
    assert write_added(term, "e") == "separable k 3 unbiased elu"
    ways = {"direct": {"of": "input"}, "kernel": {"of": "input", "op": "convolution", "kernel": 3}}
    node = {"choice": ways, "name": "e via", "default": "kernel"}
    assert write_added(node, "e") == "direct|(conv k 3)*"


def test_gates() -> None:
    term = {"of": "out", "kernel": 3}
    gate = write_gate({"offset": 0.5, "scale": -0.5, "terms": [term]}, "out", "keep", PLAIN)
    assert (gate.sources, gate.words) == ("out", "k 3 falling 0.5")
    two = write_gate({"terms": [term, {**term, "of": "input"}]}, "out", "times", PLAIN)
    assert (two.sources, two.words) == ("out + input", "k 3")
    unlike = write_gate({"terms": [term, {"of": "input"}]}, "out", "times", PLAIN)
    assert (unlike.sources, unlike.words) == ("out", "k 3 + (input)")


def test_only_a_tie_to_the_first_kernel_is_the_same() -> None:
    first: dict[str, Any] = {"of": "out", "kernel": {"choice": [1, 3]}}
    other: dict[str, Any] = {"of": "input", "kernel": {"choice": [1, 5]}}
    gate = write_gate({"terms": [first, other]}, "out", "keep", PLAIN)
    assert gate.words == "k 1|3 + (input k 1|5)"
    first["kernel"]["name"], other["kernel"] = "K", {"same_as": "K"}
    gate = write_gate({"terms": [first, other]}, "out", "keep", PLAIN)
    assert gate.words == "k 1|3 as K + (input k same)"


def test_the_name_of_a_choice_stays_as_it_is() -> None:
    op = {"choice": ["convolution", "separable"], "name": "my.convolution"}
    assert write_added({"of": "input", "op": op}, "e") == "conv|separable as my.convolution"


def test_sources() -> None:
    words = Vocabulary(input_state="used", gates={"reset": "reset_gate"})
    assert words.sources(["new.used", "hidden * reset"]) == (
        "input & hidden * reset_gate",
        "input+hidden",
    )
