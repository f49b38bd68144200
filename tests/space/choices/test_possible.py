"""What may stand in a document, and under which choices, against every closed form of it."""

import random
from typing import Any

from hypothesis import given

from space.choices.domains import Categorical, Parameter
from space.choices.open_document import Choices, OpenDocument
from space.documents.validation import quote
from tests.support.choices import DISCRETE, MIXED, RANDOM

DOCUMENT: dict[str, Any] = {
    "kernel": {"choice": [1, 3], "name": "kernel"},
    "same": {"same_as": "kernel"},
    "edges": [
        "input",
        {"optional": {"of": {"choice": ["out", "in"], "name": "of"}}, "name": "edge"},
    ],
}


def leaves(node: Any) -> list[tuple[tuple[str, ...], str]]:
    """The keys on the way to every scalar of a closed document, places in lists left out."""
    if isinstance(node, dict):
        return [((key, *where), at) for key in node for where, at in leaves(node[key])]
    if isinstance(node, list):
        return [leaf for item in node for leaf in leaves(item)]
    return [((), quote(node))]


def test_every_value_is_listed_with_what_puts_it_there() -> None:
    listed = [
        (one.where, one.value, one.taken) for one in OpenDocument.parse(DOCUMENT).possible_values()
    ]
    assert listed == [
        ((), {}, ()),
        (("kernel",), 1, (("kernel", 1),)),
        (("kernel",), 3, (("kernel", 3),)),
        (("same",), 1, (("kernel", 1),)),
        (("same",), 3, (("kernel", 3),)),
        (("edges",), [], ()),
        (("edges", 0), "input", ()),
        (("edges", 1), {}, (("edge", True),)),
        (("edges", 1, "of"), "out", (("edge", True), ("of", "out"))),
        (("edges", 1, "of"), "in", (("edge", True), ("of", "in"))),
    ]


@given(document=DISCRETE | MIXED, rng=RANDOM)
def test_what_stands_in_a_closed_document_was_possible(
    document: dict[str, Any], rng: random.Random
) -> None:
    opened = OpenDocument.parse(document)
    choices = opened.sample(rng)
    possible = {
        (tuple(step for step in one.where if isinstance(step, str)), quote(one.value))
        for one in opened.possible_values()
        if all(choices.get(path, ...) == label for path, label in one.taken)
    }
    numbers = {quote(choices[p.path]) for p in opened.parameters if is_number(p, choices)}
    for where, value in leaves(opened.close(choices)):
        assert (where, value) in possible or value in numbers


def is_number(parameter: Parameter, choices: Choices) -> bool:
    """Whether a choice was made from an interval."""
    return parameter.path in choices and not isinstance(parameter.domain, Categorical)
