"""Documents: JSON trees (mappings, lists, scalars), their files, and paths into them.

A path is written `genome.stages[3].convolution.kernel`. A key that holds a space or one of
`. [ ] : "` stands in brackets and quotes: `["odd key"]`. `:label` names the branch of a choice
(space/choices.py), `[*]` every item of a list. This room does not know what a document means.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from space.errors import InputError
from space.validation import shown, suggestion

Document = Any  # a JSON tree; typing it further would only move the casts elsewhere


@dataclass(frozen=True, slots=True)
class Branch:
    """A step of a path that goes into one branch of a choice."""

    text: str


@dataclass(frozen=True, slots=True)
class Every:
    """The step `[*]`: every item of a list."""


EVERY: Final = Every()
Step = str | int | Branch | Every

# What makes a mapping a choice (space/choices.py). A choice is one value to everything here: it is
# replaced as a whole, never merged into.
CHOICE_KINDS = (
    "choice",
    "uniform",
    "loguniform",
    "integers",
    "logintegers",
    "optional",
    "same_as",
)

_BARE = re.compile(r'[^\s.\[\]:"*]+')
_STEP = re.compile(
    r"""(?P<dot>\.?)(?P<bare>[^\s.\[\]:"*]+)
      | \[(?P<index>\d+)\]
      | \[(?P<quoted>"(?:[^"\\]|\\.)*")\]
      | (?P<every>\[\*\])
      | :(?P<label>"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|[^\s.\[\]:"*]+)""",
    re.VERBOSE,
)


def parse_path(text: str, error: type[InputError] = InputError) -> tuple[Step, ...]:
    """The steps of a path. Raises `error` if the text is no path."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        # A dot stands between two steps, and only before a bare key.
        if found is None or (found["bare"] and bool(found["dot"]) != bool(steps)):
            raise error(
                text, "is not a path", "write one like stages[3].convolution.kernel, keys with a "
                'space or one of . [ ] : " as ["odd key"]',
            )  # fmt: skip
        steps.append(_step(found))
        position = found.end()
    return tuple(steps)


def _step(found: re.Match[str]) -> Step:
    if found["bare"]:
        return found["bare"]
    if found["index"]:
        return int(found["index"])
    if found["quoted"]:
        return str(json.loads(found["quoted"]))
    return EVERY if found["every"] else Branch(found["label"])


def format_path(steps: Sequence[Step]) -> str:
    """The text of a path: the inverse of `parse_path`."""
    text = ""
    for step in steps:
        if isinstance(step, str):
            bare = _BARE.fullmatch(step) is not None
            text += (f".{step}" if text else step) if bare else f"[{json.dumps(step)}]"
        elif isinstance(step, int):
            text += f"[{step}]"
        else:
            text += "[*]" if isinstance(step, Every) else f":{step.text}"
    return text


def label_text(label: str | int | float | bool | None) -> str:
    """How the label of a branch is written in a path; two labels never share one text."""
    if not isinstance(label, str):
        return json.dumps(label)
    plain = _BARE.fullmatch(label) and not re.match(r"[-\d]", label)
    return label if plain and label not in ("true", "false", "null") else json.dumps(label)


def copied(node: Document) -> Document:
    """A copy of a document that shares no mapping and no list with it."""
    if isinstance(node, (str, int, float)):  # most of it, and sooner told than a mapping
        return node
    if isinstance(node, Mapping):
        return {key: copied(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [copied(value) for value in node]
    return node


def place(document: Document, path: str, value: Document, error: type[InputError]) -> None:
    """Put `value` at `path` of `document`, in place.

    Mappings on the way that are not there are made (a genome's document leaves defaults out);
    a list takes its own indices and the next one. Raises `error`.
    """
    _place(document, parse_path(path, error), 0, value, error)


def _place(
    node: Document, steps: tuple[Step, ...], depth: int, value: Document, error: type[InputError]
) -> None:
    if depth == len(steps):
        raise error("", "an empty path", "name the field that the value belongs to")
    step, last = steps[depth], depth == len(steps) - 1
    here = format_path(steps[:depth])
    if isinstance(step, Every) and isinstance(node, list):
        for index in range(len(node)):
            _place(node, (*steps[:depth], index, *steps[depth + 1 :]), depth, value, error)
        return
    if isinstance(step, str) and isinstance(node, dict):
        if step not in node and not last:
            node[step] = {}
    elif isinstance(step, int) and isinstance(node, list):
        if step > len(node) or (step == len(node) and not last):
            raise error(here, f"has no item {step}", f"it has {len(node)}, counted from 0")
        if step == len(node):
            node.append(None)
    else:
        kind = "a mapping" if isinstance(node, dict) else "a list"
        kind = kind if isinstance(node, (dict, list)) else shown(node)
        raise error(here, f"is {kind}, where {format_path(steps)} goes on", "mend the path")
    if last:
        node[step] = merged(node.get(step) if isinstance(node, dict) else node[step], value, error)
    else:
        _place(node[step], steps, depth + 1, value, error)


def _is_choice(node: Mapping[str, Any]) -> bool:
    return any(kind in node for kind in CHOICE_KINDS)


def merged(base: Document, overlay: Document, error: type[InputError] = InputError) -> Document:
    """`base` with `overlay` laid over it, as a new document.

    Mappings are merged key by key; everything else (lists, scalars, null, choice nodes) is
    replaced. A key of the overlay may be a path: `stages[3].cell`, `stages[*].pool`.
    Raises `error` if a path leads nowhere.
    """
    if not isinstance(overlay, Mapping) or _is_choice(overlay):
        return copied(overlay)
    result = copied(base) if isinstance(base, Mapping) and not _is_choice(base) else {}
    for key, value in overlay.items():
        if key in result or _BARE.fullmatch(key):
            try:
                result[key] = merged(result.get(key), value, error)
            except InputError as problem:
                raise problem.inside(key) from None
        else:
            place(result, key, value, error)
    return result


def read_document(path: Path, error: type[InputError] = InputError) -> Document:
    """The document in a YAML or JSON file. Raises `error`, which names the file and the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = [item.name for item in path.parent.glob("*")] if path.parent.is_dir() else []
        cure = suggestion(path.name, near) if near else "check the folder"
        cure = cure if cure.startswith("did you") else "check the path"
        raise error(str(path), "there is no such file", cure) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise error(str(path), f"cannot be read ({problem})", "give a text file") from None
    if path.suffix == ".json":
        return parse_json(text, str(path), error)
    return parse_yaml(text, str(path), error)


def parse_json(text: str, where: str, error: type[InputError] = InputError) -> Document:
    """The document that a JSON text holds. Raises `error` with the line, and for a key twice."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) < len(items):
            keys = [key for key, _ in items]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise error(where, f"the key {shown(twice)} stands twice", "remove one of the two")
        return result

    try:
        return json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as problem:
        line = f"line {problem.lineno}, column {problem.colno}"
        raise error(where, f"{line}: {problem.msg}", "mend the JSON there") from None


def parse_yaml(text: str, where: str, error: type[InputError] = InputError) -> Document:
    """The document that a YAML text holds, scalars read as YAML 1.2 does.

    So `on`, `no` and dates are text, and 1e-3 is a number. Raises `error` with the line, and for
    a key that stands twice.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        said = problem.problem or problem.context or "not YAML"
        raise error(where, f"{line}{said}", "mend the YAML there") from None
    except yaml.YAMLError as problem:
        raise error(where, f"is not YAML ({problem})", "mend the file") from None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader with the scalars of YAML 1.2, refusing a key that stands twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own protocol)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            # Before `<<` is merged: a key may well stand both in an anchor and here.
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {shown(key.value)} stands twice", key.start_mark
                    )
                seen.add(key.value)
        result: dict[Any, Any] = super().construct_mapping(node, deep)
        return result


def _scalars_of_yaml_1_2() -> None:
    number = r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    for tag, pattern, first in (
        ("merge", r"<<", "<"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
        ("float", rf"{number}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+0123456789."),
    ):
        _Loader.add_implicit_resolver(
            f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), list(first)
        )


_scalars_of_yaml_1_2()
