"""JSON Schemas of a genome and of a space, for editors: made from the values of the grammar.

A genome's schema is that of its values. A space's is the same with a choice allowed in place of
every value and part: whatever a choice offers is checked as what it stands for. A schema knows
words, types and bounds; what only the whole tells (names that refer to nothing, sizes that do not
fit, ties) is checked by `ventral space validate`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from space.choices.leaves import UP_TO_MAP
from space.choices.nodes import KEYS_BESIDE
from space.documents.bounds import OPTIONS, SPAN, WEIGHT
from space.documents.trees import CHOICE_KINDS
from space.meanings import BESIDE, CHOICES, MEANINGS
from space.network.architecture import Architecture
from space.notation_schema import notation_schema
from space.space import Space

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_INTERVALS = ("uniform", "loguniform", "integers", "logintegers")


def genome_schema() -> Schema:
    """The JSON Schema of a genome: `genome.json`, and what `ventral zoo show -o json` prints."""
    schema = model_schema(Architecture)
    return _headed(schema, "Ventral genome")


def model_file_schema() -> Schema:
    """The JSON Schema of a file of the zoo (space/zoo/): a whole genome, or what is laid over that
    of another model.
    """
    genome = model_schema(Architecture)
    definitions = genome.pop("$defs") | {Architecture.__name__: genome}
    percent = {"type": ["number", "null"], "minimum": 0, "maximum": 100}
    properties = {
        "name": {"type": "string", "description": "the model's, and the file's"},
        "source": {"type": "string", "minLength": 1, "description": "where it is published"},
        "top1": percent | {"description": "published ImageNet top-1 in percent, or null"},
        "top5": percent | {"description": "published ImageNet top-5 in percent, or null"},
        "note": {"type": "string", "description": "what a reader should know"},
        "genome": {
            "description": "a genome; or base: MODEL and what is laid over it, keys may be paths",
            "if": {"type": "object", "required": ["base"]},
            "then": {"properties": {"base": {"type": "string"}}},
            "else": _refer(Architecture.__name__),
        },
    }
    schema = {
        "type": "object",
        "required": ["name", "source", "top1", "top5", "genome"],
        "additionalProperties": False,
        "properties": properties,
        "$defs": definitions,
    }
    return _headed(schema, "Ventral model")


def space_schema(recipe: Mapping[str, Any]) -> Schema:
    """The JSON Schema of a space's file, in the full grammar or in the notation; `recipe` is that
    of training settings.
    """
    whole, opener = model_schema(Space), _Opener()
    for part in (model_schema(Architecture), dict(recipe)):
        opener.add(part)
    definitions = whole.pop("$defs") | opener.definitions
    properties = whole["properties"]
    base = {
        "type": "object",
        "required": ["base"],
        "additionalProperties": False,
        "properties": {"base": {"type": "string"}, "choices": {"type": "object"}},
    }
    properties["genome"] = {
        "description": properties["genome"]["description"],
        "if": {"type": "object", "required": ["base"]},
        "then": base,
        "else": _refer(Architecture.__name__),
    }
    properties["recipe"] = {
        "description": properties["recipe"]["description"],
        **opener.open(_refer(recipe["title"]), "recipe"),
    }
    written = notation_schema(properties, opener.definitions[Architecture.__name__]["properties"])
    definitions |= opener.definitions | {"Notation": written, Space.__name__: whole}
    document = {
        "if": {"required": ["genome"]},
        "then": _refer(Space.__name__),
        "else": _refer("Notation"),
    }
    return _headed({"type": "object", **document, "$defs": definitions}, "Ventral space")


def _headed(schema: Schema, title: str) -> Schema:
    return {"$schema": DIALECT, **schema, "title": title}


def model_schema(model: type[Architecture] | type[Space]) -> Schema:
    """A model's schema, with the meaning of every word."""
    schema = model.model_json_schema()
    for name, part in {**schema.get("$defs", {}), model.__name__: schema}.items():
        for key, value in part["properties"].items():
            value.pop("title", None)
            value["description"] = MEANINGS[name][key]
        for value in part["properties"].values():
            if "patternProperties" in value:  # other names are refused
                value["additionalProperties"] = False
    return schema


class _Opener:
    """Makes the schema of a document with choices from that of one without.

    `definitions` are the models', their parts opened, and one for each kind of value that may be a
    choice.
    """

    def __init__(self) -> None:
        self.definitions = _define_shared()
        self._names: dict[str, str] = {}

    def add(self, schema: Schema) -> None:
        """Open a model's schema and those of its parts; each is known by its title."""
        parts = {**schema.get("$defs", {}), schema["title"]: schema}
        for name, part in parts.items():
            assert name not in self.definitions, name
            opened = {key: item for key, item in part.items() if key != "$defs"}
            opened["properties"] = {
                key: self._property(value, f"{name}.{key}")
                for key, value in part["properties"].items()
            }
            self.definitions[name] = opened

    def _property(self, value: Schema, name: str) -> Schema:
        kept = {key: value[key] for key in ("description", "default") if key in value}
        return kept | self.open(value, name)

    def open(self, value: Schema, name: str) -> Schema:
        """The schema of `value` or of a choice between such; `name` is used if it is a new one."""
        plain = {k: v for k, v in value.items() if k not in ("description", "default", "title")}
        kernel = name.endswith(".kernel")
        key = json.dumps([plain, kernel], sort_keys=True)
        if key not in self._names:
            self._names[key] = f"open.{name}"
            reference = _refer(f"open.{name}")
            self.definitions[f"open.{name}"] = {
                "if": _refer("is_choice"),
                "then": {"anyOf": list(_write_choices(plain, reference, kernel=kernel))},
                "else": self._inside(plain, name),
            }
        return _refer(self._names[key])

    def _inside(self, value: Schema, name: str) -> Schema:
        """The schema of a value that is no choice, in which choices may stand."""
        opened = dict(value)
        if "anyOf" in value:
            opened["anyOf"] = [self._inside(one, name) for one in value["anyOf"]]
        for key in ("items", "additionalProperties"):
            if isinstance(value.get(key), dict):
                opened[key] = self.open(value[key], f"{name}.item")
        if "prefixItems" in value:
            opened["prefixItems"] = [
                self.open(one, f"{name}.item") for one in value["prefixItems"]
            ]
        if "patternProperties" in value:
            opened["patternProperties"] = {
                pattern: self.open(one, f"{name}.item")
                for pattern, one in value["patternProperties"].items()
            }
        return opened


def _write_choices(value: Schema, opened: Schema, *, kernel: bool) -> Iterator[Schema]:
    """The kinds of choices between values of one schema, which `opened` refers to."""
    options = [
        {"type": "array", "minItems": 1, "maxItems": OPTIONS, "items": opened},
        {"type": "object", "minProperties": 1, "additionalProperties": opened},
    ]
    beside = [key for key in KEYS_BESIDE["choice"] if kernel or key != "up_to"]
    yield _write_kind("choice", {"anyOf": options}, beside)
    yield _write_kind("optional", opened, KEYS_BESIDE["optional"])
    yield _refer("tie")
    numbers = [one for one in value.get("anyOf", [value]) if _is_number(one)]
    for kind in _INTERVALS if numbers else ():
        whole = "integers" in kind
        if whole or numbers[0]["type"] == "number":
            ends = _write_interval(numbers[0], whole=whole, log="log" in kind)
            yield _write_kind(kind, ends, KEYS_BESIDE[kind])


def _write_kind(kind: str, inside: Schema, beside: Sequence[str]) -> Schema:
    """A choice of one kind, with what may stand beside its key."""
    described = {"description": CHOICES[kind], **inside}
    return {
        "type": "object",
        "required": [kind],
        "additionalProperties": False,
        "properties": {kind: described} | {key: _refer(key) for key in beside},
    }


def _refer(definition: str) -> Schema:
    return {"$ref": f"#/$defs/{definition}"}


def _define_shared() -> dict[str, Schema]:
    """What all choices share: how one is known, ties, and the keys beside."""
    weight = {"type": "number", "exclusiveMinimum": 0, "maximum": WEIGHT}
    weights = [
        {"type": "array", "items": weight},
        {"type": "object", "additionalProperties": weight},
    ]
    keys: dict[str, Schema] = {
        "name": {"type": "string", "minLength": 1},
        "default": {"type": ["string", "number", "boolean", "null"]},
        "weights": {"anyOf": weights},
        "up_to": {"const": UP_TO_MAP},
        "times": {"type": "number"},
    }
    tie = _write_kind("same_as", {"type": "string", "minLength": 1}, KEYS_BESIDE["same_as"])
    return {
        "is_choice": {"type": "object", "anyOf": [{"required": [k]} for k in CHOICE_KINDS]},
        "tie": tie,
        **{key: {"description": BESIDE[key], **value} for key, value in keys.items()},
    }


def _is_number(value: Schema) -> bool:
    return value.get("type") in ("integer", "number")


def _write_interval(number: Schema, *, whole: bool, log: bool) -> Schema:
    """Two numbers within the bounds of the value; above 0 for a logarithm."""
    bound = SPAN if whole else WEIGHT
    end: Schema = {"minimum": -bound, "maximum": bound} | number
    end["type"] = "integer" if whole else "number"
    if log:
        end["exclusiveMinimum"] = max(0, end.get("exclusiveMinimum", 0))
    return {"type": "array", "minItems": 2, "maxItems": 2, "items": end}
