"""The questions that a report answers at its top, one file each."""

from dashboards.findings import (
    borders,
    budget,
    failures,
    limits,
    openings,
    random_sampling,
    recurrence,
    seed_noise,
    stopping,
    untried,
    workers,
)
from dashboards.findings.finding import Finding, FindingStatus, JudgeCampaign
from dashboards.searched import Searched

QUESTIONS: dict[str, JudgeCampaign] = {
    seed_noise.NAME: seed_noise.judge,
    random_sampling.NAME: random_sampling.judge,
    stopping.NAME: stopping.judge,
    borders.NAME: borders.judge,
    untried.NAME: untried.judge,
    failures.NAME: failures.judge,
    limits.NAME: limits.judge,
    workers.NAME: workers.judge,
    budget.NAME: budget.judge,
    recurrence.NAME: recurrence.judge,
    openings.NAME: openings.judge,
}
"""By name, in the order of the report."""


def judge_campaign(searched: Searched) -> tuple[Finding, ...]:
    """All findings of a campaign, in the order of the report; without those that do not arise."""
    findings = (judge(searched) for judge in QUESTIONS.values())
    return tuple(finding for finding in findings if finding is not None)


__all__ = ["QUESTIONS", "Finding", "FindingStatus", "JudgeCampaign", "judge_campaign"]
