"""Networks that see a recording's stimuli: the options of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.build import build
from space.errors import InputError
from tests.support import exports
from tests.support.stimuli import write_stimuli
from ventral.presenting import (
    Screen,
    Showing,
    check_sources,
    name_sources,
    read_models,
    split_names,
)
from workers.brains.assembly import Assembly, make_assembly
from workers.brains.presentation import Presentation
from workers.brains.subjects import Subject
from workers.export import write

SCREEN = Screen(None, None, None, 8.0, 8.0)
PLAIN = Showing(None, None, SCREEN, None, None, None, 0, None)
FILE, FILES = Path("f.csv"), {"features": ["f.npz"]}


def record(*, bins: int) -> Assembly:
    edges = 10.0 * np.arange(bins + 1)
    values = np.random.default_rng(0).standard_normal((3, 2, bins))
    return make_assembly(
        "it.npz",
        "npz",
        values if bins > 1 else values[:, :, 0],
        {
            "presentation": {"stimulus_id": np.array(["s000", "s001", "s002"])},
            "neuroid": {"neuroid_id": np.arange(2)},
            "time_bin": {"time_bin_start": edges[:-1], "time_bin_end": edges[1:]},
        },
    )


@pytest.mark.parametrize(
    ("sources", "changes", "line"),
    [
        ({}, {}, "given neither models nor --features; name exports or models of the zoo"),
        ({"controls": ["one"]}, {}, "given neither models nor --features"),
        (FILES, {"units": 3}, "--units: is for models, which are shown images; leave it out"),
        (FILES, {"stimuli": FILE}, "--stimuli: is for models"),
        (FILES, {"screen": replace(SCREEN, image_ms=5)}, "--image-ms: is for models"),
    ],
)
def test_models_or_features(
    sources: dict[str, list[str]], changes: dict[str, Any], line: str
) -> None:
    everything = {"models": None, "features": None, "controls": None}
    with pytest.raises(InputError, match=line):
        check_sources(name_sources(**(everything | sources)), replace(PLAIN, **changes))
    check_sources(name_sources(["one"], None, None), replace(PLAIN, units=3))
    check_sources(name_sources(None, ["f.npz"], ["one"]), replace(PLAIN, units=3))
    check_sources(name_sources(None, ["f.npz"], None), PLAIN)


def test_sources_have_names(tmp_path: Path) -> None:
    (tmp_path / "a=b").mkdir()
    named = name_sources(
        ["rgc_shallow", "ours=deep/1-trial-7", str(tmp_path / "a=b"), "s3://bucket/x=1/cell"],
        ["deep/first.npz", "two=second.npz"],
        ["still=basenet_shallow", "third.npz", "deep/genome.json"],
    )
    assert [source.name for source in named] == [
        *("rgc_shallow", "ours", "a=b", "cell", "first", "two", "still", "third", "genome")
    ]
    assert [source.place for source in named][:2] == ["rgc_shallow", "deep/1-trial-7"]
    assert [source.control for source in named] == [False] * 6 + [True] * 3
    assert [source.is_file for source in named] == [*[False] * 4, True, True, False, True, False]
    for models, features, line in (
        (["f.npz"], None, "models: f.npz is a file of features; give files of features by"),
        (None, ["rgc_shallow"], "--features: rgc_shallow is no .npz"),
        (["=one"], None, "models: =one is no NAME=PLACE"),
    ):
        with pytest.raises(InputError, match=line):
            name_sources(models, features, None)


def test_models_need_images() -> None:
    sources = name_sources(["rgc=basenet_shallow"], None, None)
    showing = replace(PLAIN, size=128)
    with pytest.raises(InputError, match=r"--stimuli: is not given, .* write --stimuli FILE.csv"):
        read_models(sources, record(bins=2), showing)
    with pytest.raises(InputError, match=r"--images: is not given, .* write --images FOLDER"):
        read_models(sources, record(bins=2), replace(showing, stimuli=FILE))


def test_names_in_an_option() -> None:
    assert split_names(" V4, IT,") == ["V4", "IT"]
    assert split_names(None) == []


def test_times_are_given_in_milliseconds() -> None:
    subject = Subject(name="one", network=build(exports.genome()), statistics=None)
    shown = Screen(20.0, None, 60.0, 5.0, 10.0).show(subject, until=7)
    expected = Presentation(milliseconds=20, steps=3, blank_steps=4, degrees=5, field_degrees=10)
    assert shown == expected
    with pytest.raises(InputError, match="image-ms: 50 ms are no whole number of steps of 20 ms"):
        Screen(20.0, None, 50.0, 8.0, 8.0).show(subject, until=7)


def test_networks_run_on_to_the_recording_s_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_stimuli(tmp_path, 4, 8)
    genome = exports.genome()
    write(tmp_path / "one", genome, build(genome).state_dict(), exports.card())
    showing = replace(
        PLAIN,
        stimuli=tmp_path / "set.csv",
        images=tmp_path / "images",
        traces=tmp_path / "traces",
        units=5,
    )
    np.savez(tmp_path / "f.npz", stimulus_id=["s000", "s001", "s002"], a=np.zeros((3, 4)))
    names = [str(tmp_path / "one"), str(tmp_path / "one" / "genome.json")]
    sources = name_sources(names[:1], [str(tmp_path / "f.npz")], names[1:])
    models = read_models(sources, record(bins=6), showing)
    assert [(model.name, model.control, model.milliseconds) for model in models] == [
        ("one", False, 10),
        ("f", False, None),
        ("genome", True, 10),
    ]
    assert "genome: no weights come with it; these are random (--seed 0)" in (
        capsys.readouterr().err
    )
    assert models[1].features.layers["a"].shape == (3, 4)
    for model in models[::2]:
        assert model.features.steps == {"conv1": (0, 1, 2, 3, 4, 5)}
        assert model.features.layers["conv1"].shape == (3, 6, 5)
        assert [*model.features.stimuli] == ["s000", "s001", "s002"]
    late = replace(showing, screen=replace(SCREEN, step_ms=5, offset_ms=20))
    (fast,) = read_models(sources[:1], record(bins=6), late)
    assert fast.features.steps == {"conv1": tuple(range(8))}  # of 5 ms, from 20 to 60 ms
    (still,) = read_models(sources[:1], record(bins=1), showing)
    assert still.features.steps is None
    assert still.features.layers["conv1"].shape == (3, 5)
