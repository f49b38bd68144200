"""Early stopping is replayed: it saves time, or loses winners."""

from dashboards.findings import stopping
from tests.support.findings import ask, change_trials, small_search
from tests.support.simulated import World, search


def test_it_saves_time_where_early_scores_say_how_training_ends() -> None:
    finding = ask("early-stopping", search(World(sampler="random"), 0))
    assert finding.status == "pass"
    assert "saved 5" in finding.text


def test_it_loses_winners_where_the_best_begin_last() -> None:
    finding = ask("early-stopping", search(World(sampler="random", crossing=True), 0))
    assert finding.status == "fail"
    assert "lost winners" in finding.text
    assert "by -0." in finding.text  # the ranks disagree
    assert "scheduler.grace_epochs=4" in finding.next


def test_it_does_not_arise_without_and_is_left_open_of_few() -> None:
    assert stopping.judge(search(World(trials=10, scheduler={"name": "fifo"}), 0)) is None
    finished = small_search().trials.query("status == 'finished'")["trial"].tolist()
    few = change_trials(small_search(), finished[5:], {"status": "failed"})
    assert ask("early-stopping", few).value is None
