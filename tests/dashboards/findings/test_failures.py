"""What failed is counted by kind, with the choice that explains it."""

from dashboards.findings.failures import find_rule
from tests.support.findings import ask, change_trials, small_search

DIVERGED = {"status": "failed", "reason": "diverged: loss is nan at epoch 1, step 3"}


def test_the_choice_that_explains_failures() -> None:
    searched = small_search()
    high = searched.trials.query("`choice.learning_rate` > 0.004")["trial"].tolist()
    finding = ask("failures", change_trials(searched, high, DIVERGED))
    assert finding.status == "fail"
    assert f"{len(high)} of {len(high)} with learning_rate > 0.00" in finding.text
    assert f"0 of {80 - len(high)} others" in finding.text


def test_failures_without_a_cause() -> None:
    finding = ask("failures", change_trials(small_search(), list(range(0, 80, 5)), DIVERGED))
    assert finding.status == "warning"
    assert "No single choice explains them" in finding.text
    assert finding.next == "ventral trial list simulate --status failed"


def test_one_failure_is_none() -> None:
    assert ask("failures", change_trials(small_search(), [7], DIVERGED)).status == "pass"
    assert ask("failures", small_search()).value == 0.0


def test_no_rule_where_all_are_alike() -> None:
    searched = small_search()
    everything = searched.trials["trial"].to_numpy() >= 0
    assert find_rule(searched, searched.trials, everything) is None
