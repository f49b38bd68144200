"""Documents: JSON trees (mappings, lists, scalars), their files, and paths into them.

A path is written `genome.stages[3].convolution.kernel`. A key that holds a space or one of
`. [ ] : "` stands in brackets and quotes: `["odd key"]`. `:label` names the branch of a choice
(space/choices.py), `[*]` every item of a list. This room does not know what a document means.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from space.bounds import FILE_BYTES, LEVELS, NODES
from space.errors import InputError
from space.outside import read_text
from space.validation import number_problem, shown, suggestion
from space.yaml_reading import YAMLError, load_yaml, locate

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
      | \[(?P<index>\d{1,9})\]
      | \[(?P<quoted>"(?:[^"\\]|\\.)*")\]
      | (?P<every>\[\*\])
      | :(?P<label>"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|[^\s.\[\]:"*]+)""",
    re.VERBOSE,
)


def parse_path(text: str, error: type[InputError] = InputError) -> tuple[Step, ...]:
    """The steps of a path. Raises `error` if the text is no path, and for more than LEVELS."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        # A dot stands between two steps, and only before a bare key.
        if found is None or (found["bare"] and bool(found["dot"]) != bool(steps)):
            raise _no_path(text, error)
        try:
            steps.append(_step(found))
        except ValueError:  # an escape that JSON does not know
            raise _no_path(text, error) from None
        if len(steps) > LEVELS:
            raise error(
                shown(text), f"is a path of more than {LEVELS} steps", "name a field that is there"
            )
        position = found.end()
    return tuple(steps)


def _no_path(text: str, error: type[InputError]) -> InputError:
    cure = (
        "write one like stages[3].convolution.kernel, keys with a "
        'space or one of . [ ] : " as ["odd key"]'
    )
    return error(text, "is not a path", cure)


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
    number = False  # a whole number stands last: digits behind a dot would be its decimals
    for step in steps:
        if isinstance(step, str):
            bare = _BARE.fullmatch(step) and not (number and step[0].isdigit())
            text += (f".{step}" if text else step) if bare else f"[{json.dumps(step)}]"
        elif isinstance(step, int):
            text += f"[{step}]"
        else:
            text += "[*]" if isinstance(step, Every) else f":{step.text}"
        number = isinstance(step, Branch) and re.fullmatch(r"-?\d+", step.text) is not None
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


def size(node: Document) -> int:
    """How many values, lists and mappings a document consists of."""
    count, pending = 0, [node]
    while pending:
        node = pending.pop()
        count += 1
        pending += _children(node)
    return count


def _children(node: Document) -> Iterable[Document]:
    if isinstance(node, Mapping):
        return node.values()
    return node if isinstance(node, (list, tuple)) else ()


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
        if len(node) * size(value) > NODES:
            raise error(
                here, f"holds {len(node)} items for a value of {size(value)}", "shorten it"
            )
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
    if not os.path.exists(path):  # which takes any text for a path, other than Path.exists
        cure = suggestion(path.name, _neighbours(path))
        cure = cure if cure.startswith("did you") else "check the path"
        raise error(str(path), "there is no such file", cure)
    text = read_text(path, FILE_BYTES, error)
    if path.suffix == ".json":
        return parse_json(text, str(path), error)
    return parse_yaml(text, str(path), error)


def _neighbours(path: Path) -> list[str]:
    try:
        return [item.name for item in islice(path.parent.iterdir(), 1000)]
    except (OSError, ValueError):
        return []


# ------------------------------------------------------------------------------------------ JSON


def parse_json(
    data: bytes | str, where: str, error: type[InputError] = InputError, *, nodes: int = NODES
) -> Document:
    """The document that a JSON text, or its UTF-8 bytes, holds.

    Raises `error` with the line, for a key twice, and for what exceeds the bounds of a document:
    of values, `nodes`.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(where, f"is not UTF-8 text ({problem})", "write it as JSON") from None

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) < len(items):
            seen: set[str] = set()
            twice = next(key for key, _ in items if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise error(where, f"the key {shown(twice)} stands twice", "remove one of the two")
        return result

    def number(written: str) -> int | float:
        if problem := number_problem(written):
            raise error(where, problem, "write a smaller number")
        return float(written) if set(written) & set(".eE") else int(written)

    try:
        document = json.loads(text, object_pairs_hook=pairs, parse_int=number, parse_float=number)
    except json.JSONDecodeError as problem:
        line = f"line {problem.lineno}, column {problem.colno}"
        raise error(where, f"{line}: {problem.msg}", "mend the JSON there") from None
    except RecursionError:
        raise _too_deep(where, error) from None
    check_size(document, where, error, nodes=nodes)
    return document


def check_size(
    document: Document, where: str, error: type[InputError] = InputError, *, nodes: int = NODES
) -> None:
    """Raise `error` for a document of more than `nodes` values or LEVELS levels."""
    count, level = 0, [document]
    for _ in range(LEVELS + 1):
        count += len(level)
        if count > nodes:
            raise _too_large(where, error, nodes)
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise _too_deep(where, error)


def _too_large(where: str, error: type[InputError], nodes: int = NODES) -> InputError:
    return error(where, f"holds more than {nodes:,} values, aliases followed", "shorten it")


def _too_deep(where: str, error: type[InputError]) -> InputError:
    return error(where, f"goes more than {LEVELS} levels deep", "flatten it")


# ------------------------------------------------------------------------------------------ YAML


def parse_yaml(text: str, where: str, error: type[InputError] = InputError) -> Document:
    """The document that a YAML text holds, scalars read as YAML 1.2 does.

    So `on`, `no` and dates are text, and 1e-3 is a number. Tags (`!!int`) are refused: scalars
    are what they look like. Raises `error` with the line, also for a key that stands twice, and
    for what exceeds the bounds of a document.
    """
    try:
        return load_yaml(text)
    except YAMLError as problem:
        raise error(where, *locate(problem)) from None
