"""Which checkpoints of a campaign's ended trials are kept."""

import heapq
import logging
from collections.abc import Sequence

from search.assign.setting import Setting
from search.store import CONTROL, SEARCHED, Trial
from space.errors import StorageError
from workers.job import HOPELESS
from workers.storage.opening import discard, open_storage
from workers.storage.places import join

log = logging.getLogger(__name__)


class Checkpoints:
    """Keeps the checkpoints of the campaign's `keep` best trials, of as many searched controls, of
    all other controls, and of failed trials that may go on from theirs.

    Best is as `store.results.top` orders: top-1, then fewer parameters, then the older trial.
    """

    def __init__(self, setting: Setting) -> None:
        self._set, self._keep = setting, setting.campaign.keep
        # Heaps, the worst first: of searched controls and of the others.
        self._ranks: dict[bool, list[tuple[float, int, int]]] = {True: [], False: []}
        ended = setting.store.results.ended(setting.campaign_id)
        self._drop_left([number for trial in ended for number in self._judge(trial)])

    def update(self, trial: Trial) -> None:
        """Keep the checkpoint of a trial that has ended, or drop the one that it pushes out."""
        for number in self._judge(trial):
            discard(self._set.places.trial(number))

    def _judge(self, trial: Trial) -> list[int]:
        """The trials whose checkpoints are not kept any more, now that one has ended."""
        if trial.status == "failed" and (trial.reason or "").partition(":")[0] not in HOPELESS:
            return []  # if it is tried again it goes on from there
        if trial.status not in ("finished", "pruned") or trial.top1 is None:
            return [trial.number]
        if trial.origin == CONTROL:
            return []
        rank = (trial.top1, -(trial.parameters or 0), -trial.number)
        ranks = self._ranks[trial.family == SEARCHED]
        heapq.heappush(ranks, rank)
        return [-heapq.heappop(ranks)[2]] if len(ranks) > self._keep else []

    def _drop_left(self, numbers: Sequence[int]) -> None:
        """Drop what an earlier driver left of these trials; at a storage only what is there, since
        each is a request.
        """
        places = self._set.places
        left = [places.trial(number) for number in numbers]
        if left and self._set.storage is not None:
            try:
                entries = open_storage(places.campaign).list()
            except StorageError as error:
                log.warning("%s", error)
                return
            there = {join(places.campaign, one.key.partition("/")[0]) for one in entries}
            left = [place for place in left if place in there]
        for place in left:
            discard(place)
