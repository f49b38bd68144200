"""Workers that died are counted by cause."""

from dashboards.findings import workers
from tests.support.findings import ask, change_trials, small_search
from tests.support.simulated import World, search


def test_nodes_that_die_are_named() -> None:
    finding = ask("workers", search(World(sampler="random", trials=80, losing=0.3), 0))
    assert finding.status == "warning"
    assert "by node" in finding.text


def test_what_a_resume_starts_again_is_no_loss() -> None:
    again = change_trials(small_search(), [0, 1, 2], {"attempts": 2})
    assert workers.judge(again) is None
