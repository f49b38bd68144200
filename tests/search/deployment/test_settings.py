"""The typed file of a deployment: its schema, its defaults, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from search.deployment import Deployment, json_schema, load_deployment
from space.documents.validation import parse
from space.errors import InputError
from tests.support.shrinking import ROOT


def test_the_file_of_docker_writes_every_default_out() -> None:
    file = ROOT / "docker" / "deployment.yaml"
    assert load_deployment(file) == Deployment()
    assert yaml.safe_load(file.read_text()) == Deployment().model_dump(mode="json")


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "deployment.yaml").write_text("# nothing\n")
    assert load_deployment(tmp_path / "deployment.yaml") == Deployment()


@pytest.mark.parametrize(
    ("document", "where", "cure"),
    [
        ({"kuberntes": {}}, "", 'did you mean "kubernetes"'),
        ({"name": "a b"}, "name", "small letters"),
        ({"name": "x; rm -rf"}, "name", "small letters"),
        ({"slurm": {"venv": "/a$(b)"}}, "slurm.venv", "a path of letters"),
        ({"image": {"tag": "latest"}}, "image.tag", "tag of a release"),
        ({"image": {"base": {"name": "python", "tag": "3"}}}, "image.base.digest", "Digest"),
        ({"compose": {"postgres": {"name": "pg", "tag": "1"}}}, "compose.postgres.digest", "Dig"),
        ({"compose": {"address": "everywhere"}}, "compose.address", "127.0.0.1"),
        ({"compose": {"workers": {"gpus": 1}}}, "compose.accelerator", "write cuda"),
        ({"kubernetes": {"workers": {"least": 9}}}, "kubernetes.workers.least", "smaller"),
        ({"kubernetes": {"mlflow": "http://a:b@c"}}, "kubernetes.mlflow", "without user"),
        ({"kubernetes": {"workers": {"most": 40}}}, "kueue.quota.cpus", "write at least"),
        ({"kueue": {"priority": "urgent"}}, "kueue.priority", "ventral-normal"),
    ],
)
def test_what_is_wrong_is_one_error_with_its_cure(
    document: dict[str, Any], where: str, cure: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse(Deployment, document)
    assert caught.value.where == where
    assert cure in caught.value.cure


def test_the_schema_refuses_what_the_model_refuses_by_shape() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    assert validator.is_valid(Deployment().model_dump(mode="json"))
    assert not validator.is_valid({"name": "a b"})
    assert not validator.is_valid({"slurm": {"nodez": 2}})


def test_an_image_is_called_by_name_tag_and_digest() -> None:
    deployment = Deployment()
    assert deployment.image.reference("cuda") == "ventral:0.1.0-cuda"
    name, _, digest = deployment.compose.postgres.reference.partition("@sha256:")
    assert name == "docker.io/library/postgres:17.6"
    assert len(digest) == 64
