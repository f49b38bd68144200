"""The compose set: who has which secret, who reaches whom, and the tools that read its file."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from search.deployment import Deployment, make_secrets
from search.deployment.compose import FOLDERS, SECRETS, build_compose
from space.documents.validation import parse
from tests.support.deployments import read_compose_schema, write_defaults

SERVICES: dict[str, Any] = build_compose(Deployment())["services"]


def test_everything_published_is_on_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:5000:5000", "127.0.0.1:8265:8265"]


def test_mlflow_answers_to_the_names_by_which_it_is_called() -> None:
    changed = parse(Deployment, {"compose": {"mlflow_port": 5001, "hosts": ["lab"]}})
    names = build_compose(changed)["services"]["mlflow"]["environment"]
    allowed = names["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert allowed == ["mlflow:5000", "127.0.0.1:5000", "lab:5001", "127.0.0.1:5001"]


def test_every_secret_is_needed_and_no_service_has_more_than_it_uses() -> None:
    used = {name: set(service["secrets"]) for name, service in SERVICES.items()}
    assert set().union(*used.values()) == set(SECRETS)
    assert used["worker"] == {"ray_token"}
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if "/run/secrets/" in value:
                assert value.removeprefix("/run/secrets/") in used[name], variable


def test_only_mlflow_reaches_the_object_store_and_no_worker_the_database() -> None:
    users = {
        network: {name for name, service in SERVICES.items() if network in service["networks"]}
        for network in ("objects", "database")
    }
    assert users["objects"] == {"objects", "mlflow"}
    assert "worker" not in users["database"]


def test_what_outlives_a_container_is_a_folder_of_the_deployment() -> None:
    sources = {mount["source"] for one in SERVICES.values() for mount in one.get("volumes", ())}
    kept = {source for source in sources if source.startswith("./data/")}
    assert kept == {f"./data/{name}" for name in FOLDERS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_defaults(tmp_path_factory.mktemp("compose"))


def _run(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / words[0]
    return subprocess.run(
        [program, *words[1:]], capture_output=True, text=True, check=False, cwd=cwd
    )


def test_the_schema_of_compose_files_accepts_it(folder: Path) -> None:
    schema = read_compose_schema()
    validator = jsonschema.validators.validator_for(schema)(schema)
    document = yaml.safe_load((folder / "compose.yaml").read_text())
    assert [error.message for error in validator.iter_errors(document)] == []
    document["services"]["head"]["healthchek"] = {}
    assert not validator.is_valid(document)


EXCEPTIONS = {
    ("CL-0020", "RAY_AUTH_TOKEN_PATH"): "the path of a secret, not a secret",
    ("CL-0019", "ventral:"): "built here from pinned parts; it has no digest before it is pushed",
}


def test_compose_lint_finds_nothing_but_the_named_exceptions(folder: Path) -> None:
    done = _run("compose-lint", "--format", "json", folder / "compose.yaml")
    report = json.loads(done.stdout)
    findings = report if isinstance(report, list) else report["findings"]
    left = [
        finding
        for finding in findings
        if not any(
            finding["rule_id"] == rule and part in finding["message"] for rule, part in EXCEPTIONS
        )
    ]
    assert left == []


@pytest.mark.slow
def test_docker_compose_reads_it_and_refuses_it_without_secrets(tmp_path: Path) -> None:
    """Its `config`, which starts nothing and needs no engine."""
    # The program itself: the command of the package that brings it ends with 0 whatever happens.
    package = importlib.util.find_spec("compose")
    places = (package and package.submodule_search_locations) or ()
    programs = [Path(place) / "docker-compose" for place in places]
    if not (programs and programs[0].is_file()):
        cure = "pip install -c constraints.txt -e '.[deploy-checks]'"
        pytest.skip(f"Docker Compose is not installed ({cure})")
    write_defaults(tmp_path)
    words = (programs[0], "-f", "compose.yaml", "--profile", "*", "config")
    refused = _run(*words, cwd=tmp_path)
    assert refused.returncode != 0
    assert "ventral deploy secrets" in refused.stderr
    make_secrets(tmp_path)
    done = _run(*words, "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert set(read["services"]) == set(SERVICES)
    assert read["services"]["mlflow"]["ports"][0]["host_ip"] == "127.0.0.1"
    for secret in read["secrets"].values():
        assert Path(secret["file"]).stat().st_size > 0
