"""A tree is written as YAML that is read as the same tree."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.documents.yaml_reading import load_yaml
from space.notation.yaml_writing import WIDTH, write_tree

TEXTS = st.one_of(
    st.sampled_from(["a: b", "x #y", "- a", "? b", "yes", "null", "1", "[a", "a, b", "'q'", ""]),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), TEXTS)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from("abc"), TREES, max_size=3))
def test_every_tree_comes_back(tree: dict[str, Any]) -> None:
    assert load_yaml(write_tree(tree)) == (tree or None)


@pytest.mark.parametrize("key", ["cell", "cells"])
def test_edges_have_a_line_each(key: str) -> None:
    cell = {
        "states": {"out": "elu", "hidden ?*": "8|16"},
        "edges": ["input -> out"],
        "output": "out",
    }
    tree = {key: cell if key == "cell" else {"m": cell}}
    text = write_tree(tree)
    assert load_yaml(text) == tree
    assert text.count("- input -> out\n") == 1
    assert "{out: elu, hidden ?*: 8|16}" in text


def test_long_lists_are_broken() -> None:
    text = write_tree({"stages": [f"conv{place} 512 k 3 cell pool" for place in range(6)]})
    assert len(text.splitlines()) == 7
    assert all(len(line) <= WIDTH for line in text.splitlines())
