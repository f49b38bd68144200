"""The mirror: what the store knows of a campaign's trials, sent to MLflow.

The store is the truth; MLflow is where people look at it. A trial that has ended lies in the
store's outbox until its run has arrived, one run a trial, written in one batch by one thread
(of a process of its own, see `search.mirror.mirroring`), so that the driver never waits for MLflow
and goes on without it.

Nothing is lost and nothing doubled, wherever the process dies: the store notes that a run is
about to be made (`sending`) before it is made, and after a crash the mirror looks for a run with
the trial's key before making one; writing the same run once more changes nothing.

MLflow is imported in the thread alone (it takes seconds).
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from search.home import Home, same_tracking
from search.mirror import database
from search.mirror.runs import (
    FAILURE,
    KEY_TAG,
    NOTE_TAG,
    PASSING,
    REASON,
    Run,
    experiment_name,
    experiment_note,
    experiment_tags,
    run_key,
    run_of,
)
from search.ports import bypass_proxies
from search.store import Campaign, Outgoing, Store
from space.documents.outside import redact
from space.errors import VentralError

log = logging.getLogger(__name__)

BATCH = 25
"""Trials a round: how many may have to be looked for after a crash."""
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
"""Seconds between tries while MLflow is away."""
PARAMETERS_A_CALL, METRICS_A_CALL = 100, 900
"""MLflow's limits: 100 parameters, 100 tags and 1000 things in all."""

REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")
"""What MLflow answers to a run that it does not take for what is in it."""
DAMAGED = ("malformed", "not a database")
"""What SQLite says of a file that is damaged; MLflow passes it on as such an answer."""

_PATIENCE = {
    # Retrying is the mirror's own business; a call that hangs must not hold the end up.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """Where the mirror stands: trials not sent yet, and why not (None if nothing is wrong)."""

    left: int
    error: str | None
    experiment: str | None


class Mirror:
    """Sends one campaign's ended trials to MLflow from a thread of its own.

    `start()` once, `notify()` whenever a trial has ended, `close(timeout)` at the end. Only the
    campaign's driver may run one: two at once could make a run twice.
    """

    def __init__(
        self, store: Store, home: Home, campaign_id: str, tracking_uri: str | None = None
    ) -> None:
        self._store, self._campaign_id = store, campaign_id
        self._home = replace(home, tracking_uri=tracking_uri or home.tracking_uri)
        self._work = threading.Event()
        self._closing = threading.Event()
        self._deadline = float("inf")
        self._error: str | None = None
        self._experiment: str | None = None
        # Trials that MLflow refused for what they are: no reason to hold up the others.
        self._refused: set[int] = set()
        self._thread = threading.Thread(target=self._run, name="mlflow-mirror", daemon=True)

    def start(self) -> Mirror:
        """Begin to send, what an earlier process left first."""
        bypass_proxies()
        self._work.set()
        self._thread.start()
        return self

    def notify(self) -> None:
        """There is something new in the outbox. Returns at once."""
        self._work.set()

    @property
    def backlog(self) -> Backlog:
        """Where the mirror stands now."""
        left = self._store.backlog(self._campaign_id)
        return Backlog(left=left, error=self._error, experiment=self._experiment)

    def close(self, timeout: float = 30.0) -> Backlog:
        """Send what is left, for at most `timeout` seconds; the rest arrives at the next start."""
        self._deadline = time.monotonic() + timeout
        self._closing.set()
        self._work.set()
        if self._thread.is_alive():
            self._thread.join(timeout + 1.0)
        return self.backlog

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        client: _Client | None = None
        delay = FIRST_DELAY
        while True:
            self._work.wait()
            self._work.clear()
            try:
                if client is None:
                    client = self._connect()
                self._send_all(client)
                self._recover()
                delay = FIRST_DELAY
            except Exception as error:
                # Whatever is wrong with MLflow, the campaign goes on.
                log.debug("the mirror starts anew", exc_info=True)
                self._report(error)
                # A database that moved or was made anew is found by connecting again.
                if client is not None:
                    client.close()
                client = None
                self._pause(delay)
                delay = min(2 * delay, LONGEST_DELAY)
                self._work.set()
            all_sent = self._error is None and not self._work.is_set()
            if self._closing.is_set() and (all_sent or self._late()):
                if client is not None:
                    client.close()
                return

    def _late(self) -> bool:
        return time.monotonic() >= self._deadline

    def _pause(self, delay: float) -> None:
        """Wait before the next try; while closing, try each second until the deadline."""
        if self._closing.is_set():
            time.sleep(max(0.0, min(1.0, self._deadline - time.monotonic())))
        else:
            self._closing.wait(delay)

    def _recover(self) -> None:
        """MLflow took all there was, whatever an earlier mirror had to say."""
        away = self._error is not None or self._store.mirror_error(self._campaign_id) is not None
        if away and not self._refused:
            self._store.event(self._campaign_id, "mirror-back")
        self._error = None

    def _report(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        text = redact(text.replace(self._home.tracking_uri, self._home.tracking_shown))[:500]
        if self._error is None:
            log.warning("MLflow does not take records now (%s); the campaign goes on", text)
            with suppress(VentralError):
                self._store.event(self._campaign_id, "mirror-away", {"error": text})
        self._error = text

    def _connect(self) -> _Client:
        campaign = self._store.campaign(self._campaign_id)
        uri, where = self._home.tracking_uri, self._home.tracking_shown
        aside = database.prepare(self._home, lambda: resend_lost(self._store, self._home))
        if aside is not None:
            log.warning("MLflow's database was broken and is now %s; a new one is filled", aside)
            self._store.event(campaign.id, "mirror-renewed", {"aside": str(aside)})
        with database.no_strays(uri):
            client = _Client(uri, self._files if self._is_database else None)
            location = database.ARTIFACTS + campaign.id if self._is_database else None
            self._experiment, anew = client.experiment(campaign, location)
        self._store.set_experiment(campaign.id, where, self._experiment, anew=anew)
        self._reconcile(client)
        return client

    @property
    def _is_database(self) -> bool:
        """Whether there is no server that takes runs' files and decides where they are."""
        scheme, found, _ = self._home.tracking_uri.partition("://")
        return bool(found) and scheme not in ("http", "https")

    def _files(self, run_id: str) -> Path:
        return self._home.run_files(self._campaign_id, run_id)

    def _send_all(self, client: _Client) -> None:
        while not self._late():
            outbox = [
                entry
                for entry in self._store.outbox(self._campaign_id, BATCH + len(self._refused))
                if entry.number not in self._refused
            ]
            if not outbox:
                return
            campaign = self._store.campaign(self._campaign_id)
            self._store.sending(campaign.id, [entry.number for entry in outbox])
            sent: dict[int, tuple[str, int]] = {}
            try:
                for entry in outbox:
                    if self._late():
                        break
                    run_id = self._send(client, campaign, entry)
                    if run_id is not None:
                        sent[entry.number] = run_id, entry.version
            finally:
                self._store.mirrored(campaign.id, sent)

    def _send(self, client: _Client, campaign: Campaign, entry: Outgoing) -> str | None:
        """Write one trial's run and give its id; None if MLflow will never take it as it is."""
        trial = self._store.trial(campaign.id, entry.number)
        run = run_of(campaign, trial, self._store.reports(campaign.id, entry.number))
        experiment, run_id = str(self._experiment), entry.run
        try:
            if run_id is None and entry.doubtful:
                run_id = client.find(experiment, run_key(campaign.id, entry.number))
            if run_id is not None and not client.writable(run_id):
                # Somebody removed it; the trial still has to be seen.
                run_id = None
            return client.write(experiment, run, run_id)
        except Exception as error:
            damaged = any(sign in str(error) for sign in DAMAGED)
            if damaged or getattr(error, "error_code", None) not in REFUSALS:
                raise
            # No reason to hold up the others, nor to ask again before the next start.
            self._refused.add(entry.number)
            detail = {"trial": entry.number, "error": redact(str(error))[:500]}
            log.warning("MLflow refuses trial %(trial)d: %(error)s", detail)
            self._store.event(campaign.id, "mirror-refused", detail)
            return None

    def _reconcile(self, client: _Client) -> None:
        """No run of ours may stay RUNNING: each is sent again, or ended if it is one too many."""
        known = self._store.runs(self._campaign_id)
        for run_id, key in client.running(str(self._experiment)):
            owner, _, number = key.rpartition("/")
            if owner != self._campaign_id or not number.isdigit():
                continue
            if known.get(int(number), run_id) == run_id:
                self._store.resend(self._campaign_id, int(number))
            else:
                client.discard(run_id)


def resend_lost(store: Store, home: Home) -> None:
    """Nothing that was sent to the home's MLflow is there any more, of whatever campaign."""
    known = store.campaigns()
    store.resend_all([one.id for one in known if same_tracking(one.tracking, home.tracking_uri)])


class _Client:
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
        """Let the database's file go: MLflow holds it open, even where another took its place."""
        store = getattr(getattr(self._client, "_tracking_client", None), "store", None)
        if (engine := getattr(store, "engine", None)) is not None:
            engine.dispose()

    def experiment(self, campaign: Campaign, artifact_location: str | None) -> tuple[str, bool]:
        """The id of the campaign's experiment, and whether it had to be made."""
        name, tags = experiment_name(campaign), experiment_tags(campaign)
        found = self._client.get_experiment_by_name(name)
        if found is None:
            made = self._client.create_experiment(
                name, artifact_location=artifact_location, tags=tags
            )
            experiment, held = str(made), set(tags)
        else:
            experiment, held = str(found.experiment_id), set(found.tags)
            if found.lifecycle_stage != "active":
                self._client.restore_experiment(experiment)
        tags[NOTE_TAG] = experiment_note(campaign, experiment)
        for key in tags.keys() - held:
            self._client.set_experiment_tag(experiment, key, tags[key])
        return experiment, found is None

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
        found = self._client.search_runs(
            [experiment],
            filter_string=f"tags.`{KEY_TAG}` = '{key}'",
            order_by=["attributes.start_time ASC"],
            max_results=1,
        )
        return found[0].info.run_id if found else None

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

    def write(self, experiment: str, run: Run, run_id: str | None) -> str:
        """Write a whole run, into the run `run_id` if there is one. The status comes last."""
        files = run.files
        if run_id is None:
            made = self._client.create_run(
                experiment, start_time=run.started, tags=run.tags, run_name=run.name
            )
            run_id = str(made.info.run_id)
            tags: dict[str, str] = {}
        else:
            known = self._client.get_run(run_id).data.tags
            # What is no longer true of a trial that was tried again.
            stale = {key: "" for key in PASSING if known.get(key) and key not in run.tags}
            tags = stale | run.tags | {"mlflow.runName": run.name}
            if REASON in stale:
                files = {FAILURE: ""} | files
        self._log(run_id, run, tags)
        self._upload(run_id, files)
        self._client.set_terminated(run_id, status=run.status, end_time=run.ended)
        return run_id

    def _log(self, run_id: str, run: Run, tags: dict[str, str]) -> None:
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

    def _upload(self, run_id: str, files: dict[str, str]) -> None:
        if self._files is not None:
            _write_files(self._files(run_id), files)
            return
        with tempfile.TemporaryDirectory(prefix="ventral-") as folder:
            _write_files(Path(folder), files)
            self._client.log_artifacts(run_id, folder)


def _write_files(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _parts(items: Sequence[Item], size: int) -> list[list[Item]]:
    queue = iter(items)
    return list(iter(lambda: list(islice(queue, size)), []))
