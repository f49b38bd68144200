"""The best networks of a campaign: recurrent and feedforward side by side, and the controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboards.frames import CHOICE
from dashboards.report.wording import count_of
from dashboards.searched import Searched
from space.choices.domains import Scalar
from space.equation.names import is_outdated, short_name
from space.errors import GenomeError, SpaceError
from space.genome import Genome

TOP = 10
"""So many of the best trials are listed."""

_SCORED = ("finished", "pruned")


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network as a row of the table of the best.

    `role` says what it stands for, `trial` is its number (a control's best one), `top1` its score
    (of a control the mean over `seeds` trainings, with their standard `deviation`), `gain` how far
    it is above the best control that was trained for as many epochs; None where there is no fair
    comparison. `early` means that the training was stopped early, `label` is what people wrote
    of the trial: its tags and its note.
    """

    role: str
    trial: int
    cell: str
    recurrent: str
    top1: float
    deviation: float | None
    seeds: int
    gain: float | None
    parameters: float | None
    macs: float | None
    epochs: int
    early: bool
    label: str = ""

    @property
    def is_recurrent(self) -> bool:
        """Whether something goes round in it."""
        return self.recurrent != "none"


def list_controls(searched: Searched) -> list[Network]:
    """The controls that have a score, the best mean first; of one the full trainings count."""
    controls = searched.controls
    scored = controls[controls["status"].isin(_SCORED) & controls["top1"].notna()]
    names = scored["control"].fillna(scored["cell"])
    rows = []
    for name, trainings in scored.groupby(names, sort=False):
        full = trainings[trainings["status"] == "finished"]
        counted = trainings if full.empty else full
        best = counted.sort_values(["top1", "trial"], ascending=[False, True]).iloc[0]
        scores = counted["top1"]
        rows.append(
            _network(
                best,
                role=f"control {name}",
                top1=float(scores.mean()),
                deviation=float(scores.std()) if len(scores) > 1 else None,
                seeds=len(scores),
                gain=None,
            )
        )
    return sorted(rows, key=lambda row: -row.top1)


def list_best(searched: Searched, limit: int = TOP) -> list[Network]:
    """The best networks of the search by their best trials, the best first; of equals the one with
    fewer parameters.
    """
    controls = list_controls(searched)
    ranked = _rank(searched)
    trainings = ranked["digest"].value_counts()
    return [
        _searched(row, controls, trainings=int(trainings[row["digest"]]))
        for _, row in ranked.drop_duplicates("digest").head(limit).iterrows()
    ]


def find_best_kinds(searched: Searched) -> tuple[Network | None, Network | None]:
    """The best recurrent and the best feedforward network of the search.

    Those that were trained to the end go before those that were stopped early.
    """
    ranked = _rank(searched)
    ranked = ranked.sort_values("status", key=lambda status: status != "finished", kind="stable")
    known = ranked[ranked["recurrent"].notna()]
    plain = known["recurrent"] == "none"
    controls = list_controls(searched)
    rows = (known[~plain].head(1), known[plain].head(1))
    first, second = (
        None if one.empty else _searched(one.iloc[0], controls, kind)
        for one, kind in zip(rows, ("recurrent", "feedforward"), strict=True)
    )
    return first, second


def read_genome(searched: Searched, network: Network) -> Genome | None:
    """The network's genome, from the choices that were made; None where they make none."""
    row = searched.trials[searched.trials["trial"] == network.trial].iloc[0]
    try:
        if row["origin"] == "control":
            return searched.space.control(str(row["control"])).genome
        return searched.space.close(read_choices(row)).genome
    except (GenomeError, SpaceError):
        return None


def name_cell(searched: Searched, network: Network) -> str:
    """The short name of the network's cell: one of an earlier version is written anew."""
    if not is_outdated(network.cell):
        return network.cell
    genome = read_genome(searched, network)
    return network.cell if genome is None else short_name(genome)


def read_effects(searched: Searched, network: Network) -> tuple[dict[str, float], bool]:
    """How top-1 differs without each part of a trial's network, by the part's name, and whether
    that is after trainings without it: those of the lesions that are on record. Empty where the
    network was not lesioned.
    """
    lesions = searched.lesions
    known = lesions[(lesions["trial"] == network.trial) & lesions["difference"].notna()]
    retrained = bool(known["retrained"].any())
    chosen = known[known["retrained"] == retrained]
    return dict(zip(chosen["part"], chosen["difference"].astype(float), strict=True)), retrained


def read_choices(row: pd.Series[Any]) -> dict[str, Scalar]:
    """The choices of a row of the trials; a branch that was not taken leaves none."""
    made = {str(name): row[name] for name in row.index if str(name).startswith(CHOICE)}
    return {
        name.removeprefix(CHOICE): value.item() if isinstance(value, np.generic) else value
        for name, value in made.items()
        if not pd.isna(value)
    }


def _rank(searched: Searched) -> pd.DataFrame:
    suggested = searched.suggested
    scored = suggested[suggested["status"].isin(_SCORED) & suggested["top1"].notna()]
    sized = scored.assign(size=scored["parameters"].fillna(0))
    return sized.sort_values(["top1", "size", "trial"], ascending=[False, True, True])


def _searched(
    row: pd.Series[Any], controls: list[Network], kind: str = "", trainings: int = 1
) -> Network:
    fair = [one.top1 for one in controls if not one.early and one.epochs == row["epochs"]]
    finished = row["status"] == "finished"
    return _network(
        row,
        role=f"best {kind} network" if kind else _name_trial(int(row["trial"]), trainings),
        top1=float(row["top1"]),
        gain=float(row["top1"]) - max(fair) if fair and finished else None,
        deviation=None,
        seeds=1,
    )


def _name_trial(number: int, trainings: int) -> str:
    return f"trial {number}" + (f", best of its {trainings}" if trainings > 1 else "")


def _network(row: pd.Series[Any], **known: Any) -> Network:
    return Network(
        trial=int(row["trial"]),
        cell=str(row["cell"] or ""),
        recurrent=str(row["recurrent"] or "none"),
        epochs=int(row["epochs"]),
        early=row["status"] != "finished",
        label=_describe_label(row),
        parameters=None if pd.isna(row["parameters"]) else float(row["parameters"]),
        macs=None if pd.isna(row["macs"]) else float(row["macs"]),
        **known,
    )


def _describe_label(row: pd.Series[Any]) -> str:
    tags, note = row.get("tags"), row.get("note")
    parts = [", ".join(tags) if isinstance(tags, tuple | list) else ""]
    parts.append(note if isinstance(note, str) else "")
    return ": ".join(part for part in parts if part)


def describe_lead(best: Network | None, plain: Network | None, controls: list[Network]) -> str:
    """What may be read out of the best recurrent network's lead, and what may not."""
    if best is None:
        return "No recurrent network of the search has a score yet."
    rivals = [one for one in (plain, *controls) if one is not None and not one.is_recurrent]
    if not rivals:
        return "No feedforward network has a score: nothing is shown about recurrence."
    rival = max(rivals, key=lambda one: one.top1)
    name = f"the {rival.role}" if rival is plain else rival.role
    points = 100 * (best.top1 - rival.top1)
    lead = f"{abs(points):.1f} points {'above' if points >= 0 else 'below'} {name}"
    sizes = ""
    if best.parameters and rival.parameters:
        sizes = f", with {best.parameters / rival.parameters:.2g} times its parameters"
    if best.macs and rival.macs:
        joint = " and " if sizes else ", with "
        sizes += f"{joint}{best.macs / rival.macs:.2g} times its multiply-adds"
    seeds = "" if rival.seeds == 1 else f" (the mean of {count_of(rival.seeds, 'seed')})"
    return (
        f"The best recurrent network is {lead}{seeds}{sizes}. One training each of networks that "
        "differ in size and depth does not show that it is the recurrence: "
        "ventral certify --matched asks that."
    )
