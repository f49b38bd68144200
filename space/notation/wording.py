"""From the full grammar back to words: values, norms and weights.

The inverse of values.py and attributes.py. What the notation has no words for raises
`NoWordsError`, and stands in the full grammar.
"""

from collections.abc import Mapping

from space.documents.trees import is_choice
from space.notation.phrases import split_tokens
from space.notation.values import Node, join_name

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


def write_value(node: Node, name: str, *, whole: bool = False) -> str:
    """A value, or the choice of one, which is called `name` unless it says `as`."""
    if not isinstance(node, dict):
        return _write_option(node)
    if "same_as" in node:
        if "times" in node:
            raise NoWordsError("a tie that multiplies")
        return f"same as {_write_name(node['same_as'])}"
    own = write_label(node, name)
    if "choice" in node:
        return _write_options(node) + own + (" up to map" if "up_to" in node else "")
    kind = next((kind for kind in _INTERVALS if kind in node), None)
    if kind is None or ("integers" in kind and not whole):
        raise NoWordsError(f"a choice that is {kind}")
    low, high = map(write_number, node[kind])
    default = f"*{write_number(node['default'])}" if "default" in node else ""
    return f"{_INTERVALS[kind]}{low}..{high}{default}{own}"


def write_word(node: Node, name: str) -> str:
    """A word, or the choice of one; of ties the notation has those between numbers only."""
    if isinstance(node, dict) and "same_as" in node:
        raise NoWordsError("a word that is tied to another one")
    return write_value(node, name)


def _write_option(value: Node) -> str:
    return value if isinstance(value, str) else write_number(value)


def _write_options(node: Mapping[str, Node]) -> str:
    options = node["choice"]
    if not isinstance(options, list) or any(isinstance(o, list | dict) for o in options):
        raise NoWordsError("options with names")
    if len(options) == 1:
        raise NoWordsError("a choice of one option")  # which would be read as no choice
    weights = node.get("weights")
    if isinstance(weights, dict):
        weights = [weights[option] for option in options]
    texts = [_write_option(option) for option in options]
    if weights is not None:
        shares = [100 * weight / sum(weights) for weight in weights]
        texts = [f"{t} {write_number(s)}%" for t, s in zip(texts, shares, strict=True)]
    default = node.get("default", options[0])
    if default != options[0]:
        texts[options.index(default)] += "*"
    return "|".join(texts)


def write_label(node: Mapping[str, Node], name: str) -> str:
    """` as` and the name of a choice, unless it is `name`."""
    own = node.get("name", name)
    return "" if own == name else f" as {_write_name(own)}"


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
    return node["optional"], f" ?{'*' if node.get('default') else ''}{write_label(node, name)}"


def write_norm(node: Node, base: str, *, optional: bool) -> str:
    """`norm layer epsilon 1e-3`, and whether it is there."""
    norm, mark = split_optional(node, join_name(base, "norm"))
    if isinstance(norm, str):
        norm = {"kind": norm}
    if not isinstance(norm, dict) or (mark and not optional) or "choice" in norm:
        raise NoWordsError("a choice of norms")
    words = ["norm"]
    if "kind" in norm:
        words.append(write_word(norm["kind"], join_name(base, "norm.kind")))
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
            scheme = isinstance(value, dict) and not is_choice(value)
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
    text = write_word(initial.get("scheme", "variance_scaling"), name)
    if "scale" in initial:
        text += f" {write_value(initial['scale'], f'{name}.scale')}"
    return text + (f" parts {write_number(initial['parts'])}" if "parts" in initial else "")
