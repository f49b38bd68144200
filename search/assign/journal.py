"""The journal of a sampler's calls, by which its suggestions can be derived again.

In the store an entry is {"told": number, "score": ..., "fidelity": ...} (and "costs", if there are
further objectives) or {"told": number, "reason": ...} for the outcome of a trial, and {"asked":
choices} for an answer that was known already, with "searched": true where the sampler of the
searched controls gave it. What a sampler receives at once for such an answer is not written down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.samplers import Choices, Outcome

Curve = Sequence[tuple[float, float]]
"""(fidelity, top-1) of a trial's epochs, in their order."""


@dataclass(frozen=True, kw_only=True)
class OutcomeEntry:
    """The sampler received the outcome of trial `number`; its curve is in the trial's reports."""

    number: int
    score: float | None = None
    fidelity: float | None = None
    costs: tuple[float, ...] = ()
    reason: str | None = None

    @classmethod
    def of(cls, number: int, outcome: Outcome) -> "OutcomeEntry":
        """The entry of an outcome."""
        if outcome.score is None:
            return cls(number=number, reason=outcome.reason)
        return cls(
            number=number,
            score=outcome.score,
            fidelity=outcome.fidelity,
            costs=tuple(outcome.costs),
        )

    def outcome(self, curve: Curve = ()) -> Outcome:
        """The inverse of `of`, with the part of a trial's curve that was known then."""
        if self.score is None or self.fidelity is None:
            return Outcome(reason=self.reason)
        known = tuple(point for point in curve if point[0] <= self.fidelity)
        return Outcome(score=self.score, fidelity=self.fidelity, curve=known, costs=self.costs)

    def document(self) -> dict[str, Any]:
        """The entry as the store has it."""
        if self.score is None:
            return {"told": self.number, "reason": self.reason}
        document = {"told": self.number, "score": self.score, "fidelity": self.fidelity}
        return document | ({"costs": list(self.costs)} if self.costs else {})


@dataclass(frozen=True, kw_only=True)
class AnswerEntry:
    """A sampler was asked, that of the searched controls or the other, and its answer was known
    already.
    """

    choices: Choices
    searched: bool = False

    def document(self) -> dict[str, Any]:
        """The entry as the store has it."""
        return {"asked": dict(self.choices)} | ({"searched": True} if self.searched else {})


Entry = OutcomeEntry | AnswerEntry
"""One call of the journal."""


def read_entry(document: Mapping[str, Any]) -> Entry:
    """An entry of the store's. Raises KeyError for what is none."""
    if "told" not in document:
        searched = document.get("searched", False)
        return AnswerEntry(choices=document["asked"], searched=searched)
    return OutcomeEntry(
        number=document["told"],
        score=document.get("score"),
        fidelity=document.get("fidelity"),
        costs=tuple(document.get("costs", ())),
        reason=document.get("reason"),
    )


def read_journal(
    documents: Mapping[int, Sequence[Mapping[str, Any]]],
) -> dict[int, tuple[Entry, ...]]:
    """The journal of every suggestion, as `store.results.journal` gives it."""
    return {number: tuple(map(read_entry, calls)) for number, calls in documents.items()}
