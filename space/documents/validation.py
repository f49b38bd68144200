"""From a document that a person wrote to a typed value, or to one clear error.

Every written part of Ventral (campaign files, recipes, genomes, data sections) is a pydantic
model; `parse` is the only way from YAML or JSON to one. It is strict about types (the text "12" is
not the number 12), and turns pydantic's list of problems into one `InputError` that names the path
of the field, the value that stands there and the cure. It does not know what the models mean.
"""

import difflib
import json
import math
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from space.documents.bounds import DIGITS, LEVELS, NODES, WHOLE
from space.documents.outside import printable
from space.errors import InputError

Path = tuple[str | int, ...]
M = TypeVar("M", bound="BaseModel")


class Value(BaseModel):
    """The base of every written value: frozen, and closed to keys that it does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def parse(
    model: type[M],
    document: object,
    where: str = "",
    error: type[InputError] = InputError,
    *,
    nodes: int = NODES,
) -> M:
    """`document` (mappings, lists and scalars, as YAML or JSON gives them) as a `model`.

    `where` is what stands before the path in an error: a file name or the path of the enclosing
    field. Raises `error` for the first problem found, and for more than `nodes` values.
    """
    if not isinstance(document, Mapping):
        raise error(where, f"{quote(document)} is not a mapping", _keys_cure(_fields([model])))
    try:
        text = json.dumps(_Plain(nodes).node(document, ()))
        # Through JSON, because strict Python input refuses a list for a tuple.
        return model.model_validate_json(text, strict=True)
    except ValidationError as caught:
        path, problem, cure = _explain(model, document, caught.errors(include_url=False))
    except InputError as caught:
        path, problem, cure = caught.where, caught.problem, caught.cure
    raise error(join(where, path), problem, cure)


def join(where: str, path: str) -> str:
    """`path` under `where`: after a colon if `where` names a file, else as a field of it."""
    if not where or not path:
        return where or path
    if "/" in where or where.endswith((".yaml", ".yml", ".json")):
        return f"{where}: {path}"
    return where + ("" if path.startswith("[") else ".") + path


def quote(value: object, limit: int = 60) -> str:
    """A value as the user would have written it, cut to `limit` characters."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        try:
            text = repr(value)
        except (ValueError, RecursionError):  # too many digits for Python, or too many levels
            text = f"a {type(value).__name__} of absurd size"
    text = text if len(text) <= limit else text[: limit - 3] + "..."
    return printable(text)


def suggestion(word: object, options: Iterable[object]) -> str:
    """The cure for a misspelt word: the nearest option, or all of them if none is near."""
    names = [str(option) for option in options]
    near = difflib.get_close_matches(str(word), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {quote(near[0])}?"
    return f"write one of {', '.join(names)}" if names else ""


class _Plain:
    """A document as JSON can hold it; what JSON has no word for is refused by name, and so is what
    exceeds the bounds of a document.
    """

    def __init__(self, nodes: int) -> None:
        self._nodes = self._left = nodes

    def node(self, node: object, path: Path) -> object:
        """The value at `path`, without what is not JSON. Raises InputError."""
        if not isinstance(node, (Mapping, list, tuple)):
            return _plain_scalar(node, path)
        self._left -= len(node)
        if self._left < 0:
            raise InputError("", f"holds more than {self._nodes:,} values", "shorten it")
        if len(path) >= LEVELS:
            problem = f"goes more than {LEVELS} levels deep"
            raise InputError(format_dotted(path[:5]), problem, "flatten it")
        if not isinstance(node, Mapping):
            return [self.node(child, (*path, place)) for place, child in enumerate(node)]
        for key in node:
            if not isinstance(key, str):
                problem = f"the key {quote(key)} is not text"
                raise InputError(format_dotted(path), problem, f"write {quote(str(key))}")
        return {key: self.node(child, (*path, key)) for key, child in node.items()}


def _plain_scalar(node: object, path: Path) -> object:
    if node is None or isinstance(node, (str, bool)):
        return node
    if isinstance(node, int):
        if not -WHOLE <= node <= WHOLE:
            cure = f"write a number up to {WHOLE}"
            raise InputError(format_dotted(path), f"{quote(node)} is too large", cure)
        return node
    if isinstance(node, float):
        if not math.isfinite(node):
            problem = f"{node} is not a finite number"
            raise InputError(format_dotted(path), problem, "write a finite number")
        return node
    problem = f"{node!r} is a {type(node).__name__}"
    raise InputError(format_dotted(path), problem, "put it in quotes if it is text")


def number_problem(written: str) -> str | None:
    """What is wrong with a number's digits, if anything: too many of them, or beyond all use."""
    if len(written) > DIGITS:
        return f"a number of {len(written):,} digits, where at most {DIGITS} are read"
    if not set(written) & set(".eE"):
        return None if abs(int(written)) <= WHOLE else f"{written} is above {WHOLE}"
    return None if math.isfinite(float(written)) else f"{written} is not a finite number"


def format_dotted(path: Sequence[str | int]) -> str:
    """A path as it is printed: `stages[4].cell.kernel`."""
    text = ""
    for item in path:
        text += f"[{item}]" if isinstance(item, int) else f".{item}" if text else item
    return text


def _explain(
    model: type[BaseModel], document: object, problems: Sequence[ErrorDetails]
) -> tuple[str, str, str]:
    """(path, problem, cure) of the problem that is best told first."""
    detail = _chosen(document, problems)
    path, places = _walk(model, document, detail["loc"])
    if isinstance(raised := detail.get("ctx", {}).get("error"), InputError):
        return join(format_dotted(path), raised.where), raised.problem, raised.cure
    problem, cure = _words(detail, path, places)
    # An unknown key and a tag belong to the mapping that holds them, and the text names them.
    parent = detail["type"] == "extra_forbidden"
    return format_dotted(path[:-1] if parent else path), problem, cure


def _chosen(document: object, problems: Sequence[ErrorDetails]) -> ErrorDetails:
    """The first problem; of a union's branches, the one that the document came nearest to."""
    first = problems[0]
    if first["type"] == "missing":  # a misspelt key is missing under its right name, too
        beside = [p for p in problems if p["loc"][:-1] == first["loc"][:-1]]
        first = next((p for p in beside if p["type"] == "extra_forbidden"), first)
    depth = _label_at(document, first["loc"])
    if depth is None:
        return first
    stem = first["loc"][:depth]
    branches: dict[str | int, list[ErrorDetails]] = {}
    for problem in problems:
        location = problem["loc"]
        if location[:depth] == stem and len(location) > depth:
            branches.setdefault(location[depth], []).append(problem)
    return min(branches.values(), key=lambda errors: (-len(errors[0]["loc"]), len(errors)))[0]


def _label_at(document: object, location: Path) -> int | None:
    """Where in `location` pydantic put the name of a union's branch (not a step of the path)."""
    node = document
    for depth, item in enumerate(location):
        inside, node = _step(node, item)
        if not inside:
            return None if depth == len(location) - 1 and isinstance(node, Mapping) else depth
    return None


def _step(node: object, item: str | int) -> tuple[bool, object]:
    """(whether `item` is a place of `node`, what stands there or `node` itself)."""
    if isinstance(node, Mapping) and item in node:
        return True, node[item]
    is_list = isinstance(node, (list, tuple))
    if is_list and isinstance(item, int) and item < len(node):  # type: ignore[arg-type]
        return True, node[item]  # type: ignore[index]
    return False, node


def _walk(model: type[BaseModel], document: object, location: Path) -> tuple[Path, list[Any]]:
    """The path without the labels of unions, and the types that may stand at its parent."""
    path: list[str | int] = []
    node, places, parents = document, _members(model), _members(model)
    for depth, item in enumerate(location):
        inside, node = _step(node, item)
        last = depth == len(location) - 1
        if inside or (last and any(item in _fields([place]) for place in places)):
            path.append(item)
            parents, places = places, [m for place in places for m in _child(place, item)]
        else:
            places = [place for place in places if _labelled(place, item)] or places
            parents = places
    return tuple(path), parents


def _members(annotation: Any) -> list[Any]:
    """The plain types that an annotation allows, unions and annotations taken apart."""
    if hasattr(annotation, "__value__"):  # an alias made with TypeAliasType
        return _members(annotation.__value__)
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [m for argument in get_args(annotation) for m in _members(argument)]
    return [annotation]


def _child(place: Any, item: str | int) -> list[Any]:
    if _is_model(place):
        for name, field in place.model_fields.items():
            if item in (name, field.alias):
                return _members(field.annotation)
        return []
    arguments = get_args(place)
    if get_origin(place) in (dict, Mapping) and len(arguments) == 2:
        return _members(arguments[1])
    return [m for argument in arguments if argument is not Ellipsis for m in _members(argument)]


def _labelled(place: Any, label: str | int) -> bool:
    """Whether pydantic calls the union's branch `place` by `label`: its name or its tag."""
    if not _is_model(place):
        return False
    literals = (m for f in place.model_fields.values() for m in _members(f.annotation))
    tags = [value for m in literals if get_origin(m) is Literal for value in get_args(m)]
    return label == place.__name__ or label in tags


def _is_model(place: Any) -> bool:
    return isinstance(place, type) and issubclass(place, BaseModel)


def _fields(places: Iterable[Any]) -> list[str]:
    names = [
        field.alias or name
        for place in places
        if _is_model(place)
        for name, field in place.model_fields.items()
    ]
    return list(dict.fromkeys(names))


def _keys_cure(keys: Sequence[str]) -> str:
    return f"its keys are {', '.join(keys)}" if keys else ""


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "model_attributes": "a mapping",
    "dataclass": "a mapping",
}
_BOUNDS = {"greater_than": ("gt", "above"), "greater_than_equal": ("ge", "at least")}
_BOUNDS |= {"less_than": ("lt", "below"), "less_than_equal": ("le", "at most")}


def _words(detail: ErrorDetails, path: Path, places: list[Any]) -> tuple[str, str]:
    """(problem, cure) in words, the value and the key named."""
    kind, value, limits = detail["type"], detail.get("input"), detail.get("ctx", {})
    if kind == "extra_forbidden":
        keys = _fields(places)
        near = suggestion(detail["loc"][-1], keys)
        cure = near if near.startswith("did") else _keys_cure(keys)
        return f"unknown key {quote(detail['loc'][-1])}", cure
    if kind == "missing" and isinstance(detail["loc"][-1], int):
        return f"{quote(value)} is too short", "give it all of its items"
    if kind in ("too_long", "string_too_long"):
        what = "letters" if kind == "string_too_long" else "items"
        return f"{quote(value)} is too long", f"give it at most {limits['max_length']} {what}"
    if kind == "missing":
        return "missing", f"add the key {quote(path[-1] if path else '')}"
    if kind in ("literal_error", "enum"):
        options = _options(limits["expected"])
        return f"{quote(value)} is not one of {', '.join(options)}", suggestion(value, options)
    if kind == "union_tag_invalid":
        options, tag = _options(limits["expected_tags"]), limits["tag"]
        return f"{quote(tag)} is not one of {', '.join(options)}", suggestion(tag, options)
    if kind == "union_tag_not_found":
        key = str(limits["discriminator"]).strip("'")
        return (
            f"the key {quote(key)} is missing",
            "add it: it says which kind this is",
        )
    if kind in _BOUNDS:
        key, word = _BOUNDS[kind]
        limit = limits[key]
        bound = f"{limit:g}" if isinstance(limit, float) else str(limit)
        return f"{quote(value)} is not {word} {bound}", "write a number in range"
    if kind == "int_from_float":
        return f"{quote(value)} is not a whole number", "write a whole number"
    stem = kind.removesuffix("_type").removesuffix("_parsing")
    if stem in ("model", "model_attributes", "dict") and isinstance(value, str):
        below = [m for place in places for m in _child(place, path[-1])] if path else []
        # After the label of a union's branch the places are those of the value itself.
        return f"{quote(value)} is not a mapping", _named_cure(below or places, value)
    if kind != stem and stem in _KINDS:
        return f"{quote(value)} is not {_KINDS[stem]}", _type_cure(stem, value)
    message = detail["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return (message if isinstance(value, Mapping) else f"{quote(value)}: {message}"), ""


def _options(expected: object) -> list[str]:
    """pydantic's "'a', 'b' or 'c'" as a list."""
    parts = str(expected).replace(" or ", ", ").split(", ")
    return [part.strip("'") for part in parts]


def _type_cure(kind: str, value: object) -> str:
    if kind in ("int", "float") and isinstance(value, str):
        return _number_cure(kind, value)
    if kind == "string" and isinstance(value, (int, float)):
        return f'put it in quotes: "{quote(value)}"'
    return f"write {_KINDS.get(kind, kind)}"


_PLAIN = {"int": re.compile(r"[-+]?(0|[1-9]\d*)"), "float": re.compile(r"[-+]?\d*\.?\d+")}
_INSIDE = re.compile(r"(?<=\d)[_,' ](?=\d{3})")  # what some write between thousands


def _number_cure(kind: str, value: str) -> str:
    """What to write instead of a text that should have been a number."""
    if _PLAIN[kind].fullmatch(value) and len(value) < 20:
        return f"write {value} without quotes"
    try:
        number = float(_INSIDE.sub("", value))
    except ValueError:
        return f"write {_KINDS[kind]}, such as {16 if kind == 'int' else 0.5}"
    if not math.isfinite(number) or (kind == "int" and not number.is_integer()):
        return f"write {_KINDS[kind]}"
    written = f"{number:.0f}" if kind == "int" else repr(number)
    if "e" in written and "." not in written:  # YAML 1.1 reads 1e-05 as text
        written = written.replace("e", ".0e")
    return f"write {written}: YAML takes {quote(value)[1:-1]} for text"


def _named_cure(places: Sequence[Any], value: str) -> str:
    """The mapping that a word stands for, where a mapping is called by one of its keys."""
    keys = [key for key in ("name", "kind", "form") if key in _fields(places)]
    return f"write {{{keys[0]}: {value}}}" if keys else "write a mapping"
