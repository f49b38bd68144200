"""The files of a deployment with the defaults, and the published schema of compose files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from search.deployment import TARGETS, Deployment, render_target, write_files


@cache
def rendered() -> Mapping[str, str]:
    """The files of every target with the defaults."""
    texts: dict[str, str] = {}
    for target in TARGETS:
        texts |= render_target(Deployment(), target)
    return texts


def write_defaults(folder: Path, changed: Mapping[str, str] | None = None) -> Path:
    """The files of every target in `folder`, those in `changed` with other texts."""
    write_files({**rendered(), **(changed or {})}, folder)
    return folder


def read_compose_schema() -> dict[str, Any]:
    """The JSON Schema of the Compose Specification."""
    import check_jsonschema

    place = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
    schema: dict[str, Any] = json.loads((place / "compose-spec.json").read_text())
    return schema
