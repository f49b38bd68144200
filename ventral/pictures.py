"""Pictures of networks as files, in the format of the file's suffix."""

from pathlib import Path
from typing import Annotated

import typer

from space.errors import InputError
from ventral.output import note

SUFFIXES = (".svg", ".png")

Draw = Annotated[
    Path | None, typer.Option("--draw", help="write the circuit's picture to FILE.svg or .png")
]


def check_suffix(file: Path) -> None:
    """Raises InputError unless a picture can be written to a file of that name."""
    if file.suffix.lower() not in SUFFIXES:
        problem = "does not end in the suffix of a picture format"
        raise InputError(f"--draw: {file}", problem, "end it in .svg or .png")


def write_picture(file: Path, svg: str) -> None:
    """Write SVG text as the picture that the file's suffix asks for, and note where it is.

    Raises InputError for another suffix, OSError where it cannot be written.
    """
    check_suffix(file)
    if file.suffix.lower() == ".svg":
        file.write_text(svg, encoding="utf-8")
    else:
        from vl_convert import svg_to_png

        file.write_bytes(svg_to_png(svg, scale=2))
    note(f"the picture is {file}")
