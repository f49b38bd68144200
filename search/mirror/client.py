"""The few calls of MLflow's client that the mirror makes.

MLflow is imported when a `Client` is made, which takes seconds: in the mirror's thread.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from search.host.home import Home
from search.mirror import database
from search.mirror.experiments import experiment_name, experiment_tags
from search.mirror.runs import (
    CAMPAIGN_TAG,
    FAILURE,
    KEY_TAG,
    NAME_TAG,
    NOTE_TAG,
    PASSING,
    REASON,
    MlflowRun,
    Point,
    campaign_tags,
)
from search.store import Campaign, Outgoing

PARAMETERS_A_CALL, METRICS_A_CALL = 100, 900
"""MLflow's limits: 100 parameters, 100 tags and 1000 things in all."""

_REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")
"""MLflow's error codes for a run whose content it refuses."""
_DAMAGED = ("malformed", "not a database")
"""Parts of SQLite's message on a damaged file; MLflow passes it on with such a code."""

_PATIENCE = {
    # Retrying is the mirror's own business; a call that hangs must not delay the end.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}

Item = TypeVar("Item")


class Client:
    """The few calls of MLflow that the mirror makes. Made in the thread: imports MLflow."""

    def __init__(self, uri: str, files: Callable[[str], Path] | None) -> None:
        """`files` gives the folder of a run's files; None if a server takes them."""
        for name, value in (database.QUIET | _PATIENCE).items():
            os.environ.setdefault(name, value)
        import mlflow.entities as entities
        from mlflow.tracking import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._entities: Any = entities
        self._client: Any = MlflowClient(tracking_uri=uri)
        self._files = files

    def close(self) -> None:
        """Close the database's file, which MLflow keeps open even after it was replaced."""
        store = getattr(getattr(self._client, "_tracking_client", None), "store", None)
        if (engine := getattr(store, "engine", None)) is not None:
            engine.dispose()

    @property
    def writes_files(self) -> bool:
        """Whether runs' files are written straight to their place, and not through a server."""
        return self._files is not None

    def named_experiment(self, name: str, artifact_location: str | None, note: str) -> str:
        """The id of an experiment that is of no campaign, made if it is not there."""
        existing = self._client.get_experiment_by_name(name)
        if existing is None:
            tags = {"mlflow.experimentKind": "custom_model_development", NOTE_TAG: note}
            created = self._client.create_experiment(
                name, artifact_location=artifact_location, tags=tags
            )
            return str(created)
        if existing.lifecycle_stage != "active":
            self._client.restore_experiment(existing.experiment_id)
        return str(existing.experiment_id)

    def experiment(self, campaign: Campaign, artifact_location: str | None) -> tuple[str, bool]:
        """The id of the campaign's experiment, and whether it had to be made."""
        name, tags = experiment_name(campaign), experiment_tags(campaign)
        existing = self._client.get_experiment_by_name(name) or self._find_renamed(campaign)
        if existing is None:
            created = self._client.create_experiment(
                name, artifact_location=artifact_location, tags=tags
            )
            return str(created), True
        experiment = str(existing.experiment_id)
        if existing.lifecycle_stage != "active":
            self._client.restore_experiment(experiment)
        self.complete(experiment, tags)
        return experiment, False

    def _find_renamed(self, campaign: Campaign) -> Any | None:
        """The experiment of a campaign that has another name by now."""
        if campaign.experiment is None:
            return None
        experiment = self._own(campaign.experiment, campaign.id)
        if experiment is not None and experiment.lifecycle_stage == "active":
            self.name_experiment(str(experiment.experiment_id), campaign)
        return experiment

    def _own(self, experiment: str, campaign_id: str) -> Any | None:
        """The experiment of that id, if there is one and it is the campaign's."""
        try:
            known = self._client.get_experiment(experiment)
        except Exception as error:
            if getattr(error, "error_code", None) in ("RESOURCE_DOES_NOT_EXIST", *_REFUSALS):
                return None
            raise
        return known if known.tags.get(CAMPAIGN_TAG) == campaign_id else None

    def name_experiment(self, experiment: str, campaign: Campaign) -> None:
        """Give an experiment the name that its campaign has now."""
        known = self._client.get_experiment(experiment)
        name, written = experiment_name(campaign), campaign_tags(campaign)[NAME_TAG]
        if known.name != name:
            self._client.rename_experiment(experiment, name)
        if known.tags.get(NAME_TAG) != written:
            self._client.set_experiment_tag(experiment, NAME_TAG, written)

    def tag_experiment(self, experiment: str, tags: Mapping[str, str]) -> None:
        """Set tags of an experiment."""
        for key, value in tags.items():
            self._client.set_experiment_tag(experiment, key, value)

    def delete_experiment(self, experiment: str, campaign_id: str) -> None:
        """Delete a campaign's experiment with its runs, if there is one that is not deleted."""
        known = self._own(experiment, campaign_id)
        if known is not None and known.lifecycle_stage == "active":
            self._client.delete_experiment(experiment)

    def complete(self, experiment: str, tags: Mapping[str, str]) -> None:
        """Give an experiment those of the tags that it lacks: what people wrote there stays."""
        present = self._client.get_experiment(experiment).tags
        for key in sorted(tags.keys() - present.keys()):
            self._client.set_experiment_tag(experiment, key, tags[key])

    def writable(self, run_id: str) -> bool:
        """Whether a run is there and not deleted."""
        try:
            return str(self._client.get_run(run_id).info.lifecycle_stage) == "active"
        except Exception as error:
            if getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise

    def find(self, experiment: str, key: str) -> str | None:
        """The oldest run with that key."""
        runs = self._client.search_runs(
            [experiment],
            filter_string=f"tags.`{KEY_TAG}` = '{key}'",
            order_by=["attributes.start_time ASC"],
            max_results=1,
        )
        return runs[0].info.run_id if runs else None

    def locate(self, experiment: str, key: str, entry: Outgoing) -> str | None:
        """The run to write a trial into; None if one has to be made."""
        run_id = entry.run
        if run_id is None and entry.doubtful:
            run_id = self.find(experiment, key)
        # If somebody removed it, the trial still has to be seen.
        return run_id if run_id is not None and self.writable(run_id) else None

    def running(self, experiment: str) -> Iterator[tuple[str, str]]:
        """(run, key) of every run that MLflow shows as running."""
        token = None
        while True:
            page = self._client.search_runs(
                [experiment],
                filter_string="attributes.status = 'RUNNING'",
                max_results=1000,
                page_token=token,
            )
            for run in page:
                yield run.info.run_id, run.data.tags.get(KEY_TAG, "")
            token = page.token
            if not token:
                return

    def discard(self, run_id: str) -> None:
        """End and remove a run that is one too many."""
        self._client.set_terminated(run_id, status="KILLED")
        self._client.delete_run(run_id)

    def write(self, experiment: str, run: MlflowRun, run_id: str | None) -> str:
        """Write a whole run, into the run `run_id` if there is one. The status comes last."""
        files, made = run.files, run_id is None
        if run_id is None:
            new_run = self._client.create_run(
                experiment, start_time=run.started, tags=run.tags, run_name=run.name
            )
            run_id = str(new_run.info.run_id)
            tags: dict[str, str] = {}
        else:
            known = self._client.get_run(run_id).data.tags
            # What is no longer true of a trial that was tried again.
            stale = {key: "" for key in PASSING if known.get(key) and key not in run.tags}
            tags = stale | run.tags | {"mlflow.runName": run.name}
            if REASON in stale:
                files = {FAILURE: ""} | files
        self._log(run_id, run, tags)
        if files:
            self.upload(run_id, files)
        if run.ended is not None:
            self._client.set_terminated(run_id, status=run.status, end_time=run.ended)
        elif not (made and run.status == "RUNNING"):
            self._client.update_run(run_id, status=run.status)
        return run_id

    def extend(self, run_id: str, points: Sequence[Point]) -> None:
        """Add points to a run's curves."""
        metrics = [self._entities.Metric(p.key, p.value, p.at, p.step) for p in points]
        for part in _parts(metrics, METRICS_A_CALL):
            self._client.log_batch(run_id, metrics=part)

    def _log(self, run_id: str, run: MlflowRun, tags: dict[str, str]) -> None:
        kinds = self._entities
        parameters = [kinds.Param(key, value) for key, value in run.parameters.items()]
        metrics = [kinds.Metric(p.key, p.value, p.at, p.step) for p in run.metrics]
        marks = [kinds.RunTag(key, value) for key, value in tags.items()]
        # Nearly always one call.
        for part in _parts(parameters, PARAMETERS_A_CALL)[1:]:
            self._client.log_batch(run_id, params=part)
        for part in _parts(metrics, METRICS_A_CALL - PARAMETERS_A_CALL)[1:]:
            self._client.log_batch(run_id, metrics=part)
        self._client.log_batch(
            run_id,
            metrics=metrics[: METRICS_A_CALL - PARAMETERS_A_CALL],
            params=parameters[:PARAMETERS_A_CALL],
            tags=marks,
        )

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run."""
        self._client.log_batch(run_id, tags=[self._entities.RunTag(*tag) for tag in tags.items()])

    def has_file(self, run_id: str, name: str) -> bool:
        """Whether a file lies at the top of a run's files."""
        if self._files is not None:
            return (self._files(run_id) / name).is_file()
        return any(one.path == name for one in self._client.list_artifacts(run_id))

    def upload(self, run_id: str, files: Mapping[str, str]) -> None:
        """Write files of a run: name -> text."""
        if self._files is not None:
            _write_files(self._files(run_id), files)
            return
        with tempfile.TemporaryDirectory(prefix="ventral-") as folder:
            _write_files(Path(folder), files)
            self._client.log_artifacts(run_id, folder)


def open_client(home: Home, campaign_id: str) -> Client:
    """The client of a home's MLflow, for the runs of one campaign."""
    return _open(home, lambda run_id: home.run_files(campaign_id, run_id))


def open_scores_client(home: Home) -> Client:
    """The client of a home's MLflow, for runs that are of no campaign."""
    return _open(home, home.score_files)


def _open(home: Home, files: Callable[[str], Path]) -> Client:
    scheme, separator, _ = home.tracking_uri.partition("://")
    # Without a server that takes runs' files and decides where they are, we write them.
    direct = bool(separator) and scheme not in ("http", "https")
    return Client(home.tracking_uri, files if direct else None)


def is_refusal(error: Exception) -> bool:
    """Whether MLflow refused what it was given, and will again; it can be reached."""
    if any(sign in str(error) for sign in _DAMAGED):
        return False
    return getattr(error, "error_code", None) in _REFUSALS


def _write_files(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _parts(items: Sequence[Item], size: int) -> list[list[Item]]:
    queue = iter(items)
    return list(iter(lambda: list(islice(queue, size)), []))
