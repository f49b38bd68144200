"""`ventral space`: spaces listed, shown, drawn from, counted and checked."""

import pytest

from search.json_schemas import schema_file
from space.space import Space
from tests.ventral.conftest import Shell


def test_space_sample_is_the_same_twice(shell: Shell) -> None:
    arguments = ("space", "sample", "motifs-2018", "-n", "3", "--seed", "9", "-o", "json")
    first, second = shell(*arguments).json, shell(*arguments).json
    assert first == second
    assert len({row["digest"] for row in first}) == 3
    assert all({"choices", "genome", "digest"} <= row.keys() for row in first)
    assert first != shell(*arguments[:-3], "10", "-o", "json").json


def test_space_commands(shell: Shell) -> None:
    names = [row["name"] for row in shell("space", "list", "-o", "json").json]
    assert {"motifs-small", "motifs-2018"} <= set(names)
    counted = shell("space", "count", "motifs-small", "--draws", "50", "-o", "json").json
    assert counted["conditional"] < counted["choices"]
    assert counted["log10"] > 10
    assert "hidden->hidden keep" in shell("space", "show", "motifs-small", "--choices").out
    assert shell("space", "validate", "motifs-small", "-n", "20").code == 0


@pytest.mark.parametrize("name", ["motifs-small", "motifs-2018"])
def test_both_printed_forms_of_a_space_are_that_space(shell: Shell, name: str) -> None:
    """In the notation, a line an edge and no line a choice; in full; and each of both again."""
    space = Space.load(name)
    words, full = shell("space", "show", name).out, shell("space", "show", name, "--yaml").out
    assert len(words.splitlines()) <= 45
    assert "# a median sample: " in words
    for place, text in enumerate((words, full, shell("space", "show", name, "-o", "json").out)):
        file = shell.folder / f"{place}.yaml"
        file.write_text(text)
        assert Space.load(file) == space
    again = shell("space", "show", "1.yaml").out  # from the full grammar to the notation
    (shell.folder / "again.yaml").write_text(again)
    assert Space.load(shell.folder / "again.yaml") == space


def test_a_space_is_drawn(shell: Shell) -> None:
    done = shell("space", "draw", "motifs-small", "small.svg")
    assert done.code == 0
    assert "<svg" in (shell.folder / "small.svg").read_text()
    assert shell("space", "draw", "motifs-small", "drawn.svg", "--seed", "4").code == 0
    pictures = {(shell.folder / name).read_bytes() for name in ("small.svg", "drawn.svg")}
    assert len(pictures) == 2


def test_validate_counts_what_is_no_network_at_the_images(shell: Shell) -> None:
    states = "{out: {drive: {edges: [{add: {of: input, kernel: {choice: [3, 5], name: k}}}]}}}"
    stages = "[{name: a, convolution: {width: 4}, cell: c}]"
    (shell.folder / "s.yaml").write_text(
        f"name: s\ngenome: {{stages: {stages}, cells: {{c: {{output: out, states: {states}}}}},"
        " feedback: {}, clock: {steps: 3}}\n"
    )
    arguments = ("space", "validate", "s.yaml", "-n", "30")
    whole = shell(*arguments, "-o", "json").json
    assert whole["image"] == {"size": 224, "channels": 3, "classes": 1000}
    assert (whole["samples"], whole["infeasible"], whole["reasons"]) == (30, 0, [])
    small = shell(*arguments, "--size", "4", "-o", "json").json
    assert small["samples"] == 30
    assert 0 < small["infeasible"] < 30
    (only,) = small["reasons"]
    assert only.keys() == {"reason", "count"}
    assert only["count"] == small["infeasible"]
    assert "5 exceeds the 4x4 map" in only["reason"]
    assert small["chosen"] == {only["reason"]: {"k": 5}}
    (warning,) = small["warnings"]
    assert warning.startswith("k = 5 makes no network in any of 100 samples: ")
    told = shell(*arguments, "--size", "4")
    assert told.code == 0
    assert "4x4 pixels" in told.out
    assert only["reason"] in told.out
    assert f"warning: {warning}" in told.err
    digits = shell(*arguments, "--data", "digits", "-o", "json").json
    assert digits["image"] == {"size": 8, "channels": 1, "classes": 10}
    none = shell(*arguments, "--size", "2")
    assert none.code == 2
    assert "exceeds the 2x2 map" in none.err


SMALL = """name: s
images: {size: 8, channels: 1, classes: 10}
genome:
  clock: {steps: 3}
  stages: [{name: a, convolution: {width: 4, stride: 2}, cell: c}]
  cells: {c: {output: out, states: {out: {drive: {edges: [{add: {of: input, kernel: KERNEL}}]}}}}}
"""


def write_small(shell: Shell, kernel: str) -> str:
    (shell.folder / "small.yaml").write_text(SMALL.replace("KERNEL", kernel))
    return "small.yaml"


def test_count_and_sample_are_for_the_images_at_hand(shell: Shell) -> None:
    file = write_small(shell, "{choice: [1, 3, 5], name: k}")
    counted = shell("space", "count", file, "--draws", "60", "--size", "16", "-o", "json").json
    assert counted["image"]["size"] == 16
    assert (counted["infeasible"], counted["complete"]) == (0, True)
    own = shell("space", "count", file, "--draws", "60")
    assert "for 8x8 pixels, 1 channel, 10 classes (its own;" in own.out
    assert "networks among 60 draws: 2, and there are no others: all 3 comb" in own.out
    assert "exceeds the 4x4 map of stage a" in own.out
    drawn = shell("space", "sample", file, "-n", "8", "-o", "json")
    assert len(drawn.json) == 8
    assert {row["choices"]["k"] for row in drawn.json} == {1, 3}
    assert "for 8x8 pixels" in drawn.err
    assert "samples are no network (" in drawn.err
    assert "exceeds the 4x4 map" in drawn.err
    none = shell("space", "sample", write_small(shell, "{choice: [3, 5]}"), "--size", "2")
    assert none.code == 2
    assert "makes no network for 2x2 pixels" in none.err or "exceeds the 1x1 map" in none.err


def test_kernels_up_to_the_map_leave_nothing_infeasible(shell: Shell) -> None:
    file = write_small(shell, "{choice: [1, 3, 5], up_to: map, name: k}")
    whole = shell("space", "validate", file, "-n", "30", "--size", "16", "-o", "json").json
    small = shell("space", "validate", file, "-n", "30", "-o", "json").json
    assert [(one["infeasible"], one["networks"]) for one in (whole, small)] == [(0, 3), (0, 2)]
    assert small["warnings"] == []
    assert shell("space", "count", file, "-o", "json").json["distinct"] == 2


@pytest.mark.parametrize(
    ("genome", "text"),
    [
        ("{stages: [{name: a, convolution: {width: 4, kernel: 0}}]}", "0 is not at least 1"),
        (
            "{stages: [{name: a, convolution: {width: 4}}], feedback: {b->a: true}}",
            'no stage is called "b"',
        ),
        ("{stages: [{name: a, convolution: {widht: 4}}]}", "width"),
    ],
)
def test_a_bad_space_names_field_and_cure(shell: Shell, genome: str, text: str) -> None:
    file = shell.folder / "space.yaml"
    file.write_text(f"name: bad\ngenome: {genome}\n")
    for command in ("sample", "count", "validate"):
        ended = shell("space", command, file)
        assert ended.code == 2, ended.err
        assert text in ended.err
        assert "Traceback" not in ended.err


def test_schemas_are_printed_as_they_are_published(shell: Shell) -> None:
    for command, kind in (("space", "space"), ("zoo", "genome")):
        assert shell(command, "schema").out == schema_file(kind).read_text(encoding="utf-8")
