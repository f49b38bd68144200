"""The mirror: what the store knows of a campaign's trials, sent to MLflow.

The store is the truth; MLflow is where people look at it. A trial that has ended lies in the
store's outbox until its run has arrived, one run a trial, written in one batch by one thread
(of a process of its own, see `search.mirror.mirroring`), so that the driver never waits for MLflow
and goes on without it. Every LOOK_SECONDS the same thread looks at the trials that train, and
shows them (`search.mirror.following`); one that has ended by then is written once only.

Nothing is lost and nothing doubled, wherever the process dies: the store notes that a run is
about to be made (`sending`) before it is made, and after a crash the mirror looks for a run with
the trial's key before making one; writing the same run again changes nothing.

MLflow is imported in the thread alone (it takes seconds).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from search.host.home import Home, same_tracking
from search.host.ports import bypass_proxies
from search.mirror import database
from search.mirror.campaign_page import write_page
from search.mirror.client import Client, is_refusal, open_client
from search.mirror.following import Following
from search.mirror.migrations import refuse_other_schema
from search.mirror.runs import COMPARED_TAG, SPARED_TAG, run_key, run_of
from search.review.comparisons import read_comparisons
from search.review.lesions import read_lesions
from search.review.second_tries import find_second_tries
from search.store import Campaign, Outgoing, Store
from space.documents.outside import redact
from space.errors import VentralError

log = logging.getLogger(__name__)

BATCH = 25
"""Trials a round: how many may have to be looked for after a crash."""
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
"""Seconds between tries while MLflow is away."""
LOOK_SECONDS = 2.0
"""The least time between two looks at the trials that train."""


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """Where the mirror stands: trials not sent yet, and why not (None if nothing is wrong)."""

    unsent: int
    error: str | None
    experiment: str | None


class Mirror:
    """Sends one campaign's trials to MLflow from a thread of its own.

    `start()` once, `notify()` whenever a trial has ended, `close(timeout)` at the end, when no
    trial runs any more. Only the campaign's driver may run one: two at once could make a run
    twice.
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
        # Trials whose content MLflow refused: no reason to delay the others.
        self._refused: set[int] = set()
        self._following: Following | None = None
        self._looked = float("-inf")
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
        unsent = self._store.outbox.backlog(self._campaign_id)
        return Backlog(unsent=unsent, error=self._error, experiment=self._experiment)

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
        client: Client | None = None
        delay = FIRST_DELAY
        while True:
            woken = self._work.wait(LOOK_SECONDS)
            ending = self._closing.is_set()
            if woken:
                # What is notified between the wait's end and here is for the next round.
                self._work.clear()
            try:
                if client is None:
                    client, woken = self._connect(), True
                if woken or ending:
                    self._send_all(client)
                    self._recover()
                self._look(ending=ending)
                delay = FIRST_DELAY
            except Exception as error:
                # Whatever is wrong with MLflow, the campaign goes on.
                log.debug("the mirror connects again", exc_info=True)
                self._report(error)
                # A database that was moved or made again is found by connecting again.
                if client is not None:
                    client.close()
                client = None
                self._pause(delay)
                delay = min(2 * delay, LONGEST_DELAY)
                self._work.set()
            all_sent = self._error is None and not self._work.is_set()
            if (ending and all_sent) or (self._closing.is_set() and self._late()):
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
        """Put on record that MLflow takes records again, if it did not before."""
        away = (
            self._error is not None
            or self._store.outbox.mirror_error(self._campaign_id) is not None
        )
        if away and not self._refused:
            self._store.campaigns.add_event(self._campaign_id, "mirror-back")
        self._error = None

    def _report(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        text = redact(text.replace(self._home.tracking_uri, self._home.tracking_label))[:500]
        if self._error is None:
            log.warning("MLflow does not take records now (%s); the campaign goes on", text)
            with suppress(VentralError):
                self._store.campaigns.add_event(self._campaign_id, "mirror-away", {"error": text})
        self._error = text

    def _connect(self) -> Client:
        campaign = self._store.campaigns.get(self._campaign_id)
        where = self._home.tracking_label
        aside = database.prepare(self._home, lambda: resend_lost(self._store, self._home))
        if aside is not None:
            log.warning("MLflow's database was broken and is now %s; a new one is filled", aside)
            self._store.campaigns.add_event(campaign.id, "mirror-renewed", {"aside": str(aside)})
        refuse_other_schema(self._home.tracking_uri)
        with database.no_strays(self._home.tracking_uri):
            client = open_client(self._home, campaign.id)
            location = database.ARTIFACTS + campaign.id if client.writes_files else None
            self._experiment, anew = client.experiment(campaign, location)
        self._store.campaigns.set_experiment(campaign.id, where, self._experiment, anew=anew)
        self._write_page(client, campaign)
        self._reconcile(client)
        self._following = Following(self._store, client, campaign.id, self._experiment)
        self._looked = float("-inf")
        return client

    def _write_page(self, client: Client, campaign: Campaign) -> None:
        """Bring the campaign's page up to date; no reason not to send its trials."""
        try:
            label = self._store.labels.find(campaign.id)
            lesions = read_lesions(self._store, campaign.id)
            write_page(client, campaign, str(self._experiment), label, lesions)
        except Exception as error:
            if not is_refusal(error):
                raise
            log.warning("MLflow refuses the campaign's page: %s", redact(str(error)))

    def _look(self, *, ending: bool) -> None:
        """Show the trials that train, if it is time to; `ending`: none does any more."""
        assert self._following is not None
        if ending or time.monotonic() - self._looked >= LOOK_SECONDS:
            self._following.follow(ending=ending)
            self._looked = time.monotonic()

    def _send_all(self, client: Client) -> None:
        while not self._late():
            outbox = [
                entry
                for entry in self._store.outbox.pending(
                    self._campaign_id, BATCH + len(self._refused)
                )
                if entry.number not in self._refused
            ]
            if not outbox:
                return
            refuse_other_schema(self._home.tracking_uri)
            campaign = self._store.campaigns.get(self._campaign_id)
            compared = read_comparisons(self._store, campaign.id)
            spared = find_second_tries(self._store, campaign.id)
            self._store.outbox.mark_sending(campaign.id, [entry.number for entry in outbox])
            sent: dict[int, tuple[str, int]] = {}
            try:
                for entry in outbox:
                    if self._late():
                        break
                    history = {
                        COMPARED_TAG: compared.get(entry.number, ""),
                        SPARED_TAG: str(spared.get(entry.number, "")),
                    }
                    run_id = self._send(client, campaign, entry, history)
                    if run_id is not None:
                        sent[entry.number] = run_id, entry.version
            finally:
                self._store.outbox.mark_sent(campaign.id, sent)
            if not self._closing.is_set():
                # However much has ended, what trains is seen.
                self._look(ending=False)

    def _send(
        self, client: Client, campaign: Campaign, entry: Outgoing, history: Mapping[str, str]
    ) -> str | None:
        """Write one trial's run and give its id; None if MLflow will never take it as it is."""
        trial = self._store.results.get(campaign.id, entry.number)
        reports = self._store.results.reports(campaign.id, entry.number)
        label = self._store.labels.find(campaign.id, entry.number)
        run = run_of(campaign, trial, reports, history, label)
        experiment = str(self._experiment)
        try:
            run_id = client.locate(experiment, run_key(campaign.id, entry.number), entry)
            if run_id is not None and self._following is not None:
                run = self._following.trim(entry.number, run_id, run)
            return client.write(experiment, run, run_id)
        except Exception as error:
            if not is_refusal(error):
                raise
            # No reason to delay the others, nor to try again before the next start.
            self._refused.add(entry.number)
            detail = {"trial": entry.number, "error": redact(str(error))[:500]}
            log.warning(
                "MLflow refuses trial %(trial)d: %(error)s", detail, extra={"trial": entry.number}
            )
            self._store.campaigns.add_event(campaign.id, "mirror-refused", detail)
            return None

    def _reconcile(self, client: Client) -> None:
        """No run of ours may stay RUNNING: it is sent again, or is looked at as a trial that has
        not ended, or is ended if it is one too many.
        """
        known = self._store.outbox.runs(self._campaign_id)
        for run_id, key in client.running(str(self._experiment)):
            owner, _, number = key.rpartition("/")
            if owner != self._campaign_id or not number.isdigit():
                continue
            if known.get(int(number), run_id) == run_id:
                self._store.outbox.resend(self._campaign_id, int(number))
            else:
                client.discard(run_id)


def resend_lost(store: Store, home: Home) -> None:
    """Nothing that was sent to the home's MLflow is there any more, of whatever campaign."""
    records = store.campaigns.all()
    store.outbox.resend_all(
        [one.id for one in records if same_tracking(one.tracking, home.tracking_uri)]
    )
