"""The images that a space is looked at with: its own, or those of `--data` and `--size`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from space.space import Space

Size = Annotated[int | None, typer.Option("--size", min=1, help="side of the images in pixels")]
Data = Annotated[str | None, typer.Option("--data", help="a data set, a folder, or an .npz")]


@dataclass(frozen=True, kw_only=True)
class Images:
    """Images of a data set, of a size that was given, or a space's `own`."""

    size: int
    channels: int
    classes: int
    own: bool

    def __str__(self) -> str:
        whose = " (its own; --size and --data take others)" if self.own else ""
        return (
            f"{self.size}x{self.size} pixels, {self.channels} "
            f"channel{'s' if self.channels > 1 else ''}, {self.classes:,} classes{whose}"
        )

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"size": self.size, "channels": self.channels, "classes": self.classes}


def fit_images(space: "Space", data: str | None, size: int | None) -> "tuple[Space, Images]":
    """A space for the images of `data` or of `size` pixels, by default for its own.

    Neither its default network nor its controls are checked for them. Raises SpaceError for a
    space that fixes other images, DataError and InputError for data that are none.
    """
    own = space.complete({}).genome
    if data is not None:
        from workers.data.datasets import open_source
        from workers.data.specs import data_spec

        spec = data_spec(_find_data(data) | ({} if size is None else {"size": size}), "--data")
        source = open_source(spec)
        images = Images(
            size=spec.size, channels=source.channels, classes=len(source.classes), own=False
        )
    else:
        images = Images(
            size=size or own.image.size,
            channels=own.image.channels,
            classes=own.classes,
            own=size is None,
        )
    if images.own:
        return space, images
    return space.with_images(**images.document(), check=False), images


def _find_data(data: str) -> dict[str, Any]:
    """What stands in a campaign file for a tree of images, an archive of arrays, or a name."""
    path = Path(data)
    if path.is_dir():
        return {"name": "imagefolder", "path": str(path.absolute())}
    if path.suffix == ".npz":
        return {"name": "npz", "path": str(path.absolute())}
    return {"name": data}
