"""A driver's run of a campaign: its parts, each built from those before it.

    setting, ASHA's rungs                          -> judge    what stops early
    setting, judge                                 -> past     what the last driver knew
    setting, stop, budget                          -> pulse    when the run has to end
    past                                           -> source   new points
    setting, source, past                          -> records  what becomes of trials
    setting, past, source, records, judge, pulse   -> queue    what is trained next

None of them knows Ray: `search.tune.loop` shows them to Ray Tune.
"""

from collections.abc import Callable
from dataclasses import dataclass

from search.assign.ahead import Ahead, Source
from search.assign.past import recover
from search.assign.pulse import Pulse
from search.assign.queue import Queue
from search.assign.records import Records
from search.assign.setting import Setting
from search.assign.stopping import Stop
from search.early_stopping import judging
from search.store.ledger import Meter


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a campaign, from the store's state on. Made by `build_run`; `close` it."""

    setting: Setting
    stop: Stop
    pulse: Pulse
    judge: judging.Judge
    source: Source
    records: Records
    queue: Queue

    def close(self) -> None:
        """End the thread that makes suggestions, if there is one."""
        self.source.close()


def build_run(
    setting: Setting,
    stop: Stop,
    rungs: judging.MakeRungs,
    *,
    notify: Callable[[], None] = lambda: None,
    deadline: float | None = None,
    ahead: bool = False,
) -> Run:
    """A run that goes on where the last one was; trials that were to stop then are ended.

    `rungs` are those of ASHA, `notify` is called after every end of a trial, `deadline` is a
    reading of the monotonic clock. With `ahead` suggestions are made in a thread.
    """
    campaign, store = setting.campaign, setting.store
    judge = judging.make(
        campaign.scheduler,
        setting.epochs,
        campaign.seed,
        rungs,
        objectives=campaign.objectives,
        trial=lambda number: store.results.get(setting.campaign_id, number),
        guess=setting.guess,
        standing=setting.find_standing,
    )
    past = recover(setting, judge)
    meter = Meter(store, setting.campaign_id, campaign.budget)
    pulse = Pulse(setting, stop, meter, deadline)
    source = Ahead(past.suggester) if ahead else past.suggester
    try:
        records = Records(setting, source, past.reports, meter, notify)
        queue = Queue(setting, past, source, records, judge, pulse)
        queue.settle(past.stopped)
    except BaseException:
        source.close()
        raise
    return Run(
        setting=setting,
        stop=stop,
        pulse=pulse,
        judge=judge,
        source=source,
        records=records,
        queue=queue,
    )
