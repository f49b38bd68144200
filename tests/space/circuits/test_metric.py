"""The room that texts take: no less than in a wide font that is there to be measured."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pytest
from matplotlib.ft2font import FT2Font

from space.circuits.metric import shorten, text_width

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
LETTERS = "".join(map(chr, range(32, 127))) + "·²…×−→"


@pytest.mark.parametrize(("name", "bold"), [("DejaVuSans", False), ("DejaVuSans-Bold", True)])
def test_no_letter_is_wider_than_it_is_taken_for(name: str, bold: bool) -> None:
    font = FT2Font(str(FONTS / f"{name}.ttf"))
    font.set_size(100, 72)
    for letter in LETTERS:
        measured = font.load_char(ord(letter)).linearHoriAdvance / 65536
        assert measured <= text_width(letter, 100, bold=bold) <= 1.4 * measured + 10, letter


def test_a_long_text_is_shortened() -> None:
    assert shorten("hidden", 6) == "hidden"
    assert shorten("hidden_state", 6) == "hidde…"
