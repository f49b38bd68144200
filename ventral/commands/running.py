"""The commands that run campaigns: `submit`, `resume` and `certify`."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ventral.cells import CERTIFIED_ON_TEST
from ventral.launching import Launch, drive, run_campaign
from ventral.matching import certify_matched, format_luck
from ventral.output import Format, Output, note
from ventral.remote import Sending, certify_there, resume_there, submit_there

if TYPE_CHECKING:
    from search.campaign import Campaign, Loaded
    from search.host.home import Home
    from search.store import Campaign as Record
    from search.store import Store, Trial
    from search.upkeep.matched_certification import Matching
    from space.space import Space

Id = Annotated[str, typer.Argument(help="a campaign's id, or the name of the newest one")]
Address = Annotated[
    str | None,
    typer.Option(help="run on a Ray cluster: auto, or HOST:PORT of its head; needs a shared home"),
]


class Code(StrEnum):
    """Whose Ventral runs on a cluster."""

    installed = "installed"
    sent = "sent"


Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="run on a cluster that this machine is no node of, by its name in clusters.yaml",
    ),
]
WhoseCode = Annotated[
    Code | None,
    typer.Option(
        "--code",
        help="with --cluster: the Ventral that is installed there, or this machine's, sent along",
    ),
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        help="use a cluster that other machines reach and that requires no token",
    ),
]
Matched = Annotated[
    bool,
    typer.Option(
        "--matched",
        help="the best recurrent cells beside feedforward controls of their parameters, "
        "multiply-adds and depth, all tuned alike, on the test split: does recurrence help?",
    ),
]
New = Annotated[
    bool, typer.Option("--new", help="start anew although one like it was interrupted")
]
Detach = Annotated[
    bool, typer.Option("--detach", help="run in the background, and return at once")
]
Metrics = Annotated[
    str | None,
    typer.Option(
        envvar="VENTRAL_METRICS",
        metavar="[HOST:]PORT",
        help="answer Prometheus at this port while the campaign runs; on loopback without HOST",
    ),
]
Estimate = Annotated[
    bool, typer.Option(help="say first what it will take, from a look at this machine")
]

Enqueue = Annotated[
    list[str] | None,
    typer.Option(
        help="train this network first, and search around it: a genome's file, an export, a "
        "model of the zoo, or CAMPAIGN/TRIAL"
    ),
]
GivenId = Annotated[
    str | None, typer.Option("--id", hidden=True, help="what a cluster's job is to call it")
]


def submit(  # noqa: PLR0913  (each is an option of the command)
    file: Annotated[Path | None, typer.Argument(help="the campaign file (YAML)")] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="a campaign like this one, instead of a file")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="change a field: budget.trials=8")
    ] = None,
    enqueue: Enqueue = None,
    new: New = False,
    detach: Detach = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="check everything, say what it will take, and end")
    ] = False,
    estimate: Estimate = True,
    id_file: Annotated[
        Path | None, typer.Option(help="write the campaign's id here as soon as it exists")
    ] = None,
    address: Address = None,
    cluster: Cluster = None,
    code: WhoseCode = None,
    insecure: Insecure = False,
    campaign_id: GivenId = None,
    metrics: Metrics = None,
    output: Output = Format.table,
) -> None:
    """Run a campaign: search, train, record, and show the best cells."""
    if cluster is not None:
        sending = Sending(cluster=cluster, code=code, insecure=insecure, address=address)
        _send(sending, file, source, overrides or [], enqueue or [], new, dry_run, id_file)
        return
    if campaign_id is not None and _goes_on(campaign_id):
        resume(campaign_id, address=address, insecure=insecure)
        return
    from search.upkeep.enqueueing import with_enqueued

    _allow(insecure)
    loaded, original = _load_campaign(file, source, overrides or [], address)
    campaign, space = with_enqueued(loaded.campaign, enqueue or ()), loaded.space
    if dry_run:
        _forecast(campaign, space, address, output)
        return
    launch = Launch(
        output=output,
        detach=detach,
        address=address,
        campaign_id=campaign_id,
        metrics=metrics,
    )
    run_campaign(
        campaign,
        launch,
        new=new,
        estimate=estimate,
        id_file=id_file,
        cloned_from=original,
        space=space,
    )


def _forecast(campaign: "Campaign", space: "Space", address: str | None, output: Format) -> None:
    """Check everything that can be checked before a start, and print what it will take."""
    from search import driver
    from search.host.home import Home
    from search.tune import place
    from ventral import forecast

    home = Home.at()
    note(f"packing {campaign.data.name}")
    prepared = driver.prepare(campaign, home, space)
    _check_enqueued(campaign, prepared[1], home)
    forecast.show(campaign, prepared, home, output, place.total_offer(address))


def _allow(insecure: bool) -> None:
    from search.tune.access import allow_insecure

    allow_insecure(insecure)


def _send(
    sending: Sending,
    file: Path | None,
    source: str | None,
    overrides: list[str],
    enqueue: list[str],
    new: bool,
    dry_run: bool,
    id_file: Path | None,
) -> None:
    """Start a campaign on a cluster. Raises InputError without a file."""
    from space.errors import InputError

    if file is None or source is not None:
        raise InputError("--cluster", "is for a campaign's file", "give a FILE, and no --from")
    submit_there(sending, file, overrides, enqueue, new=new, dry_run=dry_run, id_file=id_file)


def _goes_on(campaign_id: str) -> bool:
    """Whether a campaign of that id is on record: its job was sent, or begun, twice."""
    from search.mirror.landing import is_missing
    from ventral.opening import open_store, place_home

    if is_missing(place_home().store_url):
        return False
    _, store = open_store()
    return any(record.id == campaign_id for record in store.campaigns.all())


def _check_enqueued(campaign: "Campaign", space: "Space", home: "Home") -> None:
    """Raises InputError if a network that the campaign names is none of its space."""
    if campaign.enqueue:
        from search.mirror.landing import is_missing
        from search.store import Store
        from search.upkeep.enqueueing import place_enqueued

        store = None if is_missing(home.store_url) else Store.open(home.store_url, create=False)
        place_enqueued(campaign, space, store)


def _load_campaign(
    file: Path | None, source: str | None, overrides: list[str], address: str | None
) -> "tuple[Loaded, Record | None]":
    """The campaign of a file, or one like another campaign, which is given too; with overrides.
    Checked.
    """
    from search import campaign as campaigns
    from search.upkeep.submission import read_offered
    from space.errors import InputError
    from ventral.opening import find_campaign

    if (file is None) == (source is None):
        raise InputError("submit", "does not say what to run", "give a FILE, or --from ID")
    if file is not None:
        return campaigns.load_with_space(file, overrides, offered=read_offered(address)), None
    _, _, record = find_campaign(str(source))
    where, offered = f"campaign {record.id}", read_offered(address)
    cloned = campaigns.clone_with_space(record.document, where, overrides, offered=offered)
    return cloned, record


def resume(  # noqa: PLR0913  (each is an option of the command)
    campaign: Id,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="change the budget, say: budget.trials=80")
    ] = None,
    detach: Detach = False,
    address: Address = None,
    cluster: Cluster = None,
    code: WhoseCode = None,
    insecure: Insecure = False,
    metrics: Metrics = None,
    output: Output = Format.table,
) -> None:
    """Go on with a campaign that was stopped or interrupted; nothing is trained twice."""
    from search.upkeep.submission import prepare_resume, resumable
    from ventral.opening import find_campaign

    changes = overrides or []
    if cluster is not None:
        sending = Sending(cluster=cluster, code=code, insecure=insecure, address=address)
        resume_there(sending, campaign, changes)
        return
    _allow(insecure)
    home, store, record = find_campaign(campaign, resumable(changes))
    if not prepare_resume(record, store, changes, address=address):
        note(f"campaign {record.id} is finished; `ventral top {record.id}` shows the best cells")
        note(f"More of it: ventral resume {record.id} --set budget.trials=...")
        return
    launch = Launch(output=output, detach=detach, address=address, metrics=metrics)
    drive(record.id, home, store, launch)


def certify(  # noqa: PLR0913  (each is an option of the command)
    campaign: Id,
    top: Annotated[int, typer.Option(min=1, help="so many of the best cells")] = 3,
    trial: Annotated[
        list[int] | None, typer.Option(min=0, help="this trial, whatever its rank")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="trainings of each, from other seeds")] = 5,
    all_data: Annotated[
        bool, typer.Option("--all-data", help="train on the validation images, too")
    ] = False,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="change a field: recipe.epochs=20")
    ] = None,
    matched: Matched = False,
    new: New = False,
    detach: Detach = False,
    estimate: Estimate = True,
    address: Address = None,
    cluster: Cluster = None,
    code: WhoseCode = None,
    insecure: Insecure = False,
    campaign_id: GivenId = None,
    metrics: Metrics = None,
    output: Output = Format.table,
) -> None:
    """Train the best cells again from other seeds, beside the controls: how much was luck?

    They are scored on the test split, which the search has not seen.
    """
    from search.upkeep.matched_certification import Matching
    from ventral.opening import find_campaign

    matching = Matching(
        top=top,
        numbers=trial or (),
        seeds=seeds,
        overrides=overrides or (),
        all_data=all_data,
        new=new,
        address=address,
    )
    if cluster is not None:
        sending = Sending(cluster=cluster, code=code, insecure=insecure, address=address)
        certify_there(sending, campaign, _list_words(matching), matched=matched)
        return
    if campaign_id is not None and _goes_on(campaign_id):
        resume(campaign_id, address=address, insecure=insecure)
        return
    _allow(insecure)
    launch = Launch(
        output=output, detach=detach, address=address, campaign_id=campaign_id, metrics=metrics
    )
    home, store, record = find_campaign(campaign)
    if matched:
        certify_matched(record, home, store, matching, launch, estimate=estimate)
    else:
        _certify(record, store, matching, launch, estimate=estimate)


def _list_words(matching: "Matching") -> list[str]:
    """The options of `ventral certify` that ask for it, but for its place."""
    pairs = [("--top", matching.top), ("--seeds", matching.seeds)]
    pairs += [("--trial", number) for number in matching.numbers]
    words = [str(word) for pair in pairs for word in pair]
    words += [word for override in matching.overrides for word in ("--set", override)]
    switches = {"--all-data": matching.all_data, "--new": matching.new}
    return [*words, *(name for name, given in switches.items() if given)]


def _certify(
    record: "Record", store: "Store", matching: "Matching", launch: Launch, *, estimate: bool
) -> None:
    """Train the best cells again, beside the campaign's own controls."""
    from search.upkeep.certification import choose_winners, plan_certification
    from search.upkeep.submission import read_offered

    chosen = choose_winners(store, record, top=matching.top, trials=matching.numbers)
    if not record.document["data"].get("validation"):
        note(CERTIFIED_ON_TEST)
    made = plan_certification(
        record,
        chosen,
        matching.seeds,
        matching.overrides,
        all_data=matching.all_data,
        offered=read_offered(matching.address),
    )
    done = run_campaign(made, launch, new=matching.new, estimate=estimate, certifies=record)
    if not launch.detach:
        _print_luck(store, done, chosen)


def _print_luck(store: "Store", certification_id: str, winners: "Sequence[Trial]") -> None:
    """How far the winners' scores in the search were luck, by a certification's."""
    from search.review.evidence import rank_leads, read_leads

    leads = read_leads(store, store.campaigns.get(certification_id), winners)
    for line in format_luck(leads, rank_leads(leads)):
        note(line)
