"""The files of documents: from the text of a JSON or YAML file to one tree, or one error."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

from space.documents.bounds import FILE_BYTES, NODES
from space.documents.outside import path_exists, read_text
from space.documents.trees import Document, check_size, refuse_depth
from space.documents.validation import number_problem, quote, suggestion
from space.documents.yaml_reading import YAMLError, load_yaml, locate
from space.errors import InputError


def read_document(path: Path, error: type[InputError] = InputError) -> Document:
    """The document in a YAML or JSON file. Raises `error`, which names the file and the line."""
    return read_with_text(path, error)[0]


def read_with_text(path: Path, error: type[InputError] = InputError) -> tuple[Document, str]:
    """The document in a file as `read_document` has it, and the text that it was read from."""
    if not path_exists(path):
        cure = suggestion(path.name, _neighbours(path))
        cure = cure if cure.startswith("did you") else "check the path"
        raise error(str(path), "there is no such file", cure)
    text = read_text(path, FILE_BYTES, error)
    if path.suffix == ".json":
        return parse_json(text, str(path), error), text
    return parse_yaml(text, str(path), error), text


def _neighbours(path: Path) -> list[str]:
    try:
        return [item.name for item in islice(path.parent.iterdir(), 1000)]
    except (OSError, ValueError):
        return []


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
            raise error(where, f"the key {quote(twice)} stands twice", "remove one of the two")
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
        raise refuse_depth(where, error) from None
    check_size(document, where, error, nodes=nodes)
    return document


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
