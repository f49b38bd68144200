"""Why a worker was lost, in Ray's own words, and what follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.assign.losses import NODES_IN_A_ROW, RETRIED, Cause, Losses, Silence, cause_of, tail
from search.store import Store
from tests.support.campaigns import new_campaign

# As Ray 2.60 writes them.
NODE = """The actor died unexpectedly before finishing this task.
\tclass_name: with_resources.<locals>.ResourceTrainable
The actor died because its node has died. Node Id: 0cd8b458b247144079b9b79cec7f0751
\tthe actor's node was terminated unexpectedly: health check failed due to missing too many"""
AWAY = """The actor f06f74b0eb7039d386dc7fd702000000 is unavailable: The actor is temporarily
unavailable: RpcError: RPC error: Socket closed rpc_code: 14. The task may or may not have been"""
KILLED = """The actor died unexpectedly before finishing this task.
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit
detail: Worker unexpectedly exits with a connection error code 2. End of file. Some common causes
include: (1) the process was killed by the OOM killer due to high memory usage, (2) ray stop"""
MEMORY = """OutOfMemoryError: Task was killed due to the node running low on memory.
Memory on the node (IP: 192.0.2.2) was 4.1GB / 23.4GB (0.17), which exceeds the memory usage
25085\t0.40\tray::TrialTrainable.train"""
RAISED = """\x1b[36mray::TrialTrainable.train()\x1b[39m (pid=27109, ip=192.0.2.2)
OSError: [Errno 5] Input/output error: '/far/away'"""

UNREACHABLE = """\x1b[36mray::TrialTrainable.train()\x1b[39m (pid=27109, ip=192.0.2.2)
space.errors.UnreachableError: s3://bucket/campaigns/a: the server cannot be reached"""


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (NODE, "node"),
        (AWAY, "node"),
        (KILLED, "worker"),
        (MEMORY, "memory"),
        (RAISED, "environment"),
        (UNREACHABLE, "environment"),
        ("", "worker"),
    ],
)
def test_the_cause_is_read_from_ray_s_words(words: str, cause: Cause) -> None:
    assert cause_of(words) == cause


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(f"sqlite:///{tmp_path}/store.db")


def lose(losses: Losses, words: str, *, silent: bool = False, epochs: int = 1) -> str | None:
    """The kind of the failure that one more loss of trial 3 is; None if it starts again."""
    _, failure = losses.add(3, words, silent=silent, log="the roof fell", epochs=epochs)
    if failure is None:
        return None
    assert "the roof fell" in failure.detail
    return failure.kind


def test_a_worker_may_be_lost_as_often_as_the_campaign_says(store: Store) -> None:
    campaign = new_campaign(store)
    assert lose(Losses(store, campaign.id, 2), KILLED) is None
    # The next driver knows.
    losses = Losses(store, campaign.id, 2)
    assert lose(losses, KILLED, silent=True) is None
    assert lose(losses, KILLED) == "lost"
    assert lose(Losses(store, campaign.id, 0), RAISED) == "environment"
    assert lose(Losses(store, campaign.id, 0), KILLED, silent=True) == "hung"
    store.campaigns.add_event(campaign.id, RETRIED, {"trial": 3})
    assert lose(Losses(store, campaign.id, 1), KILLED) is None, "somebody wants it again"


def test_a_place_that_was_mended_has_all_its_tries_again(store: Store) -> None:
    campaign = new_campaign(store)
    losses = Losses(store, campaign.id, 1)
    assert [lose(losses, RAISED), lose(losses, RAISED)] == [None, "environment"]
    losses = Losses(store, campaign.id, 1)
    assert [lose(losses, RAISED), lose(losses, RAISED)] == [None, "environment"]
    losses = Losses(store, campaign.id, 1)
    assert [lose(losses, KILLED), lose(losses, KILLED)] == [None, "lost"], "its own are others"


def test_nodes_do_not_count_unless_the_trial_never_gets_further(store: Store) -> None:
    campaign = new_campaign(store)
    losses = Losses(store, campaign.id, 0)
    for epoch in range(10):
        assert lose(losses, NODE, epochs=epoch) is None
    for _ in range(NODES_IN_A_ROW):
        assert lose(losses, AWAY, epochs=20) is None
    assert lose(losses, NODE, epochs=20) == "lost"


def test_a_retry_is_a_clean_slate_for_nodes_too(store: Store) -> None:
    campaign = new_campaign(store)
    losses = Losses(store, campaign.id, 0)
    while lose(losses, NODE) is None:
        pass
    assert lose(Losses(store, campaign.id, 0), NODE) == "lost"
    store.campaigns.add_event(campaign.id, RETRIED, {"trial": 3})
    assert lose(Losses(store, campaign.id, 0), NODE) is None


@pytest.mark.parametrize(
    ("retries", "outcomes"), [(5, [None, "out-of-memory"]), (0, ["out-of-memory"])]
)
def test_memory_is_tried_once_more_since_a_neighbour_may_have_taken_it(
    store: Store, retries: int, outcomes: list[str | None]
) -> None:
    campaign = new_campaign(store)
    losses = Losses(store, campaign.id, retries)
    assert [lose(losses, MEMORY) for _ in outcomes] == outcomes


def test_what_is_kept_of_a_loss(store: Store) -> None:
    campaign = new_campaign(store)
    log = "Extension modules: " + "numpy, " * 1000 + "\n" + "x" * 5000 + "\nthe roof fell"
    Losses(store, campaign.id, 1).add(
        7, "begin" + "w" * 9000 + "end", silent=False, log=log, epochs=4
    )
    (event,) = store.campaigns.events(campaign.id)
    assert {key: event.detail[key] for key in ("trial", "cause", "epochs")} == {
        "trial": 7,
        "cause": "worker",
        "epochs": 4,
    }
    kept = event.detail["error"]
    assert kept.startswith("begin")
    assert "end\n" in kept
    assert kept.endswith("the roof fell")
    assert "Extension" not in kept
    assert len(kept) < 4200


def test_silence() -> None:
    now = [0.0]
    silence = Silence(10.0, lambda: now[0])
    silence.reset("a")
    silence.reset("b")
    now[0] = 6.0
    silence.reset("b")
    now[0] = 11.0
    assert silence.overdue() == ["a"]
    silence.forget("a")
    assert silence.overdue() == []
    forever = Silence(None, lambda: now[0])
    forever.reset("a")
    now[0] = 1e9
    assert forever.overdue() == []


def test_tail(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("0123456789")
    assert tail(tmp_path / "log", 4) == "6789"
    assert tail(tmp_path / "log", 40) == "0123456789"
    assert tail(tmp_path / "none", 4) == ""
