"""`ventral data`: which data sets there are, and packing one for training."""

from typing import Annotated, Any

import typer

from ventral.output import Column, Format, Output, count, note, table, value

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_data(output: Output = Format.table) -> None:
    """The data sets that a campaign can name, and whether they are here."""
    from dataclasses import asdict

    from workers.datasets import describe

    rows = [asdict(info) for info in describe()]
    columns = [Column(key=key) for key in rows[0]]
    table(rows, columns, output)


@app.command()
def pack(
    name: Annotated[str, typer.Argument(help="a data set's name (see `ventral data list`)")],
    size: Annotated[int | None, typer.Option(min=1, help="side of the images, pixels")] = None,
    path: Annotated[str | None, typer.Option(help="folder that holds the images")] = None,
    options: Annotated[
        list[str] | None, typer.Option("--set", help="another option of the data set: copies=4")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="processes that decode")] = None,
    output: Output = Format.table,
) -> None:
    """Decode and resize a data set once, into arrays that all trials of a machine share."""
    from search.campaign import apply
    from search.home import Home
    from workers import pack as packs
    from workers.job import data_spec

    given = {"name": name, "size": size, "path": path}
    document: dict[str, Any] = {key: item for key, item in given.items() if item is not None}
    for option in options or []:
        apply(document, option)
    home = Home.at()
    home.ensure(home.data)

    def progress(split: str, done: int, total: int) -> None:
        note(f"{split}: {done} of {total} images")

    found = packs.pack(data_spec(document), home.data, workers=workers, progress=progress)
    row: dict[str, Any] = {
        "path": str(found.path),
        "checksum": found.checksum,
        "train": found.count("train"),
        "test": found.count("test"),
        "size": found.size,
        "channels": found.channels,
        "classes": len(found.classes),
        "mean": list(found.mean),
        "std": list(found.std),
    }
    text = (
        f"{found.path}\n{count(row['train'])} training and {count(row['test'])} test images of "
        f"{found.size}x{found.size}x{found.channels} in {row['classes']} classes, "
        f"checksum {found.checksum[:16]}"
    )
    value(row, output, text)
