"""What the words behind an edge, a state or a stage say: slots and what stands in them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from space.network.grammar import KERNEL_OPS
from space.notation.phrases import Phrase, Token
from space.notation.values import (
    ACTIONS,
    Node,
    Read,
    join_name,
    read_kernels,
    read_number,
    read_numbers,
    read_presence,
    read_values,
    read_words,
)
from space.notation.words import (
    ACTIVATIONS,
    NORMS,
    OP_WORDS,
    OPS,
    SCHEMES,
    Place,
    list_words,
)

_SAME = object()
SAME: Any = _SAME
"""In the place of a kernel: that of the first term of the edge."""
_FLAGS = {"unbiased": ("learned", False), "repeated": ("repeat", True), "skip": ("skip", True)}
_FLAGS |= {"squared": ("squared", True), "uncut": ("clip", False)}
_PAIRS = {("cut", "to", "map"): ("clip", True), ("after", "norm"): ("after_norm", True)}
_PAIRS |= {("reads", "feedback"): ("reads_feedback", True)}


@dataclass
class Form:
    """One way of an edge to read its sources, of several: `direct|conv k 3`."""

    label: str
    slots: dict[str, Node]

    @property
    def has_kernel(self) -> bool:
        """Whether it convolves."""
        return self.slots.get("op") not in [op for op in OPS.values() if op not in KERNEL_OPS]


@dataclass
class Forms:
    """Several ways of an edge to read its sources."""

    ways: list[Form]
    default: int | None
    name: str | None


@dataclass
class Attributes:
    """Reads words into slots. `base` begins the names of the choices, `places` say which words
    may stand here; `gate` and `term` together are the words of a gate with one term."""

    phrase: Phrase
    base: str
    places: tuple[Place, ...]
    slots: dict[str, Node] = field(default_factory=dict)
    number: str = ""
    """The slot of a number that stands alone: depth or width."""
    loose: bool = False
    """Whether a norm takes the `?` behind it outside of brackets, too."""
    _filled: set[str] = field(default_factory=set)
    """The slots that are filled outside of brackets."""
    _depth: int = 0

    def read(self, *ends: str) -> dict[str, Node]:
        """The slots of all words up to one of `ends`, the next action or the end."""
        while not self.phrase.ended and self.phrase.peek() not in (*ends, "|", "?", ")"):
            self._item()
        return self.slots

    def _item(self) -> None:
        phrase, start = self.phrase, self.phrase.next
        if start.text == "(" and not self._starts_forms():
            return self._group()
        for words, (slot, value) in _PAIRS.items():
            if start.text == words[0] and self._may(words[0]):
                if not phrase.accept(*words):
                    phrase.refuse(f"{start.text} stands alone", f"write {' '.join(words)}")
                return self._set(slot, value, start)
        if start.text in _FLAGS and self._may(start.text):
            slot, value = _FLAGS[phrase.take().text]
            return self._set(slot, value, start)
        if start.text in ACTIVATIONS:
            return self._activation(start)
        if (start.text in OPS or start.text == "(") and "term" in self.places:
            return self._operation(start)
        if (start.is_number or start.text in ("log", "int", "same")) and self.number:
            return self._numbers(self.number, start, whole=True)
        reader = self._readers().get(start.text)
        if reader is None or not self._may(start.text):
            known = list_words(*self.places)
            if start.text in ACTIONS:
                problem = f"{start.text} stands in the middle"
                phrase.refuse(problem, "write it right behind the arrow, or behind |")
            phrase.refuse_word("a word of " + _describe(self.places), known)
        reader()
        return None

    def _readers(self) -> dict[str, Callable[[], None]]:
        return {
            "k": self._kernel,
            "stride": self._stride,
            "falling": self._falling,
            "offset": self._plain,
            "scale": self._plain,
            "bias": self._bias,
            "norm": self._norm,
            "init": self._initial,
            "biases": self._biases,
            "decay": self._decay,
        }

    def _group(self) -> None:
        phrase = self.phrase
        phrase.take()
        self._depth += 1
        while not phrase.accept(")"):
            if phrase.ended:
                phrase.refuse("a bracket is not closed", "write )")
            self._item()
        self._depth -= 1

    def _may(self, word: str) -> bool:
        return word in list_words(*self.places)

    def _starts_forms(self) -> bool:
        """Whether the bracket that comes next is one of several options."""
        depth, ahead = 0, 0
        while depth or ahead == 0:
            text = self.phrase.peek(ahead)
            if not text:
                return False
            depth += (text == "(") - (text == ")")
            ahead += 1
        ahead += self.phrase.peek(ahead) == "*"
        return self.phrase.peek(ahead) == "|" and self.phrase.peek(ahead + 1) not in ACTIONS

    def _set(self, slot: str, value: Node, token: Token, what: str = "") -> None:
        self._refuse_again(slot, token, what)
        self.slots[slot] = value

    def _refuse_again(self, slot: str, token: Token, what: str = "") -> None:
        """Refuse a slot that is filled twice; what a word of `let` says may be replaced behind
        it."""
        if self._depth:
            self._filled.discard(slot)
            return
        if slot in self._filled:
            what = what or f"the {slot.replace('_', ' ')}"
            self.phrase.refuse(f"{what} is given twice", "remove one of the two", token)
        self._filled.add(slot)

    def _named(self, slot: str, read: Read) -> Node:
        return read.node(join_name(self.base, slot))

    def _activation(self, start: Token) -> None:
        read = read_words(self.phrase, "an activation", ACTIVATIONS)
        slot = "nonlinearity" if "gate" in self.places else "activation"
        self._set(slot, self._named(slot, read), start)

    def _numbers(self, slot: str, start: Token, *, whole: bool = False) -> None:
        self._set(slot, self._named(slot, read_numbers(self.phrase, whole=whole)), start)

    def _kernel(self) -> None:
        start = self.phrase.take()
        if self.phrase.peek() == "same" and self.phrase.peek(1) != "as":
            self.phrase.take()
            return self._set("kernel", SAME, start)
        return self._set("kernel", self._named("kernel", read_kernels(self.phrase)), start)

    def _stride(self) -> None:
        start = self.phrase.take()
        self._numbers("stride", start, whole=True)

    def _falling(self) -> None:
        start = self.phrase.take()
        offset = self._named("offset", read_numbers(self.phrase))
        self._set("offset", offset, start)
        self._set("scale", negate(offset), start)

    def _plain(self) -> None:
        start = self.phrase.take()
        self._numbers(start.text, start)

    def _bias(self) -> None:
        start = self.phrase.take()
        if self.phrase.peek() == "decay":
            self.phrase.take()
            return self._weight("bias_decay", start)
        if "gate" not in self.places and "drive" not in self.places:
            self.phrase.refuse(
                "an edge that adds has no constant bias",
                "write unbiased, biases N (first values), or bias N behind drive in the state",
            )
        self._numbers("bias", start)
        if self.phrase.accept("beside"):
            self.phrase.word("what the bias stands beside", ["conv", "convolution"])
            self._set("bias_acts", "full", start)
        return None

    def _norm(self) -> None:
        phrase, start = self.phrase, self.phrase.take()
        norm: dict[str, Node] = {}
        if phrase.peek() in NORMS:
            read = read_words(phrase, "a norm", NORMS)
            norm["kind"] = read.node(join_name(self.base, "norm.kind"))
        while True:
            word = phrase.peek()
            if word in ("groups", "epsilon", "gain", "shift", "momentum"):
                phrase.take()
                read = read_numbers(phrase, whole=word == "groups")
                norm[word] = read.node(join_name(self.base, f"norm.{word}"))
            elif phrase.accept("interleaved"):
                norm["interleaved"] = True
            else:
                break
        node: Node = norm or {"kind": "layer"}
        if self._depth or self.loose:
            node = read_presence(phrase).around(node, join_name(self.base, "norm"))
        self._set("norm", node, start)

    def _initial(self) -> None:
        start = self.phrase.take()
        self._weights()["initial"] = self._scheme("initial")
        self._refuse_again("initial", start)

    def _biases(self) -> None:
        start = self.phrase.take()
        if self.phrase.peek() in SCHEMES:
            self._weights()["bias_initial"] = self._scheme("biases")
        else:
            read = read_numbers(self.phrase)
            self._weights()["bias_initial"] = read.node(join_name(self.base, "biases"))
        self._refuse_again("biases", start)

    def _scheme(self, slot: str) -> Node:
        phrase, name = self.phrase, join_name(self.base, slot)
        read = read_words(phrase, "a scheme", SCHEMES)
        initial = {"scheme": read.node(name)}
        if phrase.next.is_number or phrase.peek() in ("log", "same"):
            initial["scale"] = read_numbers(phrase).node(f"{name}.scale")
        if phrase.accept("parts"):
            initial["parts"] = read_number(phrase, whole=True)
        return initial

    def _decay(self) -> None:
        self._weight("decay", self.phrase.take())

    def _weight(self, slot: str, start: Token) -> None:
        self._weights()[slot] = self._named(slot, read_numbers(self.phrase))
        self._refuse_again(slot, start)

    def _weights(self) -> dict[str, Node]:
        return self.slots.setdefault("weights", {})  # type: ignore[no-any-return]

    # ------------------------------------------------------------------ operations

    def _operation(self, start: Token) -> None:
        """An operation, or several: all with a kernel are one way to read, the others one each."""
        read = read_values(self.phrase, self._one_operation)
        plain = [option for option in read.options if isinstance(option, str)]
        ops = len(plain) == len(read.options)
        if ops and (len(plain) == 1 or all(op in KERNEL_OPS for op in plain)):
            return self._set("op", self._named("op", read), start)
        self._set("forms", self._divide(read, plain), start, "the operation")
        return None

    def _one_operation(self) -> Node:
        phrase = self.phrase
        if phrase.peek() != "(":
            return OPS[phrase.word("an operation", tuple(OPS))]
        opening = phrase.take()
        inner = Attributes(phrase, self.base, ("term",))
        inner._depth = 1
        slots = inner.read(")")
        phrase.expect(")", "close the bracket")
        return Form(opening.word or "kernel", slots)

    def _divide(self, read: Read, plain: list[str]) -> Forms:
        ways: list[Form] = []
        kernels = [op for op in plain if op in KERNEL_OPS]
        default = None
        for option in read.options:
            form = option
            if isinstance(option, str) and option in KERNEL_OPS:
                inner = Read(options=kernels)
                if read.marked and read.default in kernels:
                    inner.marked, inner.default = True, read.default
                form = next((way for way in ways if way.label == "kernel"), None)
                form = form or Form("kernel", {"op": self._named("op", inner)})
            elif isinstance(option, str):
                form = Form(OP_WORDS[option], {"op": option})
            if form not in ways:
                ways.append(form)
            if read.marked and option == read.default:
                default = ways.index(form)
        if sum(way.has_kernel for way in ways) == 1:
            for way in ways:
                way.label = "kernel" if way.has_kernel else way.label
        return Forms(ways, default, read.name)


def _describe(places: tuple[Place, ...]) -> str:
    return {"convolution": "a stage", "weights": "initial values"}.get(
        places[0], "an edge that multiplies" if "gate" in places else f"a {places[0]}"
    )


def negate(offset: Node) -> Node:
    """Minus a number, or a tie to minus the choice."""
    if isinstance(offset, dict):
        return {"same_as": offset.get("same_as", offset.get("name")), "times": -1}
    return -offset
