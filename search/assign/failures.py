"""Failures that stop a run: those that are no trial's own, and too many in a row."""

from search.assign.stopping import Halted
from workers.job import Failure

FAILURES_IN_A_ROW = 10
"""Failed trials in a row that stop a run, before they use up its budget."""

CURES = {
    "data": "Put the data back",
    "storage": "Free some space",
    "environment": "Repair the worker's machine",
}
"""What to do about the failures that are not caused by a single trial, by their kind."""


class Failures:
    """Counts the failures in a row of one run.

    `any_score` says whether a trial of the campaign has a score already.
    """

    def __init__(self, campaign_id: str, *, any_score: bool) -> None:
        self._id, self._any_score = campaign_id, any_score
        self._in_a_row = 0

    def note_score(self) -> None:
        """A trial ended well: what failed before it were failures of single trials."""
        self._in_a_row, self._any_score = 0, True

    def add(self, number: int, failure: Failure) -> None:
        """A trial has failed. Raises Halted if that was one too many."""
        # A divergence is the cell's and its recipe's own, where others do well.
        self._in_a_row += failure.kind != "diverged" or not self._any_score
        if self._in_a_row >= FAILURES_IN_A_ROW:
            raise Halted(
                f"{self._in_a_row} trials failed in a row, the last of them trial {number} "
                f"({failure.kind}: {failure.reason}). `ventral trial show {self._id} {number}` "
                f"shows more, `ventral resume {self._id}` tries others"
            )

    def halted_by(self, number: int, failure: Failure) -> Halted:
        """The error for a failure of the place, which other trials would meet as well."""
        return Halted(
            f"trial {number} is put back, and others would fail as well: {failure.reason}. "
            f"{CURES[failure.kind]}, then `ventral resume {self._id}`"
        )
