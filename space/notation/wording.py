"""From the full grammar back to words: values, norms, weights, and the terms and gates of edges.

The inverse of values.py, attributes.py and edges.py. What the notation has no words for raises
`NoWordsError`, and stands in the full grammar.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from space.notation.phrases import split_tokens
from space.notation.values import Node, join_name
from space.notation.words import KERNEL_OPS, OPS

_INTERVALS = {"uniform": "", "loguniform": "log ", "integers": "", "logintegers": "log "}


class NoWordsError(ValueError):
    """What the notation cannot say."""


def join_words(*words: str) -> str:
    """The words that are not empty, divided by spaces."""
    return " ".join(word for word in words if word)


def write_number(value: Node) -> str:
    """A number, the shortest that is read as the same."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NoWordsError(f"{value!r} is no number")
    text = repr(value)
    return text.removesuffix(".0") if isinstance(value, float) else text


def _write_word(value: Node) -> str:
    return value if isinstance(value, str) else write_number(value)


def write_value(node: Node, name: str, *, whole: bool = False) -> str:
    """A value, or the choice of one, which is called `name` unless it says `as`."""
    if not isinstance(node, dict):
        return _write_word(node)
    if "same_as" in node:
        if "times" in node:
            raise NoWordsError("a tie that multiplies")
        return f"same as {_write_name(node['same_as'])}"
    own = "" if node.get("name", name) == name else f" as {_write_name(node['name'])}"
    if "choice" in node:
        return _write_options(node) + own + (" up to map" if "up_to" in node else "")
    kind = next((kind for kind in _INTERVALS if kind in node), None)
    if kind is None or ("integers" in kind and not whole):
        raise NoWordsError(f"a choice that is {kind}")
    low, high = map(write_number, node[kind])
    default = f"*{write_number(node['default'])}" if "default" in node else ""
    return f"{_INTERVALS[kind]}{low}..{high}{default}{own}"


def _write_options(node: Mapping[str, Node]) -> str:
    options = node["choice"]
    if not isinstance(options, list) or any(isinstance(o, list | dict) for o in options):
        raise NoWordsError("options with names")
    weights = node.get("weights")
    if isinstance(weights, dict):
        weights = [weights[option] for option in options]
    texts = [_write_word(option) for option in options]
    if weights is not None:
        shares = [100 * weight / sum(weights) for weight in weights]
        texts = [f"{t} {write_number(s)}%" for t, s in zip(texts, shares, strict=True)]
    default = node.get("default", options[0])
    if default != options[0]:
        texts[options.index(default)] += "*"
    return "|".join(texts)


def _write_name(name: str) -> str:
    tokens = split_tokens(name, ())
    if len(tokens) == 1 and tokens[0].is_word:
        return name
    if '"' in name:
        raise NoWordsError(name)
    return f'"{name}"'


def split_optional(node: Node, name: str) -> tuple[Node, str]:
    """What may be absent, and the ` ?` behind it; a node that is always there, and nothing."""
    if not isinstance(node, dict) or "optional" not in node:
        return node, ""
    own = "" if node.get("name", name) == name else f" as {_write_name(node['name'])}"
    return node["optional"], f" ?{'*' if node.get('default') else ''}{own}"


def write_norm(node: Node, base: str, *, optional: bool) -> str:
    """`norm layer epsilon 1e-3`, and whether it is there."""
    norm, mark = split_optional(node, join_name(base, "norm"))
    if isinstance(norm, str):
        norm = {"kind": norm}
    if not isinstance(norm, dict) or (mark and not optional) or "choice" in norm:
        raise NoWordsError("a choice of norms")
    words = ["norm"]
    if "kind" in norm:
        words.append(write_value(norm["kind"], join_name(base, "norm.kind")))
    for key, value in norm.items():
        if key == "interleaved":
            words += ["interleaved"] if value is True else []
        elif key != "kind":
            whole = key == "groups"
            words.append(
                f"{key} {write_value(value, join_name(base, f'norm.{key}'), whole=whole)}"
            )
    return " ".join(words) + mark


def write_weights(weights: Node, base: str) -> list[str]:
    """`init glorot_uniform parts 4`, `biases 0`, `decay 1e-4`, `bias decay 0`."""
    if not isinstance(weights, dict):
        raise NoWordsError("weights")
    words = []
    for key, value in weights.items():
        name = join_name(base, "biases" if key == "bias_initial" else key)
        if value is None:
            continue
        if key == "initial":
            words.append(f"init {_write_scheme(value, name)}")
        elif key == "bias_initial":
            scheme = isinstance(value, dict) and not set(value) & {"choice", *_INTERVALS}
            text = _write_scheme(value, name) if scheme else write_value(value, name)
            words.append(f"biases {text}")
        elif key in ("decay", "bias_decay"):
            words.append(f"{key.replace('_', ' ')} {write_value(value, name)}")
        else:
            raise NoWordsError(key)
    return words


def _write_scheme(initial: Node, name: str) -> str:
    if not isinstance(initial, dict) or not set(initial) <= {"scheme", "scale", "parts"}:
        raise NoWordsError("a choice of first values")
    text = write_value(initial.get("scheme", "variance_scaling"), name)
    if "scale" in initial:
        text += f" {write_value(initial['scale'], f'{name}.scale')}"
    return text + (f" parts {write_number(initial['parts'])}" if "parts" in initial else "")


# ---------------------------------------------------------------------------- sources and terms


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
_WORD = {op: word for word, op in reversed(OPS.items())}


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
            own.append(write_value(value, f"{base}.activation"))
        elif key == "weights":
            words += write_weights(value, base)
        elif key not in ("of", "op", "kernel", "norm"):
            raise NoWordsError(key)
    return words, own


def _write_op(op: Node, name: str) -> str:
    text = write_value(op, name)
    if isinstance(op, dict):
        if not set(op.get("choice", [])) <= set(KERNEL_OPS):
            raise NoWordsError("a choice of operations")
        return text.replace("convolution", "conv")
    return _WORD[op]


def _write_kernel(kernel: Node, name: str, first: Node) -> str:
    if isinstance(kernel, dict) and isinstance(first, dict):
        of_first = first.get("kernel")
        if isinstance(of_first, dict) and of_first.get("name") == kernel.get("same_as"):
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
    name = term.get("name", f"{base} via")
    return "|".join(texts) + ("" if name == f"{base} via" else f" as {_write_name(name)}")


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
        words.append(write_value(gate["nonlinearity"], f"{base}.nonlinearity"))
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
        kinds = ("choice", "optional", "same_as", *_INTERVALS)
        return any(kind in node for kind in kinds) or any(map(_has_choice, node.values()))
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


def passes_input(name: str, states: Mapping[str, Node]) -> bool:
    """Whether a state may be written as the input: the first one, read at once and only so."""
    state = states[name]
    if name != next(iter(states)) or not isinstance(state, dict):
        return False
    if not set(state) <= {"drive", "norm", "activation"} or not isinstance(
        state.get("drive"), dict
    ):
        return False
    drive = state["drive"]
    edges = drive.get("edges")
    if set(drive) != {"edges"} or not isinstance(edges, list) or not edges:
        return False
    if edges[0] not in ({"add": {"of": "input"}}, {"add": {"of": ["input"]}}):
        return False
    rest: Sequence[Node] = [*edges[1:], *(s for n, s in states.items() if n != name)]
    sources = [source for node in rest for source in list_sources(node)]
    return not any(source in ("input", name) for source in sources)


def list_sources(node: Node) -> list[str]:
    """The names of all sources below a node, `new.` before those of this step."""
    if isinstance(node, list | tuple):
        return [source for item in node for source in list_sources(item)]
    if not isinstance(node, dict):
        return []
    of = node.get("of", [])
    own = [of] if isinstance(of, str) else of
    named = [text.partition("*")[0].strip() for text in own if isinstance(text, str)]
    return named + [source for item in node.values() for source in list_sources(item)]
