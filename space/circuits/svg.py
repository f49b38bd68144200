"""Pictures as SVG text."""

from collections.abc import Mapping
from html import escape


def write_svg(description: str, effects: Mapping[str, float]) -> str:
    """The lines of a description as SVG text, and the effects of parts under them."""
    lines = [
        *description.split("\n"),
        *(f"{part}: {value:.3g}" for part, value in effects.items()),
    ]
    rows = "".join(
        f'<text x="12" y="{20 * i + 24}">{escape(line)}</text>' for i, line in enumerate(lines)
    )
    width, height = 8 * max(map(len, lines)) + 24, 20 * len(lines) + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="monospace" font-size="13"><desc>{escape(description)}</desc>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{rows}</svg>\n'
    )
