"""Nodes by name, and what their replies say of their clocks; tests/search/doctor has real ones."""

from __future__ import annotations

from search.host.machine import Machine
from search.tune.surveying import Reply, name_nodes, read_reply

MACHINE = Machine(cpus=2, gpus=0)


def test_a_clock_is_as_far_off_as_a_call_and_its_reply_show() -> None:
    # Sent at 100 and back at 103; the node says that it worked from 191.5 to 192.
    reply = {"answer": [1], "started": 191.5, "ended": 192.0}
    assert read_reply("a", MACHINE, reply, 100.0, 103.0) == Reply(
        node="a", machine=MACHINE, answer=[1], ahead=(89.0, 91.5)
    )
    # Of equal clocks zero lies between the two.
    least, most = read_reply("a", MACHINE, reply, 191.0, 193.0).ahead or (1.0, 1.0)
    assert least <= 0 <= most


def test_a_problem_says_nothing_of_clocks() -> None:
    reply = read_reply("a", MACHINE, {"problem": "cannot load Ventral"}, 1.0, 2.0)
    assert (reply.problem, reply.answer, reply.ahead) == ("cannot load Ventral", None, None)


def test_nodes_of_one_machine_have_names_of_their_own() -> None:
    nodes = [
        {"NodeManagerHostname": host, "NodeManagerAddress": "10.0.0.1", "NodeID": key * 10}
        for host, key in (("a", "1"), ("b", "2"), ("b", "3"))
    ]
    assert name_nodes(nodes) == ["a (10.0.0.1)", "b (10.0.0.1, 222222)", "b (10.0.0.1, 333333)"]
