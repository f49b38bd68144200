"""Documents as trees: copied, measured, and laid over each other."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.documents.bounds import LEVELS
from space.documents.trees import check_size, copy_tree, merge, place, size
from space.errors import InputError, SpaceError

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)


def parts(tree: Any) -> list[Any]:
    """Every mapping and list of a tree."""
    if isinstance(tree, dict):
        return [tree, *(part for value in tree.values() for part in parts(value))]
    if isinstance(tree, list):
        return [tree, *(part for value in tree for part in parts(value))]
    return []


@given(TREES)
def test_a_copy_is_equal_and_shares_nothing(tree: Any) -> None:
    copy = copy_tree(tree)
    assert copy == tree
    assert not {id(part) for part in parts(copy)} & {id(part) for part in parts(tree)}


@given(TREES)
def test_a_size_is_that_of_the_parts(tree: Any) -> None:
    held = [*tree.values()] if isinstance(tree, dict) else tree if isinstance(tree, list) else []
    assert size(tree) == 1 + sum(map(size, held))
    check_size(tree, "x", nodes=size(tree))
    with pytest.raises(SpaceError, match="x: holds more than"):
        check_size(tree, "x", SpaceError, nodes=size(tree) - 1)


def test_levels_have_a_bound() -> None:
    deep: list[Any] = []
    for _ in range(LEVELS):
        deep = [deep]
    check_size(deep, "x")
    with pytest.raises(InputError, match="x: goes more than 100 levels deep"):
        check_size([deep], "x")


@given(TREES, TREES)
def test_an_overlay_on_itself_and_on_nothing(base: Any, overlay: Any) -> None:
    assert merge(base, base) == base
    assert merge(merge(base, overlay), overlay) == merge(base, overlay)


def test_an_overlay_merges_mappings_and_replaces_the_rest() -> None:
    base = {"a": {"x": 1, "y": [1, 2]}, "b": {"choice": [1, 2]}, "s": [{"c": 1}, {"c": 2, "d": 3}]}
    overlay = {
        "a": {"y": None, "z.deep": 4},
        "b": {"plain": 1},
        "s[*].c": 0,
        "s[1].d": {"choice": [5]},
    }
    assert merge(base, overlay) == {
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
        merge({"top": {"s": [1], "n": 3}}, {"top": {path: 1}})
    assert said in str(caught.value)


def test_what_is_placed_into_every_item_has_a_bound() -> None:
    with pytest.raises(InputError, match="holds 300 items for a value of 1001"):
        merge({"a": {"s": [0] * 300}}, {"a": {"s[*]": [0] * 1000}})


def test_a_value_is_placed_where_mappings_are_made_for_it() -> None:
    document: dict[str, Any] = {"list": [{"a": 1}]}
    place(document, 'new.deep["odd key"]', 1, SpaceError)
    place(document, "list[1]", {"b": 2}, SpaceError)
    place(document, "list[0].a", None, SpaceError)
    assert document == {"list": [{"a": None}, {"b": 2}], "new": {"deep": {"odd key": 1}}}
    for path, words in (("", "an empty path"), ("list[3]", "has no item 3; it has 2")):
        with pytest.raises(SpaceError, match=words):
            place(document, path, 0, SpaceError)
