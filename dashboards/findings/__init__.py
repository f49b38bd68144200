"""The questions that a report answers at its top, one file each."""

from dashboards.findings.finding import Finding, FindingStatus, JudgeCampaign

QUESTIONS: dict[str, JudgeCampaign] = {}
"""By name, in the order of the report."""

__all__ = ["QUESTIONS", "Finding", "FindingStatus", "JudgeCampaign"]
