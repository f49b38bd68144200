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
from ventral.presenting import Screen, Showing, check_sources, read_models, split_names
from workers.brains.assembly import Assembly, make_assembly
from workers.brains.presentation import Presentation
from workers.brains.subjects import Subject
from workers.export import write

SCREEN = Screen(10.0, None, 8.0, 8.0)
PLAIN = Showing(None, None, SCREEN, None, None, None, 0, None)
FILE = Path("f.npz")


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
    ("models", "features", "changes", "line"),
    [
        ([], None, {}, "given neither models nor --features; name exports or models of the zoo"),
        (["one"], FILE, {}, "is given models and --features; give one of the two"),
        ([], FILE, {"units": 3}, "--units: is for models, which are shown images; leave it out"),
        ([], FILE, {"stimuli": FILE}, "--stimuli: is for models"),
        ([], FILE, {"screen": replace(SCREEN, image_ms=5)}, "--image-ms: is for models"),
    ],
)
def test_models_or_features(
    models: list[str], features: Path | None, changes: dict[str, Any], line: str
) -> None:
    with pytest.raises(InputError, match=line):
        check_sources(models, features, replace(PLAIN, **changes))
    check_sources(["one"], None, PLAIN)
    check_sources([], FILE, PLAIN)


def test_models_need_images() -> None:
    with pytest.raises(InputError, match=r"--stimuli: is not given, .* write --stimuli FILE.csv"):
        read_models(["one"], None, record(bins=2), PLAIN)
    with pytest.raises(InputError, match=r"--images: is not given, .* write --images FOLDER"):
        read_models(["one"], None, record(bins=2), replace(PLAIN, stimuli=FILE))


def test_names_in_an_option() -> None:
    assert split_names(" V4, IT,") == ["V4", "IT"]
    assert split_names(None) == []


def test_times_are_given_in_milliseconds() -> None:
    subject = Subject(name="one", network=build(exports.genome()), statistics=None)
    shown = Screen(20.0, 60.0, 5.0, 10.0).show(subject, until=7)
    expected = Presentation(milliseconds=20, steps=3, blank_steps=4, degrees=5, field_degrees=10)
    assert shown == expected
    with pytest.raises(InputError, match="image-ms: 50 ms are no whole number of steps of 20 ms"):
        Screen(20.0, 50.0, 8.0, 8.0).show(subject, until=7)


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
    names = [str(tmp_path / "one"), str(tmp_path / "one" / "genome.json"), str(tmp_path / "one")]
    models = read_models(names, None, record(bins=6), showing)
    assert [model.name for model in models] == names[:2]
    assert "genome.json: no weights come with it; these are random (--seed 0)" in (
        capsys.readouterr().err
    )
    for model in models:
        assert model.milliseconds == 10
        assert model.features.steps == {"conv1": (0, 1, 2, 3, 4, 5)}
        assert model.features.layers["conv1"].shape == (3, 6, 5)
        assert [*model.features.stimuli] == ["s000", "s001", "s002"]
    (still,) = read_models(names[:1], None, record(bins=1), showing)
    assert still.features.steps is None
    assert still.features.layers["conv1"].shape == (3, 5)
