"""Ray: its own on this machine, or a cluster's; the token, the nodes, and everybody's clocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from search.doctor.protocol import Fault, Finding, Place, Verdict
from search.doctor.tracking import read_clock
from search.host.home import is_server, sqlite_file
from search.host.ports import is_loopback
from search.host.tokens import TOKEN, token_file
from search.store import SILENCE_SECONDS
from search.store.looking import look_at_store
from space.errors import StoreError


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of a cluster: what was found there, or the `problem` of asking it; by how many
    seconds its clock is `ahead` of ours, at least and at most.
    """

    name: str
    cpus: int = 0
    gpus: int = 0
    findings: tuple[Finding, ...] = ()
    problem: str | None = None
    ahead: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """What came of using Ray at an `address`; None: a Ray of our own was started here.

    `problem` and `cure` say why it did not work. `closed` is whether the cluster refuses a user
    without its token (None: it did not say). `release` is Ray's version there, where another
    machine's job API has said it.
    """

    address: str | None
    problem: str | None = None
    cure: str = ""
    nodes: tuple[Node, ...] = ()
    closed: bool | None = None
    release: str | None = None


@dataclass(frozen=True, kw_only=True)
class Access:
    """How Ray was reached, and the file of its token if other users may read it."""

    meeting: Meeting | None
    open_file: str | None = None


class RayCheck:
    """Ray and its token."""

    name = "ray"
    about = "whether Ray starts here and runs a task, or a cluster lets us in and no stranger"
    drives, trains, seconds = True, False, 10.0

    stopped = Fault(
        status="fail",
        problem="Ray does not run trials on this machine: {problem}",
        cure="{cure}",
        explanation="as the message says; the other findings (shared memory, disk, limits, "
        "environment) are often the cause",
    )
    refused = Fault(
        status="fail",
        problem="the cluster at {address} cannot be used: {problem}",
        cure="{cure}",
        explanation="as the message says: start the cluster, correct its address, give the "
        "cluster's own token",
    )
    open = Fault(
        status="fail",
        problem="the cluster at {address} asks for no token, and runs what anybody sends it",
        cure="start its head and nodes with RAY_AUTH_MODE=token and a token "
        "(`ray get-auth-token --generate` makes one)",
    )
    here = Fault(
        status="warning",
        problem="the cluster at {address} asks for no token: all users of this machine may use it",
        cure="start it with RAY_AUTH_MODE=token, unless this machine is yours alone",
    )
    file = Fault(
        status="warning",
        problem="{file}, which holds the cluster's token, is open to other users",
        cure="chmod 600 {file}",
    )
    nobody = Fault(
        status="fail",
        problem="the cluster at {address} has no node with a core to offer",
        cure="start one with `ray start --address=HOST:PORT`",
    )
    faults = (stopped, refused, open, here, file, nobody)

    def gather(self, place: Place) -> Access:
        """The facts, as far as they can be had."""
        file = token_file(place.environ)
        try:
            bad = not place.environ.get(TOKEN) and bool(file.stat().st_mode & 0o077)
        except OSError:
            bad = False
        return Access(meeting=place.meeting, open_file=str(file) if bad else None)

    def judge(self, facts: Access) -> Iterator[Verdict]:
        """What is wrong with them."""
        if facts.open_file is not None:
            yield self.file.fill(file=facts.open_file)
        meeting = facts.meeting
        if meeting is None:
            return
        where = {"address": meeting.address}
        if meeting.problem is not None:
            fault = self.stopped if meeting.address is None else self.refused
            yield fault.fill(
                problem=meeting.problem, cure=meeting.cure or fault.explanation, **where
            )
        elif meeting.address is not None and not meeting.nodes and meeting.release is None:
            yield self.nobody.fill(**where)
        if meeting.address is not None and meeting.closed is False:
            yield (self.here if _is_local(meeting.address) else self.open).fill(**where)

    def describe(self, facts: Access) -> str:
        """The facts in a line, where nothing is wrong."""
        meeting = facts.meeting
        if meeting is None:
            return "not looked at"
        if meeting.address is None:
            return "it starts here, runs a task, and refuses whoever has no token"
        if meeting.release is not None:
            return f"{meeting.address} takes jobs from this machine; Ray {meeting.release}"
        cpus, gpus = (
            sum(getattr(one, kind) for one in meeting.nodes) for kind in ("cpus", "gpus")
        )
        token = " with its token" if meeting.closed else ""
        nodes = f"{len(meeting.nodes)} node{'s' if len(meeting.nodes) > 1 else ''}"
        return f"{meeting.address} lets this machine in{token}: {nodes}, {cpus} cores, {gpus} GPUs"


def _is_local(address: str) -> bool:
    host = urlsplit(address if "://" in address else f"//{address}").hostname
    return is_loopback(host or "")


class NodesCheck:
    """Whether trials can run on each node."""

    name = "nodes"
    about = "whether every node of the cluster that has cores loads Ventral and answers"
    drives, trains, seconds = True, False, 10.0

    lost = Fault(
        status="fail",
        problem="node {node} {problem}",
        cure="install this Ventral on the node, in the environment that Ray runs in there, and "
        "look at Ray's logs on it",
    )
    faults = (lost,)

    def gather(self, place: Place) -> tuple[Node, ...]:
        """The facts, as far as they can be had."""
        return () if place.meeting is None else place.meeting.nodes

    def judge(self, facts: tuple[Node, ...]) -> Iterator[Verdict]:
        """What is wrong with them."""
        for node in facts:
            if node.problem is not None:
                yield self.lost.fill(node=node.name, problem=node.problem)

    def describe(self, facts: tuple[Node, ...]) -> str:
        """The facts in a line, where nothing is wrong."""
        if not facts:
            return "none but this machine"
        return f"all answer: {', '.join(node.name for node in facts)}"


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """By how many seconds the clocks of others are ahead of ours, at least and at most."""

    ahead: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class ClocksCheck:
    """The clocks of all machines."""

    name = "clocks"
    about = "the clocks of nodes, of the store's server and of MLflow's, compared with this one's"
    drives, trains, seconds = True, False, 60.0

    far = Fault(
        status="fail",
        problem="the clock of {machine} is {seconds:.0f} s {side} the one here",
        bound=f"{SILENCE_SECONDS / 2:.0f} s or more: its drivers would count as dead",
        cure="let both machines keep time: `timedatectl set-ntp true` (chrony, systemd-timesyncd)",
    )
    off = Fault(
        status="warning",
        problem="the clock of {machine} is {seconds:.1f} s {side} the one here",
        bound="2 s or more",
        cure="let both machines keep time: `timedatectl set-ntp true` (chrony, systemd-timesyncd)",
    )
    faults = (far, off)

    far_seconds = SILENCE_SECONDS / 2
    """A driver whose sign of life looks twice as old counts as dead (search/store/rows.py)."""
    off_seconds = 2.0

    def gather(self, place: Place) -> Clocks:
        """The facts, as far as they can be had."""
        nodes = () if place.meeting is None else place.meeting.nodes
        ahead = {f"node {node.name}": node.ahead for node in nodes if node.ahead is not None}
        if is_server(place.home.tracking_uri):
            stamp = read_clock(place.home.tracking_label)
            if stamp is not None:
                there, before, after = stamp
                ahead["MLflow's server"] = (there - after, there + 1.0 - before)
        if sqlite_file(place.home.store_url) is None and (clock := _ask_store(place)) is not None:
            there, before, after = clock
            ahead["the store's server"] = (there - after, there - before)
        return Clocks(ahead=ahead)

    def judge(self, facts: Clocks) -> Iterator[Verdict]:
        """What is wrong with them."""
        for machine, (least, most) in facts.ahead.items():
            # What is sure: zero if the clocks may be equal.
            seconds = max(least, 0.0) + min(most, 0.0)
            if abs(seconds) < self.off_seconds:
                continue
            side = "ahead of" if seconds > 0 else "behind"
            fault = self.far if abs(seconds) >= self.far_seconds else self.off
            yield fault.fill(machine=machine, seconds=abs(seconds), side=side)

    def describe(self, facts: Clocks) -> str:
        """The facts in a line, where nothing is wrong."""
        if not facts.ahead:
            return "no other machine has part in it"
        return f"within {self.off_seconds:.0f} s: {', '.join(facts.ahead)}"


def _ask_store(place: Place) -> tuple[float, float, float] | None:
    """The clock of the store's server, and the times here before and after."""
    try:
        sight = look_at_store(place.home.store_url)
    except StoreError:  # the check of the store says so
        return None
    return None if sight is None else sight.clock
