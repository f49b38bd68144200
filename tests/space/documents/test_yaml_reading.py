"""YAML: scalars as YAML 1.2 has them, and nothing that unfolds without end."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from space.documents.files import parse_yaml
from space.documents.yaml_reading import YAMLError, load_yaml, locate
from space.errors import InputError

WHOLE = st.integers(-(2**63) + 1, 2**63 - 1)
SCALARS = st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=6)
TREES = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(TREES, st.booleans())
def test_what_pyyaml_writes_is_read_as_it_was(tree: Any, flow: bool) -> None:
    """Also its own quoted words, which YAML 1.1 would take for other scalars."""
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True)
    assert load_yaml(text) == tree


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


@pytest.mark.parametrize(
    ("text", "problem", "cure"),
    [
        ("a: 1\na: 2", 'line 2, column 1: the key "a" stands twice', "mend the YAML there"),
        ("a: &a [*a]", "line 1, column 8: the anchor a stands inside itself", "remove the alias"),
        ("a: 1e999", "line 1, column 4: 1e999 is not a finite number", "write a smaller number"),
        ("a: \x07", "is not YAML (the character #x0007 at 3: ", "remove it"),
    ],
)
def test_an_error_has_its_line_and_its_cure(text: str, problem: str, cure: str) -> None:
    with pytest.raises(YAMLError) as caught:
        load_yaml(text)
    found, mended = locate(caught.value)
    assert found.startswith(problem)
    assert mended == cure
