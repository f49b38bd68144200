"""Graphics cards: their types by Ray's names, their memory, and a trial's part of one.

A type's memory is what its maker states, the least where there are several sizes. A node that
knows better declares it, as for a part of a card:
`ray start --resources='{"gpu_memory_mib": 9728}'`.
"""

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MIB, GIB = 2**20, 2**30

TYPE = "accelerator_type:"
"""How Ray's resource begins that says what cards a node has, such as `accelerator_type:H100`."""

DECLARED = "gpu_memory_mib"
"""A node's resource that says how much memory each of its cards has, in MiB: to Ray resources of a
node are whole numbers.
"""

MEMORY = {
    **{"K80": 12, "P4": 8, "P100": 12, "V100": 16, "T4": 16, "A10G": 24, "L4": 24, "L40S": 48},
    **{"A100": 40, "A100-40G": 40, "A100-80G": 80, "H100": 80, "H20": 96, "H200": 131},
    **{"B200": 180, "B300": 270, "GB200": 180, "GB300": 270, "RTX-PRO-6000": 96},
}
"""GiB of the cards that Ray has names for, rounded down."""

_NAMED = re.compile(r"\w+\s+((?:[A-Z]+\s+)*[A-Z0-9]*\d[A-Z0-9]*)")


@dataclass(frozen=True, kw_only=True)
class Card:
    """The cards of a node: their type ("" if it is not known), the bytes of each (None if they are
    not known), how many there are.
    """

    name: str
    memory: int | None
    count: int

    def __str__(self) -> str:
        """Such as "H100 (80 GiB)"."""
        size = "" if self.memory is None else f" ({format_gib(self.memory)})"
        return f"{self.name or 'GPU'}{size}"


def memory_of(name: str) -> int | None:
    """Bytes of a card of a type; None for one that is not known."""
    gib = MEMORY.get(name)
    return None if gib is None else gib * GIB


def format_gib(size: int) -> str:
    """Bytes as GiB, such as "17.9 GiB"."""
    return f"{size / GIB:.3g} GiB"


def card_of_node(resources: Mapping[str, float]) -> Card | None:
    """The cards of a node of Ray by its resources; None if it has none."""
    count = int(resources.get("GPU", 0))
    if not count:
        return None
    names = sorted(key.removeprefix(TYPE) for key in resources if key.startswith(TYPE))
    name = names[0] if names else ""
    declared = resources.get(DECLARED)
    memory = memory_of(name) if declared is None else int(declared) * MIB
    return Card(name=name, memory=memory, count=count)


def cards_here(tool: str, count: int) -> tuple[Card, ...]:
    """The first `count` cards of this machine by `nvidia-smi`, whose path `tool` is; of each type
    one, with the least memory.
    """
    try:
        listing = subprocess.run(
            [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return (Card(name="", memory=None, count=count),)
    rows = [line.rpartition(",") for line in listing.stdout.splitlines() if "," in line]
    cards = [
        Card(name=type_of(name), memory=_mebibytes(size), count=1)
        for name, _, size in rows[:count]
    ]
    return merge(cards, add=True) or (Card(name="", memory=None, count=count),)


def type_of(product: str) -> str:
    """Ray's name of a card by its maker's: "NVIDIA H100 80GB HBM3" is an H100."""
    match = _NAMED.match(product)
    if match is not None and len(match[1]) > 1:
        return match[1].replace(" ", "-")
    return re.sub(r"^NVIDIA\s+", "", product).strip().replace(" ", "-")


def _mebibytes(text: str) -> int | None:
    return int(text) * MIB if text.strip().isdecimal() else None


def merge(cards: Iterable[Card], *, add: bool = False) -> tuple[Card, ...]:
    """The types among cards, each with the least memory that one of them has, and the most cards
    of a node (`add`: of all together).
    """
    merged: dict[str, Card] = {}
    for card in cards:
        other = merged.get(card.name)
        if other is None:
            merged[card.name] = card
            continue
        sizes = [size for size in (card.memory, other.memory) if size is not None]
        count = card.count + other.count if add else max(card.count, other.count)
        merged[card.name] = Card(name=card.name, memory=min(sizes, default=None), count=count)
    return tuple(merged[name] for name in sorted(merged))
