"""Ray is used in a process of its own: whatever becomes of it, there is an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.doctor import asking
from search.doctor.asking import meet, read_meeting
from search.doctor.cluster import Meeting
from search.doctor.protocol import Place
from search.host.home import Home

NODE = {"name": "a", "cpus": 2, "gpus": 1, "findings": None, "problem": "is lost", "ahead": None}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(home=Home.at(tmp_path, {}), environ={})


def test_an_answer_is_read() -> None:
    answer = {"address": "h:6379", "nodes": [NODE], "closed": True}
    meeting = read_meeting("auto", answer)
    assert (meeting.address, meeting.closed) == ("h:6379", True)
    assert (meeting.nodes[0].gpus, meeting.nodes[0].problem) == (1, "is lost")
    assert read_meeting(None, answer | {"nodes": []}).address is None
    assert read_meeting("h:1", {"problem": "away", "cure": "start it"}) == Meeting(
        address="h:1", problem="away", cure="start it"
    )


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("import os; os._exit(7)", "its process ended with 7"),
        ("raise SystemExit('no socket at postgresql://me:word@h/x')", "no socket at postgresql"),
        ("print('{}')", "its process ended with 0"),
        ("import time; time.sleep(600)", "Ray does not answer within 1 s"),
    ],
)
def test_a_process_that_ends_or_hangs_is_a_problem(
    program: str, problem: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PROGRAM", program)
    monkeypatch.setattr(asking, "MEETING_SECONDS", 1.0 if "sleep" in program else 60.0)
    meeting = meet(place, "h:1")
    assert meeting.problem is not None
    assert meeting.problem.startswith(problem)
    assert "word" not in meeting.problem


def test_an_address_that_is_none_is_a_problem_with_its_cure(place: Place) -> None:
    meeting = meet(place, "nonsense")
    assert meeting.problem == "is not the address of a Ray cluster"
    assert "HOST:PORT" in meeting.cure
