"""How much of the space do the limits refuse?

Samples that may not be trained cost no training, but a search of which most are refused is one of
another space than its file says. By the reason, with the choice that explains most of them (as
dashboards/findings/failures.py does it). A warning from WARN on by the lower end of Wilson's
interval (1927), a fail from FAIL on.
"""

from __future__ import annotations

import re

from dashboards.findings.chances import bound_share
from dashboards.findings.failures import find_rule
from dashboards.findings.finding import Finding, grade_share
from dashboards.findings.samples import select_ended
from dashboards.searched import Searched

NAME = "limits"
WARN, FAIL = 0.5, 0.9
_LIMIT = re.compile(r"limits\.(\w+)")


def judge(searched: Searched) -> Finding | None:
    """The part of the samples that was refused. None where nothing was."""
    ended = select_ended(searched)
    refused = (ended["status"] == "infeasible").to_numpy(bool)
    n, count = len(ended), int(refused.sum())
    if not count:
        return None
    share = bound_share(count, n)
    status, threshold = grade_share(share, WARN, FAIL)
    reasons = ended.loc[refused, "reason"].fillna("no reason")
    limits = reasons.map(_name_limit)
    counts = limits.value_counts()
    listed = ", ".join(f"{number} by {name}" for name, number in counts.items())
    first = str(counts.index[0])
    rule = find_rule(searched, ended, refused)
    cause = f" {rule.describe('were refused')}." if rule is not None else ""
    example = reasons[limits == first].iloc[0]
    change = f" --set {first}=..." if first.startswith("limits.") else ""
    return Finding(
        name=NAME,
        status=status,
        value=share.value,
        threshold=threshold,
        text=f"{count} of {n} samples were refused and never trained ({share.value:.0%}, "
        f"{share.low:.0%} to {share.high:.0%}): {listed} (such as: {example}).{cause}",
        next=f"ventral submit --from {searched.id}{change}"
        if status != "pass" and change
        else f"ventral trial list {searched.id} --status infeasible",
    )


def _name_limit(reason: str) -> str:
    limit = _LIMIT.search(reason)
    return limit.group(0) if limit else "the space itself"
