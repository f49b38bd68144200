"""How campaigns that run at the same time share one machine, or one cluster.

Every driver has a Ray of its own that believes in having the place to itself; two of them would
start twice as many trials as there are cores. So each driver of a store claims its share there:
what one of its trials takes, how many could run, how many do. From the claims of the living every
driver works out the same allotment: the campaigns of the highest priority take what they can use,
in turns, then those of the next. A trial that runs is never taken away from: a share that shrinks
is given back trial by trial, and one that grows is used as others give back.

Only campaigns of one store know of each other, and only those that name the same place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from search.host.machine import Machine
from search.store import ShareClaim, Store

REFRESH_SECONDS = 1.0
UNLIMITED = 10**9


def allot(claims: Sequence[ShareClaim], offered: Machine) -> dict[str, int]:
    """How many trials each campaign may run: in turns, those of higher priority first."""
    allotted = dict.fromkeys((claim.campaign for claim in claims), 0)
    cpus, gpus = float(offered.cpus), float(offered.gpus)
    for priority in sorted({claim.priority for claim in claims}, reverse=True):
        # Who came first has the first turn, whatever its name.
        equals = sorted(
            (claim for claim in claims if claim.priority == priority),
            key=lambda claim: (claim.joined, claim.campaign),
        )
        while True:
            took = False
            for claim in equals:
                fits = claim.cpus <= cpus + 1e-9 and claim.gpus <= gpus + 1e-9
                if fits and allotted[claim.campaign] < claim.wanted:
                    allotted[claim.campaign] += 1
                    cpus, gpus, took = cpus - claim.cpus, gpus - claim.gpus, True
            if not took:
                break
    return allotted


def room(claims: Sequence[ShareClaim], mine: ShareClaim, offered: Machine) -> int:
    """How many trials of `mine` fit beside those that the others still run."""
    others = [claim for claim in claims if claim.campaign != mine.campaign]
    cpus = offered.cpus - sum(claim.cpus * min(claim.held, claim.wanted) for claim in others)
    gpus = offered.gpus - sum(claim.gpus * min(claim.held, claim.wanted) for claim in others)
    by_gpu = (gpus + 1e-9) / mine.gpus if mine.gpus else UNLIMITED
    return max(0, int(min((cpus + 1e-9) / mine.cpus, by_gpu)))


class Share:
    """A driver's share of a place. Its claim ends with the campaign's run."""

    def __init__(
        self,
        store: Store,
        claim: ShareClaim,
        place: str,
        offered: Machine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Claim a share. `place` names the machine or cluster, `offered` is what it has."""
        self._store, self._claim, self._place = store, claim, place
        self._offered, self._clock = offered, clock
        self._last_look = clock()
        self.beside: tuple[str, ...] = ()
        """The campaigns that shared the place at the last look."""
        store.shares.put_claim(claim, place)
        self._limit = self._look(0)

    def limit(self, live: int) -> int:
        """How many trials may run, of which `live` do. Looks at the others once a second."""
        if self._clock() - self._last_look >= REFRESH_SECONDS:
            self._last_look = self._clock()
            self._limit = self._look(live)
        return self._limit

    def _look(self, live: int) -> int:
        claims = self._store.shares.claims(self._place)
        mine = next((one for one in claims if one.campaign == self._claim.campaign), self._claim)
        if live != mine.held:
            self._store.shares.set_held(self._claim.campaign, live)
        self.beside = tuple(one.campaign for one in claims if one.campaign != mine.campaign)
        if not self.beside:
            return UNLIMITED
        return min(
            allot(claims, self._offered).get(mine.campaign, 0), room(claims, mine, self._offered)
        )
