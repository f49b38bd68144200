"""Does recurrence help beyond the matched controls?

That a recurrent network leads a search does not show it: it may be larger, busier, deeper or
better tuned than what it is held against. `ventral certify --matched` trains winners beside
feedforward controls of their parameters, multiply-adds and depth, all tuned alike, over paired
seeds; its verdicts are taken as they are (Student's paired t, Holm's correction over winners:
search/review/verdicts.py). The value is the smallest mean lead of the best winner over a matched
control, the threshold 0. It passes if all its leads are shown, fails if a control is shown to be
better, and is a warning in between.
"""

from __future__ import annotations

import math

from dashboards.findings.finding import Finding, leave_open
from dashboards.findings.samples import select_whole
from dashboards.searched import Searched
from search.review.verdicts import Verdict

NAME = "recurrence"


def judge(searched: Searched) -> Finding | None:
    """Whether the best recurrent winner beats its matched controls. None where no network of the
    search is recurrent.
    """
    certify = f"ventral certify {searched.id} --matched"
    evidence = searched.evidence
    recurrent = searched.suggested["recurrent"].isin(["local", "feedback", "both"])
    if not recurrent.any():
        return None
    if evidence is None or not any(one.difference is not None for one in evidence.verdicts):
        return leave_open(
            NAME, f"That recurrence helps is not shown.{_describe_search(searched)}", certify
        )
    best = _choose_winner(evidence.verdicts)
    verdicts = [one for one in evidence.verdicts if one.winner == best]
    known = [one for one in verdicts if one.difference is not None]
    weakest = min(known, key=lambda one: one.difference or 0.0)
    worse = [one for one in known if one.high is not None and one.high < 0]
    missing = [one for one in verdicts if not one.shown]
    listed = "; ".join(map(_describe, verdicts))
    if worse:
        status, word = "fail", "Recurrence does not help: a matched control is better"
    elif missing:
        status, word = "warning", "Recurrence is not shown to help beyond the matched controls"
    else:
        status, word = "pass", "Recurrence helps beyond the matched controls"
    return Finding(
        name=NAME,
        status=status,  # type: ignore[arg-type]
        value=weakest.difference,
        threshold=0.0,
        text=f"{word} ({best}, of campaign {evidence.campaign}: {listed}).",
        next=f"ventral export {searched.id}" if status == "pass" else f"{certify} --seeds 10",
    )


def _choose_winner(verdicts: tuple[Verdict, ...]) -> str:
    """The winner whose smallest lead is the largest."""
    leads: dict[str, float] = {}
    for one in verdicts:
        lead = -math.inf if one.difference is None else one.difference
        leads[one.winner] = min(lead, leads.get(one.winner, math.inf))
    return max(leads, key=leads.__getitem__)


def _describe(one: Verdict) -> str:
    if one.difference is None:
        return f"{one.against}: no paired seed"
    if one.low is None or one.high is None:
        return f"{one.against} {one.difference:+.3f}, {one.seeds} paired seeds"
    return f"{one.against} {one.difference:+.3f} ({one.low:+.3f} to {one.high:+.3f})"


def _describe_search(searched: Searched) -> str:
    """What the search itself says, and why that is not enough."""
    whole = select_whole(searched)
    whole = whole[whole["recurrent"].notna()]
    if whole.empty:
        return " No network was trained to the end yet, and none beside matched controls."
    first = whole.iloc[int(whole["top1"].to_numpy(float).argmax())]
    kind = "feedforward" if first["recurrent"] == "none" else "recurrent"
    return (
        f" The best network of the search is {kind} ({first['top1']:.3f}), but none was trained "
        "beside controls of its parameters, multiply-adds and depth, tuned alike."
    )
