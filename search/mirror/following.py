"""The runs of trials that have not ended: their curves grow while they train.

One look takes a few statements to the store, however many trials it holds, and MLflow gets one
call for every trial that has reported since. A look that came to nothing leaves no gap: what was
shown is noted in the store when it has arrived, the next connection begins with every report of
the trials that then run, and a point that MLflow has already changes nothing there. An epoch that
a trial repeats after its worker was lost keeps its first values, as in the store: a curve goes on,
and never back.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from search.mirror.client import Client, is_refusal
from search.mirror.runs import MlflowRun, Point, name_scores, points_of, run_key, run_of
from search.store import ENDED, Campaign, Reported, Store, Trial, Unfinished

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Curve:
    """A run that MLflow shows as running, and the points that it has."""

    run: str
    points: set[Point] = field(default_factory=set)


class Following:
    """One connection's view of the trials that have not ended."""

    def __init__(self, store: Store, client: Client, campaign_id: str, experiment: str) -> None:
        self._store, self._client = store, client
        self._campaign_id, self._experiment = campaign_id, experiment
        self._curves: dict[int, _Curve] = {}
        # Trials whose content MLflow refused: they are tried again when they have ended.
        self._refused: set[int] = set()
        # The last place in the campaign's sequence of which reports were read.
        self._read = 0

    def follow(self, *, ending: bool = False) -> None:
        """Show the trials that run as running, with what they reported since the last look.

        Those that were shown and wait again become SCHEDULED: all that have not ended, if the
        campaign does not run or is `ending`.
        """
        campaign = self._store.campaigns.get(self._campaign_id)
        entries = {
            entry.number: entry for entry in self._store.outbox.unfinished_runs(campaign.id)
        }
        runs = campaign.state == "running" and not ending
        running = {n for n, entry in entries.items() if runs and entry.status == "running"}
        self._curves = {n: curve for n, curve in self._curves.items() if n in running}
        changed = [
            entry
            for number, entry in entries.items()
            if number not in self._curves
            and number not in self._refused
            and (number in running or entry.shown)
        ]
        reports = self._read_reports(changed)
        for number in [n for n in self._curves if n in reports]:
            points = [p for report in reports[number] for p in points_of(report)]
            self._extend(number, name_scores(campaign, points))
        if changed:
            self._write_all(campaign, changed, reports, running)

    def trim(self, number: int, run_id: str, run: MlflowRun) -> MlflowRun:
        """A run without what MLflow has of it already."""
        curve = self._curves.get(number)
        if curve is None or curve.run != run_id:
            return run
        left = tuple(point for point in run.metrics if point not in curve.points)
        return replace(run, parameters={}, metrics=left)

    def _read_reports(self, changed: Sequence[Unfinished]) -> Mapping[int, list[Reported]]:
        """New reports of the trials that are shown, and all of those that are not yet."""
        reports: dict[int, list[Reported]] = defaultdict(list)
        anew = [entry.number for entry in changed]
        if anew or self._curves:
            for report in self._store.outbox.new_reports(
                self._campaign_id, anew, self._curves, self._read
            ):
                reports[report.number].append(report)
                self._read = max(self._read, report.arrived)
        return reports

    def _extend(self, number: int, points: Sequence[Point]) -> None:
        curve = self._curves[number]
        try:
            self._client.extend(curve.run, points)
        except Exception as error:
            if not is_refusal(error):
                raise
            # Somebody removed the run: the next look makes another.
            del self._curves[number]
        else:
            curve.points.update(points)

    def _write_all(
        self,
        campaign: Campaign,
        changed: Sequence[Unfinished],
        reports: Mapping[int, list[Reported]],
        running: set[int],
    ) -> None:
        """Make or bring up to date the runs of trials that began, or that wait again."""
        numbers = [entry.number for entry in changed]
        self._store.outbox.mark_showing(campaign.id, numbers)
        trials = {one.number: one for one in self._store.results.some(campaign.id, numbers)}
        labels = self._store.labels.of_trials(campaign.id)
        written: dict[int, tuple[str | None, int]] = {}
        try:
            for entry in changed:
                number = entry.number
                if trials[number].status in ENDED:
                    continue  # meanwhile: it is in the outbox
                trial = replace(
                    trials[number], status="running" if number in running else "waiting"
                )
                run = run_of(campaign, trial, reports.get(number, []), label=labels.get(number))
                run_id = self._write(campaign, entry, trial, run)
                if number not in self._refused:
                    written[number] = run_id, entry.version
        finally:
            self._store.outbox.mark_shown(campaign.id, written, running)

    def _write(
        self,
        campaign: Campaign,
        entry: Unfinished,
        trial: Trial,
        run: MlflowRun,
    ) -> str | None:
        """Write the run of a trial that has not ended; its id, None if there is none to have."""
        key = run_key(campaign.id, trial.number)
        try:
            run_id = self._client.locate(self._experiment, key, entry)
            if run_id is None and trial.status == "waiting":
                return None
            run_id = self._client.write(self._experiment, run, run_id)
        except Exception as error:
            if not is_refusal(error):
                raise
            log.debug("MLflow refuses trial %d before its end", trial.number, exc_info=True)
            self._refused.add(trial.number)
            return None
        if trial.status == "running":
            self._curves[trial.number] = _Curve(run=run_id, points=set(run.metrics))
        return run_id
