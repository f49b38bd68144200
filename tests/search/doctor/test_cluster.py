"""Ray as it was met, the file of its token, and clocks as they were read."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.doctor.cluster import ClocksCheck, Meeting, Node, NodesCheck, RayCheck
from search.doctor.protocol import Place
from search.host.home import Home
from tests.support.mlflow_answers import serve


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path, {})


def test_a_token_that_others_may_read_is_seen(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("x")
    file.chmod(0o640)
    environ = {"RAY_AUTH_TOKEN_PATH": str(file)}
    assert RayCheck().gather(Place(home=home, environ=environ)).open_file == str(file)
    # One of the environment is used before any file.
    other = environ | {"RAY_AUTH_TOKEN": "y"}
    assert RayCheck().gather(Place(home=home, environ=other)).open_file is None
    file.chmod(0o600)
    assert RayCheck().gather(Place(home=home, environ=environ)).open_file is None
    gone = {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "none")}
    assert RayCheck().gather(Place(home=home, environ=gone)).open_file is None


def test_what_was_met_is_judged(home: Home) -> None:
    nodes = (Node(name="a", cpus=2), Node(name="b", problem="does not answer"))
    place = Place(home=home, environ={}, meeting=Meeting(address="h:1", nodes=nodes))
    assert NodesCheck().gather(place) == nodes
    assert RayCheck().gather(place).meeting == place.meeting
    assert NodesCheck().gather(Place(home=home, environ={})) == ()


def test_clocks_are_those_of_nodes_and_of_mlflow_s_server(home: Home) -> None:
    nodes = (Node(name="a", ahead=(-0.5, 0.5)), Node(name="b", problem="does not answer"))
    meeting = Meeting(address="h:1", nodes=nodes)
    with serve() as address:
        there = Home(path=home.path, tracking_uri=address)
        facts = ClocksCheck().gather(Place(home=there, environ={}, meeting=meeting))
    assert set(facts.ahead) == {"node a", "MLflow's server"}
    least, most = facts.ahead["MLflow's server"]
    assert least <= 0 <= most
    assert list(ClocksCheck().judge(facts)) == []
