"""What is said about parts of a picture: an effect, or how the part differs from another one's."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from space.circuits.names import part_paths
from space.documents.validation import quote, suggestion
from space.errors import InputError
from space.genome import Genome

THIN, THICK = 1.5, 7.0


@dataclass(frozen=True, slots=True)
class Note:
    """A text at a part; `kind` is `effect`, `only` or `changed`, `weight` its wires' thickness."""

    text: str
    kind: str
    weight: float = THIN


Notes = Mapping[str, Note]


def note_effects(genome: Genome, effects: Mapping[str, float]) -> dict[str, Note]:
    """A note at the path of each part: thick where its effect is large beside the others.

    Raises InputError for a name that no part of the network has.
    """
    if not effects:
        return {}
    paths = part_paths(genome)
    for name in effects:
        if name not in paths:
            raise InputError(
                "effects", f"no part is called {quote(name)}", suggestion(name, paths)
            )
    most = max((abs(value) for value in effects.values() if isfinite(value)), default=0.0)
    return {paths[name]: _effect(value, most) for name, value in effects.items()}


def _effect(value: float, most: float) -> Note:
    """An effect's note; one that is no finite number is as thin as none."""
    share = abs(value) / most if most and isfinite(value) else 0.0
    text = f"{value:+.3g}".replace("-", "\N{MINUS SIGN}")
    return Note(text=text, kind="effect", weight=THIN + (THICK - THIN) * share)
