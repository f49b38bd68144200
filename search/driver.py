"""Runs a campaign: Ray Tune for the scheduling, the store for the truth.

`submit` puts a campaign on record, `run` runs it to its end or until it is stopped, and running
an interrupted campaign again is how it is resumed: whatever the last driver knew is rebuilt from
the store. A driver may be killed at any moment; the next one ends what is left of its Ray cluster,
repeats no finished trial and continues the others from their checkpoints.

The driver never loads torch, and prints nothing: `listener` receives what happens.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from search.assign.setting import Happening, Listener, Setting
from search.assign.stopping import Halted, Stop
from search.campaign import Campaign, check_resources
from search.host.home import Home, Process
from search.host.places import pack_of
from search.mirror.mirroring import MirrorProcess
from search.run import Run, build_run
from search.store import HEARTBEAT_SECONDS, Status, Store
from search.store import Campaign as Record
from search.tune import remains
from search.tune.cluster import ClusterLost
from search.tune.loop import make_loop
from search.tune.place import count_slots, largest_offer, open_ground, share_ground
from search.tune.ray_internals import survivable
from search.tune.rungs import Rungs
from search.upkeep.openings import record_trainings
from space.errors import DataError, StoreError, VentralError
from space.space import Space
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.publishing import publish_pack
from workers.job import PackRef, Recipe
from workers.trainable import TrialTrainable

log = logging.getLogger(__name__)

CLUSTER = "cluster.json"
"""In the campaign's folder while its driver lives: its Ray cluster's mark (tune/remains.py)."""

SILENCE_HEARTBEATS = 3
"""Heartbeats that a driver of another machine must miss before its campaign is taken over."""

STOPPED_PATIENCE = 5.0
"""Seconds that a stopped campaign waits for its mirror."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """How a run ended; "waiting" if the campaign was only put on record. `trials` counts the
    campaign's trials by status; `unsent` is what the mirror could not send yet.
    """

    campaign_id: str
    state: Literal["waiting", "finished", "stopped", "failed"]
    reason: str | None
    trials: dict[Status, int]
    unsent: int = 0


Prepared = tuple[Pack, Space]
"""A campaign's data, packed, and its space for their images."""


def prepare(campaign: Campaign, home: Home, space: Space | None = None) -> Prepared:
    """The campaign's data, packed, and its space for their images; nothing is put on record.

    `campaign` comes from `search.campaign.load`, which has checked it; `space` is its own, parsed
    here if it is not given. Raises DataError, SpaceError or GenomeError.
    """
    packed = pack(campaign.data, home.ensure(home.data))
    return packed, _fit(space or _parse_space(campaign.space), packed)


def submit(
    campaign: Campaign,
    home: Home,
    store: Store,
    listener: Listener = lambda _happening: None,
    *,
    prepared: Prepared | None = None,
    certifies: str | None = None,
    cloned_from: str | None = None,
    campaign_id: str | None = None,
) -> str:
    """Put the campaign on record; returns its id, a new one unless it is given. `prepared` is the
    result of `prepare`, `certifies` the id of the campaign whose networks it trains again,
    `cloned_from` that of the one like which it was made. Where it has a storage, its data are put
    there first.

    Raises what `prepare` does, StorageError, and StoreError for an id that is on record already.
    """
    listener(Happening(kind="packing"))
    packed, space = prepared or prepare(campaign, home)
    storage = choose_storage(campaign, home, store, certifies)
    url = None if storage is None else publish_pack(packed, storage)
    related = {"certifies": certifies, "cloned_from": cloned_from, "storage": storage, "url": url}
    record = store.campaigns.create(
        campaign.name,
        campaign.document(),
        space.document(),
        _describe_data(packed, campaign.recipe)
        | {key: one for key, one in related.items() if one is not None},
        campaign_id,
    )
    return record.id


def choose_storage(
    campaign: Campaign, home: Home, store: Store, certifies: str | None = None
) -> str | None:
    """The URL at which a new campaign keeps its files: its own, the home's, or that of the
    campaign whose networks it certifies; None where they lie in the home.
    """
    own = campaign.storage or home.storage
    return own if own or certifies is None else store.campaigns.get(certifies).storage


def run(  # noqa: PLR0913  (all but the first three have defaults, and are named)
    campaign_id: str,
    home: Home,
    store: Store,
    listener: Listener = lambda _happening: None,
    *,
    trainable: type[Any] = TrialTrainable,
    mirror: bool = True,
    patience: float = 30.0,
    address: str | None = None,
    prepared: Prepared | None = None,
) -> RunResult:
    """Run a campaign, or go on with it, until its budget is used up or it is stopped.

    SIGINT and SIGTERM stop it (where this is called in the main thread), and so does `stop`;
    everything is kept. `mirror=False` leaves MLflow out; `patience` is how many seconds the mirror
    may take at the end. Trials run on this machine, or on the Ray cluster at `address`
    (`search.tune.joining.connect`). `prepared` is the result of `prepare` if the campaign was
    submitted just now: its data, its space and its cluster are not looked at again.

    Raises StoreError if another driver is at work on it, DataError if its data cannot be packed
    again, InputError (CampaignError) if it cannot run on this machine or cluster or if nothing of
    its space may be trained, VentralError if Ray breaks down.
    """
    record = store.campaigns.get(campaign_id)
    campaign = Campaign.parse(record.document, f"campaign {record.id}")
    if address is None or prepared is None:  # else checked just now: joining takes seconds
        check_resources(campaign.resources, largest_offer(address))
    _await_silence(record, store)
    switch = Stop()
    with switch.on_signals():
        store.campaigns.set_state(record.id, "running")
        try:
            setting = _build_setting(record, campaign, home, store, listener, address, prepared)
            outcome = _run_mirrored(
                setting, record, switch, trainable, patience if mirror else None
            )
            store.campaigns.set_state(record.id, outcome.state, outcome.reason)
            # What was running is waiting now.
            outcome = replace(outcome, trials=store.results.counts(record.id))
        except BaseException as error:
            _fail(store, record.id, error)
            raise
    setting.tell("ended", state=outcome.state, reason=outcome.reason)
    return outcome


def _await_silence(record: Record, store: Store) -> None:
    """Make sure that the driver of another machine is dead, without trusting its clock.

    Raises StoreError if it still gives signs of life.
    """
    last = record.driver
    if record.state != "interrupted" or last is None or last.alive() is not None:
        return
    until = time.monotonic() + SILENCE_HEARTBEATS * HEARTBEAT_SECONDS
    while time.monotonic() < until:
        now = store.campaigns.get(record.id)
        if now.heartbeat != record.heartbeat:
            raise StoreError(
                f"campaign {record.id}",
                f"is being run by process {last.pid} on {last.machine}, whose clock differs "
                "from this machine's",
                f"wait for it, or stop it with `ventral stop {record.id}`",
            )
        time.sleep(HEARTBEAT_SECONDS / 10)


def stop(campaign_id: str, store: Store, timeout: float = 20.0) -> bool:
    """Stop a campaign's driver, wherever it runs; True if it has ended within `timeout` seconds.

    A driver on this machine is sent SIGINT, one elsewhere finds the request at its next
    heartbeat. Raises StoreError if the campaign is not running.
    """
    record = store.campaigns.ask_stop(campaign_id)
    if record.state != "running" or record.driver is None:
        cure = f"`ventral status {record.id}` shows its outcome"
        raise StoreError(f"campaign {record.id}", "is not running", cure)
    if record.driver.alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.driver.pid, signal.SIGINT)
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if store.campaigns.get(record.id).state != "running":
            return True
        time.sleep(0.1)
    return False


# ------------------------------------------------------------------------------------ data, space


def _parse_space(document: Any) -> Space:
    """The space of a campaign's document, or of that name. Raises SpaceError or GenomeError."""
    return Space.parse(document, "space") if isinstance(document, dict) else Space.load(document)


def _fit(space: Space, packed: Pack) -> Space:
    """The space for the images of a pack. Raises SpaceError or GenomeError."""
    return space.with_images(
        size=packed.size, channels=packed.channels, classes=len(packed.classes)
    )


def _describe_data(packed: Pack, recipe: Recipe) -> dict[str, Any]:
    """What the store keeps of a campaign's data, with the split that its scores are of."""
    split = packed.scored(recipe.score_on)
    return {
        **packed.ref.model_dump(mode="json", exclude_none=True),
        "spec": packed.spec,
        "size": packed.size,
        "channels": packed.channels,
        "classes": packed.classes,
        "counts": packed.splits,
        "split": split,
        # What a constant answer scores by another metric than top-1 is not known.
        "guess": 0.0 if recipe.metric is not None else packed.guess(split),
    }


def _build_setting(
    record: Record,
    campaign: Campaign,
    home: Home,
    store: Store,
    listener: Listener,
    address: str | None,
    prepared: Prepared | None,
) -> Setting:
    """What a run needs, from the store and from the data on this machine unless `prepared`."""
    listener(Happening(kind="packing"))
    if prepared is not None:
        data, space = prepared[0].ref, prepared[1]
        data = data.model_copy(update={"url": record.data.get("url")})
    else:
        data = _find_pack(record, campaign, home)
        space = Space.parse(record.space, f"campaign {record.id}: space")
    return Setting(
        campaign_id=record.id,
        campaign=campaign,
        space=space,
        data=data,
        home=home,
        store=store,
        listener=listener,
        guess=record.data.get("guess"),
        split=record.data.get("split", "test"),
        certifies=record.data.get("certifies"),
        storage=record.storage,
        address=address,
    )


def _find_pack(record: Record, campaign: Campaign, home: Home) -> PackRef:
    """The campaign's pack: on this disk, at its storage, or made again from the source.

    Raises DataError if the source now gives other images: scores would not be comparable.
    """
    ref = pack_of(home, record.data)
    if ref.url is not None:
        return ref  # whoever trains fetches it
    if Path(ref.path).exists():
        return Pack.load(ref.path, ref.checksum).ref
    packed = pack(campaign.data, home.ensure(home.data))
    if packed.checksum != ref.checksum:
        raise DataError(
            f"campaign {record.id}: data",
            f"the source of {campaign.data.name} gives other images than when it was submitted",
            "restore the source, or submit a new campaign",
        )
    return packed.ref


# ------------------------------------------------------------------------------------ running


def _run_mirrored(
    setting: Setting,
    record: Record,
    switch: Stop,
    trainable: type[Any],
    patience: float | None,
) -> RunResult:
    """Run with a mirror to MLflow beside it, unless `patience` is None."""
    if patience is None:
        return _train(setting, record, switch, trainable, lambda: None)
    mirror = MirrorProcess(setting.store, setting.home, record.id).start()
    try:
        outcome = _train(setting, record, switch, trainable, mirror.notify)
    finally:
        if unsent := mirror.backlog:
            setting.tell("mirroring", left=unsent)
        # Someone who stops a campaign wants the prompt back; the rest is sent at the next start.
        unsent = mirror.close(min(patience, STOPPED_PATIENCE) if switch else patience)
    return replace(outcome, unsent=unsent)


def _train(
    setting: Setting,
    record: Record,
    stop: Stop,
    trainable: type[Any],
    notify: Callable[[], None],
) -> RunResult:
    """Everything between the store and Ray. Raises what went wrong in either."""
    ray_record = setting.home.campaign(record.id) / CLUSTER
    remains.sweep(ray_record)
    seconds = setting.campaign.budget.seconds
    deadline = None if seconds is None else time.monotonic() + seconds - record.seconds
    if record.state != "finished":
        # Before anything is trained, or taken over: a driver may be killed at any moment.
        record_trainings(setting.store, record, setting.campaign, setting.space)
    run = build_run(setting, stop, Rungs, notify=notify, deadline=deadline, ahead=True)
    with contextlib.closing(run):
        # Asked before Ray is started: a campaign with nothing left to do ends at once.
        if not run.pulse.check() and run.queue.prepare():
            setting.tell("starting", unfinished=run.queue.unfinished)
            try:
                _train_on_ray(run, trainable, ray_record)
            except KeyboardInterrupt:
                if stop.error is None:
                    raise
        if stop.error is not None:
            raise stop.error
        if run.queue.error is not None:
            raise run.queue.error
        return _outcome(run)


def _train_on_ray(run: Run, trainable: type[Any], ray_record: Path) -> None:
    """Step Ray Tune's loop until nothing is left to train, or the run is to end."""
    setting, stop = run.setting, run.stop
    keep_error = partial(_fail, setting.store, setting.campaign_id)
    with open_ground(setting, ray_record, stop, keep_error) as ground:
        stop.catch()
        slots = count_slots(setting.campaign, ground.machines)
        may_start = share_ground(setting, run.pulse.check, ground, slots)
        try:
            with survivable():
                loop = make_loop(run, trainable, ground, slots, may_start)
                while not loop.is_finished():
                    loop.step()
                loop.cleanup()
        except Exception:
            # The first error, and not the one that Ray raised after it.
            if stop.error is None:
                raise


def _outcome(run: Run) -> RunResult:
    setting, stop = run.setting, run.stop
    counts = setting.store.results.counts(setting.campaign_id)
    state: Literal["finished", "stopped", "failed"] = "finished"
    reason = "space exhausted" if run.queue.exhausted else None
    unfinished = counts["waiting"] + counts["running"]
    whole = sum(counts.values()) - counts["infeasible"] >= setting.campaign.budget.trials
    if stop and (unfinished or not whole):
        state, reason = "stopped", stop.reason
    elif counts["failed"] and not counts["finished"] + counts["pruned"]:
        first = setting.store.results.find(setting.campaign_id, statuses=["failed"])[0]
        state, reason = "failed", f"all {counts['failed']} trials failed ({first.reason})"
    return RunResult(campaign_id=setting.campaign_id, state=state, reason=reason, trials=counts)


def _fail(store: Store, campaign_id: str, error: BaseException) -> None:
    """Put an error on record, unless the campaign is another driver's by now."""
    log.error("%s: %s", type(error).__name__, error, exc_info=not isinstance(error, VentralError))
    interrupted = isinstance(error, KeyboardInterrupt | ClusterLost | Halted)
    state: Literal["stopped", "failed"] = "stopped" if interrupted else "failed"
    with contextlib.suppress(Exception):
        if store.campaigns.get(campaign_id).driver == Process.current():
            store.campaigns.set_state(campaign_id, state, str(error) or type(error).__name__)
