"""The motif notation: a space or a network in a few lines of words.

`parse_notation` reads it into the full grammar, `format_notation` writes the full grammar in it.
The words stand in `space/notation/words.py`, the language on one page in docs/notation.md.
"""

from space.notation.documents import is_notation
from space.notation.reading import Notation, parse_notation
from space.notation.writing import format_notation

__all__ = ["Notation", "format_notation", "is_notation", "parse_notation"]
