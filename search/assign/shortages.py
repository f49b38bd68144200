"""Trainings that ran out of memory: once, each is tried again in less memory.

An allocation that failed ends a training with a reason of its own. The same training would fail
again, but the same numbers, up to rounding, can be had in less memory (`limits.spare_memory`).
What is changed for the second try stands in the campaign's history, where the next driver and
everyone who shows or exports the trial finds it. A trial that runs out of memory again has failed.

A worker that Ray ended because the machine's memory ran out starts again as well
(losses.py); where trials take no GPU, in less memory too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from search.assign.losses import RETRIED
from search.assign.setting import Setting
from search.campaign.limits import spare_memory
from search.store import Event
from workers.job import Failure

SHORTAGE = "out of memory"
"""The kind of the event that is kept of each second try."""


@dataclass(frozen=True, kw_only=True)
class SecondTry:
    """What is changed of the recipe of a training whose memory ran out, and the error's words."""

    changes: Mapping[str, Any]
    error: str

    def __str__(self) -> str:
        """Such as "recipe.recompute: true, recipe.accumulate: 4"."""
        return ", ".join(
            f"recipe.{key}: {str(value).lower()}" for key, value in self.changes.items()
        )


def read_second_tries(events: Iterable[Event]) -> dict[int, SecondTry]:
    """The trials of a campaign's history that were tried again in less memory."""
    tries: dict[int, SecondTry] = {}
    for event in events:
        if event.kind == SHORTAGE:
            changes, error = event.detail["changes"], event.detail.get("error", "")
            tries[int(event.detail["trial"])] = SecondTry(changes=changes, error=error)
        elif event.kind == RETRIED:
            # A user has it start anew.
            tries.pop(int(event.detail["trial"]), None)
    return tries


class Shortages:
    """The second tries of a run's campaign, those of earlier drivers too."""

    def __init__(self, setting: Setting) -> None:
        self._set = setting
        self._tries = read_second_tries(setting.store.campaigns.events(setting.campaign_id))

    def changes(self, number: int) -> Mapping[str, Any]:
        """What is changed of a trial's recipe; nothing if it has not run out of memory."""
        known = self._tries.get(number)
        return {} if known is None else known.changes

    def spare(self, number: int, error: str) -> SecondTry | None:
        """The second try of a trial whose memory ran out, put on record; None if it had that, if
        nothing takes less memory, or if the campaign allows no new starts.
        """
        if number in self._tries or not self._set.campaign.retries:
            return None
        trial = self._set.store.results.get(self._set.campaign_id, number)
        recipe = self._set.recipe(trial.recipe)
        changes = spare_memory(self._set.campaign, recipe, trial.read_genome())
        if changes is None:
            return None
        made = self._tries[number] = SecondTry(changes=changes, error=error)
        detail = {"trial": number, "changes": changes, "error": error}
        self._set.store.campaigns.add_event(self._set.campaign_id, SHORTAGE, detail)
        return made

    def explain(self, number: int, failure: Failure) -> Failure:
        """The failure of a trial that ran out of memory, with what was tried."""
        known = self._tries.get(number)
        if known is None:
            return failure
        reason = f"{failure.reason} (again, with {known})"
        return failure.model_copy(update={"reason": reason})
