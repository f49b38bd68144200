"""Cells drawn as circuits: a network's picture as SVG text."""

from collections.abc import Mapping

from space.circuits.comparison import place_difference
from space.circuits.notes import note_effects
from space.circuits.picture import place_network
from space.circuits.svg import write_svg
from space.equation.network import describe_network
from space.genome import Genome

__all__ = ["draw_circuit", "draw_difference"]


def draw_circuit(
    genome: Genome, *, effects: Mapping[str, float] | None = None, title: str = ""
) -> str:
    """The picture of a network as SVG text: its stages, its feedback, and each of its cells.

    `effects` maps parts to numbers, by their names (space/parts.py): the edges of these parts are
    drawn as thick as their number is large, with the number as a label. `title` stands above the
    picture. The picture of a genome is the same text in every process. Raises InputError for an
    effect of no part.
    """
    picture = place_network(genome, note_effects(genome, effects or {}), title)
    return write_svg(picture, title or "Circuit of a network", describe_network(genome))


def draw_difference(a: Genome, b: Genome, *, titles: tuple[str, str]) -> str:
    """Two networks beside each other as SVG text, with each part marked that only one of them has
    or that differs. `titles` stand above them.
    """
    description = "\n".join(
        f"{title}: {describe_network(genome)}"
        for title, genome in zip(titles, (a, b), strict=True)
    )
    picture = place_difference(a, b, titles)
    return write_svg(picture, f"{titles[0]} and {titles[1]}", description)
