"""How stimuli are shown to a network: for how long, how large, and what follows them.

Sizes follow Brain-Score (`place_on_screen`, brainscore_vision/benchmark_helpers/screen.py): an
image that is smaller than the network's field is put on a grey canvas, a larger one is cropped at
its centre, before it is resized to the network's pixels.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from space.documents.bounds import STEPS
from space.documents.validation import quote
from space.errors import DataError, InputError
from space.genome import Genome
from workers.data.images import PIXELS, Images, resize

if TYPE_CHECKING:  # torch is loaded where a network is run
    from models.build import Network

TINY, WIDEST = 1e-6, 360.0
"""The least number of milliseconds and of degrees of visual angle, and all around."""


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """How an image is shown, to an animal and to a network alike.

    milliseconds: that a step of the network stands for. steps: for which the image is on.
    blank_steps: after them, without it. blank: what is shown then, in the network's own
    (normalised) units; None for the blank of its genome. grey: of the canvas, from black 0 to
    white 1. degrees: of visual angle, the width of the image as it was shown. field_degrees: the
    width of what the network sees.

    Raises InputError for a value that no presentation has.
    """

    milliseconds: float = 10.0
    steps: int
    blank_steps: int = 0
    blank: float | None = None
    grey: float = 0.5
    degrees: float = 8.0
    field_degrees: float = 8.0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("blank_steps", 0)):
            number = getattr(self, name)
            if not isinstance(number, int) or isinstance(number, bool) or number < least:
                problem = f"{quote(number)} is not a number of steps"
                raise InputError(name, problem, f"write a whole number from {least}")
        if self.total > STEPS:
            cure = "show it for a shorter time, or in longer steps"
            raise InputError("steps", f"{self.total:,} in all are more than {STEPS:,}", cure)
        _check_number("milliseconds", self.milliseconds, "above 0", TINY, math.inf)
        for name in ("degrees", "field_degrees"):
            what = f"above 0, at most {WIDEST:g}"
            _check_number(name, getattr(self, name), what, TINY, WIDEST)
        _check_number("grey", self.grey, "from 0, black, to 1, white", 0, 1)
        if self.blank is not None:
            what = "in the network's own units"
            _check_number("blank", self.blank, what, -math.inf, math.inf)

    @property
    def total(self) -> int:
        """Steps in all, with the image and without."""
        return self.steps + self.blank_steps

    @property
    def level(self) -> int:
        """The grey of the canvas in 8 bits: 128 by default, as Brain-Score's."""
        return round(255 * self.grey)


def count_steps(milliseconds: float, step: float, name: str) -> int:
    """How many steps of `step` milliseconds a time is. Raises InputError, which names `name`, for
    a part of a step.
    """
    _check_number(name, milliseconds, "of milliseconds above 0", TINY, math.inf)
    _check_step(step)
    number = milliseconds / step
    nearest = max(1, round(number))
    if not math.isclose(number, nearest, rel_tol=1e-6):
        problem = f"{milliseconds:g} ms are no whole number of steps of {step:g} ms"
        raise InputError(name, problem, f"write {nearest * step:g}, for instance")
    return nearest


def cover_time(milliseconds: float, step: float) -> int:
    """The fewest steps of `step` milliseconds that last so long, none for a time before 0."""
    _check_step(step)
    return max(0, math.ceil(milliseconds / step - 1e-6))


def _check_step(step: float) -> None:
    _check_number("step-ms", step, "of milliseconds above 0", TINY, math.inf)


def _check_number(name: str, value: object, what: str, least: float, most: float) -> None:
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    if not (math.isfinite(number) and least <= number <= most):
        raise InputError(name, f"{quote(value)} is out of range", f"write a number {what}")


def place_image(image: Images, presentation: Presentation, size: int) -> Images:
    """RGB [H,W,3] of any size -> [size,size,3], as the network's field holds it.

    The field is a square; degrees are those of the image's width, and its proportions stay.
    Raises DataError where the canvas would be too large to be made.
    """
    width = image.shape[1]
    field = max(1, round(width * presentation.field_degrees / presentation.degrees))
    if field * field > PIXELS:
        problem = f"{width:,} pixels in {presentation.degrees:g} degrees make the field of "
        problem += f"{presentation.field_degrees:g} degrees {field:,} pixels wide"
        raise DataError("degrees", problem, "give smaller images, or check the degrees")
    canvas = np.full((field, field, image.shape[2]), presentation.level, np.uint8)
    rows, columns = (_centre(side, field) for side in image.shape[:2])
    canvas[rows[1], columns[1]] = image[rows[0], columns[0]]
    return resize(canvas, size)


def _centre(side: int, field: int) -> tuple[slice, slice]:
    """Along one axis: which part of an image is seen, and where in the field."""
    start = round(abs(field - side) / 2)
    length = min(side, field)
    part, whole = slice(start, start + length), slice(0, length)
    return (whole, part) if side <= field else (part, whole)


def present(network: "Network", presentation: Presentation) -> "Network":
    """A copy of `network` with the presentation's clock, planned, in evaluation mode, on its own
    device.

    Steps of the genome before the image (`image_on`) stay in front of it. A decoder, which may
    have weights for so many steps, is left out. Raises GenomeError for a clock that is too long.
    """
    from models.build import Network

    weights = network.state_dict()
    like = next(iter(network.parameters()))
    # No first values are drawn for it, which would take longer than to trace a few images.
    copy = Network(set_clock(network.genome, presentation), dtype=like.dtype).to(like.device)
    copy.load_state_dict({name: weights[name] for name in copy.state_dict()})
    return copy.eval()


def set_clock(genome: Genome, presentation: Presentation) -> Genome:
    """The genome with the presentation's clock, and the last step's logits as its output."""
    clock = genome.clock
    steps = clock.image_on + presentation.total
    reached = clock.image_on + len(genome.stages) + 1  # the least that a genome may have
    document = genome.document()
    document["clock"] = {
        "steps": max(steps, reached),
        "image_on": clock.image_on,
        "image_off": clock.image_on + presentation.steps,
        "blank": clock.blank if presentation.blank is None else presentation.blank,
    }
    document["decoder"] = "last"
    return Genome.parse(document)
