"""Equations of cells, read back from their text and worked out on numbers.

A number stands for a map, and a function of numbers, other ones for other kernels and norms, for
an operation with weights. What is read in no order goes into it in no order.
"""

import math
import re
import zlib
from collections.abc import Iterable, Mapping

from space.step.activations import ACTIVATIONS

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d[\d.]*(?:e-?\d+)?)|(?P<name>(?:group_norm_\d+(?:_interleaved)?|[a-z_.]+))"
    r"|(?P<sign>[()\[\],+-]))"
)
_KERNEL = re.compile(r"\d+s?")
SAME = ("resized", "match", "constant")
"""What changes sizes and no number that is looked at here."""


def of_name(name: str, *values: float) -> float:
    """A function of numbers that stands for an operation: other ones for other names."""
    weight = zlib.crc32(name.encode()) % 97 / 97 + 0.1
    return math.tanh(weight * sum(values) + 0.1 * sum(value * value for value in values))


def work_out(lines: Iterable[str], values: Mapping[str, float]) -> dict[str, float]:
    """What the equations of a cell give, for the values of sources and of the step before, by the
    names of their lines. A line may read those that follow it.
    """
    texts = {}
    for line in lines:
        if not line.startswith("with "):
            name, _, text = re.sub(r"\{[^}]*\}", "", line).partition(" = ")
            texts[name] = text
    return _Lines(texts, values).all()


class _Lines:
    def __init__(self, texts: Mapping[str, str], values: Mapping[str, float]) -> None:
        self.texts, self.values = texts, values
        self.known: dict[str, float] = {}

    def all(self) -> dict[str, float]:
        return {name: self.line(name) for name in self.texts}

    def line(self, name: str) -> float:
        if name not in self.known:
            self.known[name] = _Reader(self.texts[name], self).whole()
        return self.known[name]

    def value(self, name: str) -> float:
        """A source, a state of the step before, this step's, or a gate or part."""
        if name.startswith("new."):
            return self.line(name.removeprefix("new."))
        return self.values[name] if name in self.values else self.line(name)


class _Reader:
    """Sums of products, `x` before `+`; a number before a factor multiplies it."""

    def __init__(self, text: str, lines: _Lines) -> None:
        self.text, self.lines, self.at = text, lines, 0

    def whole(self) -> float:
        value = self.total()
        assert self.at == len(self.text), self.text[self.at :]
        return value

    def peek(self) -> str:
        found = _TOKEN.match(self.text, self.at)
        return found.group().strip() if found else ""

    def take(self) -> str:
        found = _TOKEN.match(self.text, self.at)
        assert found is not None, self.text[self.at :]
        self.at = found.end()
        return found.group().strip()

    def total(self) -> float:
        value = 0.0
        sign = -1 if self.peek() == "-" else 1
        if sign < 0:
            self.take()
        value += sign * self.product()
        while self.peek() in ("+", "-"):
            sign = -1 if self.take() == "-" else 1
            value += sign * self.product()
        return value

    def product(self) -> float:
        value = self.scaled()
        while self.peek() == "x":
            self.take()
            value *= self.scaled()
        return value

    def scaled(self) -> float:
        if not self.peek()[0].isdigit():
            return self.factor()
        number = float(self.take())
        alone = self.peek() in ("", "x", "+", "-", ")", "]", ",")
        return number if alone else number * self.factor()

    def factor(self) -> float:
        name = "" if self.peek() in ("(", "[") else self.take()
        if self.peek() in ("(", "[") and (not name or self.text[self.at] == "("):
            values = self.arguments()
            if name:
                values = [self.call(name, values)]
        else:
            values = [self.lines.value(name)]
        kernel = _KERNEL.match(self.text, self.at)
        if kernel is not None:
            self.at = kernel.end()
            return of_name(kernel.group(), *values)
        (value,) = values
        return value

    def arguments(self) -> list[float]:
        self.take()
        values = [self.total()]
        while self.peek() == ",":
            self.take()
            values.append(self.total())
        self.take()
        return values

    def call(self, name: str, values: list[float]) -> float:
        if name in ACTIVATIONS:
            return ACTIVATIONS[name].value(*values)
        if name == "square":
            return values[0] ** 2
        if name == "power":
            return float(values[0] ** values[1])
        if name == "product":
            return math.prod(values)
        return values[0] if name in SAME else of_name(name, *values)
