"""Files of documents: one tree, or one error that names the file and the line."""

import json
import os
from pathlib import Path

import pytest

from space.documents.bounds import NODES
from space.documents.files import parse_json, parse_yaml, read_document
from space.errors import DataError, InputError


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


def test_what_a_file_ends_in_says_how_it_is_read(tmp_path: Path) -> None:
    """`{a: 1}` is YAML and no JSON."""
    for name in ("x.yaml", "x.yml", "x"):
        (tmp_path / name).write_text("{a: 1}")
        assert read_document(tmp_path / name) == {"a": 1}
    (tmp_path / "x.json").write_text("{a: 1}")
    with pytest.raises(InputError, match=r"x\.json: line 1, column 2"):
        read_document(tmp_path / "x.json")


def test_a_json_document_is_its_yaml_document() -> None:
    text = '{"a": [1, 2.5, null, true, "on"], "b": {"c": 1e-3}}'
    assert parse_json(text, "x") == parse_yaml(text, "x") == json.loads(text)


def test_bytes_are_utf_8_and_may_be_many_where_that_is_allowed() -> None:
    with pytest.raises(DataError, match="x: is not UTF-8 text"):
        parse_json(b"\xff", "x", DataError)
    many = json.dumps([0] * NODES)
    with pytest.raises(DataError, match="more than 20,000 values"):
        parse_json(many, "x", DataError)
    assert len(parse_json(many.encode(), "x", nodes=2 * NODES)) == NODES
