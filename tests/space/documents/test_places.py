"""The line and the column of a value, or of a letter of it."""

import pytest

from space.documents.places import KEY, find_place

TEXT = """\
# a comment
name: x
stages: [conv1 16, "conv2 24"]
cell:
  states: {hidden ?*: 8|16, out: elu}
  edges:
    - input -> out
      add k 3
    - out -> out
"""


@pytest.mark.parametrize(
    ("path", "at", "place", "text"),
    [
        (("name",), 0, (2, 7), "x"),
        (("stages", 0), 6, (3, 16), "16"),
        (("stages", 1), 6, (3, 27), "24"),
        (("cell", "states", KEY, "hidden ?*"), 7, (5, 19), "?*"),
        (("cell", "states", "hidden ?*"), 2, (5, 25), "16"),
        (("cell", "edges", 0), 13, (8, 7), "add"),  # on its second line
        (("cell", "edges", 1), 7, (9, 14), "out"),
        (("cell", "edges", 7), 3, (7, 5), "- input"),  # there is none: the list
        (("cell", "nothing", "there"), 0, (5, 3), "states"),
    ],
)
def test_places(path: tuple[str | int, ...], at: int, place: tuple[int, int], text: str) -> None:
    assert find_place(TEXT, path, at) == place
    line, column = place
    assert TEXT.splitlines()[line - 1][column - 1 :].startswith(text)


def test_what_is_no_yaml_has_no_places() -> None:
    assert find_place("a: [", ("a",)) is None
    assert find_place("", ("a",)) is None
