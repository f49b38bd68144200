"""What cells of a campaign are against their matched controls, in the campaign's own history.

A matched certification compares cells in campaigns of its own. Those who look at a cell want to
see what came of it there.
"""

from __future__ import annotations

from collections.abc import Iterable

from search.campaign.lineage import name_trial
from search.review.verdicts import Verdict
from search.store import Store

COMPARED = "compared"
"""The kind of event in a campaign's history."""


def describe_verdicts(verdicts: Iterable[Verdict]) -> str:
    """Verdicts on one cell in one line: each control, points of difference, their interval."""
    return "; ".join(map(_describe, verdicts))


def _describe(verdict: Verdict) -> str:
    word = "shown" if verdict.shown else "not shown"
    if verdict.difference is None:
        return f"{verdict.against}: {word}"
    text = f"{verdict.against}: {100 * verdict.difference:+z.1f}"
    if verdict.low is not None and verdict.high is not None:
        text += f" ({100 * verdict.low:+z.1f} to {100 * verdict.high:+z.1f})"
    return f"{text}, {word}"


def note_verdicts(
    store: Store, campaign_id: str, numbers: Iterable[int], verdicts: Iterable[Verdict]
) -> list[int]:
    """Put verdicts on these trials into their campaign's history; the trials of which that says
    something new.
    """
    every, known = list(verdicts), read_comparisons(store, campaign_id)
    texts = {
        number: describe_verdicts(one for one in every if one.winner == name_trial(number))
        for number in numbers
    }
    new = {number: text for number, text in texts.items() if text and known.get(number) != text}
    if new:
        detail = {str(number): text for number, text in new.items()}
        store.campaigns.add_event(campaign_id, COMPARED, detail)
    return list(new)


def read_comparisons(store: Store, campaign_id: str) -> dict[int, str]:
    """The newest line on each trial that was compared."""
    texts: dict[int, str] = {}
    for event in store.campaigns.events(campaign_id):
        if event.kind == COMPARED:
            texts |= {int(number): str(text) for number, text in event.detail.items()}
    return texts
