"""What a campaign will take, told to a person by `submit` and `submit --dry-run`."""

from typing import TYPE_CHECKING

from ventral.output import Format, duration, note, value

if TYPE_CHECKING:
    from search.campaign import Campaign
    from search.estimate import Estimate, Range
    from search.home import Home
    from search.machine import Machine
    from space.space import Space
    from workers.pack import Pack


def show(
    campaign: "Campaign",
    prepared: "tuple[Pack, Space]",
    home: "Home",
    output: Format,
    offered: "Machine",
) -> None:
    """Print the estimate for trials on what is `offered`, whose speed is taken to be this
    machine's. Raises VentralError if there can be none.
    """
    found = _estimate(campaign, prepared, home, offered)
    value({"name": campaign.name} | found.document(), output, told(campaign, found))


def mention(campaign: "Campaign", prepared: "tuple[Pack, Space]", home: "Home") -> None:
    """A note with the estimate; without one, a note of why."""
    from search.machine import machine
    from space.errors import VentralError

    try:
        note(told(campaign, _estimate(campaign, prepared, home, machine())))
    except VentralError as error:
        note(f"no estimate of its time: {error}")


def _estimate(
    campaign: "Campaign", prepared: "tuple[Pack, Space]", home: "Home", offered: "Machine"
) -> "Estimate":
    from search.estimate import estimate

    packed, space = prepared
    return estimate(campaign, space, packed.ref, home, offered)


def told(campaign: "Campaign", found: "Estimate") -> str:
    """The estimate in three lines."""
    device = "GPU" if campaign.resources.gpus else "core"
    at_once = "one trial at a time" if found.slots == 1 else f"{found.slots} trials at once"
    lines = [
        f"estimate: {_between(found.seconds)} for {_whole(found.trials)} trials of "
        f"{_whole(found.epochs)} epochs in all",
        f"  {_hours(found.device_hours)} {device} hours; "
        f"{at_once} on {found.device}, measured with {found.networks} networks of the space",
    ]
    if found.ends_by != "trials":
        lines.append(f"  budget.{found.ends_by} ends it before budget.trials does")
    return "\n".join(lines)


def _between(seconds: "Range") -> str:
    low, high = duration(seconds.low), duration(seconds.high)
    return low if low == high else f"{low} to {high}"


def _whole(number: "Range") -> str:
    low, high = round(number.low), round(number.high)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _hours(number: "Range") -> str:
    low, high = f"{number.low:.2g}", f"{number.high:.2g}"
    return low if low == high else f"{low} to {high}"
