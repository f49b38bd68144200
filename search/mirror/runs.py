"""How a trial looks as an MLflow run.

Pure values: trials and reports in, names, parameters, metrics, tags and files out. Knows MLflow's
limits and what its pages show; never imports it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from search.review.acting import choices_that_act
from search.store import ENDED, Campaign, Label, Reported, Scalar, Status, Trial
from space.circuits import draw_circuit
from space.documents.outside import markdown, printable
from space.errors import InputError

REASON, SOURCE = "ventral.reason", "ventral.source"
COMPARED_TAG, SPARED_TAG = "ventral.vs_matched", "ventral.memory"
"""The tags with what a trial is against its matched controls, where that is known
(search.review.comparisons), and with what was changed of its recipe when its memory ran out.
"""
PASSING = (REASON, SOURCE, SPARED_TAG)
"""Tags that a trial may have had and have no more, when it was tried again."""
FAILURE = "failure.txt"

EXACT = 24
"""Trials of a campaign that are examined exactly for choices that do not act."""

KEY_TAG = "ventral.key"
"""The tag by which a trial's run is found again: CAMPAIGN/NUMBER."""

CAMPAIGN_TAG, NAME_TAG = "ventral.campaign", "ventral.campaign.name"
"""The tags with a campaign's id, and with its name."""

MOTIFS_TAG, MOTIFS_BETWEEN = "ventral.motifs", "; "
"""The tag with the words of a network, and what stands between two of them. MLflow's search finds
one with `tags.ventral.motifs LIKE '%residual->out times%'`.
"""
NOTE_TAG, WORDS_TAG = "mlflow.note.content", "ventral.tags"
"""The tags with a note and with the tags that people gave; between two of them stands what stands
between motifs.
"""
RECORD_TAG = "ventral.record"
"""The tag with what a trial's row has and no other tag, parameter or metric: see RECORDED."""
RECORDED = ("attempts", "suggested", "arrived", "created", "started", "ended")

NAME_LENGTH, VALUE_LENGTH, TAG_LENGTH = 250, 6000, 5000

EPOCH_METRICS = ("top1", "top5", "loss", "train_loss", "seconds", "memory_mb")
"""The metrics of a report under their own names; its epoch is the metric `epochs`."""
STEP_METRIC = "accuracy_by_step"
"""The metric whose steps are the time steps of the network, and not epochs."""
SCORES = ("top1", "top5", "loss", STEP_METRIC)
"""The metrics that are of a split: of validation under these names, of test as `test_top1` ..."""

RunStatus = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]

RUN_STATUSES: dict[Status, RunStatus] = {
    "running": "RUNNING",
    "waiting": "SCHEDULED",
    "finished": "FINISHED",
    "pruned": "FINISHED",
    "failed": "FAILED",
    "infeasible": "KILLED",
}
"""MLflow's word for each status of a trial; the tag ventral.status has ours.

A trial that waits (its worker was lost, or its campaign is not running) is SCHEDULED and not
KILLED: MLflow gives a run that was killed an end, and never takes that back.
"""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One value of a metric; `at` in milliseconds since 1970, `step` is the epoch, or of the
    accuracy by time step the time step.
    """

    key: str
    value: float
    at: int
    step: int


@dataclass(frozen=True, kw_only=True)
class MlflowRun:
    """All that MLflow gets of one trial. Times in milliseconds since 1970.

    The same trial always gives the same run, so that sending it twice changes nothing. One that
    has not ended has no `ended` and no files yet, and its metrics are the first of those that it
    has at its end.
    """

    name: str
    status: RunStatus
    started: int
    ended: int | None
    parameters: dict[str, str]
    metrics: tuple[Point, ...]
    tags: dict[str, str]
    files: dict[str, str]


def run_of(
    campaign: Campaign,
    trial: Trial,
    reports: Sequence[Reported],
    history: Mapping[str, str] | None = None,
    label: Label | None = None,
) -> MlflowRun:
    """The run of a trial (with its genome) and its reports by epoch; `history` are the tags of
    what its campaign's history says of it (COMPARED_TAG, SPARED_TAG), `label` what people wrote.
    """
    ended = trial.status in ENDED
    return MlflowRun(
        name=run_name(trial),
        status=RUN_STATUSES[trial.status],
        started=milliseconds(trial.started or trial.created),
        ended=milliseconds(trial.ended or trial.created) if ended else None,
        parameters=parameters_of(choices_that_act(campaign, trial, quickly=trial.number >= EXACT)),
        metrics=name_scores(campaign, _metrics_of(trial, reports)),
        tags=_tags_of(campaign, trial, history or {}) | label_tags(label),
        files=_files_of(trial, reports) if ended else {},
    )


def run_name(trial: Trial) -> str:
    """The cell, the trial's number and its score (or its fate): what a list of runs shows.

    Before its end a trial shows no score here: it would stand still while the metric grows.
    """
    scored = trial.status in ENDED and trial.top1 is not None
    fate = f"{trial.top1:.1%}" if scored else trial.status
    return f"{cut(printable(trial.read_cell()), 200)} #{trial.number} {fate}"


def run_key(campaign_id: str, number: int) -> str:
    """The value of KEY_TAG."""
    return f"{campaign_id}/{number}"


def parameters_of(choices: Mapping[str, Scalar]) -> dict[str, str]:
    """Choices as MLflow takes them: legal, unique names and values of a legal length.

    `stages[4].kernel` becomes `stages.4.kernel`; where a name had to change in a way that loses
    something, it ends in a piece of the original's hash.
    """
    parameters: dict[str, str] = {}
    for path in sorted(choices):
        name = parameter_name(path)
        if name in parameters:
            name = _add_hash(name, path)
        parameters[name] = cut(parameter_value(choices[path]), VALUE_LENGTH)
    return parameters


def parameter_name(path: str) -> str:
    """A flat path as a legal MLflow name: letters, digits and _ - . space /; an edge's arrow is
    written `to`."""
    return _make_legal(path, re.sub(r"\[(\d+)\]", r".\1", path).replace("->", " to "))


def former_parameter_name(path: str) -> str:
    """The name of a path in runs of before, whose arrows were no words."""
    return _make_legal(path, re.sub(r"\[(\d+)\]", r".\1", path))


def _make_legal(path: str, name: str) -> str:
    # A name is a path of files as well: no empty, "." or ".." part, and not an absolute one.
    legal = "/".join(
        part for part in re.sub(r"[^\w\-. /]", "_", name).split("/") if part.strip(".")
    )
    legal = legal.lstrip(".")
    if legal and legal == name and len(name) <= NAME_LENGTH:
        return name
    return _add_hash(legal, path)


def _add_hash(name: str, path: str) -> str:
    mark = hashlib.sha256(path.encode()).hexdigest()[:8]
    return f"{name[: NAME_LENGTH - 9]}-{mark}"


def parameter_value(value: Scalar) -> str:
    """A choice as the text that MLflow keeps of it."""
    return value if isinstance(value, str) else json.dumps(value)


def points_of(reported: Reported) -> tuple[Point, ...]:
    """The metrics of one report.

    How far a trial has come, and in how many seconds of training, are among them: as points of
    its curve they are the same whenever they are sent.
    """
    report, at = reported.report, milliseconds(reported.at)
    values = {key: getattr(report, key) for key in EPOCH_METRICS} | {"epochs": report.epoch}
    return tuple(
        Point(key=key, value=float(value), at=at, step=report.epoch)
        for key, value in values.items()
        if not math.isnan(value)
    )


def _metrics_of(trial: Trial, reports: Sequence[Reported]) -> tuple[Point, ...]:
    sizes = {"parameters": trial.parameters, "macs": trial.macs}
    at = milliseconds(trial.created)
    points = [
        Point(key=key, value=float(value), at=at, step=0)
        for key, value in sizes.items()
        if value is not None
    ]
    for reported in reports:
        points += points_of(reported)
    if trial.status in ENDED:
        points += _step_points(reports)
    return tuple(points)


def _step_points(reports: Sequence[Reported]) -> list[Point]:
    """The accuracy at each time step by the last report that has it, from step 0.

    A trial that goes on after its end gets points of a later time beside the earlier ones.
    """
    last = next((one for one in reversed(reports) if one.report.accuracy_by_step), None)
    if last is None:
        return []
    return [
        Point(key=STEP_METRIC, value=float(value), at=milliseconds(last.at), step=step)
        for step, value in enumerate(last.report.accuracy_by_step)
        if math.isfinite(value)
    ]


def name_scores(campaign: Campaign, points: Iterable[Point]) -> tuple[Point, ...]:
    """Points under the names of the split that their campaign's scores are of.

    A campaign of before, which had no validation split, keeps the names that its runs have.
    """
    if "validation" not in campaign.data.get("counts", ()) or scored_split(campaign) != "test":
        return tuple(points)
    return tuple(
        replace(point, key=f"test_{point.key}") if point.key in SCORES else point
        for point in points
    )


def scored_split(campaign: Campaign) -> str:
    """What the scores of a campaign's trials are of: those of before are of test."""
    return str(campaign.data.get("split", "test"))


def _tags_of(campaign: Campaign, trial: Trial, history: Mapping[str, str]) -> dict[str, str]:
    sampler = campaign.document.get("sampler")
    name = sampler.get("name") if isinstance(sampler, Mapping) else sampler
    tags = {
        KEY_TAG: run_key(campaign.id, trial.number),
        **campaign_tags(campaign),
        "ventral.trial": str(trial.number),
        "ventral.digest": trial.digest,
        "ventral.status": trial.status,
        "ventral.sampler": str(name or trial.origin),
        "ventral.origin": trial.origin,
        "ventral.cell": trial.read_cell(),
        "ventral.recurrent": trial.recurrence or "",
        "ventral.split": trial.split,
        "ventral.control": trial.control or "",
        "ventral.family": trial.family or "",
        REASON: trial.reason or "",
        "ventral.seed": str(trial.seed),
        SOURCE: trial.source or "",
        "ventral.winner": trial.winner or "",
        **history,
        MOTIFS_TAG: MOTIFS_BETWEEN.join(trial.read_motifs()),
        RECORD_TAG: json.dumps({key: getattr(trial, key) for key in RECORDED}),
    }
    return {key: cut(printable(value), TAG_LENGTH) for key, value in tags.items() if value}


def campaign_tags(campaign: Campaign) -> dict[str, str]:
    """A campaign's id and name, as its experiment and all its runs have them."""
    return {CAMPAIGN_TAG: campaign.id, NAME_TAG: cut(printable(campaign.name), TAG_LENGTH)}


def label_tags(label: Label | None) -> dict[str, str]:
    """What people wrote, as MLflow has it; nothing where they wrote nothing here: a note that was
    written in MLflow stays.
    """
    if label is None:
        return {}
    tags = {WORDS_TAG: cut(printable(MOTIFS_BETWEEN.join(label.tags)), TAG_LENGTH)}
    if label.note is not None:
        tags[NOTE_TAG] = cut(markdown(label.note, lines=True), TAG_LENGTH)
    return tags


def _files_of(trial: Trial, reports: Sequence[Reported]) -> dict[str, str]:
    files = {"genome.json": json.dumps(trial.document, indent=2) + "\n"}
    with suppress(InputError):  # a genome that this version cannot read has no picture
        files["cell.svg"] = draw_circuit(trial.read_genome())
    documents = [one.document() for one in reports if one.report.accuracy_by_step]
    curves = {document["epoch"]: document["accuracy_by_step"] for document in documents}
    if curves:
        last = max(curves)
        files["accuracy_by_step.json"] = json.dumps(
            {"epoch": last, "accuracy_by_step": curves[last], "by_epoch": curves}
        )
        files["accuracy_by_step.svg"] = curve_svg(curves[last], f"after epoch {last}")
    if trial.detail:
        files[FAILURE] = trial.detail
    return files


def curve_svg(accuracy: Sequence[float | None], title: str) -> str:
    """A small drawing of top-1 accuracy (0..1) at each time step."""
    width, height, left, top = 480, 240, 48, 32
    across = max(len(accuracy) - 1, 1)
    points = [
        (left + step * (width - left - 16) / across, height - 28 - value * (height - 28 - top))
        for step, value in enumerate(accuracy)
        if value is not None
    ]
    grid = []
    for percent in (0, 25, 50, 75, 100):
        y = height - 28 - percent / 100 * (height - 28 - top)
        grid.append(
            f'<line x1="{left}" y1="{y:.1f}" x2="{width - 16}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>'
        )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1f77b4"/>' for x, y in points)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="11" fill="#333">'
        f'<rect width="{width}" height="{height}" fill="white"/>'
        f'<text x="{left}" y="18" font-size="13">Top-1 by time step, {title}</text>'
        f"{''.join(grid)}"
        f'<text x="{left}" y="{height - 8}">step 0</text>'
        f'<text x="{width - 16}" y="{height - 8}" text-anchor="end">'
        f"step {len(accuracy) - 1}</text>"
        f'<polyline points="{line}" fill="none" stroke="#1f77b4" stroke-width="2"/>{dots}</svg>\n'
    )


def milliseconds(seconds: float) -> int:
    """Seconds since 1970 as MLflow has times."""
    return round(seconds * 1000)


def cut(text: str, length: int) -> str:
    """A text of at most `length` characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
