"""What is rendered is what `docker/` holds, and it is YAML whatever the typed file says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from search.deployment import TARGETS, Deployment, Target, render_target, write_files
from search.deployment.kubernetes import RAY_VERSION
from search.deployment.rendering import BUILD_FILES, BUILD_FOLDERS
from search.host.programs import PACKAGES
from space.documents.validation import parse
from space.errors import InputError
from tests.support import shrinking
from tests.support.deployments import rendered
from tests.support.shrinking import ROOT


def test_docker_holds_what_is_rendered_and_nothing_else() -> None:
    """Written by: ventral deploy render --to image --to compose --to kuberay --to kueue
    --to slurm --config docker/deployment.yaml --out docker.
    """
    folder = ROOT / "docker"
    for name, text in rendered().items():
        assert (folder / name).read_text(encoding="utf-8") == text, name
    own = {"README.md", ".gitignore", "deployment.yaml"}
    made = {".env", "secrets", "data"}
    held = {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and file.relative_to(folder).parts[0] not in made
    }
    assert held == {*rendered(), *own}
    assert not list(folder.rglob("__init__.py"))


def test_the_image_has_every_package_and_the_pinned_ray() -> None:
    assert PACKAGES == shrinking.PACKAGES
    assert f"\nray=={RAY_VERSION}\n" in (ROOT / "constraints.txt").read_text()


def test_the_image_installs_an_extra_that_there_is() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (named,) = re.findall(r"'\.\[(\w+)\]'", rendered()["Dockerfile"])
    assert named in extras["optional-dependencies"]


def test_the_image_has_what_its_build_needs() -> None:
    assert all((ROOT / name).is_file() for name in BUILD_FILES)
    system = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    if "backend-path" in system:
        assert str(system["build-backend"]).partition(".")[0] in BUILD_FOLDERS
    for name in ("setup.py", "MANIFEST.in"):
        assert (name in BUILD_FILES) == (ROOT / name).exists()


def test_scripts_may_be_executed_and_others_may_not(tmp_path: Path) -> None:
    for file in write_files(rendered(), tmp_path):
        assert bool(file.stat().st_mode & 0o100) == (file.suffix in (".sh", ".sbatch")), file


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_files(rendered(), tmp_path)


def test_another_deployment_is_rendered_with_its_own_words() -> None:
    changed = parse(
        Deployment,
        {
            "name": "lab",
            "image": {"name": "registry.example.org/lab/ventral", "tag": "2", "context": None},
            "compose": {"address": "::1", "accelerator": "cuda", "workers": {"gpus": 2}},
            "slurm": {"gpus": 0, "partition": "long", "account": "vision", "venv": "/opt/v"},
        },
    )
    compose = yaml.safe_load(render_target(changed, "compose")["compose.yaml"])
    assert "Dockerfile" not in render_target(changed, "compose")
    assert compose["name"] == "lab"
    assert compose["services"]["head"]["ports"] == ["[::1]:8265:8265"]
    assert "build" not in compose["services"]["head"]
    worker = compose["services"]["worker"]
    assert worker["image"] == "registry.example.org/lab/ventral:2-cuda"
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 2, "capabilities": ["gpu"]}
    script = render_target(changed, "slurm")["slurm/ventral.sbatch"]
    assert "#SBATCH --partition=long\n#SBATCH --account=vision\n" in script
    assert "gpus" not in script
    assert 'venv="/opt/v"' in script


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_says_where_it_comes_from(target: Target) -> None:
    for name, text in render_target(Deployment(), target).items():
        if name.endswith(".yaml"):
            assert text.startswith(f"# Written by `ventral deploy render --to {target}`"), name
            assert list(yaml.safe_load_all(text)), target
