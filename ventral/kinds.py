"""Options that keep some networks: `--recurrent`, `--feedforward`, and `--tag`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from search.review.ranking import Kind

Recurrent = Annotated[bool, typer.Option("--recurrent", help="only networks that are recurrent")]
Feedforward = Annotated[
    bool, typer.Option("--feedforward", help="only networks in which nothing goes round")
]

Tag = Annotated[
    str | None, typer.Option("--tag", help="only those with this tag (see `ventral tag`)")
]


def pick_kind(*, recurrent: bool, feedforward: bool) -> "Kind | None":
    """The kind that the options keep, None for both. Raises InputError if both are given."""
    from space.errors import InputError

    if recurrent and feedforward:
        cure = "give one of the two, or none for all networks"
        raise InputError("--recurrent", "keeps what --feedforward leaves out", cure)
    if recurrent:
        return "recurrent"
    return "feedforward" if feedforward else None
