"""Which checkpoints of a campaign's ended trials are kept."""

import heapq

from search.assign.setting import Setting
from search.store import CONTROL, SEARCHED, Trial
from workers.job import HOPELESS
from workers.storage.opening import discard


class Checkpoints:
    """Keeps the checkpoints of the campaign's `keep` best trials, of as many searched controls, of
    all other controls, and of failed trials that may go on from theirs.

    Best is as `store.results.top` orders: top-1, then fewer parameters, then the older trial.
    """

    def __init__(self, setting: Setting) -> None:
        self._set, self._keep = setting, setting.campaign.keep
        # Heaps, the worst first: of searched controls and of the others.
        self._ranks: dict[bool, list[tuple[float, int, int]]] = {True: [], False: []}
        for trial in setting.store.results.ended(setting.campaign_id):
            self.update(trial)

    def update(self, trial: Trial) -> None:
        """Keep the checkpoint of a trial that has ended, or drop the one that it pushes out."""
        if trial.status == "failed" and (trial.reason or "").partition(":")[0] not in HOPELESS:
            return  # if it is tried again it goes on from there
        if trial.status not in ("finished", "pruned") or trial.top1 is None:
            self._drop(trial.number)
        elif trial.origin != CONTROL:
            rank = (trial.top1, -(trial.parameters or 0), -trial.number)
            ranks = self._ranks[trial.family == SEARCHED]
            heapq.heappush(ranks, rank)
            if len(ranks) > self._keep:
                self._drop(-heapq.heappop(ranks)[2])

    def _drop(self, number: int) -> None:
        discard(self._set.places.trial(number))
