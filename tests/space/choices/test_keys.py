"""Keys of parameters: a name, or the path, with the branches that part it from its namesakes."""

from typing import Any

from hypothesis import given

from space.choices.keys import name_parameters
from space.choices.leaves import plain_path
from space.choices.nodes import Reader
from space.choices.open_document import OpenDocument
from space.documents.paths import Branch, format_path
from tests.support.choices import MIXED


def test_a_key_names_the_branches_that_part_it_from_its_namesake() -> None:
    """One path in the document may be a choice in two branches; else no branch is named."""
    parting = OpenDocument.parse(
        {"a": {"choice": {"x": {"k": {"choice": [1, 2]}}, "y": {"k": {"choice": [3, 4]}}}}}
    )
    assert [p.path for p in parting.parameters] == ["a", "a:x.k", "a:y.k"]
    alone = OpenDocument.parse({"a": {"choice": {"x": {"k": {"choice": [1, 2]}}, "y": 0}}})
    assert [p.path for p in alone.parameters] == ["a", "a.k"]
    assert plain_path(("a", Branch("x"), "k", 3)) == "a.k[3]"


def test_a_branch_is_named_only_where_two_paths_part() -> None:
    """Below both branches stands a choice of one path; in one of them, another of its own."""
    inner = {"k": {"choice": [1, 2]}}
    opened = OpenDocument.parse(
        {"a": {"choice": {"x": {"b": {"choice": {"p": inner, "q": 0}}}, "y": {"b": inner}}}}
    )
    assert [p.path for p in opened.parameters] == ["a", "a.b", "a:x.b.k", "a:y.b.k"]


def test_a_choice_among_the_options_of_another_at_its_own_path() -> None:
    opened = OpenDocument.parse({"a": {"choice": [{"choice": [1, 2]}, {"uniform": [0, 1]}]}})
    assert [p.path for p in opened.parameters] == ["a", "a:choice", "a:uniform"]


def test_a_name_replaces_the_path_and_its_branches() -> None:
    option = {"k": {"choice": [1, 2], "name": "width"}}
    opened = OpenDocument.parse({"a": {"choice": {"x": option, "y": {"k": {"choice": [3, 4]}}}}})
    assert [p.path for p in opened.parameters] == ["a", "width", "a:y.k"]


@given(MIXED)
def test_keys_differ_and_without_branches_are_the_paths(document: dict[str, Any]) -> None:
    reader = Reader()
    reader.node(document, (), ())
    keys = name_parameters(reader.drafts)
    assert len(set(keys)) == len(keys) == len(reader.drafts)
    paths = [plain_path(draft.where) for draft in reader.drafts]
    for key, path, draft in zip(keys, paths, reader.drafts, strict=True):
        if paths.count(path) == 1:
            assert key == path
        assert len(path) <= len(key) <= len(format_path(draft.where))
