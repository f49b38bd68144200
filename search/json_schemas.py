"""The JSON Schemas that editors read: campaigns, deployments, clusters, spaces, genomes, models.

They lie beside this module, that of deployments beside its own. A file names its schema in its
first line,

    # yaml-language-server: $schema=PATH

after which an editor completes its words, says what they mean and underlines mistakes.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from search.campaign import json_schema as campaign_schema
from search.remote.clusters import clusters_schema
from space.json_schema import genome_schema, model_file_schema, space_schema
from workers.job import Recipe

FOLDER = Path(__file__).parent


def _space_schema() -> dict[str, Any]:
    return space_schema(Recipe.model_json_schema())


def _deployment_schema() -> dict[str, Any]:
    from search.deployment import json_schema  # its rules are read for nothing else here

    return json_schema()


MADE: dict[str, Callable[[], dict[str, Any]]] = {
    "campaign": campaign_schema,
    "deployment": _deployment_schema,
    "space": _space_schema,
    "genome": genome_schema,
    "model": model_file_schema,
    "clusters": clusters_schema,
}
"""What has a schema, and how it is made. A model is a file of the zoo (space/zoo/)."""


def schema_file(kind: str) -> Path:
    """The published schema of one kind of file, in this installation."""
    folder = FOLDER / "deployment" if kind == "deployment" else FOLDER
    return folder / f"{kind}.schema.json"


def schema_line(kind: str) -> str:
    """The first line of a YAML file of this kind, by which editors know its schema."""
    return f"# yaml-language-server: $schema={schema_file(kind).as_uri()}"


def schema_text(kind: str) -> str:
    """A schema as its published file holds it."""
    indent = 1 if kind == "space" else 2  # the largest by far
    return json.dumps(MADE[kind](), indent=indent, ensure_ascii=False) + "\n"


def publish() -> None:
    """Write all published files anew."""
    for kind in MADE:
        schema_file(kind).write_text(schema_text(kind), encoding="utf-8")
