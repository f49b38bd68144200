"""Was test data opened, or decided by?

A search that decides on the test split has none left to report on: its scores are those of the
luckiest (a fail). Scored on test after the search, the networks are chosen by nothing, and one
number of each can be reported; but every further look is another chance to choose (Dwork et al.
2015, Science 349:636). MOST looks are usual: a certification, one beside matched controls, an
evaluation of an export.
"""

from __future__ import annotations

from collections import Counter

from dashboards.findings.finding import Finding
from dashboards.findings.samples import select_ended
from dashboards.searched import Searched

NAME = "test-data"
MOST = 3


def judge(searched: Searched) -> Finding:
    """How often networks of the campaign were scored on the test split."""
    ended = select_ended(searched)
    by_test = int((ended["top1"].notna() & (ended["split"] == "test")).sum())
    openings = [one for one in searched.openings if one.split == "test"]
    if by_test:
        return Finding(
            name=NAME,
            status="fail",
            value=float(by_test),
            threshold=0.0,
            text=f"The search decided by test data: {by_test} of its trials were scored on the "
            "test split, so that no data is left to report on, and its best scores are those of "
            "the luckiest.",
            next=f"ventral submit --from {searched.id} --set data.validation=0.1 "
            "--set recipe.score_on=validation",
        )
    count = len(openings)
    if not count:
        text = "Test data was not opened: the search decided by validation alone."
    else:
        commands = Counter(one.command for one in openings)
        listed = ", ".join(f"{command} ({n})" for command, n in commands.most_common(3))
        text = f"The search decided by validation; test data was opened {count} times, {listed}."
    if count > MOST:
        text += (
            f" More than {MOST} looks are chances to choose by test data: report all of them, or "
            "the first."
        )
    return Finding(
        name=NAME,
        status="warning" if count > MOST else "pass",
        value=float(count),
        threshold=float(MOST),
        text=text,
        next=f"ventral status {searched.id}",
    )
