"""Paths: what is written is what is read, and what is no path is one error."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from space.documents.bounds import LEVELS
from space.documents.paths import EVERY, Branch, format_path, is_bare, label_text, parse_path
from space.errors import InputError, SpaceError

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
    assert len(parse_path(".".join("a" * LEVELS))) == LEVELS
    with pytest.raises(InputError, match="is a path of more than 100 steps"):
        parse_path(".".join("a" * 5000))


def test_no_path_at_all_has_no_steps() -> None:
    assert parse_path("") == ()
    assert format_path([]) == ""


def test_the_error_is_of_the_kind_that_was_asked_for() -> None:
    with pytest.raises(SpaceError, match="is not a path"):
        parse_path("a..b", SpaceError)


@given(LABELS, LABELS)
def test_two_labels_never_share_a_text(one: object, other: object) -> None:
    same = one == other and isinstance(one, bool) == isinstance(other, bool)
    same = same and isinstance(one, float) == isinstance(other, float)
    assert (label_text(one) == label_text(other)) == same  # type: ignore[arg-type]


@given(st.text(max_size=5))
def test_a_bare_key_is_its_own_path(key: str) -> None:
    assert (format_path([key]) == key) == is_bare(key)
