"""Names by which the networks of one table can be told apart.

Short names (space/equation/names.py) leave out what seldom differs: depths, initial values, the
cells of further stages. Where networks of one table would print alike but for the piece of the
digest that then stands there, what differs between them takes its place.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from space.activity import drop_inert
from space.differences import differences
from space.equation.names import LETTERS, strip_mark
from space.genome import Genome

MOST = 3
"""So many differences are written at most; else, and without genomes, a piece of the digest."""
COMPARED = 40
"""Of more networks of one name, no differences are looked for."""
_STRUCTURE = ("cells", "stages", "states", "drive", "edges", "gate")


def distinct_names(
    named: Iterable[tuple[str, str]], genomes: Mapping[str, Genome] | None = None
) -> dict[str, str]:
    """By digest, the name of a network, completed where networks of other digests have it too.

    `named` are pairs of (digest, name), `genomes` those that are known, by digest.
    """
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for digest, name in named:
        groups[strip_mark(name)][digest] = name
    names: dict[str, str] = {}
    for base, marked in groups.items():
        if len(marked) == 1 or not base:
            names |= marked
            continue
        suffixes = _differing({d: genomes[d] for d in marked if d in genomes}) if genomes else {}
        if len(suffixes) < len(marked):
            if len(set(marked.values())) == len(marked):
                names |= marked
                continue
            suffixes = {digest: digest[:LETTERS] for digest in marked}
            if len(set(suffixes.values())) < len(suffixes):
                suffixes = {digest: digest for digest in marked}
        names |= {digest: f"{base} [{suffixes[digest]}]" for digest in marked}
    return names


def _differing(genomes: Mapping[str, Genome]) -> dict[str, str]:
    """What tells networks apart, by digest; empty if that takes more than MOST differences."""
    if not 1 < len(genomes) <= COMPARED:
        return {}
    parts = {digest: drop_inert(genome) for digest, genome in genomes.items()}
    first = next(iter(parts.values()))
    values: dict[str, dict[str, Any]] = defaultdict(dict)
    for digest, genome in parts.items():
        for difference in differences(first, genome):
            values[difference.path].setdefault("", difference.a)
            values[difference.path][digest] = difference.b
    columns = {
        path: {digest: _shown(there.get(digest, there[""])) for digest in parts}
        for path, there in values.items()
    }
    chosen: list[str] = []
    keys: dict[str, tuple[str, ...]] = dict.fromkeys(parts, ())
    while len(set(keys.values())) < len(keys):
        if len(chosen) == MOST or not columns:
            return {}
        best = max(columns, key=lambda path: _worth(columns[path], keys))
        column = columns.pop(best)
        keys = {digest: (*key, column[digest]) for digest, key in keys.items()}
        chosen.append(best)
    return {
        digest: ", ".join(f"{_place(path)} {text}" for path, text in zip(chosen, key, strict=True))
        for digest, key in keys.items()
    }


def _worth(column: Mapping[str, str], keys: Mapping[str, tuple[str, ...]]) -> tuple[int, int]:
    """How many networks a difference tells apart, beside the `keys` so far; of equals the one
    that is written in the fewest letters.
    """
    return len({(keys[digest], text) for digest, text in column.items()}), -sum(
        map(len, column.values())
    )


def _place(path: str) -> str:
    """A path without the words that every genome has: `hidden.depth`, `out.carry.offset`."""
    kept = [part for part in path.split(".") if part not in _STRUCTURE]
    if path.startswith("cells.") and len(kept) > 1:
        kept = kept[1:]
    return ".".join(kept)


def _shown(value: Any) -> str:
    """A value in a few letters."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return str(value.get("kind") or value.get("op") or "+") if value else "+"
    if isinstance(value, list):
        return ",".join(map(_shown, value)) or "-"
    return str(value)
