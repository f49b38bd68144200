"""Phrases: the strings of the notation, as tokens that know where they stand.

A phrase is a string of the document (`out -> hidden add conv k 1|3 ?`), or one of its keys. Every
token keeps the path of its string and its place in it, so that an error can point at it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from space.documents.bounds import LEVELS, WORDS
from space.documents.places import KEY
from space.documents.validation import quote, suggestion
from space.errors import SpaceError

__all__ = ["KEY", "NotationError", "Phrase", "Token", "Where", "read_phrase", "split_tokens"]

Where = tuple[str | int, ...]
NESTED = 16  # words of `let` inside one another


class NotationError(SpaceError):
    """An error at a place of the notation: `path` of the string, and the character in it."""

    def __init__(self, path: Where, at: int, problem: str, cure: str = "") -> None:
        super().__init__("", problem, cure)
        self.path, self.at = path, at


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a number or a sign, and where it stands. `word` is the word of `let` that a bracket
    stands for."""

    text: str
    path: Where
    at: int
    word: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it is a number."""
        return _NUMBER.fullmatch(self.text) is not None

    @property
    def is_word(self) -> bool:
        """Whether it is a word."""
        return self.text[:1].isalpha() or self.text[:1] == "_"


_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>"[^"]*")
      | (?P<arrow>->)
      | (?P<dots>\.\.)
      | (?P<kernel>k(?=\d))
      | (?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<number>[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?)
      | (?P<sign>[|*?%&+()-])
    )""",
    re.VERBOSE,
)


def split_tokens(text: str, path: Where) -> list[Token]:
    """The tokens of a string. Raises NotationError at a sign that the notation does not know."""
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            comma = "divide words by spaces, and join sources with &"
            cure = comma if text[at] == "," else "remove it"
            raise NotationError(path, at, f"{quote(text[at])} is no sign of the notation", cure)
        kind = match.lastgroup or ""
        tokens.append(Token(match[kind], path, match.start(kind)))
        at = match.end()
    return tokens


def read_phrase(
    text: object,
    path: Where,
    let: Mapping[str, tuple[str, Where]],
    cure: str = "write words",
) -> "Phrase":
    """The phrase of a value of the document. Raises NotationError for what is no line of words."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        raise NotationError(path, 0, f"{quote(text)} is no line of words", cure)
    return Phrase(text, path, let)


MEANT = {
    **{"kernel": "k", "depthwise": "separable", "pointwise": "k 1", "nobias": "unbiased"},
    **{"multiply": "times", "multiplies": "times", "mul": "times", "gate": "times"},
    **{"adds": "add", "plus": "add", "carry": "keep", "keeps": "keep", "decays": "keep"},
    **{"in": "input", "x": "input", "image": "input", "res": "residual", "fb": "feedback"},
    **{"layer": "norm layer", "batch": "norm batch", "group": "norm group", "optional": "?"},
}
"""Words that are often written for others."""
_GLUED = re.compile(r"(conv|separable)(\d+)")
_SIDES = re.compile(r"(\d+)")


def find_cure(word: str, options: Sequence[str]) -> str:
    """What to write instead of a word, of the options that may stand in its place."""
    if (glued := _GLUED.fullmatch(word)) and glued[1] in options:
        return f"write {glued[1]} k {glued[2]}"
    if _SIDES.fullmatch(word) and "k" in options:
        return f"write k {word} for a kernel of {word} x {word}"
    meant = MEANT.get(word, "")
    if meant and meant.split()[0] in (*options, "?"):
        return f"write {meant}"
    return suggestion(word, options)


@dataclass
class Phrase:
    """The tokens of one string, read from left to right. `let` are the words that stand for
    others, each with its path."""

    text: str
    path: Where
    let: Mapping[str, tuple[str, Where]] = field(default_factory=dict)
    tokens: list[Token] = field(init=False)
    place: int = 0

    def __post_init__(self) -> None:
        self.tokens = self._expand(split_tokens(self.text, self.path), ())
        depth = 0
        for token in self.tokens:
            depth += (token.text == "(") - (token.text == ")")
            if depth > LEVELS:
                self.refuse(f"goes more than {LEVELS} brackets deep", "remove some", token)

    def _expand(self, tokens: list[Token], inside: tuple[str, ...]) -> list[Token]:
        result: list[Token] = []
        for token in tokens:
            if token.text not in self.let:
                result.append(token)
                continue
            if token.text in inside or len(inside) == NESTED:
                raise NotationError(token.path, token.at, f"{token.text} stands for itself", "")
            text, path = self.let[token.text]
            body = self._expand(split_tokens(text, path), (*inside, token.text))
            opening = Token("(", token.path, token.at, token.text)
            result += [opening, *body, Token(")", token.path, token.at, token.text)]
            if len(result) > WORDS:
                problem = f"{token.text} stands for more than {WORDS:,} words"
                raise NotationError(token.path, token.at, problem, "shorten it")
        return result

    @property
    def ended(self) -> bool:
        """Whether all of it is read."""
        return self.place >= len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        """The next token's text, without reading it; empty behind the end."""
        place = self.place + ahead
        return self.tokens[place].text if place < len(self.tokens) else ""

    @property
    def next(self) -> Token:
        """The next token, or the end of the phrase as one."""
        if self.ended:
            return Token("", self.path, len(self.text.rstrip()))
        return self.tokens[self.place]

    def take(self) -> Token:
        """Read a token."""
        token = self.next
        self.place += 1
        return token

    def accept(self, *texts: str) -> bool:
        """Read these tokens if they come next."""
        if all(self.peek(ahead) == text for ahead, text in enumerate(texts)):
            self.place += len(texts)
            return True
        return False

    def expect(self, text: str, why: str) -> None:
        """Read a token that has to be there."""
        if not self.accept(text):
            self.refuse(f"{text} is missing", why)

    def name(self, what: str) -> Token:
        """Read a word as a name."""
        if not self.next.is_word:
            self.refuse(f"the name of a {what} is missing", "write a word")
        return self.take()

    def word(self, what: str, options: Sequence[str]) -> str:
        """Read one of some words."""
        if self.peek() not in options:
            self.refuse_word(what, options)
        return self.take().text

    def refuse_word(self, what: str, options: Sequence[str], also: str = "") -> NoReturn:
        """Refuse the next token where one of some words was to stand."""
        if self.ended:
            self.refuse(f"{what} is missing", f"write one of {', '.join(options)}")
        self.refuse(f"{quote(self.peek())} is not {what}", also or find_cure(self.peek(), options))

    def refuse(self, problem: str, cure: str = "", token: Token | None = None) -> NoReturn:
        """Raise the error at a token, by default at the next one."""
        token = token or self.next
        raise NotationError(token.path, token.at, problem, cure)

    def finish(self, options: Sequence[str] = ()) -> None:
        """Refuse what is left of the phrase."""
        if not self.ended:
            self.refuse_word("read here", options)
