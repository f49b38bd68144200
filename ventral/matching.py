"""`ventral certify --matched`: winners beside their matched controls, and what that shows.

Several campaigns, one after the other (search/upkeep/matched.py). Each is looked for in the store
first, so that the same command goes on where it was interrupted, and shows the verdicts again
once all is trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ventral.launching import Launch
from ventral.output import (
    Column,
    Format,
    count,
    note,
    percent,
    show,
    signed_percent,
    table,
    value,
)

if TYPE_CHECKING:
    from search.campaign import Campaign as CampaignFile
    from search.host.home import Home
    from search.review.evidence import Evidence, Lead, Trained
    from search.review.verdicts import Correlation, Verdict
    from search.store import Campaign, Store, Trial
    from search.upkeep.ladders import Rungs
    from search.upkeep.matched import Network
    from space.space import Space
    from workers.data.pack import Pack

KINDS = {
    "winner": "winner",
    "parameters": "parameter-matched",
    "macs": "compute-matched",
    "depth": "depth-matched",
    "control": "control",
}
"""What the families are called in sentences."""

NAMED = 5
"""Of feedforward trials at most so many are named."""

SELECTED_ON_TEST = (
    "warning: this campaign has no validation images. It selected its winners, and will tune the "
    "networks, on the images that they are certified on"
)

NETWORKS = (
    Column(key="name", title="network"),
    Column(key="family", write=lambda family: KINDS[family]),
    Column(key="recurrent"),
    Column(key="parameters", write=count, right=True),
    Column(key="macs", title="multiply-adds", write=count, right=True),
    Column(
        key="learning_rate", title="learning rate", write=lambda rate: f"{rate:.3g}", right=True
    ),
    Column(key="seeds", right=True),
    Column(key="mean", title="test top-1", write=percent, right=True),
    Column(key="deviation", title="+-", write=percent, right=True),
)


@dataclass(frozen=True, kw_only=True)
class Matching:
    """What is asked for: which winners, from how many seeds, with which overrides."""

    top: int
    numbers: Sequence[int]
    seeds: int
    overrides: Sequence[str]
    all_data: bool = False
    new: bool = False
    estimate: bool = True


def certify_matched(
    record: "Campaign", home: "Home", store: "Store", wanted: Matching, launch: Launch
) -> None:
    """Train winners and their matched controls, or go on with that, and print the verdicts.

    Raises InputError where there is no recurrent winner, no control that matches, or nothing that
    may be trained. Exit code 1 if a training campaign was stopped.
    """
    from search.campaign import final_recipe
    from search.review.evidence import read_evidence
    from search.upkeep import matched
    from search.upkeep.submission import read_offered
    from space.errors import InputError

    if launch.detach:
        raise InputError(
            "--detach",
            "runs one campaign in the background, and --matched has several, one after the other",
            "leave one of the two out; what is interrupted goes on by the same command",
        )
    winners, feedforward = matched.select_winners(store, record.id, wanted.top, wanted.numbers)
    if feedforward:
        note(describe_feedforward(feedforward))
    if not winners:
        raise InputError(
            f"campaign {record.id}",
            "has no recurrent network to be certified beside matched controls",
            "`ventral certify` without --matched trains any network from other seeds",
        )
    if not record.document["data"].get("validation"):
        note(SELECTED_ON_TEST)
    listed = matched.networks(record, winners)
    final_recipe(record.document, all_data=wanted.all_data)  # refused before hours of tuning
    chosen, edges = _tune(record, home, store, listed, wanted, launch)
    final = matched.final(
        record,
        listed,
        chosen,
        wanted.seeds,
        wanted.overrides,
        all_data=wanted.all_data,
        offered=read_offered(launch.address),
    )
    done = _finish(final, record, home, store, wanted, launch)
    title = f"{done.name} ({done.id}), means and deviations over seeds on the test split"
    show_evidence(read_evidence(store, done, winners, edges), launch.output, title)


def _tune(
    record: "Campaign",
    home: "Home",
    store: "Store",
    listed: "Sequence[Network]",
    wanted: Matching,
    launch: Launch,
) -> tuple[dict[str, int], list[str]]:
    """The best rung of each network's ladder of learning rates, and the networks for which it is
    at an end of what was tried.
    """
    from search.review.evidence import choose_rungs
    from search.upkeep import ladders, matched
    from search.upkeep.submission import read_offered

    more: Rungs = {network.name: ladders.FIRST for network in listed}
    tried, chosen, tuned = more, dict[str, int](), list["Campaign"]()
    for number in range(1, ladders.ROUNDS + 1):
        tuning = matched.tuning(
            record,
            listed,
            more,
            wanted.overrides,
            number=number,
            offered=read_offered(launch.address),
        )
        tuned.append(_finish(tuning, record, home, store, wanted, launch))
        tried = ladders.join(tried, more)
        chosen = choose_rungs(store, tuned, tried)
        more = ladders.extend(matched.group(listed), tried, chosen)
        if not more:
            break
    return chosen, ladders.find_edges(tried, chosen)


def describe_feedforward(trials: "Sequence[Trial]") -> str:
    """One sentence on winners for which nothing is trained; of many the first five are named."""
    numbers = ", ".join(str(trial.number) for trial in trials[:NAMED])
    if len(trials) > NAMED:
        numbers += f" and {len(trials) - NAMED} more"
    if len(trials) == 1:
        return (
            f"trial {numbers} is feedforward: it has no recurrence to be controlled for, and "
            "nothing is trained for it"
        )
    return (
        f"trials {numbers} are feedforward: they have no recurrence to be controlled for, and "
        "nothing is trained for them"
    )


def _finish(
    campaign: "CampaignFile",
    certified: "Campaign",
    home: "Home",
    store: "Store",
    wanted: Matching,
    launch: Launch,
) -> "Campaign":
    """The record of a campaign that is finished: it was, or is driven to its end now."""
    from search import driver
    from search.upkeep.submission import put_on_record
    from space.errors import StoreError
    from ventral import forecast
    from ventral.live import Live

    known = None if wanted.new else _find(campaign, store)
    if known is not None and known.state == "running":
        cure = f"wait for it: `ventral status {known.id} --watch`"
        raise StoreError(f"campaign {known.id}", "is running already", cure)
    if known is not None and known.state == "finished":
        note(f"campaign {known.id} ({known.name}) is finished already")
        return known

    def mention(prepared: "tuple[Pack, Space]") -> None:
        if wanted.estimate and launch.address is None:
            forecast.mention(campaign, prepared, home)

    if known is None:
        campaign_id = put_on_record(
            campaign,
            home,
            store,
            new=True,
            address=launch.address,
            certifies=certified,
            inspect=mention,
        )
    else:
        campaign_id = known.id
    record = store.campaigns.get(campaign_id)
    note(f"campaign {record.id} ({record.name}) in {home.path}")
    with Live(record, home, store.results.counts(record.id)) as live:
        outcome = driver.run(record.id, home, store, live.listen, address=launch.address)
    if outcome.state != "finished":
        note(f"{outcome.state} ({outcome.reason}); everything is kept: the same command goes on")
        raise typer.Exit(1)
    return store.campaigns.get(campaign_id)


def _find(campaign: "CampaignFile", store: "Store") -> "Campaign | None":
    """The newest campaign on record that is this one, and can be shown, or gone on with."""
    from search.campaign import Campaign
    from search.upkeep.submission import RESUMABLE
    from space.errors import InputError

    for record in store.campaigns.named(campaign.name):
        if record.state not in (*RESUMABLE, "finished", "running"):
            continue
        try:
            if Campaign.parse(record.document) == campaign:
                return record
        except InputError:  # of another version
            continue
    return None


# -------------------------------------------------------------------------------- what is shown


def show_evidence(evidence: "Evidence", output: Format, title: str) -> None:
    """The networks with their scores, the verdicts, and how far the search's scores were luck."""
    if output is Format.json:
        value(evidence.document(), output, "")
        return
    rows: list[dict[str, Any]] = evidence.document()["networks"]
    for row in rows:
        row["seeds"] = sum(score is not None for score in row["scores"])
    table(rows, NETWORKS, output, title)
    if output is Format.table:
        for line in format_evidence(evidence):
            show(line)


def format_evidence(evidence: "Evidence") -> list[str]:
    """A sentence for each verdict, for the luck of each winner, and for the order of all."""
    networks = {one.name: one for one in evidence.networks}
    controls = {(one.winner, str(one.family)): one for one in evidence.networks}
    lines = []
    for verdict in evidence.verdicts:
        winner = networks[verdict.winner]
        lines.append(format_verdict(verdict, winner, controls[winner.winner, verdict.against]))
    lines += format_failed(evidence)
    if edges := [one.name for one in evidence.networks if one.at_edge]:
        lines.append(format_edges(edges))
    return [*lines, *format_luck(evidence.leads, evidence.ranks)]


def format_luck(leads: "Sequence[Lead]", ranks: "Correlation") -> list[str]:
    """A sentence for the luck of each winner, and one for the order of all."""
    return [*(line for lead in leads if (line := format_lead(lead))), format_ranks(ranks)]


def format_failed(evidence: "Evidence") -> list[str]:
    """A sentence on trainings without a score; empty where there are none."""
    seeds = len(evidence.seeds)
    failed = [
        f"{one.name} in {seeds - len(one.scores)} of {seeds} trainings"
        for one in evidence.networks
        if len(one.scores) < seeds
    ]
    return [f"failed: {', '.join(failed)}; these seeds are in no verdict"] if failed else []


def format_verdict(verdict: "Verdict", winner: "Trained", control: "Trained") -> str:
    """What paired seeds show of a winner and a control, in one sentence."""
    word = "shown" if verdict.shown else "not shown"
    claim = f"{word}: that {winner.name} is better than its {KINDS[verdict.against]} control"
    if verdict.difference is None:
        return f"{claim} (no seed trained both)"
    scores = " against ".join(
        "no score" if one.mean is None else percent(one.mean) for one in (winner, control)
    )
    text = f"{claim}: {scores}, {signed_percent(verdict.difference)} points on average"
    seeds = f"{verdict.seeds} paired seed{'s' * (verdict.seeds != 1)}"
    if verdict.low is None or verdict.high is None:
        why = "one seed has no spread" if verdict.seeds == 1 else "all differ by the same"
        return f"{text} ({seeds}, no interval: {why})"
    interval = f"{signed_percent(verdict.low)} to {signed_percent(verdict.high)}"
    worse = "; the control is better" if verdict.high < 0 else ""
    return f"{text} ({seeds}, {100 * (1 - verdict.level):.3g} % interval {interval}){worse}"


def format_lead(lead: "Lead") -> str:
    """How much of a winner's score in the search was luck; empty where it was not certified."""
    if lead.certified is None or lead.luck is None:
        return ""
    text = (
        f"luck: {lead.winner} scored {percent(lead.searched)} on {lead.searched_on} in the search "
        f"and {percent(lead.certified)} on {lead.certified_on} on average here: "
    )
    if lead.luck <= 0:
        return f"{text}nothing was lost"
    return f"{text}{signed_percent(lead.luck)} points of the first were luck"


def format_edges(edges: Sequence[str]) -> str:
    """A sentence on networks whose best learning rate is the first or the last that was tried."""
    return (
        "learning rates: the lowest or the highest that was tried is the best of "
        f"{', '.join(edges)}; beyond it may be a better one"
    )


def format_ranks(ranks: "Correlation") -> str:
    """How well the search's order of the winners agrees with the certified one."""
    winners = f"{ranks.n} winner{'s' * (ranks.n != 1)}"
    if ranks.rho is None:
        return (
            f"rank correlation of the search's scores with these: none of {winners}; three with "
            "different scores are needed"
        )
    interval = ""
    if ranks.low is not None and ranks.high is not None:
        interval = f", 95 % interval {ranks.low:+.2f} to {ranks.high:+.2f}"
    return (
        f"rank correlation of the search's scores with these: {ranks.rho:+.2f} "
        f"({winners}{interval})"
    )
