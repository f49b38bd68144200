"""The forms of a network's stages."""

from typing import Any

from hypothesis import given, settings

from space import zoo
from space.genome import Genome
from space.identity.normal_form import describe_stage, live_forms, stage_forms
from space.identity.stage_reading import StageReader
from space.network.sizes import layout
from space.step.parameters import stage_parameters
from space.zoo import cells as published
from tests.support.drawing import any_genomes, genomes, small_document, small_genome


def network(*stages: dict[str, Any], **fields: Any) -> Genome:
    document = small_document(published.feedforward(), feedback=False)
    return Genome.parse(document | {"stages": list(stages), "feedback": {}} | fields)


def plain(name: str, width: int, **fields: Any) -> dict[str, Any]:
    return {"name": name, "convolution": {"width": width}, **fields}


@settings(max_examples=30, deadline=None)
@given(genomes() | any_genomes())
def test_stages_that_are_taken_for_alike_have_the_form_of_their_own(genome: Genome) -> None:
    for place, form in enumerate(stage_forms(genome)):
        written = describe_stage(genome, place)
        assert StageReader(written, relative=form.relative).form() == form


@settings(max_examples=30, deadline=None)
@given(genomes() | any_genomes())
def test_every_live_part_has_tensors_and_is_named_once(genome: Genome) -> None:
    for form, shape in zip(stage_forms(genome), layout(genome).stages, strict=True):
        table = stage_parameters(genome, shape)
        assert len(set(form.parts)) == len(form.parts)
        assert all(table.under(part).own for part in form.parts)


def test_stages_that_differ_in_width_and_map_share_a_form() -> None:
    first, second, third = stage_forms(
        network(plain("a", 4, pool={}), plain("b", 6, pool={}), plain("c", 6))
    )
    assert first == second
    assert third != second
    assert [form.relative for form in (first, second, third)] == [True] * 3


def test_a_stage_that_needs_no_convolution_says_its_widths() -> None:
    def forms(width: int) -> list[str]:
        cell = {
            "states": {"out": {"drive": {"edges": [{"add": {"of": "residual", "kernel": 1}}]}}},
            "output": "out",
        }
        genome = network(plain("a", width, cell="passed"), cells={"passed": cell})
        (form,) = stage_forms(genome)
        assert form.parts == ("cell.states.out.drive.0",)
        assert not form.relative
        return [form.text]

    assert forms(4) != forms(6)


def test_a_stage_that_ignores_the_one_before_it_hides_all_before() -> None:
    constant = {"states": {"out": {"drive": {"bias": 0.5}}}, "output": "out"}
    genome = network(
        plain("a", 4), plain("b", 4, cell="constant"), plain("c", 4), cells={"constant": constant}
    )
    hidden, *shown = live_forms(genome)
    assert hidden is None
    assert [form and form.parts for form in shown] == [(), ("convolution",)]
    whole = small_genome(published.conv_lstm())
    assert live_forms(whole) == tuple(stage_forms(whole))


def test_stages_of_the_zoo_that_are_alike_are_read_once() -> None:
    forms = stage_forms(zoo.model("rgc_intermediate").genome)
    assert len({id(form) for form in forms}) < len(forms)
