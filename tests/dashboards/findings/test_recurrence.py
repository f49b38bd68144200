"""That recurrence helps is shown by matched controls alone."""

from dataclasses import replace

from dashboards.findings import recurrence
from tests.support.findings import ask, change_trials, small_search
from tests.support.simulated import World, search


def judge_lead(lead: float) -> str:
    searched = search(World(sampler="random", trials=60, lead=lead), 0)
    return ask("recurrence", searched).status


def test_by_the_lead_over_matched_controls() -> None:
    assert judge_lead(0.06) == "pass"
    assert judge_lead(0.0) == "warning"
    assert judge_lead(-0.06) == "fail"


def test_without_them_it_is_not_shown() -> None:
    finding = ask("recurrence", replace(small_search(), evidence=None))
    assert finding.value is None
    assert finding.next == "ventral certify simulate --matched"
    assert "none was trained beside controls" in finding.text


def test_it_does_not_arise_of_feedforward_networks() -> None:
    plain = change_trials(small_search(), list(range(80)), {"recurrent": "none"})
    assert recurrence.judge(plain) is None
