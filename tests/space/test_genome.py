"""The genome's document, and what a wrong one says."""

import json

import pytest
from hypothesis import given, settings

from space.errors import GenomeError
from space.genome import Genome
from space.zoo import cells as published
from tests.support.changed_documents import (
    add_term,
    chain_stages,
    change_cell,
    change_genome,
    change_stage,
    repeat_term,
)
from tests.support.drawing import PUBLISHED_CELLS, genomes, small_document, small_genome


@given(genomes())
@settings(max_examples=60, deadline=None)
def test_document_is_the_inverse_of_parse(genome: Genome) -> None:
    text = json.dumps(genome.document())
    assert Genome.parse(json.loads(text)) == genome


@pytest.mark.parametrize("name", PUBLISHED_CELLS)
def test_published_cells_are_valid_with_and_without_feedback(name: str) -> None:
    for feedback in (True, False):
        genome = small_genome(PUBLISHED_CELLS[name], feedback=feedback)
        assert Genome.parse(genome.document()).digest == genome.digest


WRONG = {
    "misspelt key": (change_stage(convolutions={}), "stages[1]", "convolution"),
    "kernel of 0": (
        change_stage(convolution={"width": 6, "kernel": 0}),
        "stages[1].convolution.kernel",
        "0 is not at least 1",
    ),
    "text for a number": (change_genome(classes="5"), "classes", "without quotes"),
    "no stages": (change_genome(stages=[]), "stages", ""),
    "not a number": (change_genome(clock={"blank": float("nan")}), "clock.blank", "finite"),
    "10^18 steps": (change_genome(clock={"steps": 10**18}), "clock.steps", "is not at most 1000"),
    "10^5 steps": (
        change_genome(clock={"steps": 10**5}),
        "clock.steps",
        "100000 is not at most 1000",
    ),
    "a step that is never reached": (
        change_genome(clock={"image_on": 10**9}),
        "image_on",
        "at most",
    ),
    "a width of 10^400": (
        change_stage(convolution={"width": 10**400}),
        "stages[1].convolution.width",
        "is too large",
    ),
    "a width of 10^5000": (change_stage(convolution={"width": 10**5000}), "width", "absurd size"),
    "a kernel of 10^6": (
        change_stage(convolution={"width": 1, "kernel": 10**6}),
        "kernel",
        "1024",
    ),
    "an image of 10^6 pixels": (
        change_genome(image={"size": 10**6}),
        "image.size",
        "at most 4096",
    ),
    "10^9 classes": (change_genome(classes=10**9), "classes", "1000000000 is not at most 1000000"),
    "300 stages": (chain_stages(300), "stages", "is too long; give it at most 256 items"),
    "10^5 sources": (add_term({"of": ["input"] * 10**4, "kernel": 1}), "add.of", "at most 64"),
    "10^4 edges": (
        change_cell(
            states={"hidden": {"drive": {"edges": [{"add": t} for t in repeat_term(1000)]}}}
        ),
        "edges",
        "is too long; give it at most 64 items",
    ),
    "10^3 terms": (
        change_cell(gates={"update": {"terms": repeat_term(1000)}}),
        "terms",
        "at most 64",
    ),
    "10^4 states": (
        change_cell(states={f"s{i}": {} for i in range(10**4)}),
        "cells.motif.states",
        "at most 32",
    ),
    "10^3 gates": (change_cell(gates={f"g{i}": {} for i in range(10**3)}), "gates", "at most 64"),
    "a gate without a name": (
        change_cell(states={"hidden": {"carry": {"gate": {"shared": ""}}}}),
        "carry.gate.shared",
        "at least 1 character",
    ),
    "more values than a document has": (
        change_genome(feedback={f"{i}": True for i in range(30_000)}),
        "",
        "holds more than 20,000 values",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_document_names_field_and_cure(case: str) -> None:
    document, where, text = WRONG[case]
    with pytest.raises(GenomeError) as caught:
        Genome.parse(document)
    assert where in caught.value.where
    assert text in str(caught.value)


def test_a_misspelt_required_key_is_called_unknown_rather_than_missing() -> None:
    document = small_document(published.ugrnn())
    document["stages"][1]["convolutoin"] = document["stages"][1].pop("convolution")
    with pytest.raises(
        GenomeError, match=r'unknown key "convolutoin"; did you mean "convolution"'
    ):
        Genome.parse(document)
