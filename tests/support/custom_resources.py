"""Custom resources held to their definitions: by JSON Schema, and by the rules written in CEL.

The definitions of KubeRay and Kueue are not part of this repository: tests read them from the
folder beside a checkout, `../shared/schemas/kubernetes`, or from `$VENTRAL_CRDS`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from tests.support.shrinking import ROOT

Schema = dict[str, Any]

FOLDER = Path(os.environ.get("VENTRAL_CRDS") or ROOT.parent / "shared" / "schemas" / "kubernetes")
_FILES = {
    "RayCluster": "ray.io_rayclusters.yaml",
    "RayJob": "ray.io_rayjobs.yaml",
    "ClusterQueue": "kueue.x-k8s.io_clusterqueues.yaml",
    "LocalQueue": "kueue.x-k8s.io_localqueues.yaml",
    "ResourceFlavor": "kueue.x-k8s.io_resourceflavors.yaml",
    "WorkloadPriorityClass": "kueue.x-k8s.io_workloadpriorityclasses.yaml",
}

requires_definitions = pytest.mark.skipif(
    not all((FOLDER / name).is_file() for name in _FILES.values()),
    reason=f"the definitions of KubeRay and Kueue are not in {FOLDER} (set VENTRAL_CRDS)",
)


@cache
def read_definition(kind: str) -> tuple[str, Schema]:
    """(group/version that is stored, its schema) of a kind."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    definition = yaml.load((FOLDER / _FILES[kind]).read_text(), loader)["spec"]
    (stored,) = (one for one in definition["versions"] if one["storage"])
    schema: Schema = stored["schema"]["openAPIV3Schema"]
    return f"{definition['group']}/{stored['name']}", schema


def list_problems(document: dict[str, Any]) -> list[str]:
    """What an API server would refuse in a resource, unknown fields included."""
    version, schema = read_definition(document["kind"])
    problems = [] if document["apiVersion"] == version else [f"apiVersion is not {version}"]
    validator = jsonschema.Draft202012Validator(_close(schema))
    problems += [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(document)]
    return [*problems, *_broken_rules(schema, document, "$")]


def _close(schema: Schema) -> Schema:
    """The schema as JSON Schema, which refuses fields that it does not name."""
    closed = {key: item for key, item in schema.items() if not key.startswith("x-")}
    if schema.get("x-kubernetes-int-or-string"):
        closed.pop("type", None)
        closed["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if "properties" in schema:
        closed["properties"] = {name: _close(one) for name, one in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            closed.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            closed[key] = _close(schema[key])
    if "metadata" in closed.get("properties", {}) and "kind" in closed["properties"]:
        closed["properties"]["metadata"] = {"type": "object"}
    return closed


def _broken_rules(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """The CEL rules that a value breaks; those of changes (`oldSelf`) speak of updates."""
    for rule in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" not in rule["rule"] and not evaluate_rule(rule["rule"], value):
            yield f"{path}: {rule.get('message', rule['rule'])}"
    if isinstance(value, dict):
        inner = schema.get("additionalProperties")
        for key, item in value.items():
            below = schema.get("properties", {}).get(key)
            below = below or (inner if isinstance(inner, dict) else {})
            yield from _broken_rules(below, item, f"{path}.{key}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _broken_rules(schema.get("items", {}), item, f"{path}[{place}]")


def count_rules(schema: Schema) -> int:
    """How many CEL rules about single documents a schema has."""
    below = [*schema.get("properties", {}).values(), schema.get("items")]
    own = [
        one for one in schema.get("x-kubernetes-validations", ()) if "oldSelf" not in one["rule"]
    ]
    return len(own) + sum(count_rules(one) for one in below if isinstance(one, dict))


def evaluate_rule(rule: str, value: Any) -> bool:
    """Whether `value` keeps a rule written in CEL."""
    import celpy
    import celpy.adapter

    environment = celpy.Environment()
    program = environment.program(environment.compile(rule))
    return bool(program.evaluate({"self": celpy.adapter.json_to_cel(value)}))
