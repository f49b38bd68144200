"""Documents of the full grammar in the notation: the inverse of documents.py.

A stage or a cell that the notation has no words for stands in the full grammar, inside of it.
"""

from collections.abc import Mapping
from typing import Any

from space.documents.trees import copy_tree, is_choice
from space.network.architecture import Clock
from space.notation.cell_writing import write_cell
from space.notation.derived_controls import write_derived
from space.notation.documents import CELL, GENOME_KEYS, SPACE_KEYS, find_unread
from space.notation.stage_writing import write_feedback, write_stage
from space.notation.values import Node
from space.notation.wording import NoWordsError, write_value, write_weights
from space.notation.yaml_writing import write_tree


def format_notation(document: Mapping[str, Any]) -> str:
    """A space, or a network alone, as a text in the notation.

    What `parse_notation` makes of it is the same space: the same networks, and the same choices,
    but for the keys of those that had no name.
    """
    return write_tree(write_document(document))


def write_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """The tree of a space, or of a network alone, in the notation."""
    space = document if "genome" in document else {"genome": document}
    genome: Mapping[str, Any] = space["genome"]
    tree: dict[str, Any] = {key: copy_tree(space[key]) for key in SPACE_KEYS if key in space}
    cells = genome.get("cells") or {}
    tree |= _write_genome_parts(genome)
    tree["stages"] = [write_stage(stage, tuple(cells)) for stage in genome["stages"]]
    if genome.get("feedback"):
        edges = genome["feedback"]
        # One that nothing reads is no sentence of the notation: it stands in full.
        unread = find_unread(genome, [edge for edge, there in edges.items() if there])
        lines = copy_tree(edges) if unread else write_feedback(edges, genome["stages"])
        tree["feedback"] = lines
    written = {name: write_cell(cell, name, len(cells) > 1) for name, cell in cells.items()}
    if list(cells) == [CELL]:
        tree["cell"] = written[CELL]
    elif written:
        tree["cells"] = written
    if space.get("recipe"):
        tree["train"] = _write_recipe(space["recipe"], "")
    if space.get("controls"):
        controls = space["controls"].items()
        tree["controls"] = {name: write_derived(one) or copy_tree(one) for name, one in controls}
    return tree


def _write_genome_parts(genome: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but stages, feedback and cells: mostly as it stands."""
    tree: dict[str, Any] = {}
    for key in GENOME_KEYS:
        if key not in genome:
            continue
        value = copy_tree(genome[key])
        try:
            if key == "clock":
                steps, rest = _write_clock(value)
                tree |= {"steps": steps} if steps else {}
                tree |= {"clock": rest} if rest else {}
                continue
            if key == "weights":
                value = " ".join(write_weights(value, ""))
            if key == "head":
                value = _write_head(value)
        except NoWordsError:
            pass
        tree[key] = value
    return tree


def _write_clock(clock: dict[str, Node]) -> tuple[str, dict[str, Node]]:
    """(the line of the steps, what of the clock stands in full)."""
    line = write_value(clock.get("steps", Clock().steps), "steps", whole=True)
    clock.pop("steps", None)
    on, off = clock.get("image_on", 0), clock.get("image_off")
    if not isinstance(on, dict) and not isinstance(off, dict):
        clock.pop("image_on", None)
        clock.pop("image_off", None)
        if on or off is not None:
            line += f" image {on}..{'' if off is None else off}"
    return line, clock


def _write_head(head: Mapping[str, Node]) -> str:
    if not set(head) <= {"form", "kernel", "weights"} or isinstance(head.get("form"), dict):
        raise NoWordsError("a choice of heads")
    words = [head.get("form", "mean_linear")]
    if "kernel" in head:
        words.append(f"k {write_value(head['kernel'], 'head.kernel', whole=True)}")
    return " ".join([*words, *write_weights(head.get("weights", {}), "head")])


def _write_recipe(node: Any, base: str) -> Any:
    if not isinstance(node, Mapping):
        return copy_tree(node)
    if not is_choice(node):
        return {k: _write_recipe(v, f"{base}.{k}" if base else str(k)) for k, v in node.items()}
    try:
        options = node.get("choice", ())
        if "same_as" in node or not all(type(option) in (int, float) for option in options):
            raise NoWordsError("options that are no numbers, or a tie")
        return write_value(dict(node), base)
    except NoWordsError:
        return copy_tree(node)
