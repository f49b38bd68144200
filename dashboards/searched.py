"""What a campaign found, as one value: the settings, the space, and frames of what happened.

Figures, findings and importance are functions of it. Where it was read from does not matter to
them: a store, an MLflow server, the data set that comes with Ventral, a simulation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from dashboards import frames
from dashboards.relatives import Baseline, read_baseline, read_certification
from search.campaign import Campaign, full_epochs
from search.review.evidence import Evidence
from search.store import SEARCHED, Label, Opening, State, Store
from space.documents.html import format_facts, format_percent
from space.space import Space


@dataclass(frozen=True, kw_only=True, eq=False)
class Searched:
    """A campaign and what became of it. The frames are not to be changed.

    `id` and `name` are the campaign's; `settings` its closed file, `space` what was searched,
    `data` the facts of the packed images (classes, splits, ...). `seconds` is the time that
    drivers ran. `trials` has one row a trial by number (dashboards.frames.trials), with a column
    `choice.PATH` for each choice; `reports` one row a report in the order of arrival; `steps` the
    accuracy by time step of each trial's last report; `events` the campaign's history (`at` in
    seconds since 1970, `kind`, `detail`). `openings` are the times at which the test split was
    scored, `evidence` what a certification of the best trials showed, `baseline` what a random
    campaign of the same space drew. `lesions` has one row a part of a trial's network that was
    removed (dashboards.frames.lesion_frame). `machine` is the name of that on which the last
    driver ran, `label` what people wrote of the campaign.
    """

    id: str
    name: str
    state: State
    reason: str | None
    settings: Campaign
    space: Space
    data: Mapping[str, Any]
    seconds: float
    trials: pd.DataFrame
    reports: pd.DataFrame
    steps: pd.DataFrame
    events: pd.DataFrame
    openings: tuple[Opening, ...] = ()
    evidence: Evidence | None = None
    baseline: Baseline | None = None
    machine: str | None = None
    lesions: pd.DataFrame = field(default_factory=frames.lesion_frame)
    label: Label = field(default_factory=Label)

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        suggested = self.suggested
        scored = suggested.dropna(subset=["top1"])
        best = None if scored.empty else scored.iloc[int(scored["top1"].argmax())]
        facts = {
            "state": self.state,
            "because": self.reason,
            "space": self.space.name,
            "data": self.settings.data.name,
            "trials": f"{len(self.trials)} of {self.settings.budget.trials}",
            "best": ""
            if best is None
            else f"{format_percent(float(best['top1']))}, trial {best['trial']}: {best['cell']}",
            "tags": self.label.tags,
            "note": self.label.note,
        }
        return format_facts(f"Campaign {self.name} ({self.id})", facts)

    @property
    def full_epochs(self) -> int:
        """The epochs of a training that nothing stopped."""
        return full_epochs(self.settings, self.space)

    @property
    def suggested(self) -> pd.DataFrame:
        """The trials that the search chose, in the order in which it chose them: no controls."""
        chosen = self.trials[self.trials["origin"] != "control"]
        return chosen.sort_values("suggested", kind="stable")

    @property
    def sampled(self) -> pd.DataFrame:
        """Those of `suggested` that were drawn from the whole space: no searched controls, which
        tell of the feedforward part alone.
        """
        chosen = self.suggested
        return chosen[chosen["family"] != SEARCHED]

    @property
    def controls(self) -> pd.DataFrame:
        """The trainings of reference networks."""
        return self.trials[self.trials["origin"] == "control"]


def read_searched(store: Store, campaign: str) -> Searched:
    """What a campaign (an id or a name) has found up to now.

    Raises StoreError for an unknown campaign, a name of several, or one that cannot be read.
    """
    record = store.campaigns.get(campaign)
    where = f"campaign {record.id}"
    events = [
        {"at": event.at, "kind": event.kind, "detail": event.detail}
        for event in store.campaigns.events(record.id)
    ]
    reported = store.results.all_reports(record.id)  # once: of 50,000 trials it takes seconds
    last = {one.number: one for one in sorted(reported, key=lambda one: one.report.epoch)}
    return Searched(
        id=record.id,
        name=record.name,
        state=record.state,
        reason=record.reason,
        settings=Campaign.parse(record.document, where),
        space=Space.parse(record.space, f"{where}: space"),
        data=record.data,
        seconds=record.seconds,
        trials=frames.trials(store, record.id),
        reports=frames.tabulate_reports(reported),
        steps=frames.tabulate_steps(last[number] for number in sorted(last)),
        events=pd.DataFrame(events, columns=["at", "kind", "detail"]),
        openings=tuple(store.campaigns.openings(record.id)),
        evidence=read_certification(store, record),
        baseline=read_baseline(store, record),
        machine=None if record.driver is None else record.driver.machine,
        lesions=frames.lesions(store, record.id),
        label=store.labels.find(record.id) or Label(),
    )
