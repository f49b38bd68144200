"""A campaign read from an MLflow server that Ventral's mirror wrote to, without its store.

What `search.mirror` writes is read back: the campaign's page has its documents, a run's tags and
parameters what the trial is, and the histories of its metrics are its reports. What MLflow does
not have is empty: the campaign's history, the openings of the test split, choices that made no
difference in a trial's network, and trials that never began.

MLflow is imported when a campaign is read.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dashboards import frames
from dashboards.mlflow_answers import (
    CURE,
    Curves,
    check_run,
    parse_lesions,
    parse_page,
    parse_points,
)
from dashboards.searched import Searched
from search.campaign import Campaign
from search.mirror.campaign_page import CAMPAIGN_FILE, LESIONS_FILE, PAGE_TAG
from search.mirror.runs import (
    CAMPAIGN_TAG,
    EPOCH_METRICS,
    MOTIFS_BETWEEN,
    MOTIFS_TAG,
    NAME_TAG,
    NOTE_TAG,
    RECORDED,
    SCORES,
    STEP_METRIC,
    WORDS_TAG,
    former_parameter_name,
    parameter_name,
    parameter_value,
)
from search.review.lesions import Lesion
from search.store import Reported, Scalar, State
from space.choices.domains import Categorical, Parameter
from space.documents.bounds import STEPS
from space.documents.files import parse_json
from space.documents.outside import read_bytes, read_markdown
from space.errors import InputError
from space.space import Space
from workers.job import Report

PAGE = 1000
"""Runs of a call that searches."""
RUNS_A_CALL, POINTS_A_CALL = 100, 25_000
"""What one call for the histories of a metric may ask for, and what it answers at most."""
POINT_NODES = 16 * POINTS_A_CALL
"""The most values in such an answer, and in a file of a campaign's page."""
PAGE_BYTES = 64 << 20
"""The largest file of a campaign's page that is read."""

_HISTORIES = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"

_TAGS = {
    "cell": "cell",
    "recurrent": "recurrent",
    "status": "status",
    "reason": "reason",
    "split": "split",
    "origin": "origin",
    "control": "control",
    "family": "family",
    "winner": "winner",
    "digest": "digest",
    "source": "source",
}
"""The tag `ventral.NAME` of each column that is a text."""


def is_address(home: object) -> bool:
    """Whether what was given as a home is the address of a server."""
    return isinstance(home, str) and home.startswith(("http://", "https://"))


def read_mlflow(server: str, campaign: str) -> Searched:
    """What a campaign (an id, or the name of the newest one so called) has found up to now.

    `server` is the address of MLflow, or of `ventral ui`. Raises InputError for a server that
    does not answer, and for a campaign that it does not have or that an earlier version wrote.
    """
    connection = _Connection(server)
    experiment = connection.find_experiment(campaign)
    document, lesions = connection.read_page(experiment)
    runs = connection.read_runs(experiment)
    return assemble(document, lesions, runs, connection.read_curves(runs))


def assemble(
    document: Mapping[str, Any],
    lesions: Sequence[Lesion],
    runs: Sequence[Any],
    curves: Mapping[str, Curves],
) -> Searched:
    """A campaign of its page's document, its lesions, its runs and the points of their metrics.

    Raises InputError for what the mirror does not write.
    """
    where = f"campaign {document['id']}"
    space = Space.parse(document["space"], f"{where}: space")
    records = {run.info.run_id: check_run(run) for run in runs}
    reported = _list_reports(runs, curves)
    last = {one.number: one for one in sorted(reported, key=lambda one: one.report.epoch)}
    named = _name_parameters(space)
    rows = [
        _row(run, records[run.info.run_id], named, reported_of)
        for run, reported_of in _with_reports(runs, reported)
    ]
    rows.sort(key=lambda row: int(row["trial"]))
    return Searched(
        id=document["id"],
        name=document["name"],
        state=_state_of(rows),
        reason=None,
        settings=Campaign.parse(document["document"], where),
        space=space,
        data=document["data"],
        seconds=_seconds_of(rows),
        trials=frames.tabulate_trials(rows),
        reports=frames.tabulate_reports(reported),
        steps=frames.tabulate_steps(last[number] for number in sorted(last)),
        events=pd.DataFrame([], columns=["at", "kind", "detail"]),
        lesions=frames.lesion_frame(lesions),
    )


class _Connection:
    """The calls to one server."""

    def __init__(self, server: str) -> None:
        from mlflow.tracking import MlflowClient

        from search.host.ports import bypass_proxies

        bypass_proxies()
        self._server = server.rstrip("/")
        self._client: Any = MlflowClient(tracking_uri=self._server)

    def find_experiment(self, campaign: str) -> Any:
        """The experiment of a campaign's id, else the newest of its name."""
        known = list(self._pages(self._client.search_experiments))
        by_id = [one for one in known if one.tags.get(CAMPAIGN_TAG) == campaign]
        by_name = [one for one in known if one.tags.get(NAME_TAG) == campaign]
        found = by_id or sorted(by_name, key=lambda one: int(one.creation_time or 0))
        if not found:
            problem = f"MLflow at {self._server} has no such campaign"
            raise InputError(f"campaign {campaign!r}", problem, "name one of its experiments")
        return found[-1]

    def read_page(self, experiment: Any) -> tuple[dict[str, Any], list[Lesion]]:
        """What the campaign's page has: the campaign's documents, and lesions of its trials."""
        pages = self._search(experiment, f"tags.`{PAGE_TAG}` = 'campaign'")
        page = next(pages, None)
        if page is None:
            raise InputError(
                f"experiment {experiment.name!r}",
                f"has no page of its campaign in MLflow at {self._server}: an earlier version "
                "of Ventral wrote it",
                "read it from its home",
            )
        run = page.info.run_id
        there = {file.path for file in self._client.list_artifacts(run)}
        rows = self._read_file(run, LESIONS_FILE) if LESIONS_FILE in there else []
        where = f"experiment {experiment.name!r}"
        return parse_page(self._read_file(run, CAMPAIGN_FILE), where), parse_lesions(rows, where)

    def _read_file(self, run: str, name: str) -> Any:
        """A file of a run, which is JSON."""
        with tempfile.TemporaryDirectory(prefix="ventral-") as folder:
            file = Path(self._client.download_artifacts(run, name, folder))
            return parse_json(read_bytes(file, PAGE_BYTES), name, nodes=POINT_NODES)

    def read_runs(self, experiment: Any) -> list[Any]:
        """The runs of trials."""
        return list(self._search(experiment, "tags.`ventral.trial` != ''"))

    def read_curves(self, runs: Sequence[Any]) -> dict[str, Curves]:
        """All points of the metrics of reports, by run."""
        curves: dict[str, Curves] = defaultdict(Curves)
        for part in _divide(runs):
            keys = {key for run in part for key in run.data.metrics}
            ids = [run.info.run_id for run in part]
            for key in sorted(keys & _METRICS):
                for point in self._histories(ids, key):
                    curves[point["run_id"]].add(
                        _PLAIN.get(key, key), point["step"], point["timestamp"], point["value"]
                    )
        return curves

    def _histories(self, runs: Sequence[str], key: str) -> list[dict[str, Any]]:
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        answer = http_request(
            get_default_host_creds(self._server),
            _HISTORIES,
            "GET",
            params={"run_id": list(runs), "metric_key": key, "max_results": POINTS_A_CALL},
        )
        return parse_points(parse_json(answer.content, self._server, nodes=POINT_NODES))

    def _search(self, experiment: Any, text: str) -> Iterator[Any]:
        return self._pages(
            self._client.search_runs, [experiment.experiment_id], filter_string=text
        )

    def _pages(self, search: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        """All that a search finds. Raises InputError if the server does not answer."""
        from mlflow.exceptions import MlflowException

        token = None
        while True:
            try:
                page = search(*arguments, max_results=PAGE, page_token=token, **options)
            except MlflowException as error:
                problem = str(error).splitlines()[0][:300]
                raise InputError(self._server, problem, "start `ventral ui`, or MLflow") from error
            yield from page
            token = page.token
            if not token:
                return


_PLAIN = {f"test_{key}": key for key in SCORES}
"""Metrics under the names of another split than validation: see search.mirror.runs."""
_METRICS = {*EPOCH_METRICS, "epochs", STEP_METRIC, *_PLAIN}


def _divide(runs: Sequence[Any]) -> Iterator[list[Any]]:
    """The runs in parts, of which no metric has more points than one call answers."""
    part: list[Any] = []
    points = 0
    for run in runs:
        metrics = run.data.metrics
        # Some epochs may be there twice.
        expected = 2 * int(max(metrics.get("epochs", 1), 100))
        if part and (len(part) == RUNS_A_CALL or points + expected > POINTS_A_CALL):
            yield part
            part, points = [], 0
        part.append(run)
        points += expected
    if part:
        yield part


def _list_reports(runs: Sequence[Any], curves: Mapping[str, Curves]) -> list[Reported]:
    """The reports of all runs in the order of their times."""
    reported = [
        one
        for run in runs
        if run.info.run_id in curves
        for one in _read_reports(int(run.data.tags["ventral.trial"]), curves[run.info.run_id])
    ]
    reported.sort(key=lambda one: (one.at, one.number, one.report.epoch))
    return reported


def _read_reports(number: int, curves: Curves) -> Iterator[Reported]:
    """A trial's reports; what was not a finite number is nan."""
    steps = curves.points.get(STEP_METRIC, {})
    newest = max((at for at, _ in steps.values()), default=0)
    accuracy = {step: value for step, (at, value) in steps.items() if at == newest}
    if max(steps, default=0) >= STEPS or min(steps, default=0) < 0:
        raise InputError(f"trial {number}", f"has a metric {STEP_METRIC} of other steps", CURE)
    for epoch, (at, _) in sorted(curves.points.get("epochs", {}).items()):
        values = {
            key: curves.points.get(key, {}).get(epoch, (at, math.nan))[1] for key in EPOCH_METRICS
        }
        known = accuracy if at == newest else {}
        by_step = tuple(known.get(step, math.nan) for step in range(max(known, default=-1) + 1))
        fields: dict[str, Any] = {"epoch": epoch, "accuracy_by_step": by_step} | values
        report = Report.model_construct(**fields)
        yield Reported(number=number, report=report, at=at / 1000, arrived=0)


def _with_reports(
    runs: Iterable[Any], reported: Iterable[Reported]
) -> Iterator[tuple[Any, list[Reported]]]:
    """Each run with the reports of its trial by epoch."""
    by_trial: dict[int, list[Reported]] = defaultdict(list)
    for one in reported:
        by_trial[one.number].append(one)
    for run in runs:
        of_run = by_trial[int(run.data.tags["ventral.trial"])]
        yield run, sorted(of_run, key=lambda one: one.report.epoch)


def _name_parameters(space: Space) -> dict[str, Parameter]:
    """A space's parameters by the names that MLflow has of them, those of before too."""
    named = {former_parameter_name(one.path): one for one in space.parameters}
    return named | {parameter_name(one.path): one for one in space.parameters}


def _row(
    run: Any,
    record: Mapping[str, Any],
    named: Mapping[str, Parameter],
    reported: Sequence[Reported],
) -> dict[str, Any]:
    """A run with its record as `search.review.listing.list_trials` gives a trial."""
    tags, metrics = run.data.tags, run.data.metrics
    last = reported[-1].report if reported else None
    best = [one.report.top1 for one in reported if not math.isnan(one.report.top1)]
    sizes = {name: metrics.get(name) for name in ("parameters", "macs")}
    return {
        "trial": int(tags["ventral.trial"]),
        **{column: tags.get(f"ventral.{name}") or None for column, name in _TAGS.items()},
        "cell": tags.get("ventral.cell", ""),
        **{name: getattr(last, name, None) for name in ("top1", "top5", "loss", "memory_mb")},
        "best": max(best, default=None),
        "epochs": last.epoch if last else 0,
        "seconds": last.seconds if last else 0.0,
        **{name: None if size is None else int(size) for name, size in sizes.items()},
        "seed": int(tags["ventral.seed"]),
        **{name: record.get(name) for name in RECORDED},
        "motifs": tuple(filter(None, tags.get(MOTIFS_TAG, "").split(MOTIFS_BETWEEN))),
        "tags": tuple(filter(None, tags.get(WORDS_TAG, "").split(MOTIFS_BETWEEN))),
        "note": read_markdown(tags.get(NOTE_TAG, "")),
        "choices": _read_choices(run.data.params, named),
    }


def _read_choices(
    parameters: Mapping[str, str], named: Mapping[str, Parameter]
) -> dict[str, Scalar]:
    """Parameters as the choices that they are; of what is none of the space's (a control's), by
    the way in which paths are written.
    """
    choices: dict[str, Scalar] = {}
    for name, text in parameters.items():
        parameter = named.get(name)
        if parameter is None:
            path = re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", name).replace(" to ", "->")
            choices[path] = _read_value(text)
        elif isinstance(parameter.domain, Categorical):
            options = {parameter_value(one): one for one in parameter.domain.options}
            choices[parameter.path] = options.get(text, text)
        else:
            choices[parameter.path] = _read_value(text)
    return choices


def _read_value(text: str) -> Scalar:
    try:
        value: Scalar = json.loads(text)
    except ValueError:
        return text
    return value


def _state_of(rows: Sequence[Mapping[str, Any]]) -> State:
    """Whether it runs, as far as MLflow can say: a trial is shown as running only while it is."""
    statuses = {row["status"] for row in rows}
    if "running" in statuses:
        return "running"
    return "stopped" if "waiting" in statuses else "finished"


def _seconds_of(rows: Sequence[Mapping[str, Any]]) -> float:
    """From the first trial to the end of the last one: pauses between drivers included."""
    begun = [row["created"] for row in rows if row["created"] is not None]
    ended = [row["ended"] for row in rows if row["ended"] is not None]
    return max(0.0, max(ended) - min(begun)) if begun and ended else 0.0
