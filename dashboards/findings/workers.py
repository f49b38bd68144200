"""Did workers die?

A training whose worker or node was lost starts again from its checkpoint: its score is sound, its
hours are not. The part of the trainings under which one was lost, with the causes, from the
campaign's history (a resumed campaign starts what it had running again as well: that is no loss);
a warning from WARN on by the lower end of Wilson's interval (1927), a fail from FAIL on.
"""

from __future__ import annotations

from collections import Counter

from dashboards.findings.chances import bound_share
from dashboards.findings.finding import Finding, grade_share
from dashboards.searched import Searched
from search.assign.losses import EVENT

NAME = "workers"
WARN, FAIL = 0.05, 0.3


def judge(searched: Searched) -> Finding | None:
    """The part of the trainings under which a worker was lost. None where none was."""
    started = searched.trials[searched.trials["attempts"] > 0]
    losses = searched.events.loc[searched.events["kind"] == EVENT, "detail"]
    causes = Counter(str(one.get("cause", "worker")) for one in losses)
    lost = len({one.get("trial") for one in losses} & set(started["trial"]))
    if not lost:
        return None
    share = bound_share(lost, len(started))
    status, threshold = grade_share(share, WARN, FAIL)
    listed = ", ".join(f"{count} by {cause}" for cause, count in causes.most_common())
    return Finding(
        name=NAME,
        status=status,
        value=share.value,
        threshold=threshold,
        text=f"Workers died under {lost} of {len(started)} trainings ({share.value:.0%}, "
        f"{share.low:.0%} to {share.high:.0%}), {sum(causes.values())} times: {listed}. These "
        f"trainings were started {int(started['attempts'].sum())} times in all.",
        next=f"ventral logs {searched.id}",
    )
