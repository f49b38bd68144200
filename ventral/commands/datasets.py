"""`ventral data`: which data sets there are, and packing one for training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from space.documents.outside import printable
from ventral.output import Column, Format, Output, note, table, value

if TYPE_CHECKING:
    from workers.data.manifest import SplitName
    from workers.data.pack import Pack
    from workers.data.source import Source
    from workers.data.specs import DataSpec

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_data(output: Output = Format.table) -> None:
    """The data sets that a campaign can name, and whether they are on this machine."""
    from dataclasses import asdict

    from workers.data.datasets import describe

    rows = [asdict(info) for info in describe()]
    columns = [Column(key=key) for key in rows[0]]
    table(rows, columns, output)


@app.command()
def pack(
    name: Annotated[
        str,
        typer.Argument(
            help="a data set's name (see `ventral data list`), or a campaign file: its data"
        ),
    ],
    size: Annotated[int | None, typer.Option(min=1, help="side of the images, pixels")] = None,
    path: Annotated[str | None, typer.Option(help="folder that holds the images")] = None,
    options: Annotated[
        list[str] | None, typer.Option("--set", help="another option of the data set: copies=4")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="threads that decode")] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="put it at this storage, too: s3://BUCKET/PREFIX"),
    ] = None,
    output: Output = Format.table,
) -> None:
    """Decode and resize a data set once, into arrays that all trials of a machine share.

    A campaign with the same `data:` uses the same pack. Machines that do not share this one's
    disk fetch it from the storage that it was put --to, once each.
    """
    from search.host.home import Home
    from workers.data import packing as packs
    from workers.data.datasets import open_source
    from workers.data.publishing import publish_pack
    from workers.processors import usable_processors

    storage = None if to is None else _try_storage(to)
    # From this folder, wherever a campaign file lies.
    folder = None if path is None else str(Path(path).expanduser().absolute())
    values = {"size": size, "path": folder}
    words = [f"{key}={_quote(item)}" for key, item in values.items() if item is not None]
    spec = _read_spec(name, [*words, *(options or [])])
    source = open_source(spec, workers or usable_processors())
    home = Home.at()
    home.ensure(home.data)

    def progress(split: str, done: int, total: int) -> None:
        note(f"{split}: {done} of {total} images")

    packed = packs.pack(spec, home.data, progress=progress, source=source)
    url = None if storage is None else publish_pack(packed, storage, _note_file)
    classes = _count_classes(packed)
    row = {"url": url, **_describe_pack(packed, source), "images": classes}
    value(
        row | {"spec": spec.model_dump(mode="json")}, output, _format_pack(packed, source, classes)
    )
    if url is not None:
        note(f"it is at {url}")


def _try_storage(text: str) -> str:
    """The URL of a storage that can be used from here. Raises StorageError."""
    from workers.storage.places import read_url
    from workers.storage.probing import probe_storage

    url = read_url(text, "--to")
    probe_storage(url, "--to")
    return url


def _describe_pack(packed: "Pack", source: "Source") -> dict[str, Any]:
    """What a pack is, as JSON."""
    return {
        "path": str(packed.path),
        "checksum": packed.checksum,
        **{str(split): count for split, count in packed.splits.items()},
        "size": packed.size,
        "channels": packed.channels,
        "classes": len(packed.classes),
        "mean": list(packed.mean),
        "std": list(packed.std),
        "splits": packed.splits,
        "held_out": source.held_out,
        "validated_on": source.validation,
        "passed_over": [
            {"reason": over.reason, "count": over.count, "first": over.first}
            for over in source.passed_over
        ],
    }


def _note_file(name: str, done: int, total: int) -> None:
    note(f"{name}: file {done} of {total} is there")


def _read_spec(name: str, options: Sequence[str]) -> "DataSpec":
    """The data set of this name, or that of a campaign file, with options such as `copies=4`."""
    from sys import maxsize

    from search.campaign import apply, load
    from search.host.machine import Machine
    from workers.data.specs import data_spec

    if Path(name).suffix in (".yaml", ".yml", ".json"):
        # Packing takes none of the resources that the campaign's trials will.
        anything = Machine(cpus=maxsize, gpus=maxsize)
        return load(name, [f"data.{option}" for option in options], offered=anything).data
    document: dict[str, Any] = {"name": name}
    for option in options:
        apply(document, option)
    return data_spec(document)


def _quote(item: int | str) -> str:
    """A value as YAML, in which overrides are written. Raises DataError if it is not text."""
    import json

    from space.errors import DataError

    text = json.dumps(item, ensure_ascii=False)
    if not text.isascii() and text.encode(errors="replace").decode() != text:
        problem = f"{printable(text)} is not UTF-8 text"
        raise DataError("path", problem, "rename the folder, or link to it by another name")
    return text


def _count_classes(packed: "Pack") -> list[dict[str, Any]]:
    """How many images every class has in each split."""
    import numpy as np

    number = len(packed.classes)
    counts = {
        split: np.bincount(packed.labels(split), minlength=number).tolist()
        for split in packed.splits
    }
    return [
        {"class": name} | {split: counts[split][label] for split in counts}
        for label, name in enumerate(packed.classes)
    ]


SHOWN = 20
"""How many classes are printed; `-o json` has all."""


def _format_pack(packed: "Pack", source: "Source", classes: Sequence[dict[str, Any]]) -> str:
    counts = packed.splits
    *most, last = [
        f"{count:,} {'training' if split == 'train' else split}" for split, count in counts.items()
    ]
    lines = [
        str(packed.path),
        f"{', '.join(most)} and {last} images of "
        f"{packed.size}x{packed.size}x{packed.channels} in {len(classes)} classes, "
        f"checksum {packed.checksum[:16]}",
        "",
        _align({split: split for split in counts}, "class"),
        *(
            _align({split: f"{row[split]:,}" for split in counts}, printable(row["class"]))
            for row in classes[:SHOWN]
        ),
    ]
    if len(classes) > SHOWN:
        more = f"and {len(classes) - SHOWN} more (all: -o json)"
        lines.append(_align(dict.fromkeys(counts, "..."), more))
    decides = "the validation images, by which a search decides: "
    lines += ["", decides + (printable(source.validation) or "none, it would be the test images")]
    if source.held_out != "test":
        lines.append(f"the test images: {printable(source.held_out)}")
    if source.passed_over:
        lines += ["", "passed over:"]
        lines += [
            f"{over.count:>8,}  {over.reason}: {over.first}" + (", ..." if over.count > 1 else "")
            for over in source.passed_over
        ]
    return "\n".join(lines)


def _align(cells: Mapping["SplitName", str], label: str) -> str:
    """A row of the table: a cell a split, then the label."""
    return (
        " ".join(f"{cell:>{max(8, len(split))}}" for split, cell in cells.items()) + f"  {label}"
    )
