"""What people say of campaigns and trials: `ventral rename`, `note` and `tag`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from space.documents.outside import printable
from ventral.output import Format, Output, note, value

if TYPE_CHECKING:
    from search.host.home import Home
    from search.store import Label, Store
    from search.upkeep.labelling import Target

Id = Annotated[str, typer.Argument(help="a campaign's id, or a name that only it has")]
TargetName = Annotated[
    str, typer.Argument(metavar="CAMPAIGN[/TRIAL]", help="a campaign, or a trial of it: tour/7")
]


def register(app: typer.Typer) -> None:
    """Put the commands on the command line."""
    app.command()(rename)
    app.command("note")(write_note)
    app.command("tag")(change_tags)


def rename(
    campaign: Id, name: Annotated[str, typer.Argument(metavar="NEW", help="its new name")]
) -> None:
    """Give a campaign another name; its id stays."""
    from search.upkeep import labelling
    from ventral.opening import find_campaign

    home, store, record = find_campaign(campaign, labelling.RENAMABLE)
    renamed = labelling.rename_campaign(store, record, name)
    note(f"campaign {record.id}, {record.name}, is now called {renamed.name}")
    _publish(store, home, labelling.Target(campaign=renamed), renamed=True)


def write_note(
    target: TargetName,
    text: Annotated[
        str | None, typer.Argument(help='the note; "" takes it away; without it, it is printed')
    ] = None,
    output: Output = Format.table,
) -> None:
    """Write a note of a campaign or a trial, or print it."""
    from search.upkeep import labelling
    from ventral.opening import open_store

    home, store = open_store()
    chosen = labelling.find_target(store, target)
    if text is not None:
        _show(chosen, labelling.write_note(store, chosen, text), output)
        _publish(store, home, chosen)
        return
    _show(chosen, store.labels.find(chosen.campaign.id, chosen.number), output)


def change_tags(
    target: TargetName,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="tags to add")
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="WORD", help="a tag to take away")
    ] = None,
    output: Output = Format.table,
) -> None:
    """Tag a campaign or a trial, or print its tags; `list`, `top` and `trial list` take --tag."""
    from search.upkeep import labelling
    from ventral.opening import open_store

    home, store = open_store()
    chosen = labelling.find_target(store, target)
    if words or remove:
        label = labelling.change_tags(store, chosen, words or (), remove or ())
        _show(chosen, label, output)
        _publish(store, home, chosen)
        return
    _show(chosen, store.labels.find(chosen.campaign.id, chosen.number), output)


def _show(target: "Target", label: "Label | None", output: Format) -> None:
    """The tags and the note, as they are now."""
    tags, text = (label.tags, label.note or "") if label else ((), "")
    document: dict[str, Any] = {"campaign": target.campaign.id, "trial": target.number}
    document |= {"tags": list(tags), "note": text}
    lines = [f"tags: {', '.join(tags)}"] if tags else []
    lines += [printable(text, lines=True)] if text else []
    value(document, output, "\n".join(lines) or f"nothing is written of {target.name}")


def _publish(store: "Store", home: "Home", target: "Target", *, renamed: bool = False) -> None:
    from search.upkeep.labelling import publish

    if (problem := publish(store, home, target, renamed=renamed)) is not None:
        note(f"warning: MLflow does not have it yet ({problem})")
