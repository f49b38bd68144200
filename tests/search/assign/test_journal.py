"""The journal of a sampler's calls: nothing of it is lost on the way to the store and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from search.assign.journal import AnswerEntry, OutcomeEntry, read_entry, read_journal
from search.samplers import Outcome

OUTCOMES = (
    Outcome(score=0.1 + 0.2, fidelity=1.0, curve=((1 / 3, 0.1), (2 / 3, 0.2), (1.0, 0.3))),
    Outcome(score=0.25, fidelity=1 / 3, curve=((1 / 3, 0.25),)),
    Outcome(score=0.25, fidelity=1 / 3, curve=((1 / 3, 0.25),), costs=(250.0, 1e9)),
    Outcome(reason="diverged"),
)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_journal_loses_nothing_of_an_outcome(outcome: Outcome) -> None:
    later = ((1.5, 0.9),)  # what a trial that went on reported after it
    entry = OutcomeEntry.of(7, outcome)
    assert entry.outcome((*outcome.curve, *later)) == outcome
    assert read_entry(json.loads(json.dumps(entry.document()))) == entry


def test_an_answer_that_was_known_is_kept() -> None:
    for searched in (False, True):
        choices = {"kernel": 3, "edge": None, "rate": 0.1}
        entry = AnswerEntry(choices=choices, searched=searched)
        assert read_entry(json.loads(json.dumps(entry.document()))) == entry


def test_the_store_s_form_is_that_of_every_version() -> None:
    """Kept journals are read for ever."""
    documents: list[dict[str, Any]] = [
        {"told": 3, "score": 0.5, "fidelity": 1.0},
        {"told": 4, "score": 0.5, "fidelity": 0.25, "costs": [9.0]},
        {"told": 5, "reason": "infeasible"},
        {"asked": {"kernel": 1}},
        {"asked": {"kernel": 1}, "searched": True},
    ]
    entries = read_journal({6: documents, 7: []})
    assert entries[7] == ()
    assert entries[6][2] == OutcomeEntry(number=5, reason="infeasible")
    assert [entry.document() for entry in entries[6]] == documents


def test_what_is_no_entry_is_refused() -> None:
    with pytest.raises(KeyError):
        read_entry({"score": 0.5})
