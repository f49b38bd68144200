"""Deriving a campaign's decisions once more from its store, to see that they follow from it.

A decision is a suggestion (which point comes next, and whether it may be trained) or the
scheduler's word after an epoch (whether the training goes on). Suggestions follow from the seed
and from the journal of what the sampler was told and asked; the scheduler's word follows from the
reports in the order of their arrival. Nothing is trained, and nothing is written.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.campaign import Campaign, full_epochs
from search.outcomes import by_trial, curve_of, outcome_of
from search.store import CONTROL, RETRY, Store, Trial
from search.suggesting import Call, Suggestion, call_of
from search.supply import LATE, suggester_of
from search.tune import scheduler
from space.space import Space

Report = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Where a recorded decision is not the derived one. `place` is in the campaign's sequence."""

    place: int
    trial: int
    what: str

    def __str__(self) -> str:
        return f"trial {self.trial}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class Replay:
    """`decisions` were derived again up to the first `difference`, if there is one.

    `given` suggestions are of a version that kept no journal, and were taken as they are.
    """

    decisions: int
    given: int
    difference: Difference | None


def replay(store: Store, campaign_id: str) -> Replay:
    """Derive every decision of a campaign. Raises StoreError; SpaceError if it cannot be read."""
    record = store.campaign(campaign_id)
    campaign = Campaign.parse(record.document, f"campaign {record.id}")
    space = Space.parse(record.space, f"campaign {record.id}: space")
    trials, reports = store.trials(record.id), store.all_reports(record.id)
    journal = store.journal(record.id)
    suggested = {
        t.number: journal.get(t.number) for t in trials if t.origin not in (CONTROL, RETRY)
    }
    guess = record.data.get("guess")
    judged = list(_judgements(campaign, space, trials, reports, guess))
    found: list[Difference] = []
    if (difference := _untold(campaign, space, trials, reports, journal, guess)) is not None:
        found.append(difference)
    found += [difference for _, difference in judged if difference is not None][:1]
    # Suggestions are what takes time: none is derived that comes after a difference.
    before = min((difference.place for difference in found), default=None)
    count = 0
    for place, difference in _suggestions(campaign, space, trials, reports, suggested):
        if before is not None and place > before:
            break
        if difference is not None:
            found.append(difference)
            break
        count += 1
    first = min(found, key=lambda difference: difference.place, default=None)
    return Replay(
        decisions=count + sum(first is None or place < first.place for place, _ in judged),
        given=sum(calls is None for calls in suggested.values()),
        difference=first,
    )


# ------------------------------------------------------------------------- suggestions


def _suggestions(
    campaign: Campaign,
    space: Space,
    trials: Sequence[Trial],
    reports: Sequence[Report],
    journal: Mapping[int, Sequence[Call] | None],
) -> Iterator[tuple[int, Difference | None]]:
    """Every suggestion with a journal: its place, and how it differs from the derived one."""
    suggester = suggester_of(campaign, space)
    epochs = full_epochs(campaign, space)
    curves = {number: curve_of(found, epochs) for number, found in by_trial(reports).items()}
    for trial in trials:
        if trial.origin in (CONTROL, RETRY):
            suggester.note(trial.number, trial.digest, trial.recipe, trial.seed)
            continue
        calls = journal[trial.number]
        if calls is None:
            suggester.recall(trial.number, trial.digest, trial.recipe, trial.choices, (), curves)
            continue
        what = _compared(trial, calls, suggester.derive(calls, curves))
        if what is None:
            yield trial.suggested, None
        else:
            yield (
                trial.suggested,
                Difference(place=trial.suggested, trial=trial.number, what=what),
            )


def _compared(trial: Trial, calls: Sequence[Call], found: Suggestion | None) -> str | None:
    """How a recorded suggestion differs from the derived one, in words."""
    if found is None:
        return "its suggestion cannot be derived: no new point is found"
    if found.number != trial.number:
        return f"derived as number {found.number}: a suggestion is missing before it"
    if found.choices != trial.choices:
        for path in (*found.choices, *trial.choices):
            derived, recorded = found.choices.get(path), trial.choices.get(path)
            if derived != recorded or (path in found.choices) != (path in trial.choices):
                return f"{path} is recorded as {_shown(trial.choices, path)}, derived as " + (
                    _shown(found.choices, path)
                )
    if list(found.calls) != list(calls):
        return "the sampler was asked more often, or less, than the journal says"
    if found.digest != trial.digest:
        return f"its network is recorded as {trial.digest}, derived as {found.digest}"
    if found.sample is not None and found.sample.recipe != trial.recipe:
        return "its recipe is not the one that its choices make"
    infeasible = trial.status == "infeasible"
    if infeasible != (found.reason is not None):
        recorded = trial.reason if infeasible else "feasible"
        return f"is recorded as {recorded}, derived as {found.reason or 'feasible'}"
    return None


def _shown(choices: Mapping[str, Any], path: str) -> str:
    return repr(choices[path]) if path in choices else "not open"


def _untold(
    campaign: Campaign,
    space: Space,
    trials: Sequence[Trial],
    reports: Sequence[Report],
    journal: Mapping[int, Sequence[Call]],
    guess: float | None,
) -> Difference | None:
    """The first trial whose result is not what the sampler was told of it last."""
    last: dict[int, tuple[int, Call]] = {}
    for trial in trials:
        for call in journal.get(trial.number, ()):
            if "told" in call:
                last[call["told"]] = trial.suggested, call
    epochs, own = full_epochs(campaign, space), by_trial(reports)
    found = []
    for trial in trials:
        outcome = outcome_of(trial, epochs, own.get(trial.number, ()), campaign.objectives, guess)
        heard_at, told = last.get(trial.number, (0, {}))
        if outcome is None or told == call_of(trial.number, outcome):
            continue
        if heard_at < (trial.arrived or 0):
            continue  # it ended once more since, and no suggestion followed
        recorded = outcome.reason if outcome.score is None else outcome.score
        heard = told.get("reason", told.get("score"))
        what = f"its result is recorded as {recorded}, but the sampler was told {heard}"
        place = trial.arrived or trial.suggested
        found.append(Difference(place=place, trial=trial.number, what=what))
    return min(found, key=lambda difference: difference.place, default=None)


# ------------------------------------------------------------------------- the scheduler


def _judgements(
    campaign: Campaign,
    space: Space,
    trials: Sequence[Trial],
    reports: Sequence[Report],
    guess: float | None,
) -> Iterator[tuple[int, Difference | None]]:
    """Every word of the scheduler: its place, and how the record differs from it."""
    if campaign.scheduler.name == "fifo":
        return
    epochs = full_epochs(campaign, space)
    known = {trial.number: trial for trial in trials}
    planned = scheduler.create(
        campaign.scheduler,
        epochs,
        campaign.seed,
        objectives=campaign.objectives,
        trial=known.__getitem__,
        guess=guess,
    )
    left: dict[int, int] = defaultdict(int)
    for report in reports:
        left[report["number"]] += 1
    stops: dict[int, bool] = defaultdict(bool)
    for report in reports:
        number, epoch = report["number"], report["epoch"]
        trial = known[number]
        left[number] -= 1
        stops[number] |= planned.remember(report)
        taken = epoch < trial.source_epochs
        answered = trial.attempts == 0 and trial.ended is not None and epoch <= trial.source_epochs
        # Of reports that came together the scheduler's word came with the last.
        if report.get(LATE) or taken or answered or epoch >= epochs:
            continue
        derived, stops[number] = stops[number], False
        recorded = trial.status == "pruned" and not left[number]
        waits = trial.status in ("waiting", "running") and not left[number]
        if derived == recorded or (derived and waits):  # it is to be carried out
            yield report["arrived"], None
            continue
        said = ("goes on", "stops")
        what = (
            f"after epoch {epoch} it {said[recorded]} on record, derived is that it "
            f"{said[derived]}"
        )
        yield report["arrived"], Difference(place=report["arrived"], trial=number, what=what)
