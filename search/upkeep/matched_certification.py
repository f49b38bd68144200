"""From winners to verdicts: the campaigns of search/upkeep/matched.py, one after the other.

Rounds of learning rates, then the final trainings, then what these show. Each campaign is looked
for in the store first, so that the same call goes on where it was interrupted, and gives the same
evidence again once all is trained. Nothing is printed: a `Follower` sees what happens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from search.assign.setting import Listener
from search.campaign import Campaign, final_recipe
from search.host.home import Home
from search.host.machine import Machine
from search.host.ports import bypass_proxies
from search.mirror.mirroring import send_again
from search.review.comparisons import note_verdicts
from search.review.evidence import Evidence, choose_rungs, read_evidence
from search.store import Campaign as Record
from search.store import Store, Trial
from search.upkeep import ladders, matched
from search.upkeep.ladders import Rungs
from search.upkeep.matched import Network
from search.upkeep.submission import RESUMABLE, put_on_record, read_offered
from space.errors import InputError, StoreError, VentralError

if TYPE_CHECKING:
    from search.driver import Prepared, RunResult

    Drive = Callable[[Listener], RunResult]


@dataclass(frozen=True, kw_only=True)
class Matching:
    """What is asked for: the `top` best recurrent networks, or the trials `numbers`, from how many
    seeds, with which overrides, trained on the validation images as well with `all_data`; all
    campaigns anew with `new`; on the Ray cluster at `address`, or on this machine.
    """

    top: int = 3
    numbers: Sequence[int] = ()
    seeds: int = 5
    overrides: Sequence[str] = ()
    all_data: bool = False
    new: bool = False
    address: str | None = None


class Unfinished(VentralError):
    """One of the campaigns ended before its budget did, as `result` says. What was trained is
    kept: the same call goes on with it.
    """

    def __init__(self, record: Record, result: "RunResult") -> None:
        self.result = result
        why = f" ({result.reason})" if result.reason else ""
        super().__init__(
            f"campaign {record.id} ({record.name}): {result.state}{why}; everything is kept: the "
            "same call goes on"
        )


class Follower(Protocol):
    """Sees what happens, and shows it."""

    def choose(self, winners: Sequence[Trial], feedforward: Sequence[Trial]) -> None:
        """The winners were chosen. For the `feedforward` ones nothing will be trained."""

    def inspect(self, campaign: Campaign, prepared: "Prepared") -> None:
        """A campaign is about to be put on record; its images are packed."""

    def skip(self, record: Record) -> None:
        """A campaign was finished before."""

    def drive(self, record: Record, run: "Drive") -> "RunResult":
        """What `run` gives: it drives a campaign, and passes all that happens to a listener."""


class Silent:
    """A follower that shows nothing."""

    def choose(self, _winners: Sequence[Trial], _feedforward: Sequence[Trial]) -> None:
        """Nothing."""

    def inspect(self, _campaign: Campaign, _prepared: "Prepared") -> None:
        """Nothing."""

    def skip(self, _record: Record) -> None:
        """Nothing."""

    def drive(self, _record: Record, run: "Drive") -> "RunResult":
        """What `run` gives."""
        return run(lambda _happening: None)


SILENT = Silent()


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Trainings of networks of a campaign `record`: where they are kept, and who sees them."""

    record: Record
    home: Home
    store: Store
    matching: Matching
    follower: Follower
    offered: Machine


def certify_matched(
    store: Store,
    home: Home,
    record: Record,
    matching: Matching,
    follower: Follower = SILENT,
) -> Evidence:
    """Train winners and their matched controls, or go on with that; what they show.

    Raises InputError where there is no recurrent winner, no control that matches, or nothing that
    may be trained, and for one of the campaigns that is running; `Unfinished` if one was stopped
    or failed; and what `put_on_record` and `search.driver.run` do.
    """
    bypass_proxies()
    winners, feedforward = matched.select_winners(store, record.id, matching.top, matching.numbers)
    follower.choose(winners, feedforward)
    if not winners:
        raise InputError(
            f"campaign {record.id}",
            "has no recurrent network to be certified beside matched controls",
            "`ventral certify` without --matched trains any network from other seeds",
        )
    setting = Setting(
        record=record,
        home=home,
        store=store,
        matching=matching,
        follower=follower,
        offered=read_offered(matching.address),
    )
    listed = matched.networks(record, winners)
    final_recipe(record.document, all_data=matching.all_data)  # refused before hours of tuning
    chosen, edges = _tune(setting, listed)
    final = matched.final(
        record,
        listed,
        chosen,
        matching.seeds,
        matching.overrides,
        all_data=matching.all_data,
        offered=setting.offered,
    )
    evidence = read_evidence(store, finish_campaign(setting, final), winners, edges)
    numbers = [winner.number for winner in winners]
    new = note_verdicts(store, record.id, numbers, evidence.verdicts)
    send_again(store, home, record.id, new)
    return evidence


def _tune(setting: Setting, listed: Sequence[Network]) -> tuple[dict[str, int], list[str]]:
    """The best rung of each network's ladder of learning rates, and the networks for which it is
    at an end of what was tried.
    """
    more: Rungs = {network.name: ladders.FIRST for network in listed}
    tried, chosen, tuned = more, dict[str, int](), list[Record]()
    for number in range(1, ladders.ROUNDS + 1):
        tuning = matched.tuning(
            setting.record,
            listed,
            more,
            setting.matching.overrides,
            number=number,
            offered=setting.offered,
        )
        tuned.append(finish_campaign(setting, tuning))
        tried = ladders.join(tried, more)
        chosen = choose_rungs(setting.store, tuned, tried)
        more = ladders.extend(matched.group(listed), tried, chosen)
        if not more:
            break
    return chosen, ladders.find_edges(tried, chosen)


def finish_campaign(setting: Setting, campaign: Campaign) -> Record:
    """The record of a campaign that is finished: it was, or is driven to its end now.

    Raises StoreError for one that is running, `Unfinished` if it was stopped or failed, and what
    `put_on_record` and `search.driver.run` do.
    """
    from search import driver

    store, home, matching = setting.store, setting.home, setting.matching
    known, prepared = None if matching.new else _find_same(campaign, store), None
    if known is not None and known.state == "running":
        cure = f"wait for it: `ventral status {known.id} --watch`"
        raise StoreError(f"campaign {known.id}", "is running already", cure)
    if known is not None and known.state == "finished":
        setting.follower.skip(known)
        return known
    if known is None:
        campaign_id, prepared = put_on_record(
            campaign,
            home,
            store,
            new=True,
            address=matching.address,
            certifies=setting.record,
            inspect=lambda prepared: setting.follower.inspect(campaign, prepared),
        )
        known = store.campaigns.get(campaign_id)
    record = known

    def run(listener: Listener) -> "RunResult":
        return driver.run(
            record.id, home, store, listener, address=matching.address, prepared=prepared
        )

    result = setting.follower.drive(record, run)
    if result.state != "finished":
        raise Unfinished(record, result)
    return store.campaigns.get(record.id)


def _find_same(campaign: Campaign, store: Store) -> Record | None:
    """The newest campaign on record that is this one, and can be shown, or gone on with."""
    for record in store.campaigns.named(campaign.name):
        if record.state not in (*RESUMABLE, "finished", "running"):
            continue
        try:
            if Campaign.parse(record.document) == campaign:
                return record
        except InputError:  # of another version
            continue
    return None
