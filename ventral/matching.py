"""`ventral certify --matched`: winners beside their matched controls, and what that shows.

Options and sentences: what is done stands in search/upkeep/matched_certification.py.
"""

from collections.abc import Sequence
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
    from search.driver import Prepared, RunResult
    from search.host.home import Home
    from search.review.evidence import Evidence, Lead, Trained
    from search.review.verdicts import Correlation, Verdict
    from search.store import Campaign, Store, Trial
    from search.upkeep.matched_certification import Drive, Matching

KINDS = {
    "winner": "winner",
    "parameters": "parameter-matched",
    "macs": "compute-matched",
    "depth": "depth-matched",
    "lesion": "lesioned",
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


def certify_matched(
    record: "Campaign",
    home: "Home",
    store: "Store",
    matching: "Matching",
    launch: Launch,
    *,
    estimate: bool = True,
) -> None:
    """Train winners and their matched controls, or go on with that, and print the verdicts.

    With `estimate` what each campaign will take is printed first. Raises InputError where there is
    no recurrent winner, no control that matches, or nothing that may be trained. Exit code 1 if a
    training campaign was stopped.
    """
    from search.upkeep import matched_certification
    from space.errors import InputError

    if launch.detach:
        raise InputError(
            "--detach",
            "runs one campaign in the background, and --matched has several, one after the other",
            "leave one of the two out; what is interrupted goes on by the same command",
        )
    shown = Shown(record, home, store, estimate=estimate and launch.address is None)
    try:
        evidence = matched_certification.certify_matched(store, home, record, matching, shown)
    except matched_certification.Unfinished as error:
        end = error.result
        note(f"{end.state} ({end.reason}); everything is kept: the same command goes on")
        raise typer.Exit(1) from None
    done = store.campaigns.get(evidence.campaign)
    title = f"{done.name} ({done.id}), means and deviations over seeds on the test split"
    show_evidence(evidence, launch.output, title)


class Shown:
    """Shows how it goes on (a search.upkeep.matched_certification.Follower)."""

    def __init__(
        self, certified: "Campaign", home: "Home", store: "Store", *, estimate: bool
    ) -> None:
        self._certified, self._home, self._store = certified, home, store
        self._estimate = estimate

    def choose(self, winners: "Sequence[Trial]", feedforward: "Sequence[Trial]") -> None:
        """Name the winners for which nothing is trained; warn of winners selected on test."""
        if feedforward:
            note(describe_feedforward(feedforward))
        if winners and not self._certified.document["data"].get("validation"):
            note(SELECTED_ON_TEST)

    def inspect(self, campaign: "CampaignFile", prepared: "Prepared") -> None:
        """What it will take, where that is to be said."""
        from ventral import forecast

        if self._estimate:
            forecast.mention(campaign, prepared, self._home)

    def skip(self, record: "Campaign") -> None:
        """That there is nothing to train."""
        note(f"campaign {record.id} ({record.name}) is finished already")

    def drive(self, record: "Campaign", run: "Drive") -> "RunResult":
        """Run it in a live view."""
        from ventral.live import Live

        note(f"campaign {record.id} ({record.name}) in {self._home.path}")
        with Live(record, self._home, self._store.results.counts(record.id)) as live:
            return run(live.listen)


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
