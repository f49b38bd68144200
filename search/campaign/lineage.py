"""What certified networks, their controls and lesions are called, and what their names say.

A network of a search is `trial-7` where it is trained again, `trial-7-depth` is a control that is
matched to it, `trial-7-depth-rate+1` that control with a higher learning rate than its own;
`trial-7-lesion-2-residual-out-times` is the network without the second of its parts.
"""

import re
from typing import Literal

from space.controls import MATCHES, Match

Family = Literal["winner", "parameters", "macs", "depth", "lesion", "control"]
"""A network of the search, a control that is matched to one, one without a part of it, or one of
the campaign's own.
"""

_NAME = re.compile(rf"(trial-\d+)(?:-({'|'.join(MATCHES)}))?(?:-rate[+-]\d+)?")
_LESION = re.compile(r"(trial-\d+)-lesion-\d+-[A-Za-z0-9_-]*")


def name_trial(number: int) -> str:
    """What the network of a trial is called."""
    return f"trial-{number}"


def name_matched(winner: str, match: Match) -> str:
    """What the control is called that is matched to a winner."""
    return f"{winner}-{match}"


def name_rate(name: str, rung: int) -> str:
    """What a network is called with the rate at a rung of its ladder, 0 for its own."""
    return f"{name}-rate{rung:+d}"


def name_lesion(winner: str, place: int, part: str) -> str:
    """What a winner is called without one of its parts, which is at a place from 1 among all."""
    return f"{winner}-lesion-{place}-{re.sub('[^A-Za-z0-9_]+', '-', part).strip('-')}"


def lineage(name: str) -> tuple[Family, str | None]:
    """The family of a control by its name, and the name of the winner that it is, is matched to,
    or has lost a part of; None of a campaign's own control.
    """
    if (lesioned := _LESION.fullmatch(name)) is not None:
        return "lesion", lesioned[1]
    parts = _NAME.fullmatch(name)
    if parts is None:
        return "control", None
    family: Family = next((match for match in MATCHES if match == parts[2]), "winner")
    return family, parts[1]
