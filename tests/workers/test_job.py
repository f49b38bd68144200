"""The values of workers/job.py: JSON both ways, overlays, and what is said of wrong ones."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from space.errors import InputError
from workers.job import (
    Failure,
    Job,
    Recipe,
    Report,
)


def test_a_job_whose_genome_is_none_names_the_field(job: Callable[..., Job]) -> None:
    document = job().model_dump(mode="json")
    document["genome"]["stages"][0]["convolution"]["width"] = 0
    with pytest.raises(InputError, match=r"^genome\.stages\[0\]\.convolution\.width: 0 is not"):
        Job.read(json.dumps(document))
    document["genome"] |= {"stages": []}
    with pytest.raises(InputError, match=r"^genome\.stages: "):
        Job.read(json.dumps(document))


def test_values_go_to_json_and_back(job: Callable[..., Job]) -> None:
    crop = {"scale": [0.5, 1.0]}
    made = job(clip={"norm": 1.0}, augmentation={"crop": crop, "flip": True})
    text = made.model_dump_json()
    assert Job.read(text) == made
    assert json.loads(text)["genome"] == made.genome.document()
    report = Report(
        epoch=2,
        top1=0.5,
        top5=0.75,
        loss=1.25,
        train_loss=1.5,
        accuracy_by_step=(0.1, 0.5),
        seconds=3.5,
        memory_mb=100.0,
    )
    assert Report.model_validate_json(report.model_dump_json()) == report
    failure = Failure(kind="diverged", reason="loss is nan at epoch 3, step 17")
    assert Failure.model_validate_json(failure.model_dump_json()) == failure


def test_an_overlay_changes_its_own_keys_only() -> None:
    base = Recipe().overlaid({"augmentation": {"flip": True}, "clip": {"norm": 1.0}})
    changed = base.overlaid({"augmentation": {"noise": 0.1}, "clip": {"value": 0.5}})
    assert changed.augmentation.flip
    assert changed.augmentation.noise == 0.1
    assert changed.clip is not None
    assert (changed.clip.norm, changed.clip.value) == (None, 0.5)
    assert changed.overlaid({}) == changed


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        ({"learning_rat": 0.1}, 'recipe: unknown key "learning_rat"; did you mean'),
        ({"optimiser": "adam"}, 'recipe.optimiser: "adam" is not one of sgd, adamw; did you mean'),
        ({"epochs": "12"}, 'recipe.epochs: "12" is not a whole number; write 12 without quotes'),
        ({"epochs": 0}, "recipe.epochs: 0 is not at least 1"),
        ({"clip": {}}, "recipe.clip: needs one of norm and value"),
        ({"augmentation": {"crop": {"scale": [1, 0.2]}}}, "recipe.augmentation.crop.scale: [1"),
        ({"momentum": float("nan")}, "recipe.momentum: nan is not a finite number"),
    ],
)
def test_a_wrong_recipe_is_named(overlay: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        Recipe().overlaid(overlay)
    assert str(caught.value).startswith(expected)


def test_the_driver_can_import_all_that_it_needs_without_torch() -> None:
    data = "workers.data.datasets, workers.data.pack"
    modules = f"workers.job, {data}, workers.checkpoint, workers.trainable"
    code = f"import {modules}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_how_a_training_is_computed_does_not_decide_its_numbers() -> None:
    plain = Recipe()
    other = Recipe(unroll="literal", compile="always", threads=4, checkpoint_epochs=3)
    assert plain.deciding() == other.deciding()
    assert plain.deciding() != Recipe(label_smoothing=0.1).deciding()
    assert {*plain.deciding()} < {*Recipe.model_fields}


def test_what_is_trained_on_is_not_scored_on() -> None:
    with pytest.raises(InputError, match=r"score_on: the network is trained on .* write test"):
        Recipe().overlaid({"train_on": "train+validation"})
    assert Recipe().overlaid({"train_on": "train+validation", "score_on": "test"})


def test_the_literal_unroll_cannot_recompute() -> None:
    with pytest.raises(InputError, match=r"recompute: .*write false, or unroll: planned"):
        Recipe().overlaid({"unroll": "literal", "recompute": True})
