"""A finding is what JSON says of it; one that is left open has no number."""

from dashboards.findings.finding import leave_open


def test_a_question_that_is_left_open_has_no_number() -> None:
    finding = leave_open("budget", "Too few.", "ventral resume ID")
    assert finding.document() == {
        "name": "budget",
        "status": "warning",
        "value": None,
        "threshold": None,
        "text": "Too few.",
        "next": "ventral resume ID",
    }
