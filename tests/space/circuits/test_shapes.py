"""Shapes that are moved, and pictures that are joined."""

from space.circuits.shapes import Box, Frame, Label, Mark, Picture, Wire, join_pictures, shift

PICTURE = Picture(
    40,
    30,
    (
        Box(0, 0, 10, 8, ("a",), "state", "title"),
        Label(1, 20, "text", bold=True),
        Wire(((0, 0), (5, 0)), "add", "net", 3.0, arrow=True),
        Mark(5, 5, "plus"),
    ),
    (Frame(0, 0, 40, 30),),
)


def test_a_picture_moves_with_all_that_is_in_it() -> None:
    moved = shift(PICTURE, 7, 3, "part")
    box, label, wire, mark = moved.shapes
    assert box == Box(7, 3, 10, 8, ("a",), "state", "title")
    assert label == Label(8, 23, "text", bold=True)
    assert wire == Wire(((7, 3), (12, 3)), "add", "part net", 3.0, arrow=True)
    assert mark == Mark(12, 8, "plus")
    assert moved.frames == (Frame(7, 3, 40, 30),)
    assert (moved.width, moved.height) == (47, 33)


def test_joined_pictures_have_the_room_of_all() -> None:
    both = join_pictures((PICTURE, shift(PICTURE, 0, 50, "below")))
    assert (both.width, both.height) == (40, 80)
    assert len(both.shapes) == 8
    assert len(both.frames) == 2


def test_boxes_and_marks_know_their_sides() -> None:
    assert (Box(2, 4, 10, 8, ("a",), "state").right, Box(2, 4, 10, 8, ("a",), "state").middle) == (
        12,
        8,
    )
    assert Mark(0, 0, "times").radius > Mark(0, 0, "dot").radius
