"""What a report says, before it is laid out: findings, importance, motifs, figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dashboards.figures import FIGURES, Figure
from dashboards.figures.drawing import draw_all
from dashboards.findings import Finding, judge_campaign
from dashboards.importance import Importance, MotifShare, rank_choices, rank_motifs
from dashboards.report.facts import count_ended
from dashboards.searched import Searched
from space.errors import VentralError

COMPARISON = "compare"
"""The figure that needs several campaigns."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A campaign with what was read out of it."""

    searched: Searched
    findings: tuple[Finding, ...]
    importance: tuple[Importance, ...] = ()
    motifs: tuple[MotifShare, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a report says of one campaign, or of several side by side.

    `undrawn` are the names of the figures that are not there, mostly because they have nothing to
    show for these campaigns; `warnings` are sentences on those that could not be drawn.
    """

    judged: tuple[Judged, ...]
    figures: tuple[Figure, ...]
    undrawn: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def campaigns(self) -> tuple[Searched, ...]:
        """The campaigns, in the order in which they were given."""
        return tuple(one.searched for one in self.judged)

    def document(self) -> dict[str, Any]:
        """The numbers as JSON has them; every entry names its campaign."""
        campaigns = [
            {"id": one.id, "name": one.name, "state": one.state, "trials": len(one.trials)}
            for one in self.campaigns
        ]
        verdicts = [
            _finite({"campaign": one.searched.id, **finding.document()})
            for one in self.judged
            for finding in one.findings
        ]
        return {
            "campaigns": campaigns,
            "verdicts": verdicts,
            "importance": _list_entries((one.searched, one.importance) for one in self.judged),
            "motifs": _list_entries((one.searched, one.motifs) for one in self.judged),
        }


def collect_contents(campaigns: Sequence[Searched]) -> Contents:
    """Judge campaigns and draw their figures.

    Raises VentralError for a campaign no trial of which has ended, ValueError for none.
    """
    if not campaigns:
        raise ValueError("a report is of one campaign at least")
    for one in campaigns:
        if not count_ended(one):
            raise VentralError(
                f"campaign {one.id} has nothing to report: none of its "
                f"{len(one.trials)} trials has ended; "
                f"`ventral status {one.id}` shows how far it is"
            )
    drawn = draw_all(campaigns, FIGURES)
    shown = {figure.name for figure in drawn.figures}
    return Contents(
        judged=tuple(judge(one) for one in campaigns),
        figures=drawn.figures,
        undrawn=tuple(
            name
            for name in FIGURES
            if name not in shown and (name != COMPARISON or len(campaigns) > 1)
        ),
        warnings=drawn.warnings,
    )


def judge(searched: Searched) -> Judged:
    """A campaign's findings, and which choices and motifs mattered."""
    return Judged(
        searched=searched,
        findings=judge_campaign(searched),
        importance=tuple(rank_choices(searched)),
        motifs=tuple(rank_motifs(searched)),
    )


def _list_entries(
    ranked: Iterable[tuple[Searched, Sequence[Importance | MotifShare]]],
) -> list[dict[str, Any]]:
    return [
        _finite({"campaign": searched.id, **asdict(entry)})
        for searched, entries in ranked
        for entry in entries
    ]


def _finite(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without what JSON has no word for: null in its place."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in entry.items()
    }
