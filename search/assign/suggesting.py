"""The sampler's part of a campaign: new points, closed and checked, and a record of how they came.

A `Suggester` turns a sampler's answers into samples that are not on record yet, and keeps what is
infeasible from being trained. It is a pure state machine: its suggestions follow from the seed and
from the order of its calls, and from nothing else. Every suggestion carries its
`calls`: those of the sampler since the suggestion before. They are the campaign's
journal. With them a new driver brings a new suggester to the state of the old one (`recall`), and
`ventral replay` derives every suggestion again (search/replay.py).

search/assign/ahead.py runs a suggester in a thread of its own, so that no driver waits for a slow
sampler.

This module knows no store, no Ray and no training.
"""

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search import samplers
from search.assign.journal import AnswerEntry, Curve, Entry, OutcomeEntry
from search.campaign import Campaign
from search.campaign.limits import LIMITED, find_excess
from search.samplers import Choices, Outcome, Sampler
from search.samplers.protocol import derive_seed, draw_point, key
from space.errors import CampaignError, GenomeError, InputError
from space.reduction import reduce_genome
from space.space import Sample, Space
from space.unroll.cost import Cost, cost
from workers.job import Recipe

INFEASIBLE_IN_A_ROW = 200
"""Infeasible samples one after the other that end the campaign."""
SAMPLER_TRIES, DRAWN_TRIES = 30, 500
"""Tries to find a new point: first from the sampler, then drawn from the space."""


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A new point, to be put on record under `number`.

    `sample` is None where the choices make no genome, `recipe` (the closed one) where they make
    none of the campaign's. `reason` says why the point may not be trained, if so; the sampler has
    received that already.
    """

    number: int
    choices: Choices
    digest: str
    sample: Sample | None
    cost: Cost | None
    recipe: Recipe | None
    reason: str | None
    calls: tuple[Entry, ...]


class Suggester:
    """New points of one campaign, one at a time. Not to be used from several threads."""

    def __init__(self, sampler: Sampler, space: Space, campaign: Campaign) -> None:
        self._sampler, self._space, self._campaign = sampler, space, campaign
        self._known: dict[str, int] = {}
        self._trained: set[tuple[str, int]] = set()  # with which seeds
        self._choices: dict[int, Choices] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._calls: list[Entry] = []
        self._next = 0
        self._infeasible_in_a_row = 0
        self.error: CampaignError | None = None
        """Why there are no more suggestions, if it is the user's to correct."""

    def close(self) -> None:
        """Nothing to end: it works where it is called."""

    # ---------------------------------------------------------------- what is known

    def control(self, digest: str, recipe: Mapping[str, Any], seed: int) -> int | None:
        """The number of a new trial that the sampler did not suggest; None if it is known."""
        if (identity(digest, recipe), seed) in self._trained:
            return None
        self.note(self._next, digest, recipe, seed)
        return self._next - 1

    def note(self, number: int, digest: str, recipe: Mapping[str, Any], seed: int) -> None:
        """A trial that is on record: it is not to be repeated. With another seed it may be, but
        what the sampler receives for it is the first outcome.
        """
        self._known.setdefault(identity(digest, recipe), number)
        self._trained.add((identity(digest, recipe), seed))
        self._next = max(self._next, number + 1)

    def recall(
        self,
        number: int,
        digest: str,
        recipe: Mapping[str, Any],
        choices: Choices,
        calls: Sequence[Entry],
        curves: Mapping[int, Curve],
    ) -> None:
        """Take the recorded suggestion `number`, with its `calls`, for the next one.

        `curves` holds every trial's curve, for the sampler.
        """
        for call in calls:
            if isinstance(call, OutcomeEntry):
                self._tell(call.number, call.outcome(curves.get(call.number, ())))
            else:
                self._sampler.recall(call.choices)
                self._tell_again(call.choices, self._identity_of(call.choices))
        self._sampler.recall(choices)
        self._take(number, digest, recipe, choices)

    def _take(self, number: int, digest: str, recipe: Mapping[str, Any], choices: Choices) -> None:
        self.note(number, digest, recipe, self._campaign.seed)
        self._choices[number] = choices
        self._calls = []

    def tell(self, number: int, outcome: Outcome) -> None:
        """Pass the outcome of a trial to the sampler, also of one that it did not suggest."""
        self._calls.append(OutcomeEntry.of(number, outcome))
        self._tell(number, outcome)

    def _tell(self, number: int, outcome: Outcome) -> None:
        self._outcomes[number] = outcome
        if number in self._choices:
            self._sampler.tell(self._choices[number], outcome)

    # ---------------------------------------------------------------- what is new

    def suggest(self) -> Suggestion | None:
        """A new point; None if none was found or nothing may be trained (`error` says so).

        The sampler receives an infeasible one at once.
        """
        suggestion = self._find_new() if self.error is None else None
        if suggestion is not None:
            self._judge(suggestion)
        return suggestion

    def derive(self, calls: Sequence[Entry], curves: Mapping[int, Curve]) -> Suggestion | None:
        """The point that is suggested after the calls of the journal."""
        for call in calls:
            if isinstance(call, OutcomeEntry):
                self.tell(call.number, call.outcome(curves.get(call.number, ())))
        return self._find_new()

    def _find_new(self) -> Suggestion | None:
        for attempt in range(SAMPLER_TRIES + DRAWN_TRIES):
            choices = self._sampler.ask() if attempt < SAMPLER_TRIES else self._draw(attempt)
            suggestion = self._close(choices)
            recipe = {} if suggestion.sample is None else suggestion.sample.recipe
            same = identity(suggestion.digest, recipe)
            if same not in self._known:
                suggestion = self._weigh(suggestion)
                self._take(self._next, suggestion.digest, recipe, choices)
                return suggestion
            self._calls.append(AnswerEntry(choices=dict(choices)))
            self._tell_again(choices, same)
        return None

    def _draw(self, attempt: int) -> Choices:
        seed = derive_seed(self._campaign.seed, "drawn", self._next, attempt)
        choices = draw_point(self._space.parameters, random.Random(seed))
        self._sampler.recall(choices)
        return choices

    def _close(self, choices: Choices) -> Suggestion:
        """The point, with a reason if it makes no network."""
        sample: Sample | None = None
        reason: str | None = None
        try:
            sample = self._space.close(choices)
        except GenomeError as error:
            reason = str(error)
        return Suggestion(
            number=self._next,
            choices=choices,
            digest=_digest_of(choices) if sample is None else sample.digest,
            sample=sample,
            cost=None,
            recipe=None,
            reason=reason,
            calls=tuple(self._calls),
        )

    def _weigh(self, suggestion: Suggestion) -> Suggestion:
        """A new point with all that is known about it before a training: what takes longer than
        to close it, most of all a forecast of its memory.
        """
        if suggestion.sample is None:
            return suggestion
        costs = cost(suggestion.sample.genome)
        recipe, reason = close_recipe(self._campaign, suggestion.sample, costs)
        return replace(suggestion, cost=costs, recipe=recipe, reason=reason)

    def _identity_of(self, choices: Choices) -> str:
        """The identity of the trial that choices make."""
        try:
            sample = self._space.close(choices)
        except GenomeError:
            return identity(_digest_of(choices), {})
        return identity(sample.digest, sample.recipe)

    def _tell_again(self, choices: Choices, same: str) -> None:
        """Pass the outcome of a known answer to the sampler again."""
        if (outcome := self._outcomes.get(self._known[same])) is not None:
            self._sampler.tell(choices, outcome)

    def _judge(self, suggestion: Suggestion) -> None:
        """Tell the sampler of an infeasible point, and stop if there is nothing else."""
        if suggestion.reason is None:
            self._infeasible_in_a_row = 0
            return
        self.tell(suggestion.number, Outcome(reason="infeasible"))
        self._infeasible_in_a_row += 1
        if self._infeasible_in_a_row >= INFEASIBLE_IN_A_ROW:
            self.error = _nothing_feasible(suggestion.reason)


def make_suggester(campaign: Campaign, space: Space) -> Suggester:
    """A fresh suggester of a campaign."""
    sampler = samplers.make(campaign.sampler.name, space, campaign.seed, campaign.sampler.options)
    return Suggester(sampler, space, campaign)


# ------------------------------------------------------------------------- values


def identity(digest: str, recipe: Mapping[str, Any]) -> str:
    """Equal for trials that would be trained to the same numbers in one campaign."""
    return f"{digest} {json.dumps(dict(recipe), sort_keys=True)}"


def find_refusal(campaign: Campaign, sample: Sample, estimate: Cost) -> str | None:
    """Why a sample may not be trained, or None."""
    return close_recipe(campaign, sample, estimate)[1]


def close_recipe(
    campaign: Campaign, sample: Sample, estimate: Cost
) -> tuple[Recipe | None, str | None]:
    """The campaign's recipe with a sample's laid over it, if that is one, and why the sample may
    not be trained, if so.
    """
    recipe: Recipe | None = None
    try:
        recipe = campaign.recipe.overlaid(sample.recipe)
        for part in recipe.fidelity:
            reduce_genome(sample.genome, size=part.size, steps=part.steps)
    except InputError as error:
        return recipe, str(error)
    return recipe, find_excess(campaign, recipe, sample.genome, estimate)


def _nothing_feasible(reason: str) -> CampaignError:
    named = [name for name in LIMITED if f"limits.{name}" in reason]
    return CampaignError(
        f"limits.{named[0]}" if named else "space",
        f"{INFEASIBLE_IN_A_ROW} samples in a row may not be trained, the last: {reason}",
        "raise the limit or narrow the space" if named else "mend the space",
    )


def _digest_of(choices: Choices) -> str:
    """An identity for choices that make no genome."""
    return hashlib.sha256(key(choices).encode()).hexdigest()[:16]
