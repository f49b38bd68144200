"""The options of simulated recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from space.errors import InputError
from tests.support.stimuli import write_stimuli
from ventral.simulating import load_network, read_areas, read_shown, read_sizes


def test_areas_are_layers_by_name() -> None:
    layers = ["conv1", "conv2", "conv3"]
    assert read_areas([], layers) == {"V4": ("conv2",), "IT": ("conv3",)}
    written = ["V4 = conv1, conv2", "IT=conv3"]
    assert read_areas(written, layers) == {"V4": ("conv1", "conv2"), "IT": ("conv3",)}
    for text in ("V4", "=conv1", "V4=", "V4=,"):
        with pytest.raises(InputError, match="is no area; write V4=conv3,conv4"):
            read_areas([text], layers)


def test_sizes_are_whole_numbers() -> None:
    assert read_sizes(None, None, None) == {}
    assert read_sizes("50, 100", None, "2") == {"images": [50, 100], "repetitions": [2]}
    for text in ("0", "-1", "2.5", "ten", "²"):
        with pytest.raises(InputError, match=r"--try-neurons: .* is no number of them"):
            read_sizes(None, text, None)


def test_stimuli_are_those_of_a_table_or_of_a_data_set(tmp_path: Path) -> None:
    write_stimuli(tmp_path, 3, 8)
    table = (tmp_path / "set.csv", tmp_path / "images")
    assert [*read_shown(None, [], 10, table, tmp_path).rows] == ["s000", "s001", "s002"]
    drawn = read_shown("digits", ["size=16", "seed=2"], 10, (None, None), tmp_path / "drawn")
    assert len(drawn.rows) == 10
    assert drawn.images == tmp_path / "drawn" / "images"
    for data, given in (("digits", table), (None, (None, None))):
        with pytest.raises(InputError, match="--data and --stimuli: are"):
            read_shown(data, [], 10, given, tmp_path / "other")
    with pytest.raises(InputError, match="--images: is not given"):
        read_shown(None, [], 10, (table[0], None), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_random_weights_are_noted(capsys: pytest.CaptureFixture[str]) -> None:
    subject = load_network("rgc_intermediate", 3, 64)
    assert subject.network.image_size == 64
    note = "rgc_intermediate: no weights come with it; these are random (seed 3)\n"
    assert capsys.readouterr().err == note
