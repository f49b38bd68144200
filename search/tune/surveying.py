"""A function of ours, called once on every node of the cluster that this process is connected to.

Beside the answers it measures the nodes' clocks: a call is sent before the node begins it and
arrives after the node has ended it, whatever the clocks say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.host.machine import Machine
from search.tune.joining import list_nodes, machine_of
from search.tune.session import first_line


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a node answered, or the `problem`.

    Its clock is ahead of ours by something between the two seconds of `ahead` (negative: behind).
    """

    node: str
    machine: Machine
    answer: Any = None
    problem: str | None = None
    ahead: tuple[float, float] | None = None


def ask_nodes(
    function: str, request: Callable[[Machine], Mapping[str, Any]], seconds: float
) -> list[Reply]:
    """Call `function` (MODULE:NAME, by the name that modules have in a wheel) with what `request`
    gives for the node, on every node with cores.

    Requests and answers are values of JSON. A node that has not answered after `seconds` has a
    problem, and so has one that cannot load Ventral or fails otherwise.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    # Nested, so that it travels as code: a node may lack the package that it looks for.
    def answer(called: str, request: Mapping[str, Any]) -> dict[str, Any]:
        import importlib
        import time

        started = time.time()
        module, _, name = called.partition(":")
        try:
            import workers.trainable  # noqa: F401

            call = getattr(importlib.import_module(module), name)
        except (ImportError, OSError, RuntimeError, AttributeError, SyntaxError) as error:
            return {"problem": f"cannot load Ventral ({error})"}
        reply = call(request)
        return {"answer": reply, "started": started, "ended": time.time()}

    remote = ray.remote(num_cpus=0, max_retries=0)(answer)
    nodes = list_nodes()
    names = name_nodes(nodes)
    pending: dict[Any, tuple[str, Machine, float]] = {}
    for node, name in zip(nodes, names, strict=True):
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        machine, sent = machine_of(node["Resources"]), time.time()
        call = remote.options(scheduling_strategy=there).remote(function, request(machine))
        pending[call] = name, machine, sent
    replies: dict[str, Reply] = {}
    until = time.monotonic() + seconds
    while pending and (left := until - time.monotonic()) > 0:
        ready, _ = ray.wait(list(pending), num_returns=1, timeout=left)
        arrived = time.time()
        for call in ready:
            name, machine, sent = pending.pop(call)
            try:
                reply = ray.get(call, timeout=10)
            except ray.exceptions.RayError as error:
                reply = {"problem": f"does not answer ({first_line(error)})"}
            replies[name] = read_reply(name, machine, reply, sent, arrived)
    for name, machine, _sent in pending.values():
        problem = f"does not answer within {seconds:.0f} s"
        replies[name] = Reply(node=name, machine=machine, problem=problem)
    return [replies[name] for name in names]


def read_reply(
    node: str, machine: Machine, reply: Mapping[str, Any], sent: float, arrived: float
) -> Reply:
    """A node's reply, which was asked for and came at these times of our clock."""
    if "problem" in reply:
        return Reply(node=node, machine=machine, problem=str(reply["problem"]))
    ahead = (reply["ended"] - arrived, reply["started"] - sent)
    return Reply(node=node, machine=machine, answer=reply["answer"], ahead=ahead)


def name_nodes(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """What people call Ray's nodes: host, address, and a part of the id of namesakes."""
    names = [f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})" for node in nodes]
    return [
        f"{name[:-1]}, {node['NodeID'][:6]})" if names.count(name) > 1 else name
        for node, name in zip(nodes, names, strict=True)
    ]
