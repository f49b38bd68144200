"""What an output depends on, as a graph: nothing else gets into a form."""

import pytest

from space.identity.algebra import Arena, Polynomial, constant, plus
from space.identity.spelling import label
from space.identity.stage_graph import BEFORE, OLD, Graph, StageForm

KERNEL = '["convolution",3]'


def no_definition(old: str) -> tuple[Polynomial, str]:
    raise AssertionError(old)


def form(arena: Arena, output: Polynomial) -> StageForm:
    return Graph(arena, output, no_definition).form()


def convolved(arena: Arena, *reads: Polynomial, place: str = "convolution") -> Polynomial:
    return arena.atom(KERNEL, reads, place=place)


def test_what_the_output_does_not_read_is_no_part_of_it() -> None:
    arena = Arena()
    x = convolved(arena, arena.atom(BEFORE))
    alone = form(arena, x)
    convolved(arena, x, place="lost")
    cancelled = plus(x, arena.times(constant(0.0), convolved(arena, x, place="zero")))
    assert form(arena, cancelled) == alone
    assert alone.parts == ("convolution",)
    assert alone.reads_before


def test_a_form_is_relative_to_the_width_of_a_convolution_that_is_needed() -> None:
    arena = Arena()
    before = arena.atom(BEFORE)
    assert form(arena, convolved(arena, before)).relative
    assert not form(arena, convolved(arena, before, place="residual")).relative


def test_places_are_no_part_of_the_text_but_sharing_is() -> None:
    def text(*places: str) -> str:
        arena = Arena()
        reads = [
            arena.activated("tanh", convolved(arena, arena.atom(BEFORE), place=p)) for p in places
        ]
        return form(arena, arena.times(*reads)).text

    assert text("a", "b") == text("c", "d")
    assert text("a", "a") != text("a", "b")


def test_a_value_of_the_step_before_may_be_defined_by_itself() -> None:
    def text(rate: float) -> str:
        arena = Arena()
        old = arena.atom(OLD, place="old 0")
        value = plus(arena.atom(BEFORE), arena.times(constant(rate), old))
        return Graph(arena, value, lambda _: (value, OLD)).form().text

    assert text(0.5) == text(0.5)
    assert text(0.5) != text(0.25)


@pytest.mark.parametrize("how", ["convolved", "normalised", "masked and convolved"])
def test_the_order_of_feedback_matters_where_it_does_not_meet_a_kernel_as_it_is(how: str) -> None:
    arena = Arena()
    fed = arena.atom(label("feedback", None))
    resized = arena.atom(label("resize", "corners 2"), [fed])
    gate = arena.activated("sigmoid", convolved(arena, arena.atom(BEFORE), place="gate"))
    value = {
        "convolved": lambda: convolved(arena, resized),
        "normalised": lambda: arena.atom('["norm"]', [resized], place="norm"),
        "masked and convolved": lambda: convolved(arena, arena.times(resized, gate)),
    }[how]()
    made = form(arena, value)
    assert made.reads_feedback
    assert made.feedback_in_order == (how != "convolved")
