"""From a campaign to its end, for the command line and for notebooks: on record, and driven.

Ray is loaded only where a campaign is put on record or driven. Nothing is printed.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from search.campaign import Campaign
from search.host.home import Home
from search.host.machine import Machine, machine
from search.host.ports import bypass_proxies
from search.store import SILENCE_SECONDS, State, Store
from search.store import Campaign as Record
from search.upkeep.amendment import amend_campaign
from search.upkeep.enqueueing import place_enqueued
from search.upkeep.naming import choose_campaign
from space.errors import CampaignError, InputError, StoreError

if TYPE_CHECKING:
    from search.driver import Prepared, RunResult
    from space.space import Space

RESUMABLE: tuple[State, ...] = ("stopped", "interrupted", "waiting", "failed")
"""States of a campaign that can be gone on with."""


class Driving(TypedDict, total=False):
    """How a campaign is put on record and driven: `run` it, or leave it waiting; start a `new` one
    although one like it was interrupted; on the Ray cluster at `address`, or on this machine.
    """

    run: bool
    new: bool
    address: str | None


def read_offered(address: str | None) -> Machine:
    """The most that one trial can have: of this machine, or of the cluster at `address`."""
    if address is None:
        return machine()
    from search.tune import place

    return place.largest_offer(address)


def put_on_record(  # noqa: PLR0913  (all but the first three have defaults, and are named)
    campaign: Campaign,
    home: Home,
    store: Store,
    *,
    space: "Space | None" = None,
    new: bool = False,
    address: str | None = None,
    certifies: Record | None = None,
    cloned_from: str | None = None,
    campaign_id: str | None = None,
    inspect: "Callable[[Prepared], None]" = lambda _prepared: None,
) -> "tuple[str, Prepared]":
    """Pack a campaign's data and put it on record; its id, and what `search.driver.run` need not
    prepare again.

    `space` is the campaign's, if it was parsed before (`search.campaign.load_with_space`).
    Its id is `campaign_id`, or a new one. `inspect` is called between the two, and may raise.
    The campaign whose networks it `certifies`
    is on record with it, and the id of that like which it was made (`cloned_from`). Raises
    CampaignError, unless `new`, if one like it is to be resumed, and what `search.driver.prepare`
    and `search.upkeep.enqueueing.place_enqueued` do.
    """
    if not new:
        refuse_if_interrupted(campaign, store)
    from search import driver
    from search.tune import place

    place.check_home(home, address)
    prepared = driver.prepare(campaign, home, space)
    campaign = place_enqueued(campaign, prepared[1], store)
    inspect(prepared)
    made = driver.submit(
        campaign,
        home,
        store,
        prepared=prepared,
        certifies=None if certifies is None else certifies.id,
        cloned_from=cloned_from,
        campaign_id=campaign_id,
    )
    return made, prepared


def launch(
    campaign: Campaign,
    home: Home,
    store: Store,
    *,
    space: "Space | None" = None,
    run: bool = True,
    new: bool = False,
    address: str | None = None,
    certifies: Record | None = None,
) -> "RunResult":
    """Put a checked campaign on record, and drive it to its end unless `run` is false.

    `space` is the campaign's, if it was parsed before.
    Raises what `put_on_record` and `search.driver.run` do.
    """
    bypass_proxies()
    campaign_id, prepared = put_on_record(
        campaign, home, store, space=space, new=new, address=address, certifies=certifies
    )
    if not run:
        return _describe(store, store.campaigns.get(campaign_id))
    from search import driver

    return driver.run(campaign_id, home, store, address=address, prepared=prepared)


def refuse_if_interrupted(campaign: Campaign, store: Store) -> None:
    """Raises CampaignError if the newest campaign of that name and content can be resumed."""
    named = (record for record in store.campaigns.all() if record.name == campaign.name)
    record = next(named, None)
    if record is None or record.state not in RESUMABLE or not _is_same(record, campaign):
        return
    counts = store.results.counts(record.id)
    done = counts["finished"] + counts["pruned"]
    raise CampaignError(
        f"campaign {record.name}",
        f"was {'stopped' if record.state == 'stopped' else 'interrupted'} with {done} of "
        f"{campaign.budget.trials} trials done ({record.id})",
        f"go on with `ventral resume {record.id}`, or start another one with --new",
    )


def _is_same(record: Record, campaign: Campaign) -> bool:
    """Whether a campaign on record is that of the file; missing fields have their defaults.

    It may have begun with an earlier version of its sampler.
    """
    document, data = record.document, record.document.get("data")
    path = getattr(campaign.data, "path", None)
    if path and isinstance(data, dict) and not Path(str(data.get("path", path))).is_absolute():
        # Earlier versions kept a relative path, without the folder that it starts from.
        document = {**document, "data": data | {"path": path}}
    try:
        known = Campaign.parse(document)
    except InputError:
        return False
    sampler = known.sampler.model_copy(update={"version": campaign.sampler.version})
    same_sampler = known.model_copy(update={"sampler": sampler})
    return _without_places(same_sampler) == _without_places(campaign)


def _without_places(campaign: Campaign) -> Campaign:
    """A campaign whose networks to train first are as a file names them."""
    named = tuple(one if isinstance(one, str) else one.source for one in campaign.enqueue)
    return campaign.model_copy(update={"enqueue": named})


def prepare_resume(
    record: Record, store: Store, overrides: Sequence[str] = (), *, address: str | None = None
) -> bool:
    """Make a campaign ready to go on, changed by `overrides`; whether anything is left to do.

    Raises StoreError if a driver is at work on it, and what `amend_campaign` does.
    """
    refuse_if_at_work(record)
    if overrides:
        amend_campaign(store, record, overrides, read_offered(address))
        return True
    return record.state != "finished" or bool(store.outbox.backlog(record.id))


def refuse_if_at_work(record: Record) -> None:
    """Raises StoreError if a driver is at work on a campaign, or may be, on another machine."""
    if record.state != "running":
        return
    cure = f"`ventral status {record.id} --watch` shows it; `ventral stop {record.id}` stops it"
    driver = record.driver
    if driver is not None and driver.alive() is None:
        cure += f"; if {driver.machine} died, it counts as dead {SILENCE_SECONDS:g} s later"
    raise StoreError(f"campaign {record.id}", "is running already", cure)


def resume_campaign(
    called: str,
    home: Home,
    store: Store,
    overrides: Sequence[str] = (),
    *,
    address: str | None = None,
) -> "RunResult":
    """Go on with the campaign of an id or a name, changed by `overrides`, to its end.

    Raises what `choose_campaign`, `prepare_resume` and `search.driver.run` do.
    """
    record = choose_campaign(store, called, resumable(overrides)).record
    if not prepare_resume(record, store, overrides, address=address):
        return _describe(store, record)
    from search import driver

    bypass_proxies()
    return driver.run(record.id, home, store, address=address)


def resumable(overrides: Sequence[str]) -> tuple[State, ...]:
    """The states of a campaign that can go on: a finished one only if it is changed."""
    return (*RESUMABLE, "finished") if overrides else RESUMABLE


def _describe(store: Store, record: Record) -> "RunResult":
    """A campaign that is not driven, as a run's result."""
    from search.driver import RunResult

    state: Literal["waiting", "finished"] = "finished" if record.state == "finished" else "waiting"
    counts = store.results.counts(record.id)
    return RunResult(campaign_id=record.id, state=state, reason=record.reason, trials=counts)
