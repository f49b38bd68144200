"""A run's pulse: its deadline, its budget and its sign of life."""

import time

from search.assign.setting import Setting
from search.assign.stopping import Stop
from search.store import HEARTBEAT_SECONDS
from search.store.ledger import Meter


class Pulse:
    """Looks at the budget and gives signs of life; throws the run's switch when it is to end.

    `deadline` is a reading of the monotonic clock, None for a run without one.
    """

    def __init__(
        self, setting: Setting, stop: Stop, meter: Meter, deadline: float | None = None
    ) -> None:
        self._set, self._stop, self._meter, self._deadline = setting, stop, meter, deadline
        self._beaten = time.monotonic()

    def check(self) -> bool:
        """Look at the budget, and give a sign of life when it is due; whether the run is to end.

        Called after every step of Ray Tune's loop, and while nothing else happens.
        """
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            self._stop.request(f"budget.seconds: {self._set.campaign.budget.seconds:g} is used up")
        if (exhausted := self._meter.find_exhausted()) is not None:
            self._stop.request(exhausted)
        if now - self._beaten >= HEARTBEAT_SECONDS:
            self._beaten = now
            self._stop.unless_ending(self._beat)
        return bool(self._stop)

    def _beat(self) -> None:
        if self._set.store.campaigns.heartbeat(self._set.campaign_id):
            self._stop.request("asked to stop")
