"""Controls that follow from a network: matched to it, or without some of its parts."""

from __future__ import annotations

import pytest

from space.controls import match_controls
from space.controls.derived import derive_control, select_parts
from space.errors import GenomeError
from space.genome import Genome
from space.parts import list_parts
from space.recurrence import recurrence
from space.zoo import cells as published
from tests.support.drawing import small_genome


def names(genome: Genome, word: str) -> list[str]:
    return [part.name for part in select_parts(genome, word)]


def test_matched_ones_are_those_of_every_winner() -> None:
    network = small_genome(published.conv_gru())
    for match, control in match_controls(network).items():
        assert derive_control(network, match, ()).digest == control.digest


def test_self_edges_are_those_of_states_and_of_the_gates_that_act_on_them() -> None:
    gru = names(small_genome(published.conv_gru()), "self edges")
    state = gru[0].partition("->")[0]
    assert f"{state}->{state} carry" in gru
    assert all(name.startswith(f"{state}->") for name in gru)
    assert any("->" in name and not name.startswith(f"{state}->{state}") for name in gru)


def test_without_self_edges_and_feedback_nothing_goes_round() -> None:
    document = small_genome(published.conv_gru(), feedback=True).document()
    document["stages"][1]["convolution"]["reads_feedback"] = True
    network = Genome.parse(document)
    assert recurrence(network) == "both"
    lesioned = derive_control(network, None, ("self edges", "feedback"))
    assert recurrence(lesioned) == "none"
    assert not {part.name for part in list_parts(lesioned)} & set(names(network, "self edges"))
    assert recurrence(derive_control(network, None, ("self edges",))) == "feedback"


def test_parts_are_named_as_lesions_are() -> None:
    network = small_genome(published.conv_gru(), feedback=False)
    parts = [part.name for part in list_parts(network) if part.kind == "edge"]
    one = derive_control(network, None, parts[:1])
    assert parts[0] not in {part.name for part in list_parts(one)}
    assert one.digest != network.digest
    both = derive_control(network, None, parts[:2])
    assert both.digest == derive_control(network, None, parts[1::-1]).digest


def test_what_is_not_there_is_named_with_what_is() -> None:
    network = small_genome(published.simple_rnn(), feedback=False)
    with pytest.raises(GenomeError, match="has no feedback; it has ") as raised:
        derive_control(network, None, ("feedback",))
    assert list_parts(network)[0].name in str(raised.value)
    first = list_parts(network)[0].name
    with pytest.raises(GenomeError, match=f'did you mean "?{first}'):
        derive_control(network, None, (first.replace("->", "->x"),))
    with pytest.raises(GenomeError, match="feedforward"):
        derive_control(match_controls(network)["parameters"], "macs", ())
