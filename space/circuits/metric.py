"""How much room a text takes: a width that no common sans-serif font exceeds."""

from functools import lru_cache

FONT = "Verdana, 'DejaVu Sans', Helvetica, Arial, sans-serif"
"""Of these fonts the first two are the widest, and measure alike."""

_NARROW = frozenset(" .,:;'|!ijlI()[]/ft·")
_WIDE = frozenset("mwMW%@+−=<>×~#…→")
_BOLD = 1.16


@lru_cache(maxsize=8192)
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width in pixels of one line in a font of `size` pixels."""
    ems = sum(map(_ems, text))
    return ems * size * (_BOLD if bold else 1.0)


def _ems(letter: str) -> float:
    if letter in _NARROW:
        return 0.46
    if letter in _WIDE:
        return 1.0
    if letter.isascii():
        return 0.79 if letter.isupper() else 0.66
    return 1.05


def shorten(text: str, letters: int) -> str:
    """At most so many letters of a text, with an ellipsis where some are left out."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
