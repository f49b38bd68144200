from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from space.errors import DataError, InputError
from space.genomes import find_genome
from tests.support.networks import images_for, randomised, ten_stages
from workers.brains.presentation import (
    Presentation,
    count_steps,
    cover_time,
    place_image,
    present,
    set_clock,
)


def image(height: int, width: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def show_as_brain_score(pixels: Any, ratio: float) -> Image.Image:
    """`ImageConverter.apply_ratio` of brainscore_vision's benchmark_helpers/screen.py, whose
    ratio is that of the field's degrees to the image's.
    """
    picture = Image.fromarray(pixels)
    side = np.array(picture.size)
    target = (ratio * side).round().astype(int)
    if ratio >= 1:
        ground = Image.new("RGB", tuple(target), "gray")
        ground.paste(picture, tuple(((target - side) / 2).round().astype(int)))
        return ground
    left, upper = ((side - target) / 2).round().astype(int)
    return picture.crop((left, upper, left + target[0], upper + target[1]))


@pytest.mark.parametrize(
    ("degrees", "field"), [(8, 8), (4, 8), (8, 11), (5, 8), (11, 8), (8, 3.3), (8, 7.9)]
)
@pytest.mark.parametrize("side", [20, 33])
def test_sizes_are_those_of_brain_score(degrees: float, field: float, side: int) -> None:
    pixels = image(side, side)
    ours = place_image(pixels, Presentation(steps=1, degrees=degrees, field_degrees=field), 16)
    theirs = show_as_brain_score(pixels, field / degrees)
    assert np.array_equal(ours, np.asarray(theirs.resize((16, 16), Image.Resampling.BILINEAR)))


def test_an_image_smaller_than_the_field_stands_on_grey() -> None:
    shown = place_image(image(8, 8), Presentation(steps=1, degrees=4, field_degrees=8), 16)
    inside = np.zeros((16, 16), bool)
    inside[4:12, 4:12] = True
    assert np.array_equal(shown[inside].reshape(8, 8, 3), image(8, 8))
    assert (shown[~inside] == 128).all()
    black = Presentation(steps=1, degrees=4, field_degrees=8, grey=0)
    assert (place_image(image(8, 8), black, 16)[~inside] == 0).all()


def test_proportions_stay_and_degrees_are_of_the_width() -> None:
    wide = place_image(image(4, 8), Presentation(steps=1), 8)
    assert (wide[:2] == 128).all()
    assert (wide[6:] == 128).all()
    assert np.array_equal(wide[2:6], image(4, 8))
    tall = place_image(image(16, 8), Presentation(steps=1), 8)
    assert np.array_equal(tall, image(16, 8)[4:12])


def test_a_canvas_that_is_too_large_is_refused() -> None:
    shown = Presentation(steps=1, degrees=0.01, field_degrees=180)
    with pytest.raises(DataError, match="make the field of 180 degrees 144,000 pixels wide"):
        place_image(image(8, 8), shown, 16)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"steps": 0}, "steps: 0 is not a number of steps; write a whole number from 1"),
        ({"steps": 2.5}, "steps: 2.5 is not a number of steps"),
        ({"steps": True}, "steps: true is not a number of steps"),
        ({"steps": 3, "blank_steps": -1}, "blank_steps: -1 is not .* from 0"),
        ({"steps": 900, "blank_steps": 101}, "steps: 1,001 in all are more than 1,000"),
        ({"steps": 1, "milliseconds": 0}, "milliseconds: 0 is out of range; .* above 0"),
        ({"steps": 1, "milliseconds": float("nan")}, "milliseconds: NaN is out of range"),
        ({"steps": 1, "degrees": "8"}, 'degrees: "8" is out of range'),
        ({"steps": 1, "field_degrees": 400}, "field_degrees: 400 is out of range; .* most 360"),
        ({"steps": 1, "grey": 128}, "grey: 128 is out of range; .* from 0, black, to 1, white"),
        ({"steps": 1, "blank": float("inf")}, "blank: Infinity is out of range"),
    ],
)
def test_what_is_no_presentation_is_one_error(fields: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=line):
        Presentation(**fields)


def test_times_are_whole_numbers_of_steps() -> None:
    assert count_steps(100, 10, "image-ms") == 10
    assert count_steps(0.3, 0.1, "image-ms") == 3
    cure = "image-ms: 105 ms are no whole number of steps of 10 ms; write 100, for instance"
    with pytest.raises(InputError, match=cure):
        count_steps(105, 10, "image-ms")
    with pytest.raises(InputError, match="write 10, for instance"):
        count_steps(3, 10, "image-ms")
    assert [cover_time(time, 10) for time in (-5, 0, 70, 70.1)] == [0, 0, 7, 8]
    with pytest.raises(InputError, match="step-ms: 0 is out of range"):
        cover_time(100, 0)


def test_a_network_takes_the_presentation_s_clock() -> None:
    genome = ten_stages(clock={"steps": 17, "image_on": 2, "blank": 0.25}, decoder="w_avg_t")
    network = randomised(genome)
    shown = present(network, Presentation(steps=14, blank_steps=6))
    assert shown.genome.clock.steps == 22
    assert (shown.genome.clock.image_off, shown.genome.clock.blank) == (16, 0.25)
    assert shown.unroll == "planned"
    assert not shown.training
    images = images_for(genome)
    names, steps = ["conv10", "conv4.input"], range(15)  # the head's window is another
    ours, theirs = shown.trace(images, names, steps), network.eval().trace(images, names, steps)
    for name in names:
        for step in steps:
            assert torch.allclose(ours[name][step], theirs[name][step], atol=1e-12)


def test_a_presentation_may_end_before_the_read_out() -> None:
    genome = find_genome("rgc_shallow")
    short = set_clock(genome, Presentation(steps=2, blank=0.0))
    assert short.clock.steps == len(genome.stages) + 1
    assert (short.clock.image_off, short.clock.blank) == (2, 0.0)
    decoded = find_genome("rgc_intermediate_dconv1d")
    assert set_clock(decoded, Presentation(steps=12)).decoder.form == "last"
