"""Values of the notation: numbers and words, with `|`, `*`, `..` and `%` between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from space.documents.bounds import SPAN
from space.documents.validation import number_problem
from space.notation.phrases import Phrase, Token

Node = Any
"""A part of a document with choices."""


@dataclass
class Read:
    """What stands in the place of one value: options, or the two ends of an interval."""

    options: list[Node]
    default: Node = None
    marked: bool = False
    weights: list[float | None] = field(default_factory=list)
    name: str | None = None
    kind: str = "choice"
    start: Token | None = None
    up_to: str | None = None
    """`map` for kernels of which those larger than the map are not offered."""

    def node(self, name: str) -> Node:
        """The value, or the choice that `name` calls unless it has a name of its own."""
        if self.kind == "same_as":
            return {"same_as": self.options[0]}
        if self.kind == "choice" and len(self.options) == 1:
            return self.options[0]
        node: dict[str, Node] = {self.kind: self.options, "name": self.name or name}
        if self.marked:
            node["default"] = self.default
        if any(weight is not None for weight in self.weights):
            node["weights"] = self.weights
        if self.up_to is not None:
            node["up_to"] = self.up_to
        return node


def read_values(phrase: Phrase, one: Callable[[], Node]) -> Read:
    """Values divided by `|`, each of which `one` reads: `1|3*|5`, `elu 80%|relu 20%`."""
    read = Read(options=[], start=phrase.next)
    while True:
        start = phrase.next
        value = one()
        if value in read.options:
            phrase.refuse(f"{start.text} stands here twice", "remove one of the two", start)
        read.options.append(value)
        read.weights.append(None)
        _read_marks(phrase, read, value)
        if phrase.peek() != "|" or phrase.peek(1) in ACTIONS:
            break
        phrase.take()
    if len({weight is None for weight in read.weights}) > 1:
        phrase.refuse("some options have a percentage", "give one to each", read.start)
    read.name = read_label(phrase)
    return read


def read_words(phrase: Phrase, what: str, options: Sequence[str]) -> Read:
    """One of some words, or several of them divided by `|`."""
    return read_values(phrase, lambda: phrase.word(what, options))


ACTIONS = ("add", "times", "keep")
"""What an edge does to the state that it leads to."""


def _read_marks(phrase: Phrase, read: Read, value: Node) -> None:
    if phrase.next.is_number and phrase.peek(1) == "%":
        read.weights[-1] = read_number(phrase)
        phrase.take()
    if phrase.accept("*"):
        if read.marked:
            phrase.refuse("two options are marked as the default", "remove one *")
        read.marked, read.default = True, value


def read_label(phrase: Phrase) -> str | None:
    """The name that a choice is given by `as`, if it is."""
    if not phrase.accept("as"):
        return None
    return read_text(phrase, "choice")


def read_text(phrase: Phrase, what: str) -> str:
    """A name, in quotes where it is no plain word."""
    if phrase.peek().startswith('"'):
        return phrase.take().text.strip('"')
    return phrase.name(what).text


def read_number(phrase: Phrase, *, whole: bool = False, least: int = 1) -> int | float:
    """One number; a whole one is at least `least`."""
    token = phrase.next
    if not token.is_number:
        cure = "write a whole number" if whole else "write a number"
        if phrase.place and phrase.tokens[phrase.place - 1].text == "|":
            cure = "write the values alone behind |: 3|5"
        phrase.refuse(
            "a number is missing" if phrase.ended else f"{token.text} is not a number", cure
        )
    if problem := number_problem(token.text):
        phrase.refuse(problem, "write a smaller number")
    if set(token.text) & set(".eE"):
        if whole:
            phrase.refuse(f"{token.text} is not a whole number", "write a whole number")
        return float(phrase.take().text)
    if whole and int(token.text) < least:
        phrase.refuse(f"{token.text} is below {least}", f"write {least} or more")
    return int(phrase.take().text)


def read_numbers(phrase: Phrase, *, whole: bool = False) -> Read:
    """Numbers divided by `|`, or an interval: `0.5..1.0*0.7`, `log 1e-3..1e-1`.

    The whole numbers of the grammar are 1 or more; those after `int` may be any.
    """
    start, least = phrase.next, 1
    if phrase.accept("same", "as"):
        return Read(options=[read_text(phrase, "choice")], kind="same_as", start=start)
    log = phrase.accept("log")
    if phrase.accept("int") and not whole:
        whole, least = True, -SPAN
    if not log and phrase.peek(1) != "..":
        return read_values(phrase, lambda: read_number(phrase, whole=whole, least=least))
    low = read_number(phrase, whole=whole, least=least)
    phrase.expect("..", "write an interval: LOW..HIGH")
    high = read_number(phrase, whole=whole, least=least)
    if low >= high:
        phrase.refuse(f"{low}..{high} is empty", "write the lower end first", start)
    kind = ("log" if log else "") + ("integers" if whole else "uniform")
    read = Read(options=[low, high], kind=kind, start=start)
    if phrase.accept("*"):
        at = phrase.next
        read.marked, read.default = True, read_number(phrase, whole=whole, least=least)
        if not low <= read.default <= high:
            cure = "mark a default that is in it"
            phrase.refuse(f"{read.default} is not in {low}..{high}", cure, at)
    read.name = read_label(phrase)
    return read


def read_kernels(phrase: Phrase) -> Read:
    """The sizes of a kernel; of several, `up to map` offers those that fit the map."""
    read, at = read_numbers(phrase, whole=True), phrase.next
    if phrase.accept("up", "to", "map"):
        if read.kind != "choice" or len(read.options) == 1:
            phrase.refuse(
                "`up to map` says which of several kernels there are",
                "write the kernels, k 1|3|5 up to map; one that is cut is `cut to map`",
                at,
            )
        read.up_to = "map"
    return read


@dataclass(frozen=True)
class Presence:
    """A `?`: whether what stands before it may be absent, and what it is by default."""

    optional: bool = False
    default: bool = False
    percent: float | None = None
    name: str | None = None

    def around(self, node: Node, name: str) -> Node:
        """The node, or a choice of whether it is there."""
        if not self.optional:
            return node
        return {"optional": node, "name": self.name or name, "default": self.default}


def read_presence(phrase: Phrase, *, weighted: bool = False) -> Presence:
    """`?`, `?*` (there by default) or nothing; `? 10%` where a percentage may stand."""
    if not phrase.accept("?"):
        return Presence()
    default, percent = phrase.accept("*"), None
    if phrase.next.is_number and phrase.peek(1) == "%":
        if not weighted:
            phrase.refuse("only a feedback edge has a percentage", "remove it")
        at = phrase.next
        percent = float(read_number(phrase))
        phrase.take()
        if not 0 < percent < 100:
            phrase.refuse(f"{at.text} % is not between 0 and 100", "write another number", at)
        default = default or phrase.accept("*")
    return Presence(True, default, percent, read_label(phrase))


def join_name(base: str, part: str) -> str:
    """The name of a choice: a part of an edge, of a state, or of the cell itself."""
    return f"{base}.{part}" if base else part
