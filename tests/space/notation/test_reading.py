"""Errors point at the line and the column, whatever it is that finds them."""

from pathlib import Path

import pytest

from space.errors import InputError, SpaceError
from space.notation import Notation, parse_notation
from space.space import Space

TEXT = """\
name: own
steps: 6
stages: [conv1 8 k 3 elu pool, conv2 8 k 3 cell pool, conv3 8 k 3 cell]
feedback: [conv3 -> conv2 ?]
images: {size: 32, channels: 1, classes: 10}
let:
  W: conv|separable k 1|3*
cell:
  states: {hidden ?*: 8, out: elu|relu}
  edges:
    - input -> hidden add W
    - hidden -> out add W | times
        falling 0.5..1 W
    - input -> out
    - residual -> out add k 3 ?
    - feedback -> out add W
"""

CASES = [
    ("input -> hidden add", "inpt -> hidden add", 11, 7, "did you mean"),
    ("add W | times", "add Q | times", 12, 25, '"Q" is not a word of'),
    ("falling 0.5", "fallin 0.5", 13, 9, '"fallin" is not a word'),
    ("k 1|3*", "k 1|3*|3", 7, 28, "3 stands here twice"),
    ("hidden ?*: 8", "hidden ?*: 8.5", 9, 23, "8.5 is not a whole number"),
    ("[conv3 -> conv2 ?]", "[conv3 -> conv4 ?]", 4, 21, '"conv4" is not a stage'),
    ("    - feedback -> out add W\n", "", 4, 12, "nothing in conv2 reads"),
    ("steps: 6", "steps: 2", 2, 8, "steps: 2 steps end before the image reaches"),
    ("add k 3 ?", "add k 9 ?*", 15, 7, "kernel: 9 exceeds the"),
    ("input -> out\n", "new.out -> hidden\n", 14, 7, "new.out is read before it exists"),
    ("elu|relu", "elu|relu norm group groups 3", 9, 31, "3 groups for 8 channels"),
    ("falling 0.5..1 W", "falling 0.5..1 W k 1|5", 12, 7, "hidden->out.kernel has other values"),
    ("name: own", "name: own\nname: other", 2, 1, "stands twice"),
]


@pytest.mark.parametrize(("old", "new", "line", "column", "problem"), CASES)
def test_errors_point_at_their_place(
    tmp_path: Path, old: str, new: str, line: int, column: int, problem: str
) -> None:
    assert old in TEXT
    file = tmp_path / "own.yaml"
    file.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        Space.load(file)
    text = str(caught.value)
    assert problem in text
    assert text.startswith(f"{file}: line {line}, column {column}: "), text
    assert caught.value.cure


def test_a_kernel_beyond_the_map_has_its_cure_in_the_notation(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(TEXT.replace("size: 32", "size: 8"))
    with pytest.raises(InputError, match="write kernels: cut to map in the cell"):
        Space.load(file)
    file.write_text(
        TEXT.replace("size: 32", "size: 8").replace("cell:", "cell:\n  kernels: cut to map")
    )
    assert Space.load(file).images.size == 8


def test_a_space_without_a_text_has_paths() -> None:
    notation = {
        "name": "s",
        "steps": 4,
        "stages": ["a 4 cell"],
        "cell": {"states": {"out": ""}, "edges": ["input -> out", "inptu -> out"]},
    }
    with pytest.raises(SpaceError) as caught:
        Space.parse(notation, "campaign.yaml: space")
    assert caught.value.where == 'campaign.yaml: space.cell.edges[1], column 1 of "inptu -> out"'


def test_what_is_not_in_the_notation() -> None:
    with pytest.raises(SpaceError, match=r"x\.yaml: is not in the notation"):
        parse_notation("name: x\ngenome: {}\n", "x.yaml")
    assert parse_notation(TEXT)["genome"]["clock"] == {"steps": 6}


def test_an_error_of_an_unknown_place_keeps_its_field() -> None:
    notation = Notation.read({"name": "s", "stages": ["a 4"]}, "s.yaml")
    error = notation.locate(SpaceError("recipe.epochs", "is wrong", "mend it"))
    assert str(error) == "s.yaml: recipe.epochs: is wrong; mend it"
