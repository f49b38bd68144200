"""What a campaign will take, told to a person by `submit` and `submit --dry-run`."""

from typing import TYPE_CHECKING

from search.review.durations import format_duration
from space.documents.outside import printable
from ventral.output import Format, note, percent, value

if TYPE_CHECKING:
    from search.campaign import Campaign
    from search.forecast import Estimate, Range
    from search.host.home import Home
    from search.host.machine import Machine
    from space.space import Space
    from space.survey import Survey
    from workers.data.pack import Pack

LISTED = 5
"""So many reasons are listed."""
MUCH = 0.05
"""Of more samples that may not be trained, a dry run warns."""


def show(
    campaign: "Campaign",
    prepared: "tuple[Pack, Space]",
    home: "Home",
    output: Format,
    offered: "Machine",
) -> None:
    """Print the estimate for trials on what is `offered`, whose speed is taken to be this
    machine's, and how many samples may not be trained. Raises VentralError if there can be none.
    """
    from search.campaign import control_runs
    from search.forecast.trying import try_space

    space = prepared[1]
    result = try_space(campaign, space)
    if len(control_runs(campaign, space)) < campaign.budget.trials:
        result.refuse_untrainable(space)
    tried = result.survey
    expected = _estimate(campaign, prepared, home, offered)
    searched = _count_searched_controls(campaign, space)
    document = {"name": campaign.name, "searched_controls": searched}
    document |= expected.document() | result.document()
    lines = [format_estimate(campaign, expected), *_searched(searched), *_infeasible(tried)]
    lines += _recomputed(result.recomputed)
    document |= _card(campaign)
    lines += describe_card(campaign)
    value(document, output, "\n".join(lines))
    for warning in tried.warnings:
        note(f"warning: {warning}")
    if tried.share > MUCH:
        note(
            f"warning: {percent(tried.share)} of the samples may not be trained, most of them "
            f"because {tried.reasons[0][0]}"
        )


def _count_searched_controls(campaign: "Campaign", space: "Space") -> int:
    """How many of the trials that the budget has room for are searched controls."""
    from search.campaign import control_runs, count_searched_controls

    suggestions = max(0, campaign.budget.trials - len(control_runs(campaign, space)))
    return count_searched_controls(campaign, suggestions)


def _searched(count: int) -> list[str]:
    if not count:
        return []
    trials = (
        "1 of the trials is a searched control, a network"
        if count == 1
        else (f"{count:,} of the trials are searched controls, networks")
    )
    return [f"  {trials} of the space without loops"]


def _card(campaign: "Campaign") -> dict[str, object]:
    """The part of a card that a trial may take, where trials take one and its size is known."""
    from search.campaign.cards import share_bytes

    share = campaign.resources.card
    if share is None:
        return {"card": None}
    return {"card": share.model_dump(mode="json") | {"bytes": share_bytes(share)}}


def describe_card(campaign: "Campaign") -> list[str]:
    """A line of the part of a card that a trial may take, if it takes one."""
    from search.campaign.cards import describe_share, share_bytes
    from search.host.cards import format_gib

    share = campaign.resources.card
    if share is not None:
        return [f"  a trial may take {format_gib(share_bytes(share))}: {describe_share(share)}"]
    if campaign.resources.gpus:
        return ["  the memory of its GPU is not known: nothing is refused for it"]
    return []


def _recomputed(count: int) -> list[str]:
    if not count:
        return []
    return [f"  {count} of the samples are over limits.memory and train with recompute"]


def _infeasible(tried: "Survey") -> list[str]:
    """The samples that may not be trained, by reason."""
    if not tried.infeasible:
        return [f"samples: {tried.samples} drawn, every one may be trained"]
    return [
        f"samples: {tried.samples} drawn, {tried.infeasible} may not be trained:",
        *(f"  {times}: {printable(reason)}" for times, reason in tried.lines()[:LISTED]),
        *(["  ..."] if len(tried.reasons) > LISTED else []),
    ]


def mention(campaign: "Campaign", prepared: "tuple[Pack, Space]", home: "Home") -> None:
    """A note with the estimate; without one, a note of why."""
    from search.host.machine import machine
    from space.errors import VentralError

    try:
        note(format_estimate(campaign, _estimate(campaign, prepared, home, machine())), lines=True)
    except VentralError as error:
        note(f"no estimate of its time: {error}")


def _estimate(
    campaign: "Campaign", prepared: "tuple[Pack, Space]", home: "Home", offered: "Machine"
) -> "Estimate":
    from search.forecast import estimate

    packed, space = prepared
    return estimate(campaign, space, packed.ref, home, offered)


def format_estimate(campaign: "Campaign", expected: "Estimate") -> str:
    """The estimate in three lines."""
    device = "GPU" if campaign.resources.gpus else "core"
    at_once = "one trial at a time" if expected.slots == 1 else f"{expected.slots} trials at once"
    lines = [
        f"estimate: {_between(expected.seconds)} for {_whole(expected.trials)} trials of "
        f"{_whole(expected.epochs)} epochs in all",
        f"  {_hours(expected.device_hours)} {device} hours; "
        f"{at_once} on {expected.device}, measured with {expected.networks} networks of the space",
    ]
    if expected.ends_by != "trials":
        lines.append(f"  budget.{expected.ends_by} ends it before budget.trials does")
    return "\n".join(lines)


def _between(seconds: "Range") -> str:
    low, high = format_duration(seconds.low), format_duration(seconds.high)
    return low if low == high else f"{low} to {high}"


def _whole(number: "Range") -> str:
    low, high = round(number.low), round(number.high)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _hours(number: "Range") -> str:
    low, high = f"{number.low:.2g}", f"{number.high:.2g}"
    return low if low == high else f"{low} to {high}"
