"""The sampler's part of a campaign: new points, closed and checked, and a record of how they came.

A `Suggester` turns a sampler's answers into samples that are not on record yet, and keeps what is
infeasible from being trained. It is a pure state machine: its suggestions follow from the seed and
from the order of its calls, and from nothing else. Every suggestion carries its
`calls`: those of the sampler since the suggestion before. They are the campaign's
journal. With them a new driver brings a new suggester to the state of the old one (`recall`), and
`ventral replay` derives every suggestion again (search/replay.py).

`Ahead` runs a suggester in a thread of its own, so that no driver waits for a slow sampler.

This module knows no store, no Ray and no training.
"""

import hashlib
import json
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search.campaign import Campaign
from search.campaign.limits import LIMITED, find_excess
from search.samplers import Choices, Outcome, Sampler
from search.samplers.protocol import derive_seed, draw_point, key
from space.errors import CampaignError, GenomeError, InputError
from space.reduction import reduce_genome
from space.space import Sample, Space
from space.unroll.cost import Cost, cost

log = logging.getLogger(__name__)

INFEASIBLE_IN_A_ROW = 200
"""Infeasible samples one after the other that end the campaign."""
SAMPLER_TRIES, DRAWN_TRIES = 30, 500
"""Tries to find a new point: first from the sampler, then drawn from the space."""

Curve = Sequence[tuple[float, float]]
"""(fidelity, top-1) of a trial's epochs, in their order."""

JournalEntry = dict[str, Any]
"""One call of the journal, as JSON holds it: {"told": number, "score": ..., "fidelity": ...} (and
"costs", if there are further objectives) or {"told": number, "reason": ...} for the outcome of a
trial, and {"asked": choices} for an answer that was known already. What the sampler
receives at once for such an answer is not written down."""


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A new point, to be put on record under `number`.

    `sample` is None where the choices make no genome. `reason` says why the point may not be
    trained, if so; the sampler has received that already.
    """

    number: int
    choices: Choices
    digest: str
    sample: Sample | None
    cost: Cost | None
    reason: str | None
    calls: tuple[JournalEntry, ...]


class Suggester:
    """New points of one campaign, one at a time. Not to be used from several threads."""

    def __init__(self, sampler: Sampler, space: Space, campaign: Campaign) -> None:
        self._sampler, self._space, self._campaign = sampler, space, campaign
        self._known: dict[str, int] = {}
        self._trained: set[tuple[str, int]] = set()  # with which seeds
        self._choices: dict[int, Choices] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._calls: list[JournalEntry] = []
        self._next = 0
        self._infeasible_in_a_row = 0
        self.error: CampaignError | None = None
        """Why there are no more suggestions, if it is the user's to correct."""

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
        calls: Sequence[JournalEntry],
        curves: Mapping[int, Curve],
    ) -> None:
        """Take the recorded suggestion `number`, with its `calls`, for the next one.

        `curves` holds every trial's curve, for the sampler.
        """
        for call in calls:
            if "told" in call:
                self._tell(call["told"], outcome_of_call(call, curves.get(call["told"], ())))
            else:
                self._sampler.recall(call["asked"])
                self._tell_again(call["asked"], self._identity_of(call["asked"]))
        self._sampler.recall(choices)
        self._take(number, digest, recipe, choices)

    def _take(self, number: int, digest: str, recipe: Mapping[str, Any], choices: Choices) -> None:
        self.note(number, digest, recipe, self._campaign.seed)
        self._choices[number] = choices
        self._calls = []

    def tell(self, number: int, outcome: Outcome) -> None:
        """Pass the outcome of a trial to the sampler, also of one that it did not suggest."""
        self._calls.append(call_of(number, outcome))
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

    def derive(
        self, calls: Sequence[JournalEntry], curves: Mapping[int, Curve]
    ) -> Suggestion | None:
        """The point that is suggested after the calls of the journal."""
        for call in calls:
            if "told" in call:
                self.tell(call["told"], outcome_of_call(call, curves.get(call["told"], ())))
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
            self._calls.append({"asked": dict(choices)})
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
        reason = find_refusal(self._campaign, suggestion.sample, costs)
        return replace(suggestion, cost=costs, reason=reason)

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


class Ahead:
    """A suggester at work in a thread, one suggestion ahead of the question.

    A suggestion that is made ahead does not know the results that arrive meanwhile. So it is made
    only where that saves something: while questions come so fast that making suggestions takes a
    notable part of the time. A trial that takes minutes is suggested when its slot is free.

    All methods are for the driver's thread, which waits only where the method says so.
    """

    BUSY = 0.02
    """The part of the time between two questions from which on suggestions are made ahead."""

    def __init__(self, suggester: Suggester) -> None:
        self._suggester = suggester
        self._outcomes_to_tell: deque[tuple[int, Outcome]] = deque()
        self._change = threading.Condition()
        self._wanted, self._closing = False, False
        self._answer: list[Suggestion | None] = []
        self._failure: BaseException | None = None
        self._last_question: float | None = None
        self._between, self._making = 0.0, 0.0
        self._thread = threading.Thread(target=self._run, name="suggestions", daemon=True)
        self._thread.start()

    @property
    def error(self) -> CampaignError | None:
        """Why there are no more suggestions, if it is the user's to correct."""
        return self._suggester.error

    def control(self, digest: str, recipe: Mapping[str, Any], seed: int) -> int | None:
        """As `Suggester.control`, for as long as no suggestion was asked for."""
        if self._last_question is not None or self._wanted or self._answer:
            raise RuntimeError("controls come before suggestions")
        return self._suggester.control(digest, recipe, seed)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Take the outcome of a trial. The next suggestion that is begun knows it."""
        self._outcomes_to_tell.append((number, outcome))

    def ready(self, seconds: float = 0.0) -> bool:
        """Whether `suggest` would answer at once, after waiting for at most so long."""
        with self._change:
            self._want()
            return self._change.wait_for(self._is_ready, seconds)

    def suggest(self) -> Suggestion | None:
        """As `Suggester.suggest`; waits for as long as it takes."""
        with self._change:
            self._want()
            self._change.wait_for(self._is_ready)
            if self._failure is not None:
                raise self._failure
            answer = self._answer.pop()
            now = time.monotonic()
            if self._last_question is not None:
                self._between = _smooth(self._between, now - self._last_question)
            self._last_question = now
            if answer is not None and self._making > self.BUSY * self._between:
                self._want()
            return answer

    def close(self) -> None:
        """End the thread. What was made ahead is forgotten: it is on no record."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        self._thread.join()

    def _is_ready(self) -> bool:
        return bool(self._answer) or self._failure is not None

    def _want(self) -> None:
        if not self._answer:
            self._wanted = True
            self._change.notify_all()

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._wanted or self._closing)
                if self._closing:
                    return
            began = time.monotonic()
            answer: list[Suggestion | None] = []
            failure: BaseException | None = None
            try:
                while self._outcomes_to_tell:
                    self._suggester.tell(*self._outcomes_to_tell.popleft())
                answer = [self._suggester.suggest()]
            except BaseException as error:
                log.debug("the sampler failed", exc_info=True)
                failure = error  # the driver's thread raises it
            with self._change:
                self._making = _smooth(self._making, time.monotonic() - began)
                self._answer, self._failure, self._wanted = answer, failure, False
                self._change.notify_all()


def _smooth(mean: float, value: float) -> float:
    """A mean over about the last ten values; the first one sets it."""
    return value if mean == 0.0 else 0.9 * mean + 0.1 * value


# ------------------------------------------------------------------------- values


def identity(digest: str, recipe: Mapping[str, Any]) -> str:
    """Equal for trials that would be trained to the same numbers in one campaign."""
    return f"{digest} {json.dumps(dict(recipe), sort_keys=True)}"


def call_of(number: int, outcome: Outcome) -> JournalEntry:
    """The journal's record of an outcome. Its curve is in the trial's reports."""
    if outcome.score is None:
        return {"told": number, "reason": outcome.reason}
    call = {"told": number, "score": outcome.score, "fidelity": outcome.fidelity}
    return call | ({"costs": list(outcome.costs)} if outcome.costs else {})


def outcome_of_call(call: JournalEntry, curve: Curve = ()) -> Outcome:
    """The inverse of `call_of`, with the part of a trial's curve that was known then."""
    if "reason" in call:
        return Outcome(reason=call["reason"])
    fidelity = call["fidelity"]
    known = tuple(point for point in curve if point[0] <= fidelity)
    costs = tuple(call.get("costs", ()))
    return Outcome(score=call["score"], fidelity=fidelity, curve=known, costs=costs)


def find_refusal(campaign: Campaign, sample: Sample, estimate: Cost) -> str | None:
    """Why a sample may not be trained, or None."""
    try:
        recipe = campaign.recipe.overlaid(sample.recipe)
        for part in recipe.fidelity:
            reduce_genome(sample.genome, size=part.size, steps=part.steps)
    except InputError as error:
        return str(error)
    return find_excess(campaign, recipe, sample.genome, estimate)


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
