"""Documents: JSON trees (mappings, lists, scalars), copied, measured and laid over each other.

What a document means is not known here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from space.documents.bounds import LEVELS, NODES
from space.documents.paths import Every, Step, format_path, is_bare, parse_path
from space.documents.validation import quote
from space.errors import InputError

Document = Any  # a JSON tree; typing it further would only move the casts elsewhere

# What makes a mapping a choice (space/choices/open_document.py). A choice is one value to
# everything here: it is replaced as a whole, never merged into.
CHOICE_KINDS = (
    "choice",
    "uniform",
    "loguniform",
    "integers",
    "logintegers",
    "optional",
    "same_as",
)


def copy_tree(node: Document) -> Document:
    """A copy of a document that shares no mapping and no list with it."""
    if isinstance(node, (str, int, float)):  # most of it, and sooner told than a mapping
        return node
    if isinstance(node, Mapping):
        return {key: copy_tree(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [copy_tree(value) for value in node]
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
        kind = kind if isinstance(node, (dict, list)) else quote(node)
        raise error(here, f"is {kind}, where {format_path(steps)} goes on", "mend the path")
    if last:
        node[step] = merge(node.get(step) if isinstance(node, dict) else node[step], value, error)
    else:
        _place(node[step], steps, depth + 1, value, error)


def is_choice(node: Mapping[str, Any]) -> bool:
    """Whether a mapping is a choice, not a part with fields."""
    return any(kind in node for kind in CHOICE_KINDS)


def merge(base: Document, overlay: Document, error: type[InputError] = InputError) -> Document:
    """`base` with `overlay` laid over it, as a new document.

    Mappings are merged key by key; everything else (lists, scalars, null, choice nodes) is
    replaced. A key of the overlay may be a path: `stages[3].cell`, `stages[*].pool`.
    Raises `error` if a path leads nowhere.
    """
    if not isinstance(overlay, Mapping) or is_choice(overlay):
        return copy_tree(overlay)
    result = copy_tree(base) if isinstance(base, Mapping) and not is_choice(base) else {}
    for key, value in overlay.items():
        if key in result or is_bare(key):
            try:
                result[key] = merge(result.get(key), value, error)
            except InputError as problem:
                raise problem.inside(key) from None
        else:
            place(result, key, value, error)
    return result


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
    raise refuse_depth(where, error)


def _too_large(where: str, error: type[InputError], nodes: int = NODES) -> InputError:
    return error(where, f"holds more than {nodes:,} values, aliases followed", "shorten it")


def refuse_depth(where: str, error: type[InputError]) -> InputError:
    """The error for a document with more than LEVELS levels."""
    return error(where, f"goes more than {LEVELS} levels deep", "flatten it")
