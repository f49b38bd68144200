"""Runs a campaign: Ray Tune for the scheduling, the store for the truth.

`submit` puts a campaign on record, `run` runs it to its end or until it is stopped, and running
an interrupted campaign again is how it is resumed: whatever the last driver knew is rebuilt from
the store. A driver may be killed at any moment; the next one ends what is left of its Ray cluster,
repeats no finished trial and continues the others from their checkpoints.

The driver never loads torch, and prints nothing: `listener` is told what happens.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ray import tune

from search import cluster, scheduler
from search.campaign import Campaign, check_resources
from search.home import Home, Process
from search.recorder import Ending, Recorder
from search.searcher import TuneSearcher
from search.stopping import Stop
from search.store import Campaign as Record
from search.store import Status, Store
from search.supply import Happening, Listener, Setting, Supply
from search.tracking import Mirror
from space.errors import DataError, StoreError, VentralError
from space.space import Space
from workers.job import PackRef
from workers.pack import Pack, pack
from workers.trainable import TrialTrainable

log = logging.getLogger(__name__)

CLUSTER = "cluster.json"
"""In the campaign's folder while its driver lives: its Ray cluster's mark (search/cluster.py)."""

STOPPED_PATIENCE = 5.0
"""Seconds that a stopped campaign waits for its mirror."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended. `trials` counts the campaign's trials by status; `left` is what the
    mirror could not send yet.
    """

    campaign_id: str
    state: Literal["finished", "stopped", "failed"]
    reason: str | None
    trials: dict[Status, int]
    left: int = 0


def submit(
    campaign: Campaign,
    home: Home,
    store: Store,
    listener: Listener = lambda happening: None,
) -> str:
    """Pack the campaign's data and put the campaign on record; returns its id.

    `campaign` comes from `search.campaign.load`, which has checked it. Raises DataError, and
    SpaceError or GenomeError if the space does not fit the data's images.
    """
    listener(Happening(kind="packing"))
    packed = pack(campaign.data, home.data)
    space = _space_for(campaign.space, packed)
    record = store.create_campaign(
        campaign.name, campaign.document(), space.document(), _described(packed)
    )
    return record.id


def run(
    campaign_id: str,
    home: Home,
    store: Store,
    listener: Listener = lambda happening: None,
    *,
    trainable: type[Any] = TrialTrainable,
    mirror: bool = True,
    patience: float = 30.0,
) -> Outcome:
    """Run a campaign, or go on with it, until its budget is used up or it is stopped.

    SIGINT and SIGTERM stop it (where this is called in the main thread), and so does `stop`;
    everything is kept. `mirror=False` leaves MLflow out; `patience` is how many seconds the mirror
    may take at the end. Raises StoreError if another driver is at work on it, DataError if its
    data cannot be had again, CampaignError if it cannot run on this machine or if nothing of its
    space may be trained.
    """
    record = store.campaign(campaign_id)
    campaign = Campaign.parse(record.document, f"campaign {record.id}")
    check_resources(campaign.resources, cluster.machine())
    switch = Stop()
    with switch.on_signals():
        store.set_state(record.id, "running")
        try:
            setting = _setting(record, campaign, home, store, listener)
            outcome = _with_mirror(
                setting, record, switch, trainable, patience if mirror else None
            )
            store.set_state(record.id, outcome.state, outcome.reason)
            # What was running is waiting now.
            outcome = replace(outcome, trials=store.counts(record.id))
        except BaseException as error:
            _fail(store, record.id, error)
            raise
    setting.tell("ended", state=outcome.state, reason=outcome.reason)
    return outcome


def stop(campaign_id: str, store: Store, timeout: float = 20.0) -> bool:
    """Stop a campaign's driver, wherever it runs; True if it has ended within `timeout` seconds.

    A driver on this machine is sent SIGINT, one elsewhere finds the request at its next
    heartbeat. Raises StoreError if the campaign is not running.
    """
    record = store.ask_stop(campaign_id)
    if record.state != "running" or record.driver is None:
        cure = f"`ventral status {record.id}` shows what became of it"
        raise StoreError(f"campaign {record.id}", "is not running", cure)
    if record.driver.alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.driver.pid, signal.SIGINT)
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if store.campaign(record.id).state != "running":
            return True
        time.sleep(0.1)
    return False


# ------------------------------------------------------------------------------------ data, space


def _space_for(document: Any, packed: Pack) -> Space:
    """The space of `document`, for the images of a pack. Raises SpaceError or GenomeError."""
    space = Space.parse(document, "space") if isinstance(document, dict) else Space.load(document)
    return space.with_images(
        size=packed.size, channels=packed.channels, classes=len(packed.classes)
    )


def _described(packed: Pack) -> dict[str, Any]:
    """What the store keeps of a campaign's data."""
    return {
        **packed.ref.model_dump(mode="json"),
        "spec": packed.spec,
        "size": packed.size,
        "channels": packed.channels,
        "classes": packed.classes,
    }


def _setting(
    record: Record, campaign: Campaign, home: Home, store: Store, listener: Listener
) -> Setting:
    """What a run needs, from the store and from the data on this machine."""
    listener(Happening(kind="packing"))
    return Setting(
        campaign_id=record.id,
        campaign=campaign,
        space=Space.parse(record.space, f"campaign {record.id}: space"),
        data=_data(record, campaign, home),
        home=home,
        store=store,
        listener=listener,
    )


def _data(record: Record, campaign: Campaign, home: Home) -> PackRef:
    """The campaign's pack, made again from the source if it is gone.

    Raises DataError if the source now gives other images: scores would not be comparable.
    """
    expected = PackRef(path=record.data["path"], checksum=record.data["checksum"])
    if Path(expected.path).exists():
        return Pack.load(expected.path, expected.checksum).ref
    packed = pack(campaign.data, home.data)
    if packed.checksum != expected.checksum:
        raise DataError(
            f"campaign {record.id}: data",
            f"the source of {campaign.data.name} gives other images than when it was submitted",
            "restore the source, or submit a new campaign",
        )
    return packed.ref


# ------------------------------------------------------------------------------------ running


def _with_mirror(
    setting: Setting,
    record: Record,
    switch: Stop,
    trainable: type[Any],
    patience: float | None,
) -> Outcome:
    """Run with a mirror to MLflow beside it, unless `patience` is None."""
    if patience is None:
        return _train(setting, record, switch, trainable, lambda: None)
    mirror = Mirror(setting.store, setting.home, record.id).start()
    try:
        outcome = _train(setting, record, switch, trainable, mirror.notify)
    finally:
        if mirror.backlog.left:
            setting.tell("mirroring", left=mirror.backlog.left)
        # Someone who stops a campaign wants the prompt back; the rest is sent at the next start.
        backlog = mirror.close(min(patience, STOPPED_PATIENCE) if switch else patience)
    return replace(outcome, left=backlog.left)


def _train(
    setting: Setting,
    record: Record,
    switch: Stop,
    trainable: type[Any],
    notify: Callable[[], None],
) -> Outcome:
    """Everything between the store and Ray. Raises what went wrong in either."""
    ray_record = setting.home.campaign(record.id) / CLUSTER
    cluster.sweep(ray_record)
    supply = Supply(setting)
    searcher = TuneSearcher(supply, lambda: bool(switch))
    seconds = setting.campaign.budget.seconds
    deadline = None if seconds is None else time.monotonic() + seconds - record.seconds
    # Asked before Ray is started: a campaign with nothing left to do ends at once.
    if searcher.prepare():
        recorder = Recorder(setting, supply, switch, notify=notify, deadline=deadline)
        past = setting.store.all_reports(record.id)
        setting.tell("starting", unfinished=supply.unfinished)
        slots = _slots(setting.campaign, cluster.machine())
        with cluster.local(ray_record, cluster.machine(), slots) as scratch:
            switch.catch()
            _tune(setting, searcher, recorder, switch, trainable, scratch, slots, past)
    if switch.error is not None:
        raise switch.error
    if supply.error is not None:
        raise supply.error
    return _outcome(setting, supply, switch)


def _tune(
    setting: Setting,
    searcher: TuneSearcher,
    recorder: Recorder,
    switch: Stop,
    trainable: type[Any],
    scratch: Path,
    slots: int,
    past: list[dict[str, Any]],
) -> None:
    """Ray Tune's own part."""
    campaign = setting.campaign
    resources = {
        "cpu": campaign.resources.cpus,
        "gpu": campaign.resources.gpus,
        cluster.SLOT: 1,
    }
    tuner = tune.Tuner(
        tune.with_resources(trainable, resources),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=scheduler.create(campaign.scheduler, setting.epochs, campaign.seed, past),
            num_samples=-1,
            # One more than can run: a worker that is done finds its next trial ready. Without a
            # limit Ray would prepare one trial at a time and give it to the first worker that is
            # free, before a second one has started: short trials would never have two.
            max_concurrent_trials=slots + 1,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name="run",
            storage_path=str(scratch / "tune"),
            stop=Ending(switch, recorder),
            callbacks=[recorder],
            # Trials write their own checkpoints, where the next driver finds them.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=campaign.retries),
            verbose=0,
        ),
    )
    try:
        tuner.fit()
    except Exception:
        # What went wrong first, and not what Ray made of it.
        if switch.error is None:
            raise


def _slots(campaign: Campaign, offered: cluster.Machine) -> int:
    """How many trials run at once."""
    fit = offered.slots(campaign.resources.cpus, campaign.resources.gpus)
    return min(fit, campaign.resources.concurrent or fit)


def _trial_name(trial: Any) -> str:
    return f"trial-{trial.config['trial']}-{trial.trial_id}"


def _outcome(setting: Setting, supply: Supply, switch: Stop) -> Outcome:
    counts = setting.store.counts(setting.campaign_id)
    state: Literal["finished", "stopped", "failed"] = "finished"
    reason = "space exhausted" if supply.exhausted else None
    if switch:
        state, reason = "stopped", switch.reason
    elif counts["failed"] and not counts["finished"] + counts["pruned"]:
        first = setting.store.trials(setting.campaign_id, statuses=["failed"])[0]
        state, reason = "failed", f"all {counts['failed']} trials failed ({first.reason})"
    return Outcome(campaign_id=setting.campaign_id, state=state, reason=reason, trials=counts)


def _fail(store: Store, campaign_id: str, error: BaseException) -> None:
    """Put an error on record, unless the campaign is another driver's by now."""
    log.error("%s: %s", type(error).__name__, error, exc_info=not isinstance(error, VentralError))
    interrupted = isinstance(error, KeyboardInterrupt)
    state: Literal["stopped", "failed"] = "stopped" if interrupted else "failed"
    with contextlib.suppress(Exception):
        if store.campaign(campaign_id).driver == Process.current():
            store.set_state(campaign_id, state, str(error) or type(error).__name__)
