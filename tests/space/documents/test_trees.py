"""Documents: files are read strictly, and paths are written as they are read."""

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from space.documents.files import parse_yaml, read_document
from space.documents.paths import EVERY, Branch, format_path, label_text, parse_path
from space.documents.trees import merged
from space.errors import InputError

LABELS = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.none(), st.floats(0, 9))
STEPS = st.lists(
    st.one_of(
        st.text(max_size=5), st.integers(0, 99), LABELS.map(lambda x: Branch(label_text(x)))
    ),
    min_size=1,
    max_size=5,
).map(tuple)


@given(STEPS)
@example((Branch("0"), "0"))
def test_a_path_is_read_as_it_was_written(steps: tuple[str | int | Branch, ...]) -> None:
    assert parse_path(format_path(steps)) == steps


def test_paths_are_readable() -> None:
    steps = ("genome", "stages", 3, "a b", EVERY, Branch("0.5"), "conv8->conv5")
    text = 'genome.stages[3]["a b"][*]:0.5.conv8->conv5'
    assert format_path(steps) == text
    assert parse_path(text) == steps


@pytest.mark.parametrize(
    "text", [".a", "a..b", "a[b]", "a b", "a[", "a.", r'["\q"]', "a[" + "1" * 5000 + "]"]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a path"):
        parse_path(text)


def test_a_path_has_bounds() -> None:
    with pytest.raises(InputError, match="is a path of more than 100 steps"):
        parse_path(".".join("a" * 5000))
    with pytest.raises(InputError, match="holds 300 items for a value of 1001"):
        merged({"a": {"s": [0] * 300}}, {"a": {"s[*]": [0] * 1000}})


def test_yaml_scalars_are_those_of_yaml_1_2() -> None:
    text = "{a: 1e-3, b: on, c: 2020-01-01, d: ~, e: 12, f: true, g: 1.0e-3, h: no}"
    assert parse_yaml(text, "x") == {
        "a": 0.001,
        "b": "on",
        "c": "2020-01-01",
        "d": None,
        "e": 12,
        "f": True,
        "g": 0.001,
        "h": "no",
    }


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.yaml", "a: 1\nb: 2\na: 3", 'x.yaml: line 3, column 1: the key "a" stands twice'),
        ("x.yaml", "a: [1\nb: 2", "x.yaml: line 2, column 2"),
        ("x.yaml", "a: !!python/object:os.system x", "x.yaml: line 1, column 4"),
        ("x.json", '{"a": 1,\n "a": 2}', 'x.json: the key "a" stands twice'),
        ("x.json", '{"a": 1,\n', "x.json: line 2"),
        ("x.yaml", "a: 1\nb: !!int abc", "x.yaml: line 2, column 4: the tag !!int is not read"),
        ("x.yaml", 'b: !!int ""', "the tag !!int is not read"),
        ("x.yaml", "b: !!bool abc", "the tag !!bool is not read"),
        ("x.yaml", "b: !!float abc", "the tag !!float is not read"),
        ("x.yaml", "b: !!timestamp x", "the tag !!timestamp is not read"),
        ("x.yaml", "b: !!map [1]", "the tag !!map is not read"),
        ("x.yaml", "b: !mine 1", "the tag !mine is not read"),
        ("x.yaml", "a: " + "7" * 5000, "column 4: a number of 5,000 digits, where at most 100"),
        ("x.yaml", "a: 1" + "0" * 20, "100000000000000000000 is above 9223372036854775807"),
        ("x.yaml", "a: 1e999", "1e999 is not a finite number"),
        ("x.yaml", "[" * 100_000, "column 1001: exceeded maximum nesting depth"),
        ("x.yaml", "- " * 101, "the text goes more than 100 levels deep"),
        ("x.yaml", "[" + "1, " * 30_000 + "]", "the text holds more than 20,000 values"),
        ("x.yaml", "a: &a [*a]", "line 1, column 8: the anchor a stands inside itself"),
        ("x.yaml", "? [1]\n: 2", "x.yaml: line 1, column 3: found unhashable key"),
        ("x.yaml", "a: \x07", "is not YAML (the character #x0007"),
        ("x.json", "[" * 100_000, "x.json: goes more than 100 levels deep"),
        ("x.json", "[" * 102 + "]" * 102, "x.json: goes more than 100 levels deep"),
        ("x.json", "[" + "1, " * 30_000 + "1]", "x.json: holds more than 20,000 values"),
        ("x.json", '{"a": ' + "7" * 5000 + "}", "x.json: a number of 5,000 digits"),
        ("x.json", '{"a": 1e999}', "x.json: 1e999 is not a finite number"),
        ("x.yaml", "#" * 4_000_001, "x.yaml: is larger than 4,000,000 bytes"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_document(tmp_path / name)
    assert said in str(caught.value)


def test_an_anchor_may_be_merged_and_overridden() -> None:
    text = "base: &base {a: 1, b: 2}\nmine: {<<: *base, a: 3}"
    assert parse_yaml(text, "x")["mine"] == {"a": 3, "b": 2}


def laughs(levels: int) -> str:
    """Aliases that double at each level."""
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_aliases_are_bounded_by_what_they_unfold_to() -> None:
    assert len(parse_yaml(laughs(10), "x")) == 10
    with pytest.raises(InputError, match=r"line \d+, column \d+: the text holds more than 20,000"):
        parse_yaml(laughs(40), "x")
    chain = "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 101))
    with pytest.raises(InputError, match="more than 100 levels deep"):
        parse_yaml(f"a0: &a0 [1]\n{chain}", "x")


def test_a_byte_order_mark_is_no_part_of_a_document(tmp_path: Path) -> None:
    for name, text in (("x.json", '{"a": 1}'), ("x.yaml", "a: 1")):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        assert read_document(tmp_path / name) == {"a": 1}


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.yaml")
    with pytest.raises(InputError, match="is not a regular file"):
        read_document(tmp_path / "x.yaml")


def test_a_path_that_no_file_can_have_is_a_missing_file() -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_document(Path("a\0b.yaml"))


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "motifs.yaml").write_text("a: 1")
    with pytest.raises(InputError, match=r'did you mean "motifs.yaml"'):
        read_document(tmp_path / "motif.yaml")


def test_an_overlay_merges_mappings_and_replaces_the_rest() -> None:
    base = {"a": {"x": 1, "y": [1, 2]}, "b": {"choice": [1, 2]}, "s": [{"c": 1}, {"c": 2, "d": 3}]}
    overlay = {
        "a": {"y": None, "z.deep": 4},
        "b": {"plain": 1},
        "s[*].c": 0,
        "s[1].d": {"choice": [5]},
    }
    assert merged(base, overlay) == {
        "a": {"x": 1, "y": None, "z": {"deep": 4}},
        "b": {"plain": 1},
        "s": [{"c": 0}, {"c": 0, "d": {"choice": [5]}}],
    }
    assert base["a"] == {"x": 1, "y": [1, 2]}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("s[7].c", "top.s: has no item 7; it has 1, counted from 0"),
        ("s.c", "top.s: is a list, where s.c goes on"),
        ("n.x.y", "top.n: is 3, where n.x.y goes on"),
    ],
)
def test_an_overlay_that_leads_nowhere_is_refused(path: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        merged({"top": {"s": [1], "n": 3}}, {"top": {path: 1}})
    assert said in str(caught.value)
