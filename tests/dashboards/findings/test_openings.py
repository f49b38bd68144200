"""Test data that decided, and test data that was opened often."""

from dataclasses import replace

from tests.support.findings import ask, change_trials, small_search


def test_a_search_that_decided_by_test_data() -> None:
    finding = ask("test-data", change_trials(small_search(), list(range(80)), {"split": "test"}))
    assert (finding.status, finding.value) == ("fail", 80.0)


def test_how_often_it_was_opened() -> None:
    searched = small_search()
    (opening,) = searched.openings
    assert ask("test-data", searched).status == "pass"
    often = ask("test-data", replace(searched, openings=(opening,) * 4))
    assert (often.status, often.value) == ("warning", 4.0)
    assert "ventral certify (4)" in often.text
    none = ask("test-data", replace(searched, openings=()))
    assert "was not opened" in none.text
