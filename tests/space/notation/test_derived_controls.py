"""Controls that follow from the best network, in words: read, written, and what is wrong."""

from __future__ import annotations

import pytest

from space.controls import MATCHES
from space.errors import SpaceError
from space.notation.derived_controls import read_derived, write_derived
from space.space import Space

TEXT = """\
name: small
stages: [conv1 8 k 3 cell]
cell:
  states: {out: elu}
  edges: [input -> out, out -> out keep tanh ?]
controls:
  plain: [input -> out]
  wider: match parameters
  lesioned: best without self edges and residual->out times
"""


def read(text: str) -> Space:
    from space.documents.files import parse_yaml

    return Space.parse(parse_yaml(text, "space.yaml"), "space.yaml", text=text)


def test_they_are_read_and_written_again() -> None:
    space = read(TEXT)
    assert space.controls["wider"].match == "parameters"
    assert space.controls["lesioned"].without == ("self edges", "residual->out times")
    assert space.fixed_controls == ("plain",)
    assert Space.parse(space.document()) == space
    lines = [read_derived(f"match {match}", ()) for match in MATCHES]
    assert [write_derived(line) for line in lines] == [f"match {match}" for match in MATCHES]
    text = "best without a->b and conv2->conv1"
    assert write_derived(read_derived(text, ())) == text
    assert write_derived({"match": "depth", "recipe": {"epochs": 2}}) == ""


def test_the_notation_prints_them() -> None:
    from space.notation import format_notation

    printed = format_notation(read(TEXT).document())
    assert "wider: match parameters" in printed
    assert "best without self edges and residual->out times" in printed
    assert read(printed).controls == read(TEXT).controls


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("match paramters", 'line 8, column 10: match: .*"paramters".*parameters'),
        ("worst without feedback", 'line 8, column 10: "worst without feedback" is no control'),
    ],
)
def test_an_error_stands_at_its_line(line: str, problem: str) -> None:
    with pytest.raises(SpaceError, match=problem):
        read(TEXT.replace("match parameters", line))
