"""The sampler's part of a campaign: new points, closed and checked, and a record of how they came.

A `Suggester` turns a sampler's answers into samples that are not on record yet, and keeps what is
infeasible from being trained. It is a pure state machine: its suggestions follow from the seed and
from the order of its calls, and from nothing else. Every suggestion carries its
`calls`: those of the sampler since the suggestion before. They are the campaign's
journal. With them a new driver brings a new suggester to the state of the old one (`recall`), and
`ventral replay` derives every suggestion again (search/replay.py).

What the campaign names itself (`enqueue:`) comes before what a sampler answers; the sampler takes
it for an answer of its own.

With `controls: {search: SHARE}` that share of the suggestions are searched controls: points of the
feedforward part of the space (space/feedforward.py), from a sampler of its own that is of the same
kind and knows the outcomes of that part alone. Whose turn it is follows from the number of
suggestions before.

search/assign/ahead.py runs a suggester in a thread of its own, so that no driver waits for a slow
sampler.

This module knows no store, no Ray and no training.
"""

import hashlib
import json
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search import samplers
from search.assign.journal import AnswerEntry, Curve, Entry, OutcomeEntry
from search.campaign import Campaign, is_searched_control
from search.campaign.limits import LIMITED, find_excess
from search.samplers import Choices, Outcome, Sampler
from search.samplers.protocol import derive_seed, draw_point, key
from space.errors import CampaignError, GenomeError, InputError
from space.feedforward import close_loops
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
    received that already. `searched` says that it is a searched control, `enqueued` that the
    campaign names it.
    """

    number: int
    choices: Choices
    digest: str
    sample: Sample | None
    cost: Cost | None
    recipe: Recipe | None
    reason: str | None
    calls: tuple[Entry, ...]
    searched: bool = False
    enqueued: bool = False


@dataclass
class _SampledSpace:
    """The space, or a part of it, with the sampler that searches it."""

    sampler: Sampler
    space: Space
    seed: int
    searched: bool = False
    infeasible_in_a_row: int = 0
    exhausted: bool = False
    """Whether no new point was found in it."""


class Suggester:
    """New points of one campaign, one at a time. Not to be used from several threads.

    `controls` are the sampler and the space of its searched controls, if it has any.
    """

    def __init__(
        self,
        sampler: Sampler,
        space: Space,
        campaign: Campaign,
        controls: tuple[Sampler, Space] | None = None,
    ) -> None:
        self._space, self._campaign = space, campaign
        self._enqueued = deque(one.choices for one in campaign.enqueued)
        self._whole = _SampledSpace(sampler, space, campaign.seed)
        self._controls: _SampledSpace | None = None
        if controls is not None:
            self._controls = _SampledSpace(*controls, controls_seed(campaign), searched=True)
        self._parts: dict[int, _SampledSpace] = {}
        self._known: dict[str, int] = {}
        self._trained: set[tuple[str, int]] = set()  # with which seeds
        self._choices: dict[int, Choices] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._calls: list[Entry] = []
        self._next = 0
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
        *,
        searched: bool = False,
    ) -> None:
        """Take the recorded suggestion `number`, with its `calls`, for the next one.

        `curves` holds every trial's curve, for the sampler; `searched` says that it is a searched
        control.
        """
        for call in calls:
            if isinstance(call, OutcomeEntry):
                self._tell(call.number, call.outcome(curves.get(call.number, ())))
                continue
            part = self._part(searched=call.searched)
            part.exhausted = call.searched and not searched
            part.sampler.recall(call.choices)
            self._tell_again(part, call.choices, self._identity_of(call.choices))
        part = self._part(searched=searched)
        part.sampler.recall(choices)
        self._take(part, number, digest, recipe, choices)

    def _part(self, *, searched: bool) -> _SampledSpace:
        """The part of the searched controls, if there is one, or the whole."""
        return self._controls if searched and self._controls is not None else self._whole

    def _take(
        self,
        part: _SampledSpace,
        number: int,
        digest: str,
        recipe: Mapping[str, Any],
        choices: Choices,
    ) -> None:
        self.note(number, digest, recipe, self._campaign.seed)
        self._choices[number], self._parts[number] = choices, part
        self._calls = []

    def tell(self, number: int, outcome: Outcome) -> None:
        """Pass the outcome of a trial to its sampler, also of one that none suggested."""
        self._calls.append(OutcomeEntry.of(number, outcome))
        self._tell(number, outcome)

    def _tell(self, number: int, outcome: Outcome) -> None:
        self._outcomes[number] = outcome
        if number in self._choices:
            self._parts[number].sampler.tell(self._choices[number], outcome)

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
        """A new point that the campaign names; else one of the part whose turn it is, or of the
        whole, if its own part has no more.
        """
        if (named := self._next_enqueued()) is not None:
            return named
        controls, turn = self._controls, len(self._choices)
        if controls and not controls.exhausted and is_searched_control(self._campaign, turn):
            if (suggestion := self._find_in(controls)) is not None:
                return suggestion
            controls.exhausted = True
        return self._find_in(self._whole)

    def _next_enqueued(self) -> Suggestion | None:
        """The first network that the campaign names and that is not on record yet."""
        while self._enqueued:
            choices = self._enqueued.popleft()
            if self._identity_of(choices) not in self._known:
                self._whole.sampler.recall(choices)
                weighed = self._weigh(self._close(self._whole, choices))
                recipe = {} if weighed.sample is None else weighed.sample.recipe
                self._take(self._whole, self._next, weighed.digest, recipe, choices)
                return replace(weighed, enqueued=True)
        return None

    def _find_in(self, part: _SampledSpace) -> Suggestion | None:
        for attempt in range(SAMPLER_TRIES + DRAWN_TRIES):
            choices = part.sampler.ask() if attempt < SAMPLER_TRIES else self._draw(part, attempt)
            suggestion = self._close(part, choices)
            recipe = {} if suggestion.sample is None else suggestion.sample.recipe
            same = identity(suggestion.digest, recipe)
            if same not in self._known:
                suggestion = self._weigh(suggestion)
                self._take(part, self._next, suggestion.digest, recipe, choices)
                return suggestion
            self._calls.append(AnswerEntry(choices=dict(choices), searched=part.searched))
            self._tell_again(part, choices, same)
        return None

    def _draw(self, part: _SampledSpace, attempt: int) -> Choices:
        seed = derive_seed(part.seed, "drawn", self._next, attempt)
        choices = draw_point(part.space.parameters, random.Random(seed))
        part.sampler.recall(choices)
        return choices

    def _close(self, part: _SampledSpace, choices: Choices) -> Suggestion:
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
            searched=part.searched,
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

    def _tell_again(self, part: _SampledSpace, choices: Choices, same: str) -> None:
        """Pass the outcome of a known answer to the sampler again."""
        if (outcome := self._outcomes.get(self._known[same])) is not None:
            part.sampler.tell(choices, outcome)

    def _judge(self, suggestion: Suggestion) -> None:
        """Tell the sampler of an infeasible point, and stop if there is nothing else."""
        part = self._part(searched=suggestion.searched)
        if suggestion.reason is None:
            part.infeasible_in_a_row = 0
            return
        self.tell(suggestion.number, Outcome(reason="infeasible"))
        part.infeasible_in_a_row += 1
        if part.infeasible_in_a_row >= INFEASIBLE_IN_A_ROW:
            self.error = _nothing_feasible(suggestion.reason, searched=part.searched)


def make_suggester(campaign: Campaign, space: Space) -> Suggester:
    """A fresh suggester of a campaign. Raises SpaceError if controls are to be searched for in a
    space without feedforward networks.
    """
    name, options = campaign.sampler.name, campaign.sampler.options
    # A campaign on record without a version began before there were any.
    version = campaign.sampler.version or 1
    sampler = samplers.make(name, space, campaign.seed, options, version)
    if not campaign.searched_share:
        return Suggester(sampler, space, campaign)
    part = close_loops(space)
    controls = samplers.make(name, part, controls_seed(campaign), options, version)
    return Suggester(sampler, space, campaign, (controls, part))


def controls_seed(campaign: Campaign) -> int:
    """The seed of the sampler of the searched controls."""
    return derive_seed(campaign.seed, "searched controls")


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


def _nothing_feasible(reason: str, *, searched: bool) -> CampaignError:
    named = [name for name in LIMITED if f"limits.{name}" in reason]
    of = " of the feedforward part" if searched else ""
    return CampaignError(
        f"limits.{named[0]}" if named else "space",
        f"{INFEASIBLE_IN_A_ROW} samples{of} in a row may not be trained, the last: {reason}",
        "raise the limit or narrow the space" if named else "mend the space",
    )


def _digest_of(choices: Choices) -> str:
    """An identity for choices that make no genome."""
    return hashlib.sha256(key(choices).encode()).hexdigest()[:16]
