"""What a finding is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from dashboards.findings.chances import Estimate
from dashboards.searched import Searched

FindingStatus = Literal["pass", "warning", "fail"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One question to a campaign, answered: a number, what it is held against, a sentence, and the
    command that comes next.

    `value` and `threshold` are None where the campaign cannot answer yet; then the status is
    "warning" and the text says what is missing.
    """

    name: str
    status: FindingStatus
    value: float | None
    threshold: float | None
    text: str
    next: str

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def grade_share(share: Estimate, warn: float, fail: float) -> tuple[FindingStatus, float]:
    """The status of a share by the lower end of its interval, and the threshold that it is held
    against.
    """
    if share.low > fail:
        return "fail", fail
    return ("warning" if share.low > warn else "pass"), warn


JudgeCampaign: TypeAlias = Callable[[Searched], Finding | None]
"""Answers one question. None where it does not arise (no early stopping, say)."""


def leave_open(name: str, text: str, next: str) -> Finding:
    """The finding of a question that the campaign cannot answer yet. `text` says what is missing,
    `next` is the command that gets it.
    """
    return Finding(name=name, status="warning", value=None, threshold=None, text=text, next=next)
