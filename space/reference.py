"""The reference of the grammar, docs/grammar.md: every word, written from the values themselves.

`write_reference()` is the page; whoever changes a word writes it anew:

    python -c "from space.reference import publish; publish()"
"""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from space.choices import open_document
from space.choices.nodes import KEYS_BESIDE
from space.controls.control import Control
from space.json_schema import Schema, model_schema
from space.map_bounds import __doc__ as map_bounds
from space.meanings import BESIDE, CHOICES, MEANINGS
from space.network import architecture, grammar
from space.network.architecture import Architecture
from space.space import Images, Space

PAGE = Path(__file__).parents[1] / "docs" / "grammar.md"

_OF_A_SPACE = (Space, Images, Control)
_PLURALS = {"whole number": "whole numbers", "number": "numbers", "text": "texts"}
_INTRODUCTION = """\
# The grammar

A *genome* is a whole network as data; a *space* is a genome in which choices are left open. Both
are YAML or JSON. This page has every word, written from the code. What is left out has its
default, and null may be written where it is the default. Editors know the same words from
[search/genome.schema.json](../search/genome.schema.json) and
[search/space.schema.json](../search/space.schema.json), which `ventral zoo schema` and
`ventral space schema` print; a YAML file names its schema in its first line:

```yaml
# yaml-language-server: $schema=space.schema.json
```

`ventral space validate FILE --data NAME` says whether a space's samples are networks for the
images of a data set, and why the others are not.

## A cell's equation

A cell has named states. At each step every state is updated at once from the values of the step
before; `new.NAME` reads this step's value of a state that stands earlier in the list.

"""
_CHOICES = """\
## Choices

Any value and any part of a genome or recipe may be a choice instead: a mapping with one of these
keys. A choice inside an option is open only where that option is taken.

"""
_UP_TO = """\
### Kernels up to the map

"""


def write_reference() -> str:
    """The page, in Markdown."""
    parts = [_INTRODUCTION, _write_equation(), "\n", *_write_values(Architecture)]
    parts += ["## A space's file\n\n", *_write_space(), _CHOICES, *_write_choices()]
    parts += [_UP_TO, _write_map_bounds()]
    return "".join(parts)


def publish() -> None:
    """Write docs/grammar.md anew."""
    PAGE.write_text(write_reference(), encoding="utf-8")


def _write_equation() -> str:
    """The equations that the grammar's module states."""
    lines = (grammar.__doc__ or "").splitlines()
    equations = "\n".join(line[4:] for line in lines if line.startswith("    "))
    return f"```text\n{equations}\n```\n"


def _write_values(model: type[Architecture]) -> Iterator[str]:
    """A section for a genome, and one for each value that it is made of, outermost first."""
    schema = model_schema(model)
    parts = {model.__name__: schema, **schema["$defs"]}
    yield "## A genome\n\n"
    for name in MEANINGS:
        if name in parts:
            module = architecture if hasattr(architecture, name) else grammar
            yield from _write_value(name, getattr(module, name), parts[name])


def _write_space() -> Iterator[str]:
    schema = model_schema(Space)
    parts = {Space.__name__: schema, **schema["$defs"]}
    for value in _OF_A_SPACE:
        yield from _write_value(value.__name__, value, parts[value.__name__])


def _write_value(name: str, value: type, schema: Schema) -> Iterator[str]:
    """A value's heading, what it is, and its words."""
    yield f"### {name}\n\n{_first_sentence(value)}\n\n"
    rows = (
        (
            f"`{key}`",
            _write_type(part),
            _write_default(key, part, schema),
            _write_bounds(part),
            _escape(MEANINGS[name][key]),
        )
        for key, part in schema["properties"].items()
    )
    yield from _write_table(("word", "type", "default", "bounds", "meaning"), rows)


def _write_choices() -> Iterator[str]:
    lines = (open_document.__doc__ or "").splitlines()
    example = "\n".join(line[4:].rstrip() for line in lines if line.startswith("    "))
    yield f"```text\n{example}\n```\n\n"
    beside = {kind: ", ".join(f"`{key}`" for key in keys) for kind, keys in KEYS_BESIDE.items()}
    rows = ((f"`{kind}`", meaning, beside[kind]) for kind, meaning in CHOICES.items())
    yield from _write_table(("key", "meaning", "beside it"), rows)
    rows_beside = ((f"`{key}`", meaning) for key, meaning in BESIDE.items())
    yield from _write_table(("beside", "meaning"), rows_beside)


def _write_map_bounds() -> str:
    """What `up_to: map` means, as its module says it."""
    text = (map_bounds or "").partition("\n\n")[2].strip()
    return re.sub(r"^(?:    )?(kernel: .*)$", r"```yaml\n\1\n```", text, flags=re.MULTILINE) + "\n"


def _write_table(titles: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    for row in (titles, tuple("---" for _ in titles), *rows):
        yield f"| {' | '.join(row)} |\n"
    yield "\n"


def _first_sentence(value: type) -> str:
    """The first paragraph of a docstring, up to its first full stop."""
    paragraph = " ".join((inspect.getdoc(value) or "").partition("\n\n")[0].split())
    return re.split(r"(?<=[.:]) (?=[A-Z`])", paragraph)[0].rstrip(":")


def _write_type(schema: Schema) -> str:
    """The kind of a value in words, with links to the values that it is made of."""
    if "anyOf" in schema:
        kinds = dict.fromkeys(_write_type(one) for one in schema["anyOf"])
        if "number" in kinds:
            kinds.pop("whole number", None)
        if len(kinds) > 1:  # null is the default then, and says nothing of its own
            kinds.pop("null", None)
        return " or ".join(kinds)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema["type"] == "array":
        listed = _write_type(schema["items"])
        return f"list of {_PLURALS.get(listed, listed)}"
    if schema["type"] == "object":
        inside = _named_part(schema)
        return "mapping" if inside is None else f"mapping to {_write_type(inside)}"
    words = {"integer": "whole number", "boolean": "true/false", "string": "text"}
    kind: str = schema["type"]
    return words.get(kind, kind)


def _named_part(schema: Schema) -> Schema | None:
    """The schema of what a mapping holds, None if it may be anything."""
    if "patternProperties" in schema:
        (inside,) = schema["patternProperties"].values()
        return inside  # type: ignore[no-any-return]
    inside = schema.get("additionalProperties")
    return inside if isinstance(inside, dict) else None


def _write_default(key: str, part: Schema, schema: Schema) -> str:
    if key in schema.get("required", ()):
        return "required"
    default = part.get("default", "")
    empty = isinstance(default, Mapping) and not any(default.values())
    return "" if empty or default == "" else f"`{_write_plain(default)}`"


def _write_plain(value: Any) -> str:
    """A value as YAML writes it in one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_write_plain, value))}]"
    if isinstance(value, Mapping):
        inside = (f"{key}: {_write_plain(item)}" for key, item in value.items())
        return f"{{{', '.join(inside)}}}"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _write_bounds(schema: Schema) -> str:
    """What a number or a length may be."""
    bounds = [_write_bounds(one) for one in schema.get("anyOf", ())]
    if "exclusiveMinimum" in schema:
        bounds.append(f"above {schema['exclusiveMinimum']:,}")
    for low, high, of in (
        ("minimum", "maximum", ""),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " items"),
        ("minLength", "maxLength", " letters"),
    ):
        bounds.append(_write_range(schema.get(low), schema.get(high), of))
    return ", ".join(dict.fromkeys(filter(None, bounds)))


def _write_range(low: int | None, high: int | None, of: str) -> str:
    if low is not None and high is not None:
        return f"{low:,} to {high:,}{of}"
    if high is not None:
        return f"at most {high:,}{of}"
    if of and low == 1:
        return "not empty"
    return "" if low is None else f"at least {low:,}{of}"


def _escape(text: str) -> str:
    return text.replace("|", r"\|")
