"""`ventral init`: a campaign and a space to start from."""

from pathlib import Path
from typing import Annotated

import typer

from ventral.output import note, show


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(init)


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="where; made if it is not there")
    ] = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="overwrite the two files if they are there")
    ] = False,
) -> None:
    """Write campaign.yaml and space.yaml, with comments, to start a search from."""
    from search.upkeep.starter import write_starter

    campaign, space = write_starter(folder, force=force)
    show(f"{campaign}\n{space}")
    note("Next:")
    note(f"  ventral space validate {space}")
    note(f"  ventral submit {campaign} --dry-run    # says what it will take")
    note(f"  ventral submit {campaign}")
