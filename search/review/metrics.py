"""A driver's metrics for Prometheus: what it exports, and the small server that answers scrapes.

All values come from the store, read in the thread that answers: the driver's own thread does
nothing for them, and a read is kept for SHARE times as long as it took, so that a large campaign
and many scrapers cost the driver's process next to nothing.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from search.host.ports import LOOPBACK, http_address
from search.review.listing import read_name
from search.review.progress import read_budget, used_budget
from search.store import CONTROL, Store
from space.errors import InputError, VentralError

log = logging.getLogger(__name__)

LEAST_SECONDS = 1.0
"""A read of the store is kept at least for so long."""
SHARE = 20
"""It is kept for so many times the time that it took: reading takes at most a part of 1/20."""

Samples = Mapping[tuple[str, ...], float]
"""Values by the values of a metric's labels."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A metric that is exported. Each has the label `campaign`, and its own `labels` after it."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    labels: tuple[str, ...] = ()


STORE_UP = Exported(
    name="ventral_store_up", kind="gauge", help="Whether the store could be read: 1 or 0."
)

EXPORTED = (
    Exported(
        name="ventral_campaign_info",
        kind="gauge",
        help="Always 1; the campaign's name, sampler and scheduler.",
        labels=("name", "sampler", "scheduler"),
    ),
    Exported(
        name="ventral_campaign_state",
        kind="gauge",
        help="1 for the state in which the campaign is.",
        labels=("state",),
    ),
    Exported(
        name="ventral_trials", kind="gauge", help="Trials by their status.", labels=("status",)
    ),
    Exported(
        name="ventral_queue_trials",
        kind="gauge",
        help="Trials still to be trained: waiting for a worker, or of the budget and open yet.",
        labels=("stage",),
    ),
    Exported(
        name="ventral_failed_trials",
        kind="gauge",
        help="Failed trials by the kind of their failure.",
        labels=("kind",),
    ),
    Exported(
        name="ventral_attempts_total",
        kind="counter",
        help="Starts of trials that are over, by how they ended; lost ones lost their worker.",
        labels=("end",),
    ),
    Exported(
        name="ventral_epochs_total",
        kind="counter",
        help="Epochs that were trained, repeated ones too; its rate is epochs a second.",
    ),
    Exported(
        name="ventral_repeated_epochs_total",
        kind="counter",
        help="Epochs that were trained again after a worker was lost.",
    ),
    Exported(
        name="ventral_device_seconds_total",
        kind="counter",
        help="Seconds that devices (GPUs, or cores of campaigns without) were held by trials.",
    ),
    Exported(
        name="ventral_devices_in_use", kind="gauge", help="Devices that trials hold at the moment."
    ),
    Exported(
        name="ventral_best_score",
        kind="gauge",
        help="The best score of a searched network, as a fraction.",
    ),
    Exported(
        name="ventral_budget_used",
        kind="gauge",
        help="What is used of the budget, in the units of the campaign's file.",
        labels=("part",),
    ),
    Exported(
        name="ventral_budget_left",
        kind="gauge",
        help="What is left of those parts of the budget that have a bound.",
        labels=("part",),
    ),
    Exported(
        name="ventral_mirror_unsent_trials",
        kind="gauge",
        help="Ended trials that are not in MLflow yet.",
    ),
    Exported(
        name="ventral_mirror_lag_seconds",
        kind="gauge",
        help="How long ago the trial ended that has waited longest for MLflow; 0 if none waits.",
    ),
    Exported(
        name="ventral_mirror_failing",
        kind="gauge",
        help="Whether MLflow last refused records or was away: 1 or 0.",
    ),
    Exported(
        name="ventral_heartbeat_timestamp_seconds",
        kind="gauge",
        help="The driver's last sign of life, in seconds since 1970.",
    ),
)


def read_samples(store: Store, campaign_id: str) -> dict[str, Samples]:
    """The values of all metrics of a campaign, by name. Raises StoreError."""
    record = store.campaigns.get(campaign_id)
    counts, costs = store.results.counts(campaign_id), store.campaigns.ledger(campaign_id)
    budget, oldest = read_budget(record), store.outbox.oldest(campaign_id)
    used = used_budget(record, costs, budget)
    best = store.results.top(campaign_id, 1, without=CONTROL)
    parts = [read_name(record.document.get(key), None) for key in ("sampler", "scheduler")]
    ended = {end: attempts for end, (attempts, _) in costs.by_end.items() if end != "running"}
    values: dict[str, float | None] = {
        "ventral_epochs_total": costs.epochs,
        "ventral_repeated_epochs_total": costs.repeated,
        "ventral_device_seconds_total": costs.device_seconds,
        "ventral_devices_in_use": costs.running_devices,
        "ventral_best_score": best[0].top1 if best else None,
        "ventral_mirror_unsent_trials": store.outbox.backlog(campaign_id),
        "ventral_mirror_lag_seconds": 0.0 if oldest is None else max(0.0, time.time() - oldest),
        "ventral_mirror_failing": float(store.outbox.mirror_error(campaign_id) is not None),
        "ventral_heartbeat_timestamp_seconds": record.heartbeat,
    }
    return {
        "ventral_campaign_info": {(record.name, *parts): 1.0},
        "ventral_campaign_state": {(record.state,): 1.0},
        "ventral_trials": _by_label(counts),
        "ventral_queue_trials": {
            ("waiting",): float(counts["waiting"]),
            ("open",): max(0.0, budget.trials - costs.trials),
        },
        "ventral_failed_trials": _by_label(store.results.failures(campaign_id)),
        "ventral_attempts_total": _by_label(ended),
        "ventral_budget_used": _by_label({part: amount for part, (amount, _) in used.items()}),
        "ventral_budget_left": _by_label(
            {
                part: max(0.0, cap - so_far)
                for part, (so_far, cap) in used.items()
                if cap is not None
            }
        ),
        **{name: {(): value} for name, value in values.items() if value is not None},
    }


def _by_label(values: Mapping[Any, float]) -> Samples:
    return {(str(label),): float(value) for label, value in values.items()}


class CampaignCollector(Collector):
    """The metrics of one campaign, read when they are asked for."""

    def __init__(
        self, store: Store, campaign_id: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._campaign_id, self._clock = store, campaign_id, clock
        self._guard = threading.Lock()
        self._samples: dict[str, Samples] | None = None
        self._keep_until = float("-inf")

    def describe(self) -> Iterable[Metric]:
        """The metrics without values, so that registering reads nothing."""
        return [_family(one) for one in (STORE_UP, *EXPORTED)]

    def collect(self) -> Iterator[Metric]:
        """The metrics; of a store that cannot be read only that."""
        samples = self._read()
        up = _family(STORE_UP)
        up.add_metric([self._campaign_id], float(samples is not None))
        yield up
        if samples is None:
            return
        for exported in EXPORTED:
            family = _family(exported)
            for labels, value in samples.get(exported.name, {}).items():
                family.add_metric([self._campaign_id, *labels], value)
            yield family

    def _read(self) -> dict[str, Samples] | None:
        """What the store says, or said a moment ago; None if it cannot be read."""
        with self._guard:
            began = self._clock()
            if began >= self._keep_until:
                try:
                    self._samples = read_samples(self._store, self._campaign_id)
                except VentralError:
                    log.debug("the store cannot be read for metrics", exc_info=True)
                    self._samples = None
                now = self._clock()
                self._keep_until = now + max(LEAST_SECONDS, SHARE * (now - began))
            return self._samples


def _family(exported: Exported) -> GaugeMetricFamily | CounterMetricFamily:
    make = CounterMetricFamily if exported.kind == "counter" else GaugeMetricFamily
    return make(exported.name, exported.help, labels=["campaign", *exported.labels])


def parse_metrics_address(text: str) -> tuple[str, int]:
    """Host and port of `PORT` (on loopback) or `HOST:PORT`. Raises InputError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdigit() and int(port) < 1 << 16) or (colon and not host):
        cure = f"write a port, or HOST:PORT to be reached from outside: 9464, {LOOPBACK}:9464"
        raise InputError("--metrics", f"{text!r} is no port", cure)
    return host or LOOPBACK, int(port)


@contextmanager
def serve_metrics(store: Store, campaign_id: str, place: tuple[str, int]) -> Iterator[str | None]:
    """Answer scrapes at host and port in a thread; gives the address. None, with a warning in the
    log, if nothing can listen there: a campaign goes on without.
    """
    host, port = place
    registry = CollectorRegistry()
    registry.register(CampaignCollector(store, campaign_id))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        log.warning("no metrics: nothing can listen on port %d of %s (%s)", port, host, error)
        yield None
        return
    try:
        yield f"{http_address(host, server.server_port)}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
