"""Cells drawn as circuits: a network's picture as SVG text, and its equations as words."""

from collections.abc import Mapping

from space.circuits.equations import describe_circuit
from space.circuits.svg import write_svg
from space.genome import Genome

__all__ = ["describe_circuit", "draw_circuit"]


def draw_circuit(genome: Genome, *, effects: Mapping[str, float] | None = None) -> str:
    """The picture of a network as SVG text: its stages, its feedback, and each of its cells.

    `effects` maps parts to numbers; the edges of these parts are drawn as thick as their number
    is large, with the number as a label. Its keys are paths of parts:
    `cells.CELL.states.STATE.drive.PLACE` (an edge of a drive), `cells.CELL.states.STATE.carry`,
    `cells.CELL.gates.NAME`, any of these with `.terms.PLACE` for one term of a gate, and
    `feedback.SENDER->RECEIVER`. The picture of a genome is the same text in every process.
    """
    return write_svg(describe_circuit(genome), effects or {})
