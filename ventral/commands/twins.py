"""`ventral score twins`: a network's dynamics without each of its gates."""

from pathlib import Path
from typing import Annotated

import typer

from ventral.commands.dynamics import Documented, show_rows
from ventral.output import Format, Output, note
from ventral.presenting import split_names


def register(app: typer.Typer) -> None:
    """Put the command under `ventral score`."""
    app.command("twins")(score_twins)


def score_twins(  # noqa: PLR0913  (each is an option of the command)
    export: Annotated[
        str, typer.Argument(help="a folder that `ventral export` wrote, or its URL")
    ],
    stimuli: Annotated[Path, typer.Option(help="a table .csv with stimulus_id and filename")],
    images: Annotated[Path, typer.Option(help="the folder of its images")],
    part: Annotated[
        list[str] | None, typer.Option(help="a part of it, several times; all gates if not given")
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(help="stages, such as conv5,conv6; those with a cell if not given"),
    ] = None,
    delays: Annotated[int, typer.Option(min=1, help="bins in a row of the embedding")] = 1,
    rank: Annotated[
        int | None, typer.Option(min=1, help="coordinates; as many as hold 99 %")
    ] = None,
    draws: Annotated[int, typer.Option(min=20, help="stimuli drawn again, for intervals")] = 200,
    output: Output = Format.table,
) -> None:
    """How far do a network's dynamics move without each of its gates? Nothing is trained."""
    from workers.brains.stimuli import read_stimuli
    from workers.brains.twins import compare_twins, read_pictures
    from workers.export import load, read_card
    from workers.published_export import bring_export

    folder = bring_export(export)
    network, card = load(folder), read_card(folder)
    pictures = read_pictures(read_stimuli(stimuli, images), card, network.image_size)
    rows: list[Documented] = list(
        compare_twins(
            network,
            pictures,
            part or (),
            split_names(stage),
            delays=delays,
            rank=rank,
            draws=draws,
            refuse=lambda name, why: note(f"left out: {name} ({why})"),
        )
    )
    numbers = ("distance", "low", "high", "within", "angle", "eigenvalues", "share")
    show_rows(rows, ("part", "kind", "stage"), numbers, ("rank",), output)
