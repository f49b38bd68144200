"""What a new driver makes of its campaign's record: all that the last driver knew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search.assign.journal import OutcomeEntry, read_journal
from search.assign.outcomes import curve_of, group_by_trial
from search.assign.setting import Setting
from search.assign.suggesting import Suggester, make_suggester
from search.early_stopping.judging import Judge
from search.store import CONTROL, RETRY, SEARCHED, Trial
from workers.job import Report


@dataclass(frozen=True, kw_only=True)
class Past:
    """A campaign so far.

    `suggester` knows every trial and every outcome. `trained` counts the trials that count in the
    budget, `reports` holds those of each trial that is not over. `unfinished` trials are to be
    continued, but for those of the numbers `stopped`: the last driver was to stop them.
    """

    suggester: Suggester
    trained: int
    reports: Mapping[int, Sequence[Report]]
    unfinished: Sequence[Trial]
    stopped: frozenset[int]


def recover(setting: Setting, judge: Judge) -> Past:
    """The campaign's past, from the store; a fresh `judge` gets to know it as well."""
    results = setting.store.results
    trials, reports = results.find(setting.campaign_id), results.all_reports(setting.campaign_id)
    by_trial = group_by_trial(reports)
    suggester = make_suggester(setting.campaign, setting.space)
    last_calls = _recall(setting, suggester, trials, by_trial)
    open_reports: dict[int, Sequence[Report]] = {}
    for trial in sorted(trials, key=lambda trial: trial.arrived or 0):
        own = by_trial.get(trial.number, ())
        outcome = setting.outcome(trial, own)
        if outcome is None:
            open_reports[trial.number] = own
        elif last_calls.get(trial.number) != OutcomeEntry.of(trial.number, outcome):
            suggester.tell(trial.number, outcome)
    return Past(
        suggester=suggester,
        trained=sum(trial.status != "infeasible" for trial in trials),
        reports=open_reports,
        unfinished=results.unfinished(setting.campaign_id),
        stopped=judge.recall(reports),
    )


def _recall(
    setting: Setting,
    suggester: Suggester,
    trials: Sequence[Trial],
    reports: Mapping[int, Sequence[Report]],
) -> dict[int, OutcomeEntry]:
    """Bring a suggester to the last suggestion; the last call of the journal for each trial."""
    journal = read_journal(setting.store.results.journal(setting.campaign_id))
    curves = {number: curve_of(own, setting.epochs) for number, own in reports.items()}
    last_calls: dict[int, OutcomeEntry] = {}
    for trial in trials:
        if trial.origin in (CONTROL, RETRY):
            suggester.note(trial.number, trial.digest, trial.recipe, trial.seed)
            continue
        calls = journal.get(trial.number, ())
        last_calls |= {call.number: call for call in calls if isinstance(call, OutcomeEntry)}
        suggester.recall(
            trial.number,
            trial.digest,
            trial.recipe,
            trial.choices,
            calls,
            curves,
            searched=trial.family == SEARCHED,
        )
    return last_calls
