"""A tree of the notation as YAML that is read as the same tree, a line a part."""

import json
from collections.abc import Mapping
from typing import Any

from space.documents.yaml_reading import YAMLError, load_yaml

WIDTH = 104
"""Letters of a line, where it can be broken."""


def write_tree(tree: Mapping[str, Any]) -> str:
    """A tree as YAML: short lists on a line, long ones an item a line, edges always so."""
    lines: list[str] = []
    for key, value in tree.items():
        if key in ("cells", "cell"):
            lines += _write_cells(key, value)
        else:
            lines += _write_entry(str(key), value, "")
    return "\n".join(lines) + "\n"


def _write_cells(key: str, value: Any) -> list[str]:
    cells = {"cell": value} if key == "cell" else value
    lines, indent = ([], "") if key == "cell" else (["cells:"], "  ")
    for name, cell in cells.items():
        lines.append(f"{indent}{_scalar(name)}:")
        for part, inner in cell.items():
            lines += _write_entry(part, inner, indent + "  ", listed=part == "edges")
    return lines


def _write_entry(key: str, value: Any, indent: str, *, listed: bool = False) -> list[str]:
    head = f"{indent}{_scalar(key)}:"
    flow = f"{head} {_flow(value)}"
    if isinstance(value, list) and value and (listed or len(flow) > WIDTH):
        items = (_scalar(i, inline=False) if isinstance(i, str) else _flow(i) for i in value)
        return [head, *(f"{indent}  - {item}" for item in items)]
    if isinstance(value, Mapping) and value and len(flow) > WIDTH:
        return [
            head,
            *(line for k, v in value.items() for line in _write_entry(k, v, f"{indent}  ")),
        ]
    if isinstance(value, str):
        return [f"{head} {_scalar(value, inline=False)}".rstrip()]
    return [flow]


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_scalar(str(k))}: {_flow(v)}".rstrip() for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value) if isinstance(value, str) else json.dumps(value)


def _scalar(text: str, *, inline: bool = True) -> str:
    """A text as it is where YAML reads it so, else in quotes."""
    if not text:
        return '""'
    around = "[{}]" if inline else "- {}"
    try:
        alone = "\n" not in text and load_yaml(around.replace("{}", text)) == [text]
        if alone and (not inline or load_yaml(f"{{{text}: {text}}}") == {text: text}):
            return text
    except YAMLError:
        pass
    return json.dumps(text, ensure_ascii=False)
