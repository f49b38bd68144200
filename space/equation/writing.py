"""A cell's equations as text, exact: from the text follows what identity knows of the cell.

Every weight that is written is a weight of its own; what is used twice has a name and a line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter

from space.equation.factoring import Expression, Named, Power, Scaled, Total
from space.equation.layout import LAST, Layout, find_only
from space.equation.reading import Node
from space.equation.settings import (
    is_match,
    list_own,
    list_shared,
    read_settings,
    share_settings,
)
from space.identity.algebra import Polynomial, format_number
from space.network.grammar import KERNEL_OPS
from space.network.maps import Map

DIGITS = 4
"""So many digits of a number stand in an equation; what was rounded is said exactly behind."""
_SUM, _PRODUCT, _WHOLE = range(3)


@dataclass(frozen=True)
class Written:
    """The equations of a cell: its lines, and what is said once for all of them: settings, and
    what the rounded numbers are exactly.
    """

    lines: tuple[tuple[str, str], ...]
    settings: tuple[str, ...]
    exact: tuple[str, ...]

    def format(self) -> tuple[str, ...]:
        """The lines as they are printed."""
        lines = [f"{name} = {text}" for name, text in self.lines]
        if ending := [*self.settings, *self.exact]:
            lines.append(f"with {', '.join(ending)}")
        return tuple(lines)


@dataclass(frozen=True)
class _Piece:
    """A piece of an equation. `form` is what stands outermost in it, `gate` how much it is like a
    gate, `order` the place of what it reads, `keeps` whether it is what the state keeps.
    """

    text: str
    form: int = _WHOLE
    gate: int = 0
    order: int = LAST
    keeps: bool = False

    def inside(self, form: int) -> str:
        """The piece as part of a sum or product: in brackets where it needs them."""
        if self.form >= form:
            return self.text
        return f"[{self.text}]" if self.gate else f"({self.text})"


def write_cell(layout: Layout, *, digits: int = DIGITS, brief: bool = False) -> Written:
    """The equations of a cell. `brief` leaves out what stands in braces and behind the lines."""
    writer = _CellWriter(layout, digits, brief, frozenset())
    written = writer.write()
    if not brief and (twice := writer.numbers.find_ambiguous()):
        written = _CellWriter(layout, digits, brief, twice).write()
    return written


class _Numbers:
    """Numbers as they are written, and what they are exactly."""

    def __init__(self, digits: int, whole: frozenset[str]) -> None:
        self.digits, self.whole = digits, whole
        self.exact: dict[str, list[str]] = {}

    def write(self, number: Decimal) -> str:
        """A number without its sign."""
        exact = format_number(abs(number))
        short = f"{float(exact):.{self.digits}g}"
        if exact in self.whole or float(short) == float(exact):
            short = f"{float(exact):.12g}"
        known = self.exact.setdefault(short, [])
        if exact not in known:
            known.append(exact)
        return short

    def find_ambiguous(self) -> frozenset[str]:
        """The numbers that are written like others."""
        return frozenset(n for known in self.exact.values() if len(known) > 1 for n in known)

    def list_rounded(self) -> Iterator[str]:
        """What the rounded numbers are."""
        for short in sorted(self.exact, key=float):
            for exact in self.exact[short]:
                if float(short) != float(exact):
                    yield f"{short} = {float(exact):.12g}"


@dataclass(frozen=True)
class _Place:
    """Where something is written: the line, its channels, and whether a kernel reads it."""

    line: str
    channels: int
    nested: bool = False


class _CellWriter:
    def __init__(self, layout: Layout, digits: int, brief: bool, whole: frozenset[str]) -> None:
        self.layout, self.reading, self.nodes = layout, layout.reading, layout.nodes
        self.numbers, self.brief = _Numbers(digits, whole), brief
        self.shared: Mapping[str, str] = share_settings(
            read_settings(node) for node in self.nodes.values() if not is_match(node)
        )

    def write(self) -> Written:
        width, lines = self.reading.map.channels, list[tuple[str, str]]()
        for name, value in self.layout.named.items():
            if name in self.reading.maps:
                channels = self.reading.maps[name].channels
            else:
                channels = self.layout.find_channels(value) or width
            words = [] if channels == width else [f"{channels} channels"]
            text = self._line(name, value, channels)
            lines.append((f"{name}{self._braces(words)}", text))
        return Written(
            lines=tuple(lines),
            settings=() if self.brief else tuple(list_shared(self.shared)),
            exact=() if self.brief else tuple(self.numbers.list_rounded()),
        )

    def _line(self, name: str, value: Polynomial, channels: int) -> str:
        place = _Place(name, channels)
        only = find_only(value)
        defines = only is not None and self.layout.words.get(only) in (name, f"new.{name}")
        if only is not None and defines and only not in self.reading.names:
            return self._atom(only, place, define=True).text
        return self._sum(value, place, own=name).text

    def _braces(self, words: list[str]) -> str:
        return "" if self.brief or not words else f"{{{', '.join(words)}}}"

    # Sums and products

    def _sum(self, value: Polynomial, place: _Place, own: str = "") -> _Piece:
        return self._expression(self.layout.express(value, own), place)

    def _expression(self, expression: Scaled | Expression, place: _Place) -> _Piece:
        match expression:
            case Scaled():
                return self._product(expression, place)
            case Total():
                return self._total(expression, place)
            case Named(name):
                return _Piece(name, order=LAST - 1)
            case Power(number, times):
                piece = self._atom(number, place)
                if times == 1:
                    return piece
                text = f"square({piece.text})" if times == 2 else f"power({piece.text}, {times})"
                return _Piece(text, gate=piece.gate, order=piece.order)

    def _product(self, product: Scaled, place: _Place) -> _Piece:
        """A number times factors, negative ones with a sign in front."""
        sign = "-" if product.number < 0 else ""
        if not product.factors:
            return _Piece(
                sign + self.numbers.write(product.number), _SUM if sign else _WHOLE, 9, -1
            )
        pieces = [self._expression(one, place) for one in product.factors]
        pieces.sort(key=lambda piece: (piece.keeps, piece.gate, piece.order, piece.text))
        one = abs(product.number) == 1
        number = "" if one else f"{self.numbers.write(product.number)} "
        order, keeps = min(piece.order for piece in pieces), pieces[-1].keeps
        gate = min(piece.gate for piece in pieces)
        if one and len(pieces) == 1:
            whole = pieces[0]
            text = f"-{whole.inside(_PRODUCT)}" if sign else whole.text
            return _Piece(text, _SUM if sign else whole.form, gate, order, keeps)
        text = " x ".join(piece.inside(_PRODUCT) for piece in pieces)
        return _Piece(f"{sign}{number}{text}", _SUM if sign else _PRODUCT, gate, order, keeps)

    def _total(self, total: Total, place: _Place) -> _Piece:
        pieces = [self._product(part, place) for part in total.parts]
        varying = [piece for piece in pieces if piece.order >= 0]
        gate = min((piece.gate for piece in varying), default=0)
        like = gate >= 2
        pieces.sort(
            key=lambda piece: (
                not piece.keeps,
                (piece.order >= 0) if like else (piece.order < 0),
                piece.order,
                piece.text.startswith("-"),
                piece.text,
            )
        )
        text = pieces[0].text
        for piece in pieces[1:]:
            text += f" - {piece.text[1:]}" if piece.text.startswith("-") else f" + {piece.text}"
        order = min((piece.order for piece in varying), default=-1)
        return _Piece(text, _SUM, 4 if like else 0, order)

    # Atoms

    def _atom(self, number: int, place: _Place, *, define: bool = False) -> _Piece:
        node, gate = self.nodes[number], self.layout.rank(number)[0]
        order = self.layout.order(number)
        if number in self.layout.words and not define:
            return self._name(number, place, gate, order)
        kind = node.label[0]
        if kind in KERNEL_OPS:
            return _Piece(self._kernel(node, place), _WHOLE, 0, order)
        nested = _Place(place.line, self.reading.map.channels, nested=True)
        if kind in ("scalar", "position"):
            words = [*self._channels(node, place), *list_own(node, self.shared)]
            text = f"{kind}{self._braces(words)}({self._arguments(node, nested)})"
        elif kind == "norm":
            text = self._norm(node, place)
        elif kind == "map":
            words = [f"{self.reading.count_channels(node.label[1])} channels"]
            text = f"constant{self._braces(words)}({self._arguments(node, nested)})"
        elif kind == "concatenated":
            text = f"joined({self._arguments(node, nested, in_order=True)})"
        elif kind == "place":
            text = self._sum(node.reads[0], place).text
        else:  # an activation, or a product that was too long to multiply out
            text = f"{kind}({', '.join(sorted(self._sum(v, place).text for v in node.reads))})"
        return _Piece(text, _WHOLE, gate, order)

    def _name(self, number: int, place: _Place, gate: int, order: int) -> _Piece:
        """A source, a state, or what has a line of its own."""
        word = self.layout.words[number]
        keeps = word == place.line and number in self.reading.names
        if number in self.reading.names and not place.nested:
            there, here = self.reading.maps[word], self.reading.map.size
            if there != Map(size=here, channels=place.channels):
                word = f"resized({word})"
        return _Piece(word, _WHOLE, gate, order, keeps)

    def _norm(self, node: Node, place: _Place) -> str:
        kind, groups, interleaved, *_ = node.label[1]
        name = f"{kind}_norm" + (f"_{groups}" if groups else "")
        name += "_interleaved" if interleaved else ""
        words = self._braces(list_own(node, self.shared))
        return f"{name}{words}({self._sum(node.reads[0], place).text})"

    def _kernel(self, node: Node, place: _Place) -> str:
        """`input5`, `(input, out)3s`, `residual` for what is matched."""
        nested = _Place(place.line, self.reading.map.channels, nested=True)
        channels = self._channels(node, place)
        source = self._find_source(node)
        if is_match(node):
            there = self.reading.maps.get(source)
            fits = Map(size=self.reading.map.size, channels=place.channels)
            if there is not None and there != fits and not place.nested and not channels:
                return source
            return f"match({self._arguments(node, nested)}){self._braces(channels)}"
        words = list_own(node, self.shared)
        if node.label[0] == "separable" and node.label[6]:
            words.insert(0, "repeated")
        side = f"{node.label[1]}{'s' if node.label[0] == 'separable' else ''}"
        text = source or self._arguments(node, nested)
        if not source and not self._is_call(node):
            text = f"({text})"
        return f"{text}{side}{self._braces([*channels, *words])}"

    def _is_call(self, node: Node) -> bool:
        """Whether a convolution reads one thing that has its own brackets, as `elu(input)`."""
        number = find_only(node.reads[0])
        if len(node.reads) > 1 or number is None or number in self.layout.words:
            return False
        return self.nodes[number].label[0] not in KERNEL_OPS

    def _channels(self, node: Node, place: _Place) -> list[str]:
        """What is said of the channels that are put out: where they are not the line's."""
        channels = self.reading.count_channels(node.label[3])
        return [] if channels == place.channels else [f"{channels} channels"]

    def _find_source(self, node: Node) -> str:
        """The name that a convolution reads, if it is one."""
        number = find_only(node.reads[0])
        if len(node.reads) > 1 or number is None:
            return ""
        return self.layout.words.get(number, "")

    def _arguments(self, node: Node, place: _Place, *, in_order: bool = False) -> str:
        """What an operation with weights reads, one behind the other."""
        pieces = [self._sum(value, place) for value in node.reads]
        if in_order:
            places = [self.nodes[next(iter(value))[0]].label[1] for value in node.reads]
            ordered = sorted(zip(places, pieces, strict=True), key=itemgetter(0))
            pieces = [piece for _, piece in ordered]
        else:
            pieces.sort(key=lambda piece: (piece.order, piece.text))
        return ", ".join(piece.text for piece in pieces)
