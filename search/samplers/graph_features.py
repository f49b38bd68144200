"""A network in words: what its cells' graphs are made of, for a model to count; and its size.

A word is an edge of a cell (from what, to which state, adding or multiplying), and again with
its operation, and again with its kernel: cells that differ in a kernel share most words. The
state that is put out is `out` in all cells, the others are `state`, so that equal motifs have
equal words whatever branch of a space wrote them, and whatever its names are.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = Mapping[str, float]

_CHANNELS = 16  # of every map, where sizes are compared
_STAGE = 9.0  # what a stage weighs without its cell: a kernel of 3


def words(genome: Mapping[str, Any]) -> Words:
    """The words of a genome's document and how often they occur. The document is not checked."""
    word_counts: Counter[str] = Counter()
    for name in sorted({stage["cell"] for stage in genome["stages"] if stage.get("cell")}):
        word_counts.update(_cell(genome["cells"][name]))
    feedback = genome.get("feedback") or {}
    word_counts.update(f"feedback {edge}" for edge, there in feedback.items() if there)
    return word_counts


def columns(points: Iterable[Words]) -> dict[str, int]:
    """A place for every word that any of the points has."""
    return {word: place for place, word in enumerate(sorted(set().union(*points)))}


def counts(points: Sequence[Words], places: Mapping[str, int]) -> NDArray[np.float64]:
    """How often every point has the words at `places` [N,D]; other words are left out."""
    matrix = np.zeros((len(points), len(places)))
    for row, point in enumerate(points):
        for word, count in point.items():
            if (column := places.get(word)) is not None:
                matrix[row, column] = count
    return matrix


def size(genome: Mapping[str, Any]) -> float:
    """The logarithm of the weights that a genome's stages with cells would have.

    It is counted as if all maps had one depth, in squares of that: which of two cells of a space
    is the larger hardly depends on it (space/unroll/cost.py has the network's own count, for which
    it must be parsed, which takes ten times as long as all the words). The document is not
    checked.
    """
    names = [stage["cell"] for stage in genome["stages"] if stage.get("cell")]
    weights = {name: sum(map(_weights, _terms(genome["cells"][name]))) for name in set(names)}
    return math.log(sum((_STAGE + weights[name] for name in names), _STAGE))


def _terms(cell: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every term of a cell once, also those of gates that are used at several places."""
    gates = list((cell.get("gates") or {}).values())
    for state in cell["states"].values():
        gates.append((state.get("carry") or {}).get("gate"))
        for edge in _as_list((state.get("drive") or {}).get("edges", ())):
            if "multiply" in edge:
                gates.append(edge["multiply"])
            else:
                yield edge["add"]
    for gate in gates:
        if isinstance(gate, Mapping):
            yield from _as_list(gate.get("terms", ()))


def _weights(term: Mapping[str, Any]) -> float:
    """The weights of a term, in squares of the number of channels."""
    area, sources = (term.get("kernel") or 1) ** 2, len(_as_list(term["of"]))
    match _operation(term):
        case "convolution":
            return float(area * sources)
        case "separable":
            return sources * (area / _CHANNELS + 1.0)
        case "match":
            return float(sources)
    return 0.0


def _operation(term: Mapping[str, Any]) -> str:
    return str(term.get("op") or ("convolution" if term.get("kernel") else "identity"))


def _cell(cell: Mapping[str, Any]) -> Iterator[str]:
    states = cell["states"]
    yield f"states {len(states)}"
    for name, state in states.items():
        role = "out" if name == cell["output"] else "state"
        yield f"{role} {state.get('activation', 'identity')}"
        if state.get("norm"):
            yield f"{role} norm"
        if carry := state.get("carry"):
            yield f"{role} keeps"
            yield from _gate(f"{role} keeps", carry.get("gate"), cell)
        for edge in _as_list((state.get("drive") or {}).get("edges", ())):
            if "multiply" in edge:
                yield from _gate(f"{role} times", edge["multiply"], cell)
            else:
                yield from _term(f"{role} plus", edge["add"], cell)


def _gate(what: str, gate: Any, cell: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(gate, str):
        gate = {"shared": gate}
    if not gate:
        return
    shared = gate.get("shared") or gate.get("complement")
    gate = cell["gates"][shared] if shared else gate
    nonlinearity = gate.get("nonlinearity", "sigmoid")
    yield f"{what} {nonlinearity}"
    for term in _as_list(gate.get("terms", ())):
        for word in _term(what, term, cell):
            yield word
            if word.count(" ") == 2:
                yield f"{word} {nonlinearity}"


def _term(what: str, term: Mapping[str, Any], cell: Mapping[str, Any]) -> Iterator[str]:
    kernel, op = term.get("kernel"), _operation(term)
    for source in _as_list(term["of"]):
        name = str(source).partition("*")[0].strip().removeprefix("new.")
        if name in cell["states"]:
            name = "out" if name == cell["output"] else "state"
        yield f"{what} {name}"
        yield f"{what} {name} by {op}"
        if kernel:
            yield f"{what} {name} by {op} {kernel}"


def _as_list(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else (value,)
