"""A network in words: what its cells' graphs are made of, for a model to count.

A word is an edge of a cell (from what, to which state, adding or multiplying), and once more with
its operation, and once more with its kernel: cells that differ in a kernel share most words. The
state that is put out is `out` in all cells, the others are `state`, so that equal motifs have
equal words whatever branch of a space wrote them, and whatever its names are.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Words = Mapping[str, float]


def words(genome: Mapping[str, Any]) -> Words:
    """The words of a genome's document and how often they occur. The document is not checked."""
    found: Counter[str] = Counter()
    for name in sorted({stage["cell"] for stage in genome["stages"] if stage.get("cell")}):
        found.update(_cell(genome["cells"][name]))
    feedback = genome.get("feedback") or {}
    found.update(f"feedback {edge}" for edge, there in feedback.items() if there)
    return found


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
        for edge in _listed((state.get("drive") or {}).get("edges", ())):
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
    for term in _listed(gate.get("terms", ())):
        for word in _term(what, term, cell):
            yield word
            if word.count(" ") == 2:
                yield f"{word} {nonlinearity}"


def _term(what: str, term: Mapping[str, Any], cell: Mapping[str, Any]) -> Iterator[str]:
    kernel = term.get("kernel")
    op = term.get("op") or ("convolution" if kernel else "identity")
    for source in _listed(term["of"]):
        name = str(source).partition("*")[0].strip().removeprefix("new.")
        if name in cell["states"]:
            name = "out" if name == cell["output"] else "state"
        yield f"{what} {name}"
        yield f"{what} {name} by {op}"
        if kernel:
            yield f"{what} {name} by {op} {kernel}"


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else (value,)
