"""Edges: `SOURCES -> TARGET add|times|keep WORDS`, from a phrase to a part of a cell's document.

An edge *adds* to the sum of its target, *times* multiplies the sum, and *keep* multiplies the old
value that the target keeps. Before the arrow stand the sources and the words of one term alone;
behind it, for `times` and `keep`, those of the gate, and of its terms where they say nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from space.network.grammar import EXTERNAL_SOURCES, KERNEL_OPS
from space.notation.attributes import SAME, Attributes, Form, Forms
from space.notation.phrases import NotationError, Phrase, Token, find_cure
from space.notation.values import (
    ACTIONS,
    Node,
    Presence,
    read_label,
    read_presence,
)
from space.notation.words import OP_WORDS, list_words

INPUT_STATE = "used"
"""What the input is called in the full grammar where the notation gives it an activation."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the edges of a cell may name, in one branch of its optional states."""

    states: tuple[str, ...]
    gates: tuple[str, ...]
    absent: tuple[str, ...] = ()
    """Optional states that are not there in this branch."""
    has_input: bool = False
    """Whether the input passes through an activation of its own first."""
    prefix: str = ""
    """Of the names of choices, where a space has several cells."""


@dataclass
class Edge:
    """What an edge says: its target, and the node of a term, a gate or a carry."""

    target: str
    action: str
    node: Node
    line: tuple[Token, ...] = ()


@dataclass
class _Source:
    text: str
    label: str


@dataclass
class _Term:
    sources: list[_Source]
    slots: dict[str, Node]
    presence: Presence
    start: Token
    gone: bool = False

    @property
    def label(self) -> str:
        return "+".join(source.label for source in self.sources)


@dataclass
class EdgeReader:
    """Reads one edge. `used` counts the names of edges, which get a number where they repeat."""

    phrase: Phrase
    names: Names
    used: dict[str, int] = field(default_factory=dict)

    def read(self) -> Edge | None:
        """The edge; None in a branch in which a state that it names is absent."""
        phrase = self.phrase
        if "->" not in [token.text for token in phrase.tokens]:
            phrase.refuse("an edge has no arrow", "write SOURCE -> STATE add|times|keep WORDS")
        complement, gate = self._reference()
        terms = [] if gate else self._terms()
        if not phrase.accept("->"):
            phrase.refuse_word("read before the arrow", [*self._known(), "&", "+", "->"])
        target = self._target()
        if gate is not None:
            edge = self._by_reference(gate, complement, target)
        else:
            edge = self._alternatives(terms, target)
        if not phrase.ended and phrase.tokens[phrase.place - 1].text in ("?", "*"):
            phrase.refuse(f"{phrase.peek()} stands behind the ?", "write the ? at the end")
        phrase.finish(["|", "?"])
        gone = target in self.names.absent or (terms and all(term.gone for term in terms))
        return None if gone else edge

    def read_gate(self, name: str) -> dict[str, Node]:
        """A gate of the cell with its first terms: `input & hidden -> k 3 bias 1`."""
        phrase = self.phrase
        terms = self._terms()
        phrase.expect("->", "write SOURCE -> WORDS")
        label = terms[0].label if terms else ""
        gate: dict[str, Node] = self._gate(terms, self._base(f"{label}->{name}"), "keep")
        phrase.finish()
        return gate

    # ------------------------------------------------------------------ before the arrow

    def _known(self) -> list[str]:
        names = self.names
        return [*EXTERNAL_SOURCES, *names.states, *names.absent, *names.gates]

    def _reference(self) -> tuple[bool, str | None]:
        """A gate by its name, `update` or `1 - update`."""
        phrase, gates = self.phrase, self.names.gates
        if phrase.peek() in gates and phrase.peek(1) == "->":
            return False, phrase.take().text
        if phrase.accept("1", "-"):
            if phrase.peek() not in gates:
                phrase.refuse_word("a gate", gates or ["a gate: give it a line under gates"])
            return True, phrase.take().text
        return False, None

    def _terms(self) -> list[_Term]:
        phrase, terms = self.phrase, []
        if phrase.peek() == "->":
            return []
        while True:
            terms.append(self._read_term())
            if not phrase.accept("+"):
                return terms

    def _read_term(self) -> _Term:
        """Sources and their words; in brackets, if a `?` behind them could be the edge's."""
        phrase, start = self.phrase, self.phrase.next
        bracket = phrase.accept("(")
        sources = [self._source()]
        while phrase.accept("&"):
            sources.append(self._source())
        label = "+".join(source.label for source in sources)
        base = f"{label}->"  # completed when the target is known
        slots = Attributes(phrase, base, ("term",)).read("->", "+", ")")
        gone = any(source.text == "" for source in sources)
        before = "->" in [token.text for token in phrase.tokens[phrase.place :]]
        presence = read_presence(phrase) if bracket or before else Presence()
        if bracket:
            phrase.expect(")", "close the bracket")
        return _Term(sources, slots, presence, start, gone)

    def _source(self) -> _Source:
        phrase, names = self.phrase, self.names
        token = phrase.name("source")
        new = token.text.startswith("new.")
        name = token.text.removeprefix("new.")
        if name in names.gates and name not in names.states:
            phrase.refuse(
                f"{name} is a gate, and no source",
                f"mask a source with it: input * {name}; or write {name} -> STATE times",
                token,
            )
        states = (*names.states, *names.absent)
        if name not in states and (new or name not in EXTERNAL_SOURCES):
            known = [*EXTERNAL_SOURCES, *states]
            cure = find_cure(name, known)
            phrase.refuse(f"{token.text} is not a source of this cell", cure, token)
        mask = ""
        if phrase.accept("*"):
            mask = phrase.next.text
            if mask not in names.gates:
                phrase.refuse_word("a gate", names.gates or ["a gate, with a line under gates"])
            phrase.take()
        text = self._written(token.text)
        return _Source(f"{text} * {mask}" if mask and text else text, token.text)

    def _written(self, source: str) -> str:
        """A source as the grammar has it; empty for a state that is absent."""
        if source.removeprefix("new.") in self.names.absent:
            return ""
        return f"new.{INPUT_STATE}" if source == "input" and self.names.has_input else source

    # ------------------------------------------------------------------ behind the arrow

    def _target(self) -> str:
        phrase, names = self.phrase, self.names
        inputs = ["input"] if names.has_input else []
        known = [*names.states, *names.absent, *names.gates, *inputs]
        token = phrase.name("state")
        if token.text not in known:
            cure = find_cure(token.text, known)
            if token.text == "input":
                cure = "give the input a line under states first: input: identity"
            phrase.refuse(f"{token.text} is no state or gate of this cell", cure, token)
        return token.text

    def _by_reference(self, gate: str, complement: bool, target: str) -> Edge:
        phrase = self.phrase
        action = phrase.word("what the gate does", ("times", "keep"))
        node: Node = {"complement" if complement else "shared": gate}
        base = self._base(f"{gate}->{target} {action}")
        if action == "keep":
            return self._keep(node, base, target)
        node = read_presence(phrase).around({"multiply": node}, base)
        return Edge(target, action, node)

    def _base(self, name: str) -> str:
        name = self.names.prefix + name
        self.used[name] = self.used.get(name, 0) + 1
        return name if self.used[name] == 1 else f"{name}#{self.used[name]}"

    def _alternatives(self, terms: list[_Term], target: str) -> Edge:
        phrase = self.phrase
        label = terms[0].label if terms else ""
        plain = f"{label}->{target}" if label else f"->{target}"
        several = any(
            token.text == "|" and after.text in ACTIONS
            for token, after in zip(phrase.tokens, phrase.tokens[1:], strict=False)
        )
        if not several:
            action = phrase.peek() if phrase.peek() in ACTIONS else "add"
            base = self._base(plain if action == "add" else f"{plain} {action}".lstrip("->"))
            action, node = self._one(terms, target, base)
            if action == "keep":
                return self._keep(node, base, target)
            return Edge(target, action, read_presence(phrase).around(node, base))
        base = self._base(plain)
        ways: dict[str, Node] = {}
        default = None
        while True:
            start = phrase.next
            action = phrase.word("what the edge does", ("add", "times"))
            if phrase.accept("*"):
                default = action
            if action in ways:
                phrase.refuse(
                    f"{action} stands here twice", "divide values by |: conv|match", start
                )
            phrase.place -= 1 + (phrase.tokens[phrase.place - 1].text == "*")
            ways[action] = self._one(terms, target, base)[1]
            if not phrase.accept("|"):
                break
        node = {"choice": ways, "name": read_label(phrase) or f"{base} by"}
        if default is not None:
            node["default"] = default
        return Edge(target, "add", read_presence(phrase).around(node, base))

    def _one(self, terms: list[_Term], target: str, base: str) -> tuple[str, Node]:
        """One action and its words."""
        phrase, start = self.phrase, self.phrase.next
        action = "add"
        if phrase.peek() in ACTIONS:
            action = phrase.take().text
            phrase.accept("*")
        elif start.is_word and start.text not in list_words("term"):
            phrase.refuse_word("a word of an edge", [*ACTIONS, *list_words("term")])
        if target in self.names.gates and action != "add":
            phrase.refuse(f"{target} is a gate: edges only add to it", "write add", start)
        if target == "input" and action == "keep":
            phrase.refuse("the input keeps no old value", "write add or times", start)
        if action == "add":
            return action, self._add(terms, base, start)
        return action, self._gate(terms, base, action)

    def _add(self, terms: list[_Term], base: str, start: Token) -> Node:
        if not terms:
            self.phrase.refuse("an edge that adds has no source", "write SOURCE -> STATE", start)
        if len(terms) > 1:
            self.phrase.refuse(
                "an edge that adds has one term", "write an edge for each source", terms[1].start
            )
        words = Attributes(self.phrase, base, ("term",)).read()
        return {"add": self._term(terms[0], words, base, first=None)}

    def _gate(self, terms: list[_Term], base: str, action: str) -> Node:
        reader = Attributes(self.phrase, base, ("gate", "term"))
        words = reader.read("of", "+")
        terms, inherits = list(terms), len(terms)
        while self.phrase.accept("+"):
            terms.append(self._read_term())
        shared = {slot: words.pop(slot) for slot in _TERM if slot in words}
        listed: list[Node] = []
        first: Node = None
        for place, term in enumerate(terms):
            own = base if place == 0 else f"{base}.{term.label}"
            given = _renamed(shared, base, own) if place < inherits else {}
            node = self._term(term, given, own, first)
            first = first if place else node
            if term.gone:
                continue
            tied = isinstance(node.get("kernel"), dict) and node["kernel"] == _tie_kernel(first)
            if tied and place and not listed:
                node["kernel"] = first["kernel"]  # the choice itself: its own term is gone
            listed.append(term.presence.around(node, own))
        order = ("offset", "scale", "nonlinearity", "bias", "bias_acts", "norm")
        gate = {slot: words[slot] for slot in order if slot in words}
        if listed:
            gate["terms"] = listed
        if action == "keep":
            return gate
        return {"multiply": gate}

    def _term(
        self, term: _Term, words: Mapping[str, Node], base: str, first: Node
    ) -> dict[str, Node]:
        slots = {**words, **_renamed(term.slots, f"{term.label}->", base)}
        sources = [source.text for source in term.sources]
        of = sources[0] if len(sources) == 1 else sources
        forms = slots.pop("forms", None)
        if not isinstance(forms, Forms):
            return _make_term(of, slots, first, term.start)
        ways = {}
        for way in forms.ways:
            own = {**slots, **way.slots}
            for slot, value in slots.items():
                if slot in words and slot in _KERNELED and not way.has_kernel:
                    own.pop(slot)
                elif slot in way.slots:
                    own[slot] = value
            if "kernel" in own and not way.has_kernel:
                own.pop("kernel")
            ways[way.label] = _make_term(of, own, first, term.start)
        node: dict[str, Any] = {"choice": ways, "name": forms.name or f"{base} via"}
        if forms.default is not None:
            node["default"] = forms.ways[forms.default].label
        return node

    def _keep(self, gate: Node, base: str, target: str) -> Edge:
        phrase = self.phrase
        carry: dict[str, Node] = {}
        if phrase.accept("of"):
            carry["of"] = self._source().text
        if gate:
            carry["gate"] = gate
        return Edge(target, "keep", read_presence(phrase).around(carry, base))


_KERNELED = ("kernel", "learned", "repeat", "clip")
_TERM = ("forms", "op", *_KERNELED, "skip", "squared", "after_norm", "weights")
"""The slots of an edge's words that are those of its terms, where it has a gate."""
_ORDER = (
    *("op", "kernel", "learned", "repeat", "norm", "skip", "clip", "activation", "squared"),
    *("after_norm", "weights"),
)


def _make_term(of: Node, slots: Mapping[str, Node], first: Node, start: Token) -> dict[str, Node]:
    if (
        "kernel" in slots
        and isinstance(op := slots.get("op", ""), str)
        and op not in (*KERNEL_OPS, "")
    ):
        cure = "leave k out, or write conv or separable"
        raise NotationError(start.path, start.at, f"{OP_WORDS[op]} has no kernel", cure)
    term = {"of": of} | {
        "bias" if slot == "learned" else slot: slots[slot] for slot in _ORDER if slot in slots
    }
    if term.get("op") == "identity":
        del term["op"]
    if term.get("kernel") is SAME:
        if first is None:
            problem = "k same is the kernel of the first of several terms: this is it"
            raise NotationError(start.path, start.at, problem, "write a number")
        term["kernel"] = _tie_kernel(first)
    return term


def _tie_kernel(first: Node) -> Node:
    kernel = first.get("kernel") if isinstance(first, dict) else None
    if isinstance(kernel, dict):
        return {"same_as": kernel.get("same_as", kernel.get("name"))}
    return kernel


def _renamed(node: Any, old: str, base: str) -> Any:
    """A node whose choices are called by the whole edge, which was not known yet."""
    if isinstance(node, Forms):
        ways = [Form(way.label, _renamed(way.slots, old, base)) for way in node.ways]
        return replace(node, ways=ways)
    if isinstance(node, dict):
        return {
            key: value.replace(old, base, 1)
            if key in ("name", "same_as")
            and isinstance(value, str)
            and value.startswith(old + ".")
            else _renamed(value, old, base)
            for key, value in node.items()
        }
    return [_renamed(item, old, base) for item in node] if isinstance(node, list) else node
