"""Where a campaign's trials run, and how many at once: this machine, or a running Ray cluster."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from search.assign.setting import Setting
from search.assign.shares import Share
from search.assign.stopping import Stop
from search.campaign import Campaign
from search.host.home import Home, Process
from search.host.machine import Machine, largest, machine, together
from search.store import ShareClaim
from search.tune import cluster
from search.tune.cluster import Ground
from search.tune.joining import survey
from space.documents.outside import printable, redact
from space.errors import CampaignError, VentralError
from workers.storage.probing import probe_storage

LEAVING_PATIENCE = 10.0
"""Seconds to leave a cluster that broke down."""


def largest_offer(address: str | None) -> Machine:
    """The most that one trial can have: this machine, or the largest nodes of a cluster."""
    return machine() if address is None else largest(survey(address))


def check_files(home: Home, address: str | None, storage: str | None) -> None:
    """Raise InputError where trials could not write: if this machine, or a node of the cluster at
    `address`, does not reach the storage; without one, if a node does not see the home.
    """
    if storage is not None:
        probe_storage(storage)
    if address is not None:
        survey(address, home.ensure() if storage is None else storage)


def total_offer(address: str | None) -> Machine:
    """All that trials can have together: this machine, or the nodes of a cluster."""
    return machine() if address is None else together(survey(address))


@contextlib.contextmanager
def open_ground(
    setting: Setting, record: Path, switch: Stop, keep_error: Callable[[VentralError], None]
) -> Iterator[Ground]:
    """A place for trials: a cluster of this run's own, or the one at the setting's address.

    `record` is the file that says what is left if this process is killed (tune/remains.py).
    A cluster that breaks down throws `switch`; if the main thread cannot leave it then, the error
    is handed to `keep_error` and the process ends with code 1. Raises CampaignError if no node
    has room for a trial, InputError or VentralError if the cluster cannot be used.
    """
    has_left = threading.Event()
    reached: Ground | None = None

    def leave(error: VentralError) -> None:
        failure = type(error)(f"{error}; go on with `ventral resume {setting.campaign_id}`")
        switch.break_off(failure)
        if has_left.wait(LEAVING_PATIENCE):
            return
        # The main thread hangs in Ray, which will end the process in less than a minute.
        keep_error(failure)
        with contextlib.suppress(Exception):
            if reached is not None:
                reached.remains.end()
                reached.remains.forget(record)
        print(redact(printable(f"error: {failure}")), file=sys.stderr, flush=True)
        os._exit(1)

    if setting.address is None:
        here = machine()
        opening = cluster.local(record, here, count_slots(setting.campaign, [here]), leave)
    else:
        folder = setting.home.ensure(record.parent)
        opening = cluster.join(setting.address, record, folder, leave, setting.storage)
    try:
        with opening as ground:
            reached = ground
            if count_slots(setting.campaign, ground.machines) == 0:
                needs = setting.campaign.resources
                of = f" of type {needs.accelerator}" if needs.accelerator else ""
                raise CampaignError(
                    "resources",
                    f"no node of the cluster has {needs.cpus:g} cores and {needs.gpus:g} GPUs{of}",
                    "ask for less, or start a node that has them",
                )
            yield ground
    finally:
        has_left.set()


def share_ground(
    setting: Setting, pulse: Callable[[], object], ground: Ground, slots: int
) -> Callable[[int], bool]:
    """A function that says whether one more trial may start, given how many run.

    It counts what other campaigns run at the same place. `pulse` is called while nothing may
    start: Ray asks again and again then, and does nothing else.
    """
    resources = setting.campaign.resources
    claim = ShareClaim(
        campaign=setting.campaign_id,
        priority=setting.campaign.priority,
        cpus=resources.cpus,
        gpus=resources.gpus,
        wanted=slots,
        held=0,
        joined=time.time(),
    )
    place = ground.place or Process.current().host
    share = Share(setting.store, claim, place, together(ground.machines))
    beside: tuple[str, ...] = ()

    def may_start(live: int) -> bool:
        nonlocal beside
        limit = share.limit(live)
        if share.beside != beside:
            beside = share.beside
            setting.tell("sharing", beside=list(beside), allowed=min(limit, slots))
        if not live and not limit:
            pulse()
        return live < limit

    return may_start


def count_slots(campaign: Campaign, machines: Sequence[Machine]) -> int:
    """How many trials run at once: as many as fit, unless the campaign's own limit is less."""
    needs = campaign.resources
    fit = sum(
        machine.slots(needs.cpus, needs.gpus)
        for machine in machines
        if machine.has(needs.accelerator)
    )
    return min(fit, needs.concurrent or fit)
