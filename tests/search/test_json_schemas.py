"""The published schemas are those of the code, and files name the one that is theirs."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from search import campaign, deployment
from search.json_schemas import MADE, schema_file, schema_line, schema_text
from space import zoo
from space.documents.yaml_reading import load_yaml
from tests.support.shrinking import ROOT

LINE = re.compile(r"\A# yaml-language-server: \$schema=(\S+)\n")


@pytest.mark.parametrize("kind", MADE)
def test_a_published_schema_is_the_code_s(kind: str) -> None:
    """Written by: python -c "from search.json_schemas import publish; publish()"."""
    assert schema_file(kind).read_text(encoding="utf-8") == schema_text(kind)


def test_each_is_where_its_package_says() -> None:
    assert schema_file("campaign") == campaign.SCHEMA
    assert schema_file("deployment") == deployment.SCHEMA


def annotated() -> list[Path]:
    folders = ("examples", "benchmarks", "space")
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.yaml"))]
    return [file for file in files if LINE.match(file.read_text())]


def test_shipped_files_name_their_schema() -> None:
    named = {file.relative_to(ROOT).as_posix() for file in annotated()}
    assert {"examples/quickstart.yaml", "benchmarks/search_quality/space.yaml"} <= named
    assert {f"space/zoo/{name}.yaml" for name in zoo.names()} <= named


@cache
def validator(schema: Path) -> Any:
    return Draft202012Validator(json.loads(schema.read_text()))


@pytest.mark.parametrize("file", annotated(), ids=lambda file: file.name)
def test_a_file_is_valid_by_the_schema_that_it_names(file: Path) -> None:
    named = LINE.match(text := file.read_text())
    assert named is not None
    schema = validator((file.parent / named[1]).resolve(strict=True))
    assert list(schema.iter_errors(load_yaml(text))) == []


@pytest.mark.parametrize(
    "mistake",
    [{"top1": "73"}, {"tpo1": 73}, {"genome": {"stages": [], "clock": {}}}, {"source": ""}],
)
def test_a_mistake_in_a_model_is_refused(mistake: dict[str, Any]) -> None:
    model = load_yaml((ROOT / "space" / "zoo" / "basenet_shallow.yaml").read_text())
    schema = validator(schema_file("model"))
    assert list(schema.iter_errors(model)) == []
    assert list(schema.iter_errors(model | mistake))


def test_a_new_file_names_the_schema_of_this_installation() -> None:
    found = LINE.match(schema_line("campaign") + "\n")
    assert found is not None
    assert found[1] == schema_file("campaign").as_uri()
    assert schema_file("campaign").is_absolute()
