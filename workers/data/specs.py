"""The options of each data set: typed, and free of torch and of decoders.

`open_source` of workers/data/datasets.py gives the images that a spec asks for.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    model_validator,
)

from space.documents.bounds import COPIES, GROUND, IMAGES
from space.documents.extensions import PATTERN, Registry
from space.documents.validation import Value, parse, quote
from space.errors import InputError

Images = Annotated[int, Field(ge=1, le=IMAGES)]


def ascending(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    """A pair whose second value is not below its first. Raises InputError."""
    if pair[0] > pair[1]:
        low, high = pair
        raise InputError("", f"[{low}, {high}] runs backwards", f"write [{high}, {low}]")
    return pair


def _multiple_of(step: int, reason: str = "") -> AfterValidator:
    """A check of sizes: whole multiples of `step`. The cure says the nearest, and the reason."""

    def check(size: int) -> int:
        if size % step:
            cure = f"write {max(step, round(size / step) * step)}{reason}"
            raise InputError("", f"{size} is not a multiple of {step}", cure)
        return size

    return AfterValidator(check)


DigitSize = Annotated[int, Field(ge=8, le=256), _multiple_of(8, ": the digits are 8x8")]


def _check_validation(part: float) -> float:
    """A share as it is, a count as a whole number: equal parts are written alike."""
    if part > 1 and part != int(part):
        cure = f"write a share below 1, or {int(part)} or {int(part) + 1} images"
        raise InputError("", f"{part} is neither a share nor a number of images", cure)
    return part if 0 < part < 1 else int(part)


Validation = Annotated[
    float,
    Field(ge=0, le=IMAGES),
    AfterValidator(_check_validation),
    PlainSerializer(lambda part: part),  # 120 and not 120.0
]


class _Data(Value):
    """The options of every data set; `*_images` keep a seeded stratified part."""

    seed: int = Field(
        default=0, ge=0, lt=2**32, description="of every random draw in making the data"
    )
    validation: Validation = Field(
        default=0.1,
        description="images that a search decides by, taken from the training ones with "
        "every class in proportion: a share of them, or how many; a validation split of the "
        "data set's own is taken whole instead. 0 only in campaigns of before, selected on "
        "test",
    )
    train_images: Images | None = Field(
        default=None,
        description="how many training images to keep of those that are not for validation",
    )
    test_images: Images | None = Field(default=None, description="how many test images to keep")


class Digits(_Data):
    """scikit-learn's digits: 1797 grey images of 8x8, split 1200 to 597."""

    name: Literal["digits"] = "digits"
    size: DigitSize = Field(default=8, description="side in pixels, a multiple of 8")


class DigitsOccluded(_Data):
    """The digits among fragments of other digits, behind an occluder, in noise."""

    name: Literal["digits-occluded"] = "digits-occluded"
    size: DigitSize = Field(default=16, description="side in pixels, a multiple of 8; made at 16")
    fragments: int = Field(
        default=2, ge=0, le=8, description="fragments of other digits in an image"
    )
    occluder: Annotated[
        tuple[Annotated[int, Field(ge=0, le=16)], Annotated[int, Field(ge=0, le=16)]],
        AfterValidator(ascending),
    ] = Field(
        default=(5, 7), description="least and greatest side of the occluder, in pixels of 16"
    )
    noise: float = Field(
        default=0.15, ge=0, le=1, description="standard deviation, black 0 to white 1"
    )
    copies: int = Field(
        default=2,
        ge=1,
        le=COPIES,
        description="differently occluded versions of each training digit",
    )


class FashionMnist(_Data):
    """Fashion-MNIST: 70,000 grey images of 28x28 in ten classes."""

    name: Literal["fashion-mnist"] = "fashion-mnist"
    size: int = Field(default=28, ge=4, le=512, description="side in pixels")
    path: str | None = Field(
        default=None,
        description="folder of the four IDX files, packed or not; relative to the campaign file",
    )


class Pathfinder(_Data):
    """Two dots on one dashed curve or on two, among short curves. Lengths are in pixels."""

    name: Literal["pathfinder"] = "pathfinder"
    size: Annotated[int, Field(ge=24, le=256), _multiple_of(8)] = Field(
        default=32, description="side in pixels, a multiple of 8"
    )
    curve_length: int = Field(default=6, ge=3, le=64, description="dashes of a long curve")
    dash: float = Field(default=3.0, ge=1, le=32, description="length of a dash")
    gap: float = Field(default=1.5, ge=0, le=16, description="between two dashes")
    distractors: int = Field(default=3, ge=0, le=64, description="short curves")
    distractor_length: int = Field(default=2, ge=2, le=64, description="dashes of a short curve")
    contrast: float = Field(
        default=1.0, gt=0, le=1, description="of the dashes; the dots have that of white on black"
    )
    train_images: Images | None = Field(default=4000, description="of 100,000 (null)")
    test_images: Images | None = Field(default=2000, description="of 20,000 (null)")

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        chain = self.curve_length * (self.dash + self.gap)
        dashes = 2 * self.curve_length + self.distractors * self.distractor_length
        if chain > 2 * self.size:
            problem = f"{self.curve_length} dashes are {chain:g} pixels long"
            most = int(2 * self.size / (self.dash + self.gap))
            raise InputError("curve_length", problem, f"write {most} or fewer at {self.size} px")
        if dashes * (self.dash + self.gap) * (self.gap + 2) > self.size**2:
            problem = f"{dashes} dashes do not fit into {self.size} x {self.size} pixels"
            raise InputError("distractors", problem, "write fewer, or a larger size")
        return self


class Clutter(_Data):
    """Overlapping digits, the central one to be named; hidden by those in front, by degrees."""

    name: Literal["clutter"] = "clutter"
    size: Annotated[int, Field(ge=16, le=256), _multiple_of(16)] = Field(
        default=32, description="side in pixels, a multiple of 16; digits take half of it"
    )
    digits: int = Field(default=3, ge=1, le=8, description="in an image, the named one included")
    occlusion: float = Field(
        default=0.3, ge=0, le=1, description="part of the named digit that is hidden by others"
    )
    noise: float = Field(
        default=0.0, ge=0, le=1, description="standard deviation, black 0 to white 1"
    )
    train_images: Images | None = Field(default=6000, description="of 100,000 (null)")
    test_images: Images | None = Field(default=2000, description="of 5,970 (null)")

    @model_validator(mode="after")
    def _has_occluders(self) -> Self:
        if self.occlusion and self.digits == 1:
            problem = "1 digit alone is hidden by none"
            raise InputError("digits", problem, "write 2 or more, or occlusion: 0")
        return self


class Objects(_Data):
    """Shaded solids of eight classes at any place, size and pose, over backgrounds."""

    name: Literal["objects"] = "objects"
    size: Annotated[int, Field(ge=16, le=256), _multiple_of(8)] = Field(
        default=32, description="side in pixels, a multiple of 8"
    )
    variation: float = Field(
        default=1.0, ge=0, le=1, description="of place, size and pose: 0 none, 1 any"
    )
    distractors: int = Field(default=2, ge=0, le=8, description="smaller solids around and behind")
    occlusion: float = Field(default=0.2, ge=0, le=1, description="part that a bar hides")
    background: Literal["both", "photograph", "noise"] = Field(
        default="both", description="photographs, 1/f noise, or either by chance"
    )
    train_images: Images | None = Field(default=8000, description="of 100,000 (null)")
    test_images: Images | None = Field(default=2000, description="of 20,000 (null)")


def _colour(value: Any) -> Any:
    """A colour by its name if it has one, so that one colour is one data set."""
    if value in ("black", "white"):
        return value
    levels = list(value) if isinstance(value, list | tuple) else []
    if len(levels) != 3 or not all(type(level) is int and 0 <= level <= 255 for level in levels):
        cure = "write black, white or [red, green, blue] of 0 to 255"
        raise InputError("", f"{quote(value)} is not a colour", cure)
    return {(0, 0, 0): "black", (255, 255, 255): "white"}.get(tuple(levels), value)


_Level = Annotated[int, Field(ge=0, le=255)]
Background = Annotated[
    Literal["black", "white"] | tuple[_Level, _Level, _Level], BeforeValidator(_colour)
]


class ImageFolder(_Data):
    """A tree `root/train/CLASS/*.jpg` with `root/val`, `root/test` or both, or `root/CLASS/*`."""

    name: Literal["imagefolder"] = "imagefolder"
    path: str = Field(description="the root of the tree; relative to the campaign file")
    size: int = Field(ge=4, le=1024, description="side in pixels of the central crop")
    shortest: Annotated[int, Field(ge=1, le=GROUND)] | None = Field(
        default=None, description="the shortest side before the crop; by default the size"
    )
    background: Background = Field(
        default="white",
        description="what shows through transparent images: black, white or [red, green, blue]",
    )

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.shortest is not None and self.shortest < self.size:
            problem = f"{self.shortest} is less than the size {self.size} of the crop"
            raise InputError("shortest", problem, f"write {self.size} or more")
        return self

    @property
    def background_colour(self) -> tuple[int, int, int]:
        """The background as red, green and blue, 0 to 255."""
        named = {"black": (0, 0, 0), "white": (255, 255, 255)}
        return named[self.background] if isinstance(self.background, str) else self.background


class Npz(_Data):
    """Labelled arrays of images in one NumPy archive (docs/own-data.md)."""

    name: Literal["npz"] = "npz"
    path: str = Field(description="the .npz file; relative to the campaign file")
    size: int = Field(ge=4, le=1024, description="side in pixels to which images are resized")


GENERATED = ("pathfinder", "clutter", "objects")
"""Data sets that are drawn: they need no files."""

REGISTRY = Registry(
    noun="data set",
    group="ventral.data",
    built_in=("digits", "digits-occluded", "fashion-mnist", "imagefolder", "npz", *GENERATED),
    methods=("open",),
)


class OutsideData(_Data):
    """A data set of another package; what is written beside these keys are its own options."""

    model_config = ConfigDict(extra="allow")

    name: Annotated[
        str,
        AfterValidator(REGISTRY.check_name),
        # Not one of the names whose keys are others, so that an editor takes one meaning alone.
        WithJsonSchema(
            {"type": "string", "pattern": PATTERN, "not": {"enum": list(REGISTRY.built_in)}}
        ),
    ] = Field(description="an entry point's, or package.module:Class")
    size: int = Field(ge=4, le=1024, description="side in pixels")

    @property
    def options(self) -> dict[str, Any]:
        """The options as they are written."""
        return dict(self.model_extra or {})


def _kind(written: Any) -> str:
    name = written.get("name") if isinstance(written, Mapping) else getattr(written, "name", None)
    outside = isinstance(name, str) and (":" in name or REGISTRY.is_outside(name))
    return "outside" if outside else "built-in"


_BuiltIn = Annotated[
    Digits | DigitsOccluded | FashionMnist | ImageFolder | Npz | Pathfinder | Clutter | Objects,
    Field(discriminator="name"),
]
DataSpec = Annotated[
    Annotated[_BuiltIn, Tag("built-in")] | Annotated[OutsideData, Tag("outside")],
    Discriminator(_kind),
]


class _Wrapped(Value):
    data: DataSpec


def data_spec(document: Mapping[str, Any], where: str = "") -> DataSpec:
    """A data set from its written form, as in a campaign file's `data:`. Raises InputError."""
    try:
        return parse(_Wrapped, {"data": document}).data
    except InputError as caught:
        path = caught.where.removeprefix("data").removeprefix(".")
        inner = InputError(path, caught.problem, caught.cure)
    raise inner.inside(where) if where else inner
