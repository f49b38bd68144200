"""Edges in words: their sources, terms and gates. The inverse of edges.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from space.documents.trees import is_choice
from space.network.grammar import KERNEL_OPS
from space.notation.values import Node
from space.notation.wording import (
    NoWordsError,
    split_optional,
    write_label,
    write_norm,
    write_value,
    write_weights,
    write_word,
)
from space.notation.words import OP_WORDS, OPS


@dataclass(frozen=True)
class Vocabulary:
    """What the parts of a cell are called in the notation: its input state, and renamed gates."""

    prefix: str = ""
    input_state: str | None = None
    gates: Mapping[str, str] = field(default_factory=dict)

    def target(self, name: str) -> str:
        """A state as the target of an edge."""
        return "input" if name == self.input_state else name

    def source(self, text: Node) -> str:
        """A source, masked or not."""
        if not isinstance(text, str):
            raise NoWordsError("a choice of sources")
        name, _, mask = (part.strip() for part in text.partition("*"))
        if self.input_state is not None and name == f"new.{self.input_state}":
            name = "input"
        return f"{name} * {self.gates.get(mask, mask)}" if mask else name

    def sources(self, of: Node) -> tuple[str, str]:
        """(the sources as they are written, as the names of choices have them)."""
        texts = [self.source(text) for text in (of if isinstance(of, list | tuple) else [of])]
        return " & ".join(texts), "+".join(text.partition(" *")[0] for text in texts)


_FLAGS: dict[str, dict[Any, str]] = {
    "repeat": {True: "repeated", False: ""},
    "skip": {True: "skip", False: ""},
    "squared": {True: "squared", False: ""},
    "after_norm": {True: "after norm", False: ""},
    "clip": {True: "cut to map", False: "uncut", None: ""},
    "bias": {False: "unbiased", True: "", None: ""},
}


def write_term(term: Node, base: str, first: Node = None) -> tuple[list[str], list[str]]:
    """(the words of its operation, those that only stand before the arrow of a gate)."""
    if not isinstance(term, dict) or "of" not in term:
        raise NoWordsError("a choice of terms")
    words: list[str] = []
    own: list[str] = []
    if term.get("op") is not None:
        words.append(_write_op(term["op"], f"{base}.op"))
    if term.get("kernel") is not None:
        words.append(f"k {_write_kernel(term['kernel'], f'{base}.kernel', first)}")
    for key, value in term.items():
        if key in _FLAGS:
            if isinstance(value, dict) or value not in _FLAGS[key]:
                raise NoWordsError(f"a choice of {key}")
            words += [_FLAGS[key][value]] if _FLAGS[key][value] else []
        elif key == "norm" and value is not None:
            own.append(write_norm(value, base, optional=False))
        elif key == "activation":
            own.append(write_word(value, f"{base}.activation"))
        elif key == "weights":
            words += write_weights(value, base)
        elif key not in ("of", "op", "kernel", "norm"):
            raise NoWordsError(key)
    return words, own


def _write_op(op: Node, name: str) -> str:
    if not isinstance(op, dict):
        return OP_WORDS[op]
    options, sign, own = write_word(op, name).partition(" as ")
    if not set(op.get("choice", [])) <= set(KERNEL_OPS):
        raise NoWordsError("a choice of operations")
    return options.replace("convolution", OP_WORDS["convolution"]) + sign + own


def _write_kernel(kernel: Node, name: str, first: Node) -> str:
    if isinstance(kernel, dict) and "same_as" in kernel and isinstance(first, dict):
        of_first = first.get("kernel")
        if isinstance(of_first, dict) and kernel == {"same_as": of_first.get("name")}:
            return "same"
    return write_value(kernel, name, whole=True)


def write_added(term: Node, base: str) -> str:
    """The words of an edge that adds: one term, or the choice between several forms of it."""
    if not (isinstance(term, dict) and isinstance(term.get("choice"), dict)):
        words, own = write_term(term, base)
        return " ".join([*words, *own])
    ways = term["choice"]
    texts = []
    for label, way in ways.items():
        words, own = write_term(way, base)
        text = " ".join([*words, *own]) or "direct"
        plain = len(words) + len(own) <= 1 and text in OPS
        if label != (text if plain and text not in ("conv", "separable") else "kernel"):
            raise NoWordsError("options with names")
        star = "*" if label == term.get("default") != next(iter(ways)) else ""
        texts.append((text if plain else f"({text})") + star)
    return "|".join(texts) + write_label(term, f"{base} via")


def write_gate_words(gate: Mapping[str, Node], base: str, *, loose: bool) -> list[str]:
    """The words of a gate without its terms."""
    words: list[str] = []
    offset, scale = gate.get("offset"), gate.get("scale")
    if offset is not None and _is_negative(scale, offset):
        words.append(f"falling {write_value(offset, f'{base}.offset')}")
    else:
        for key, value in (("offset", offset), ("scale", scale)):
            words += [] if value is None else [f"{key} {write_value(value, f'{base}.{key}')}"]
    if "nonlinearity" in gate:
        words.append(write_word(gate["nonlinearity"], f"{base}.nonlinearity"))
    words += write_bias(gate, base)
    if gate.get("norm") is not None:
        words.append(write_norm(gate["norm"], base, optional=loose))
    known = ("offset", "scale", "nonlinearity", "bias", "bias_acts", "norm", "terms")
    if any(gate[key] is not None for key in gate if key not in known):
        raise NoWordsError("a gate by its name")
    return words


def _is_negative(scale: Node, offset: Node) -> bool:
    if isinstance(offset, dict):
        name = offset.get("same_as", offset.get("name"))
        return bool(name) and scale == {"same_as": name, "times": -1}
    return not isinstance(scale, dict) and scale is not None and scale == -offset


def write_bias(part: Mapping[str, Node], base: str) -> list[str]:
    """`bias 4.1`, `bias 4.1 beside conv`."""
    full = part.get("bias_acts", "always")
    if full not in ("always", "full"):
        raise NoWordsError("a choice of where a bias acts")
    if "bias" not in part and full == "always":
        return []
    text = write_value(part.get("bias", 0), f"{base}.bias")
    return [f"bias {text}" + (" beside conv" if full == "full" else "")]


@dataclass(frozen=True)
class GateWords:
    """A gate in its place: what stands before the arrow, and behind it."""

    sources: str
    label: str
    words: str


def write_gate(
    gate: Mapping[str, Node], target: str, action: str, vocabulary: Vocabulary, base: str = ""
) -> GateWords:
    """The words of a gate with its terms; `base` is given where it is one of two ways to act."""
    terms = gate.get("terms") or []
    listed: list[Any] = [terms] if isinstance(terms, dict) else list(terms)
    if isinstance(terms, dict) and "of" not in terms:
        raise NoWordsError("a choice of the terms")
    given = bool(base)
    if not listed:
        base = base or vocabulary.prefix + f"{target} {action}"
        words = write_gate_words(gate, base, loose=False)
        return GateWords("", "", " ".join(words))
    bare = listed[0].get("optional", listed[0]) if isinstance(listed[0], dict) else {}
    if not isinstance(bare, dict) or "of" not in bare:
        raise NoWordsError("a choice of terms")
    sources, label = vocabulary.sources(bare["of"])
    base = base or vocabulary.prefix + f"{label}->{target} {action}".rstrip()
    first, mark = split_optional(listed[0], base)
    words, own = write_term(first, base)
    if own and given:
        raise NoWordsError("words that only stand before the arrow")
    behind = [*words, *write_gate_words(gate, base, loose=False)]
    before = [sources, *own]
    if mark:
        if given:
            raise NoWordsError("a first term that may be absent, in one of two ways to act")
        before[-1] += mark
    alike = [_write_same(term, listed[0], vocabulary) for term in listed[1:]]
    if all(alike) and not own and not mark and not _has_choice(first):
        before = [" + ".join([sources, *(text for text in alike if text)])]
    else:
        behind += [_write_further(term, base, first, vocabulary) for term in listed[1:]]
    return GateWords(" ".join(before), label, " ".join(behind))


def _has_choice(node: Node) -> bool:
    if isinstance(node, dict):
        return is_choice(node) or any(map(_has_choice, node.values()))
    return isinstance(node, list) and any(map(_has_choice, node))


def _write_same(term: Node, first: Node, vocabulary: Vocabulary) -> str:
    """The sources of a further term that is as the first one otherwise; else nothing."""
    if not isinstance(term, dict) or not isinstance(first, dict) or "of" not in term:
        return ""
    rest = [{k: v for k, v in one.items() if k != "of"} for one in (term, first)]
    return vocabulary.sources(term["of"])[0] if rest[0] == rest[1] else ""


def _write_further(term: Node, base: str, first: Node, vocabulary: Vocabulary) -> str:
    bare = term.get("optional", term) if isinstance(term, dict) else {}
    if not isinstance(bare, dict) or "of" not in bare:
        raise NoWordsError("a choice of terms")
    sources, label = vocabulary.sources(bare["of"])
    inner, mark = split_optional(term, f"{base}.{label}")
    words, own = write_term(inner, f"{base}.{label}", first)
    return f"+ ({' '.join([sources, *words, *own])}{mark})"
