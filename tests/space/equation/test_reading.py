"""A cell as it is read from identity: its states and sources, without what never acts."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from space.equation.reading import OUT, count_name, read_cell
from space.network.grammar import Cell
from space.zoo import cells as published
from tests.support import spelling
from tests.support.drawing import PUBLISHED_CELLS, small_genome


def test_states_are_the_one_put_out_and_those_that_are_kept() -> None:
    reading = read_cell(small_genome(published.conv_lstm(depth=3)), "conv2")
    assert list(reading.lines) == [OUT, "hidden"]
    assert sorted(reading.names.values()) == ["hidden", "input", "out"]
    assert (reading.maps["hidden"].channels, reading.maps["input"].channels) == (3, 6)
    assert (reading.count_channels("width"), reading.count_channels(3)) == (6, 3)


def test_a_state_that_passes_on_is_none() -> None:
    plain = {"drive": {"edges": [{"add": {"of": "input"}}]}}
    out = {"drive": {"edges": [{"add": {"of": "new.used", "kernel": 3}}]}}
    cell = Cell.model_validate({"states": {"used": plain, "out": out}, "output": "out"})
    reading = read_cell(small_genome(cell), "conv3")
    assert list(reading.lines) == [OUT]
    assert list(reading.names.values()) == ["input"]


@settings(max_examples=15, deadline=None)
@given(name=st.sampled_from(sorted(PUBLISHED_CELLS)), seed=st.integers(0, 2**32))
def test_the_order_of_atoms_depends_on_no_spelling(name: str, seed: int) -> None:
    genome = small_genome(PUBLISHED_CELLS[name])
    document = spelling.written_out(genome)
    for change in (spelling.rename_states, spelling.reorder):
        change(document, random.Random(seed))
    one, other = (read_cell(each, "conv2") for each in (genome, type(genome).parse(document)))
    assert [one.nodes[n].label for n in sorted(one.nodes)] == [
        other.nodes[n].label for n in sorted(other.nodes)
    ]


def test_names_hold_no_digits() -> None:
    names = [count_name("hidden", place) for place in range(60)]
    assert names[:3] == ["hidden", "hidden_b", "hidden_c"]
    assert len(set(names)) == 60
    assert not any(letter.isdigit() for name in names for letter in name)
