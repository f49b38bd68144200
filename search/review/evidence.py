"""What became of winners and their matched controls (search/upkeep/matched.py): scores, verdicts.

Read from the store: the rates that a finished tuning campaign found to be best, and the evidence
of a final one.
"""

import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from search.assign.suggesting import identity
from search.campaign import Campaign, control_seeds, full_epochs
from search.campaign.lineage import Family, lineage, name_rate, name_trial
from search.review.verdicts import (
    Comparison,
    Correlation,
    Verdict,
    correlate_ranks,
    judge,
    measure_luck,
)
from search.store import CONTROL, Store, Trial
from search.store import Campaign as Record
from search.upkeep.ladders import Rungs
from space.controls import MATCHES
from space.controls.macs import planned_macs
from space.recurrence import Recurrence, recurrence
from space.space import Space
from space.unroll.cost import cost
from workers.job import ScoredSplit


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network that was trained from several seeds. `scores` are by seed, without those of
    trainings that failed or are still to be done. `macs` are the planned unroll's, `rate` is the
    learning rate, `at_edge` whether it was the lowest or the highest that was tried: beyond it may
    be a better one.
    """

    name: str
    family: Family
    winner: str | None
    recurrent: Recurrence
    parameters: int
    macs: int
    rate: float
    scores: Mapping[int, float]
    at_edge: bool = False

    @property
    def mean(self) -> float | None:
        """Of the scores; None without one."""
        return statistics.fmean(self.scores.values()) if self.scores else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the scores; None of fewer than two."""
        return statistics.stdev(self.scores.values()) if len(self.scores) > 1 else None


@dataclass(frozen=True, kw_only=True)
class Lead:
    """The score in the search of a winner that was trained to the end there, the mean of its
    certified ones, and their difference: how much was luck, of the seed and of the images that the
    search decided by. `searched_on` and `certified_on` are the splits that these are of.
    """

    winner: str
    searched: float
    searched_on: ScoredSplit
    certified: float | None
    certified_on: ScoredSplit
    luck: float | None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a final campaign shows. `seeds` are those of its trainings, in order, failed ones
    included. `selected_on_test`: the winners were chosen by scores of the test split.
    """

    campaign: str
    seeds: tuple[int, ...]
    selected_on_test: bool
    networks: tuple[Trained, ...]
    verdicts: tuple[Verdict, ...]
    leads: tuple[Lead, ...]
    ranks: Correlation

    def document(self) -> dict[str, Any]:
        """As JSON has it: scores in the order of the seeds, null for a training that failed."""
        return {
            "campaign": self.campaign,
            "seeds": list(self.seeds),
            "selected_on_test": self.selected_on_test,
            "networks": [
                {
                    "name": one.name,
                    "family": one.family,
                    "winner": one.winner,
                    "recurrent": one.recurrent,
                    "parameters": one.parameters,
                    "macs": one.macs,
                    "learning_rate": one.rate,
                    "at_edge": one.at_edge,
                    "scores": [one.scores.get(seed) for seed in self.seeds],
                    "mean": one.mean,
                    "deviation": one.deviation,
                }
                for one in self.networks
            ],
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "luck": [asdict(lead) for lead in self.leads],
            "rank_correlation": asdict(self.ranks),
        }


def read_evidence(
    store: Store, record: Record, winners: Sequence[Trial], edges: Collection[str] = ()
) -> Evidence:
    """What a final campaign of these trials shows so far. `edges` are the names of its networks
    whose rate is at an end of those that were tried (search.upkeep.ladders.find_edges).
    """
    networks = [replace(one, at_edge=one.name in edges) for one in read_networks(store, record)]
    of_winner = {one.winner: one for one in networks if one.family == "winner"}
    comparisons = [
        Comparison(
            winner=of_winner[one.winner].name,
            against=one.family,
            scores=of_winner[one.winner].scores,
            others=one.scores,
        )
        for one in networks
        if one.family in MATCHES
    ]
    leads = _find_leads(record, winners, networks)
    return Evidence(
        campaign=record.id,
        seeds=control_seeds(Campaign.parse(record.document, f"campaign {record.id}")),
        selected_on_test=any(trial.split == "test" for trial in winners),
        networks=tuple(networks),
        verdicts=tuple(judge(comparisons)),
        leads=leads,
        ranks=rank_leads(leads),
    )


def read_leads(store: Store, record: Record, winners: Sequence[Trial]) -> tuple[Lead, ...]:
    """How much of the scores of these trials was luck, by a certification of them, with matched
    controls or without.
    """
    return _find_leads(record, winners, read_networks(store, record))


def rank_leads(leads: Sequence[Lead]) -> Correlation:
    """How well the search's order of the winners agrees with the certified one."""
    ranked = [(lead.searched, lead.certified) for lead in leads if lead.certified is not None]
    return correlate_ranks([first for first, _ in ranked], [second for _, second in ranked])


def _find_leads(
    record: Record, winners: Sequence[Trial], networks: Sequence[Trained]
) -> tuple[Lead, ...]:
    """Of the winners that the search trained to the end, and that are among the networks."""
    by_name = {one.name: one for one in networks}
    certified_on = record.data.get("split", "test")
    return tuple(
        Lead(
            winner=winner.name,
            searched=trial.top1,
            searched_on=trial.split,
            certified=winner.mean,
            certified_on=certified_on,
            luck=measure_luck(trial.top1, list(winner.scores.values())),
        )
        for trial in winners
        if trial.top1 is not None
        and trial.status == "finished"
        and (winner := by_name.get(name_trial(trial.number))) is not None
    )


def choose_rungs(store: Store, records: Sequence[Record], tried: Rungs) -> dict[str, int]:
    """The best of the rungs that were `tried` for each network, by the finished tuning campaigns
    `records`.

    Of equal scores the one nearest to the network's own. A network that failed with every rate
    keeps its own: that it cannot be trained is for the final trainings to show.
    """
    scores: dict[str, dict[int, float]] = {}
    for record in records:
        where = f"campaign {record.id}"
        campaign = Campaign.parse(record.document, where)
        space = Space.parse(record.space, f"{where}: space")
        scores |= _scores_by_name(store, record, campaign, space)
    chosen: dict[str, int] = {}
    for name, rungs in tried.items():
        best = {
            rung: max(scores.get(name_rate(name, rung), {}).values(), default=-math.inf)
            for rung in sorted(rungs, key=abs)
        }
        chosen[name] = max(best, key=best.__getitem__)
    return chosen


def read_networks(store: Store, record: Record) -> list[Trained]:
    """The networks of a campaign of trainings from paired seeds, in its order, with the scores
    that they have.
    """
    where = f"campaign {record.id}"
    campaign = Campaign.parse(record.document, where)
    space = Space.parse(record.space, f"{where}: space")
    scores = _scores_by_name(store, record, campaign, space)
    networks = []
    for name in space.controls:
        sample = space.control(name)
        family, winner = lineage(name)
        networks.append(
            Trained(
                name=name,
                family=family,
                winner=winner,
                recurrent=recurrence(sample.genome),
                parameters=cost(sample.genome).parameters,
                macs=round(planned_macs(sample.genome)),
                rate=campaign.recipe.overlaid(sample.recipe).learning_rate,
                scores=scores[name],
            )
        )
    return networks


def _scores_by_name(
    store: Store, record: Record, campaign: Campaign, space: Space
) -> dict[str, dict[int, float]]:
    """By the name of a control: the scores of its full trainings, by seed.

    A training is on record under the name of one control. Others that are the same network and
    the same recipe share it, and so does one that an earlier version put on record without a
    name: these are found by what they are.
    """
    by_name: dict[str, dict[int, float]] = {}
    by_network: dict[str, dict[int, float]] = {}
    whole, unnamed = full_epochs(campaign, space), False
    for trial in store.results.find(record.id, statuses=["finished"], origin=CONTROL):
        if trial.top1 is not None and trial.epochs >= whole:
            network = identity(trial.digest, trial.recipe)
            by_network.setdefault(network, {})[trial.seed] = trial.top1
            if trial.control is None:
                unnamed = True
            else:
                by_name.setdefault(trial.control, {})[trial.seed] = trial.top1

    def find_scores(name: str) -> dict[int, float]:
        if name in by_name and not unnamed:
            return by_name[name]
        sample = space.control(name)
        return by_network.get(identity(sample.digest, sample.recipe), {})

    return {name: find_scores(name) for name in space.controls}
