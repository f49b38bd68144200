"""What the limits refuse is counted by limit."""

from dashboards.findings import limits
from tests.support.findings import ask, change_trials, small_search

REFUSED = {"status": "infeasible", "reason": "9.0 GiB, over limits.memory of 8 GiB"}


def test_a_limit_that_refuses_most() -> None:
    finding = ask("limits", change_trials(small_search(), list(range(60)), REFUSED))
    assert finding.status == "warning"
    assert "60 by limits.memory" in finding.text
    assert finding.next == "ventral submit --from simulate --set limits.memory=..."
    finding = ask("limits", change_trials(small_search(), list(range(79)), REFUSED))
    assert finding.status == "fail"


def test_a_few_are_as_it_should_be() -> None:
    finding = ask("limits", change_trials(small_search(), [1, 2], REFUSED))
    assert finding.status == "pass"
    assert limits.judge(small_search()) is None
