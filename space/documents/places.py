"""Places in a YAML text: the line and the column of a value, or of a letter of it."""

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from space.documents.yaml_reading import compose_yaml

KEY = "key"
"""A step of a path: the next one is a key of the mapping, of which the key itself is meant."""


def find_place(text: str, path: tuple[str | int, ...], at: int = 0) -> tuple[int, int] | None:
    """(line, column), from 1, of the letter `at` of the value at `path`; of the value itself
    where it is a list or a mapping, and of the deepest one on the way where there is none.

    None for a text that is no YAML.
    """
    try:
        node = compose_yaml(text)
    except yaml.YAMLError:
        return None
    if node is None:
        return None
    steps = list(path)
    while steps:
        inside = _step(node, steps)
        if inside is None:
            at = 0
            break
        node = inside
    index = node.start_mark.index
    if isinstance(node, ScalarNode) and at:
        index = _walk(text, index, node.value, at, quoted=bool(node.style))
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


def _step(node: Node, steps: list[Any]) -> Node | None:
    """The node of the next step, which is taken from the steps."""
    step = steps.pop(0)
    if isinstance(node, SequenceNode):
        return node.value[step] if isinstance(step, int) and step < len(node.value) else None
    if not isinstance(node, MappingNode):
        return None
    wants_key = step == KEY and bool(steps)
    name = steps.pop(0) if wants_key else step
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.value == str(name):
            return key if wants_key else value
    return None


def _walk(text: str, index: int, value: str, at: int, *, quoted: bool) -> int:
    """The index in the text of the letter `at` of a scalar, which may stand on several lines."""
    index += quoted
    for letter in value[:at]:
        if letter in " \n":
            while index < len(text) and text[index].isspace():
                index += 1
        elif index < len(text) and text[index] == letter:
            index += 1
        else:
            return index
    while index < len(text) and text[index].isspace() and at < len(value):
        index += 1
    return index
