"""Spaces: files, samples, controls, images, and what bad ones say."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from space.errors import GenomeError, InputError, SpaceError
from space.space import Space

CELL = {
    "output": "out",
    "states": {
        "out": {
            "carry": {
                "gate": {
                    "offset": {"uniform": [0.5, 1.0], "name": "offset"},
                    "scale": {"same_as": "offset", "times": -1},
                    "terms": [{"of": "out", "kernel": {"choice": [1, 3], "name": "kernel"}}],
                }
            },
            "drive": {"edges": [{"add": {"of": "input"}}]},
            "activation": {"choice": ["elu", "tanh"]},
        }
    },
}


def document(**changes: Any) -> dict[str, Any]:
    """A small space of two stages, cells and feedback open."""
    return {
        "name": "tiny",
        "description": "two stages",
        "genome": {
            "clock": {"steps": 4},
            "stages": [
                {"name": "conv1", "convolution": {"width": 4}, "pool": {}},
                {"name": "conv2", "convolution": {"width": 4}, "cell": {"optional": "motif"}},
            ],
            "cells": {"motif": CELL},
            "feedback": {"conv2->conv1": False},
        },
        "recipe": {"learning_rate": {"loguniform": [1e-3, 1e-1], "name": "rate"}},
        "controls": {
            "feedforward": {
                "description": "no cell",
                "genome": {"stages[1].cell": None, "stages[*].pool": None},
                "recipe": {"epochs": 2},
                "choices": {"rate": 0.05},
            }
        },
    } | changes


@pytest.fixture
def space() -> Space:
    return Space.parse(document(images={"size": 8, "channels": 1, "classes": 3}))


def test_a_sample_closes_and_its_flat_form_is_the_way_back(space: Space) -> None:
    rng = random.Random(0)
    for _ in range(20):
        sample = space.sample(rng)
        again = space.close(json.loads(json.dumps(sample.choices)))
        assert again == sample
        assert again.digest == sample.genome.digest
        gate = sample.genome.cells["motif"].states["out"].carry.gate  # type: ignore[union-attr]
        assert gate is not None
        assert gate.offset == -gate.scale == sample.choices["offset"]
        assert sample.recipe == {"learning_rate": sample.choices["rate"]}


def test_the_same_seed_gives_the_same_samples(space: Space) -> None:
    first, second = (
        [space.sample(rng).choices for _ in range(5)]
        for rng in (random.Random(3), random.Random(3))
    )
    assert first == second
    assert first != [space.sample(random.Random(4)).choices for _ in range(5)]


def test_mutation_and_crossover_give_samples(space: Space) -> None:
    rng = random.Random(0)
    a, b = space.sample(rng), space.sample(rng)
    assert space.mutate(a, rng).choices != a.choices
    assert space.mutate(a, rng, "kernel").genome != a.genome
    child = space.cross(a, b, rng)
    assert space.close(child.choices) == child


def test_parameters_and_count(space: Space) -> None:
    assert [p.path for p in space.parameters] == [
        "genome.stages[1].cell",
        "offset",
        "kernel",
        "genome.cells.motif.states.out.activation",
        "rate",
    ]
    count = space.count()
    assert (count.distinct, count.continuous, count.conditional) == (8, 2, 0)


def test_the_document_is_the_space(space: Space) -> None:
    written = json.loads(json.dumps(space.document()))
    assert Space.parse(written) == space
    assert Space.parse(written).sample(random.Random(1)) == space.sample(random.Random(1))


def test_a_control_closes_at_its_choices_and_defaults(space: Space) -> None:
    control = space.control("feedforward")
    assert [stage.cell for stage in control.genome.stages] == [None, None]
    assert [stage.pool for stage in control.genome.stages] == [None, None]
    assert control.recipe == {"learning_rate": 0.05, "epochs": 2}
    with pytest.raises(SpaceError, match='did you mean "feedforward"'):
        space.control("feedforwrd")


def test_images_come_from_the_data(space: Space) -> None:
    other = space.with_images(size=16, channels=3, classes=5)
    for sample in (other.sample(random.Random(0)), other.control("feedforward")):
        image = sample.genome.image
        assert (image.size, image.channels, sample.genome.classes) == (16, 3, 5)
    assert space.sample(random.Random(0)).genome.image.size == 8
    assert other.parameters == space.parameters


def test_images_that_a_space_fixes_must_be_those_of_the_data() -> None:
    fixed = document()
    fixed["genome"] = {**fixed["genome"], "image": {"size": 8}}
    space = Space.parse(fixed)
    assert space.with_images(size=8, channels=1, classes=3).images.size == 8
    with pytest.raises(SpaceError, match=r"genome.image.size: the space fixes 8, .* need 16"):
        space.with_images(size=16, channels=1, classes=3)
    controlled = document(controls={"wide": {"genome": {"classes": 7}}})
    with pytest.raises(SpaceError, match=r"controls.wide.genome.classes: the space fixes 7"):
        Space.parse(controlled).with_images(size=16, channels=1, classes=3)


def test_a_sample_that_is_no_genome_raises() -> None:
    bad = json.loads(json.dumps(document()).replace("[1, 3]", "[1, 0]"))
    space = Space.parse(bad)
    with pytest.raises(GenomeError, match=r"kernel: 0 is not at least 1"):
        space.close({**space.complete({}).choices, "kernel": 0})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"genome": {"optional": {"stages": []}}}, "genome: is not there in every sample; write"),
        ({"recipe": {"choice": [1, 2]}}, "recipe: 1 is not a mapping"),
        ({"controls": {f"c{i}": {} for i in range(65)}}, "controls: {"),
        ({"images": {"size": 10**6}}, "images.size: 1000000 is not at most 4096"),
        ({"genome": {"base": "a\0b"}}, "neither a model of the zoo nor a file"),
        ({"genome": {"base": "a" * 5000}}, "neither a model of the zoo nor a file"),
    ],
)
def test_a_space_that_makes_no_samples_says_why(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SpaceError) as caught:
        Space.parse(document(**change))
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "a/" * 3000])
def test_a_name_that_no_file_can_have_is_no_space(name: str) -> None:
    with pytest.raises(SpaceError):
        Space.load(name)


@pytest.fixture
def genome_file(tmp_path: Path, space: Space) -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    genome = space.complete({"genome.stages[1].cell": True}).genome
    (folder / "genome.json").write_text(json.dumps(genome.document()))
    return folder / "genome.json"


@pytest.mark.parametrize("base", ["export", "export/genome.json"])
def test_a_genome_is_the_base_of_a_new_space(genome_file: Path, base: str) -> None:
    opened = {
        "genome.cells.motif.states.out.activation": {"choice": ["elu", "relu"]},
        "head.weights.initial": {"scheme": "normal", "scale": {"uniform": [0.01, 0.1]}},
    }
    file = genome_file.parent.parent / "around.json"
    file.write_text(json.dumps({"name": "around", "genome": {"base": base, "choices": opened}}))
    around = Space.load(file)
    assert [p.path for p in around.parameters] == [
        "genome.cells.motif.states.out.activation",
        "genome.head.weights.initial.scale",
    ]
    # The base's images are where it came from, not a condition on new data.
    assert around.sample(random.Random(0)).genome.image.size == 8
    assert around.with_images(size=16, channels=1, classes=3).complete({}).genome.image.size == 16
    genome_file.unlink()
    assert Space.parse(around.document()) == around  # it stands without the file


BAD = {
    'unknown key "genom"': document(genom={}),
    'genome.stages[0]: unknown key "activaton"; did you mean "activation"?': document(
        genome={"stages": [{"name": "c", "convolution": {"width": 4}, "activaton": "elu"}]}
    ),
    "genome.stages[0].cell.same_as: nowhere leads nowhere": document(
        genome={
            "stages": [{"name": "c", "convolution": {"width": 4}, "cell": {"same_as": "nowhere"}}]
        }
    ),
    "controls.one.kernl: is not a choice of this space": document(
        controls={"one": {"choices": {"kernl": 3}}}
    ),
    "controls.one.genome.stages: has no item 9": document(
        controls={"one": {"genome": {"stages[9].cell": None}}}
    ),
    "is a genome, not a space": document()["genome"],
    'genome: unknown key "stages" beside base': document(genome={"base": "x", "stages": []}),
    "there is no such file": document(genome={"base": "nowhere/genome.json"}),
}


@pytest.mark.parametrize("said", BAD)
def test_a_bad_space_says_where_and_what(tmp_path: Path, said: str) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(yaml.safe_dump(BAD[said], sort_keys=False))
    with pytest.raises(InputError) as caught:
        Space.load(file)
    assert said in str(caught.value)
    assert "space.yaml" in str(caught.value)


def test_an_unknown_name_lists_the_named_spaces() -> None:
    assert Space.named() == ["motifs-2018", "motifs-small"]
    with pytest.raises(SpaceError, match=r'did you mean "motifs-small".*motifs-2018'):
        Space.load("motif-small")


@pytest.mark.parametrize("name", Space.named())
def test_named_spaces_load_sample_and_have_a_control(name: str) -> None:
    space = Space.load(name)
    assert space.name == name
    rng = random.Random(0)
    for _ in range(5):
        sample = space.sample(rng)
        assert space.close(sample.choices) == sample
    control = space.control("feedforward").genome
    assert not any(cell.recurrent for cell in control.cells.values())
    assert not control.edges


def test_a_space_may_leave_some_options_out() -> None:
    whole = Space.load("motifs-small").with_images(size=8, channels=1, classes=10)
    part = whole.narrow({"hidden": ["absent"]})
    assert Space.parse(part.document()) == part
    assert part.narrow({"out->out keep": [False]}).only == {
        "hidden": ("absent",),
        "out->out keep": (False,),
    }
    assert not any(parameter.path.startswith("hidden.") for parameter in part.parameters)
    assert part.control("feedforward").digest == whole.control("feedforward").digest
    document = whole.document() | {"only": {"hidden": ["absnt"]}}
    with pytest.raises(SpaceError, match=r'only\.hidden: "absnt" is not one of'):
        Space.parse(document)
