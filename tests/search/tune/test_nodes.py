"""Nodes of a cluster on this machine: all that one has started ends with it, and with the block.

The nodes' own program is left out here; tests/faults/test_cluster.py has real ones.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from search.host.tokens import TOKEN
from search.tune import nodes as module
from search.tune.access import MODE
from search.tune.nodes import Nodes
from space.errors import VentralError
from tests.support.processes import runs
from tests.support.waiting import wait_until

TWO = ("sh", "-c", "sleep 60 >/dev/null 2>&1 & sleep 60 >/dev/null 2>&1 &")
FAILS = ("sh", "-c", "echo no room for a node; exit 3")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the nodes' files lie; the head is not started."""
    monkeypatch.setattr(module, "scratch_root", lambda: tmp_path)
    monkeypatch.setattr(Nodes, "start_head", lambda _nodes: None)
    return tmp_path


def test_a_node_ends_with_all_that_it_has_started(folder: Path) -> None:
    with Nodes(nodes=0) as nodes:
        for name in ("node0", "node1"):
            nodes.start(name, TWO)
        assert nodes.names == ["node0", "node1"]
        first, second = (set(nodes.processes(name)) for name in nodes.names)
        assert (len(first), len(second)) == (2, 2)
        assert first.isdisjoint(second)
        nodes.kill("node0")
        assert nodes.names == ["node1"]
        assert set(nodes.processes("node1")) == second
        assert len(list(folder.iterdir())) == 1
    wait_until(lambda: not any(map(runs, first | second)), "the nodes' processes end")
    assert nodes.names == []
    assert list(folder.iterdir()) == []


def test_a_node_that_does_not_start_is_said_with_what_it_printed(folder: Path) -> None:
    with Nodes(nodes=0) as nodes:
        with pytest.raises(VentralError, match="did not start: no room for a node"):
            nodes.start("node0", FAILS)
        assert nodes.processes("node0") == []
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_every_cluster_has_a_token_which_its_nodes_get() -> None:
    with Nodes(nodes=0) as nodes, pytest.raises(VentralError) as shown:
        nodes.start("node0", ("sh", "-c", f'echo "${MODE} ${TOKEN}"; exit 1'))
    assert f"token {nodes.environment[TOKEN]}" in str(shown.value)
    assert Nodes().environment[TOKEN] != nodes.environment[TOKEN]
