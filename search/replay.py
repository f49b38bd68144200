"""Deriving a campaign's decisions again from its store, to check that they follow from it.

A decision is a suggestion (which point comes next, and whether it may be trained) or the
scheduler's word after an epoch (whether the training goes on). Suggestions follow from the seed
and from the journal of the sampler's calls; the scheduler's word follows from the
reports in the order of their arrival. Nothing is trained, and nothing is written.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.assign.journal import Entry, OutcomeEntry, read_journal
from search.assign.outcomes import curve_of, group_by_trial, outcome_of
from search.assign.suggesting import Suggestion, make_suggester
from search.campaign import Campaign, full_epochs
from search.early_stopping import judging
from search.store import CONTROL, RETRY, SEARCHED, Reported, Store, Trial
from search.tune.rungs import Rungs
from space.space import Space


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """Where a recorded decision is not the derived one. `place` is in the campaign's sequence."""

    place: int
    trial: int
    what: str

    def __str__(self) -> str:
        return f"trial {self.trial}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class Replay:
    """`decisions` were derived again up to the first `difference`, if there is one.

    `unjournaled` suggestions are of a version that kept no journal, and were taken as they are.
    """

    decisions: int
    unjournaled: int
    difference: Mismatch | None


def replay(store: Store, campaign_id: str) -> Replay:
    """Derive every decision of a campaign. Raises StoreError; SpaceError if it cannot be read."""
    record = store.campaigns.get(campaign_id)
    campaign = Campaign.parse(record.document, f"campaign {record.id}")
    space = Space.parse(record.space, f"campaign {record.id}: space")
    trials, reports = store.results.find(record.id), store.results.all_reports(record.id)
    journal = read_journal(store.results.journal(record.id))
    suggested = {
        t.number: journal.get(t.number) for t in trials if t.origin not in (CONTROL, RETRY)
    }
    guess = record.data.get("guess")
    judged = list(_judgements(campaign, space, trials, reports, guess))
    differences: list[Mismatch] = []
    if (difference := _find_untold(campaign, space, trials, reports, journal, guess)) is not None:
        differences.append(difference)
    differences += [difference for _, difference in judged if difference is not None][:1]
    # Suggestions are what takes time: none is derived that comes after a difference.
    before = min((difference.place for difference in differences), default=None)
    count = 0
    for place, difference in _suggestions(campaign, space, trials, reports, suggested):
        if before is not None and place > before:
            break
        if difference is not None:
            differences.append(difference)
            break
        count += 1
    first = min(differences, key=lambda difference: difference.place, default=None)
    return Replay(
        decisions=count + sum(first is None or place < first.place for place, _ in judged),
        unjournaled=sum(calls is None for calls in suggested.values()),
        difference=first,
    )


# ------------------------------------------------------------------------- suggestions


def _suggestions(
    campaign: Campaign,
    space: Space,
    trials: Sequence[Trial],
    reports: Sequence[Reported],
    journal: Mapping[int, Sequence[Entry] | None],
) -> Iterator[tuple[int, Mismatch | None]]:
    """Every suggestion with a journal: its place, and how it differs from the derived one."""
    suggester = make_suggester(campaign, space)
    epochs = full_epochs(campaign, space)
    curves = {
        number: curve_of(own_reports, epochs)
        for number, own_reports in group_by_trial(reports).items()
    }
    for trial in trials:
        if trial.origin in (CONTROL, RETRY):
            suggester.note(trial.number, trial.digest, trial.recipe, trial.seed)
            continue
        calls = journal[trial.number]
        if calls is None:
            suggester.recall(
                trial.number,
                trial.digest,
                trial.recipe,
                trial.choices,
                (),
                curves,
                searched=trial.family == SEARCHED,
            )
            continue
        what = _describe_difference(trial, calls, suggester.derive(calls, curves))
        if what is None:
            yield trial.suggested, None
        else:
            yield (
                trial.suggested,
                Mismatch(place=trial.suggested, trial=trial.number, what=what),
            )


def _describe_difference(
    trial: Trial, calls: Sequence[Entry], suggestion: Suggestion | None
) -> str | None:
    """How a recorded suggestion differs from the derived one, as text."""
    if suggestion is None:
        return "its suggestion cannot be derived: no new point is found"
    if suggestion.number != trial.number:
        return f"derived as number {suggestion.number}: a suggestion is missing before it"
    if suggestion.searched != (trial.family == SEARCHED):
        kinds = ("a suggestion from the whole space", "a searched control")
        return (
            f"is recorded as {kinds[trial.family == SEARCHED]}, derived as "
            + (kinds[suggestion.searched])
        )
    if suggestion.choices != trial.choices:
        for path in (*suggestion.choices, *trial.choices):
            derived, recorded = suggestion.choices.get(path), trial.choices.get(path)
            if derived != recorded or (path in suggestion.choices) != (path in trial.choices):
                return (
                    f"{path} is recorded as {_format_choice(trial.choices, path)}, derived as "
                    + (_format_choice(suggestion.choices, path))
                )
    if list(suggestion.calls) != list(calls):
        return "the sampler was asked more often, or less, than the journal says"
    if suggestion.digest != trial.digest:
        return f"its network is recorded as {trial.digest}, derived as {suggestion.digest}"
    if suggestion.sample is not None and suggestion.sample.recipe != trial.recipe:
        return "its recipe is not the one that its choices make"
    infeasible = trial.status == "infeasible"
    if infeasible != (suggestion.reason is not None):
        recorded = trial.reason if infeasible else "feasible"
        return f"is recorded as {recorded}, derived as {suggestion.reason or 'feasible'}"
    return None


def _format_choice(choices: Mapping[str, Any], path: str) -> str:
    return repr(choices[path]) if path in choices else "not open"


def _find_untold(
    campaign: Campaign,
    space: Space,
    trials: Sequence[Trial],
    reports: Sequence[Reported],
    journal: Mapping[int, Sequence[Entry]],
    guess: float | None,
) -> Mismatch | None:
    """The first trial whose result differs from the last one that the sampler received."""
    last: dict[int, tuple[int, OutcomeEntry]] = {}
    for trial in trials:
        for call in journal.get(trial.number, ()):
            if isinstance(call, OutcomeEntry):
                last[call.number] = trial.suggested, call
    epochs, own = full_epochs(campaign, space), group_by_trial(reports)
    differences = []
    for trial in trials:
        outcome = outcome_of(trial, epochs, own.get(trial.number, ()), campaign.objectives, guess)
        call_place, entry = last.get(trial.number, (0, None))
        if outcome is None or entry == OutcomeEntry.of(trial.number, outcome):
            continue
        if call_place < (trial.arrived or 0):
            continue  # it has ended again since, and no suggestion followed
        recorded = outcome.reason if outcome.score is None else outcome.score
        reported = None if entry is None else entry.reason or entry.score
        what = f"its result is recorded as {recorded}, but the sampler was told {reported}"
        place = trial.arrived or trial.suggested
        differences.append(Mismatch(place=place, trial=trial.number, what=what))
    return min(differences, key=lambda difference: difference.place, default=None)


# ------------------------------------------------------------------------- the scheduler


def _judgements(
    campaign: Campaign,
    space: Space,
    trials: Sequence[Trial],
    reports: Sequence[Reported],
    guess: float | None,
) -> Iterator[tuple[int, Mismatch | None]]:
    """Every word of the scheduler: its place, and how the record differs from it."""
    if campaign.scheduler.name == "fifo":
        return
    epochs = full_epochs(campaign, space)
    known = {trial.number: trial for trial in trials}
    judge = judging.make(
        campaign.scheduler,
        epochs,
        campaign.seed,
        Rungs,
        objectives=campaign.objectives,
        trial=known.__getitem__,
        guess=guess,
        standing=lambda number: "apart" if known[number].family == SEARCHED else "judged",
    )
    remaining: dict[int, int] = defaultdict(int)
    for reported in reports:
        remaining[reported.number] += 1
    stops: dict[int, bool] = defaultdict(bool)
    for reported in reports:
        number, epoch = reported.number, reported.report.epoch
        trial = known[number]
        remaining[number] -= 1
        stops[number] |= judge.remember(number, reported.report)
        taken = epoch < trial.source_epochs
        answered = trial.attempts == 0 and trial.ended is not None and epoch <= trial.source_epochs
        # Of reports that came together the scheduler's word came with the last.
        if reported.late or taken or answered or epoch >= epochs:
            continue
        derived, stops[number] = stops[number], False
        recorded = trial.status == "pruned" and not remaining[number]
        waits = trial.status in ("waiting", "running") and not remaining[number]
        # A stop is still to be carried out; or is not, of a control (earlier versions did).
        spared = waits or trial.origin == CONTROL
        if derived == recorded or (derived and spared):
            yield reported.arrived, None
            continue
        words = ("goes on", "stops")
        what = (
            f"after epoch {epoch} it {words[recorded]} on record, derived is that it "
            f"{words[derived]}"
        )
        yield reported.arrived, Mismatch(place=reported.arrived, trial=number, what=what)
