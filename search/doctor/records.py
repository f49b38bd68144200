"""The store: whether it can be used as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from search.doctor.protocol import Fault, Place, Verdict
from search.host.home import safe_address
from search.store.looking import Sight, look_at_store
from space.errors import StoreError


@dataclass(frozen=True, kw_only=True)
class Records:
    """The store of a home: what was seen of it, or the problem and the cure; `apart` if it is a
    cluster's that is not to be reached from here.
    """

    address: str
    sight: Sight | None = None
    problem: str | None = None
    cure: str = ""
    apart: bool = False


class StoreCheck:
    """The store and its migrations."""

    name = "store"
    about = "the store's database: reached, whole, writable, and of this version's schema"
    drives, trains, seconds = True, False, 60.0

    unusable = Fault(
        status="fail",
        problem="{address}: {problem}",
        cure="{cure}",
        explanation="as the message says: start the database's server, correct VENTRAL_STORE or "
        "the rights, restore the file from a copy",
    )
    due = Fault(
        status="fail",
        problem="{address} has schema {revision} of an earlier version; a migration to {newest} "
        "is due",
        cure="stop the campaigns of earlier versions, keep a copy, and run any command "
        "(`ventral list`): it brings the store up to date",
    )
    newer = Fault(
        status="fail",
        problem="{address} has schema {revision}, which a newer version wrote (this one writes "
        "{newest})",
        cure="pip install --upgrade ventral-search",
    )
    damaged = Fault(
        status="fail",
        problem="{address} is damaged: {damage}",
        cure="end what uses it, and restore it from a copy",
    )
    closed = Fault(
        status="fail",
        problem="{address} may only be read",
        cure="give this user the right to write it (campaigns are listed and exported without)",
    )
    elsewhere = Fault(
        status="warning",
        problem="the cluster's store is not reached from here: {problem}",
        cure="{cure}",
        explanation="as the message says; campaigns run without, and `ventral status`, `top` and "
        "`report` have to be asked on the cluster",
    )
    faults = (unusable, due, newer, damaged, closed, elsewhere)

    def gather(self, place: Place) -> Records:
        """The facts, as far as they can be had."""
        address = safe_address(place.home.store_url)
        if place.apart is not None:
            problem, cure = place.apart
            return Records(address=address, problem=problem, cure=cure, apart=True)
        try:
            sight = look_at_store(place.home.store_url)
        except StoreError as error:
            cure = error.cure or "see that VENTRAL_STORE names the database that is meant"
            return Records(address=error.where or address, problem=error.problem, cure=cure)
        return Records(address=address if sight is None else sight.where, sight=sight)

    def judge(self, facts: Records) -> Iterator[Verdict]:
        """What is wrong with them."""
        address, sight = facts.address, facts.sight
        if facts.problem is not None:
            fault = self.elsewhere if facts.apart else self.unusable
            yield fault.fill(address=address, problem=facts.problem, cure=facts.cure)
        if sight is None:
            return
        if sight.damage is not None:
            yield self.damaged.fill(address=address, damage=sight.damage)
        versions = {"revision": sight.revision, "newest": sight.newest}
        if not sight.known:
            yield self.newer.fill(address=address, **versions)
        elif sight.due:
            yield self.due.fill(address=address, **versions)
        if not sight.writable:
            yield self.closed.fill(address=address)

    def describe(self, facts: Records) -> str:
        """The facts in a line, where nothing is wrong."""
        if facts.sight is None:
            return f"there is none yet; `ventral submit FILE` makes {facts.address}"
        if facts.sight.revision is None:
            return f"{facts.address} is empty; `ventral submit FILE` makes the store in it"
        return f"{facts.address}, schema {facts.sight.revision}"
