"""The wheel in fresh environments: beside a user's own modules, and with no more than it needs.

It is built from a source distribution, once; the libraries of an environment are those that the
wheel's own metadata asks for, so that a requirement that is missing there fails here.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import v4

import ventral
from building.imports import move_imports
from building.layout import FRONT, INNER
from models.build import build
from space.space import Space
from tests.support import environments
from tests.support.environments import Environment, make_environment
from tests.support.exports import card
from tests.support.shrinking import PACKAGES, ROOT
from tests.ventral.conftest import TINY
from workers import export
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded

PAGE = ROOT / "docs" / "install.md"
TRAP = "raise SystemExit('this is the module of the user')\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this file's tests make together."""
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture(scope="module")
def wheel(place: Path) -> Path:
    """The wheel, of a source distribution."""
    archive = environments.build("sdist", environments.copy_source(place / "source"), place)
    with tarfile.open(archive) as packed:
        packed.extractall(place / "unpacked", filter="data")
    (source,) = (place / "unpacked").iterdir()
    return environments.build("wheel", source, place)


@pytest.fixture(scope="module")
def core(place: Path, wheel: Path) -> Environment:
    """The wheel with what it requires without extras; Jupyter's kernel for a notebook."""
    return make_environment(place / "core", wheel, others=["ipykernel"])


@pytest.fixture(scope="module")
def searching(place: Path, wheel: Path) -> Environment:
    """The wheel with the extra of searches alone."""
    return make_environment(place / "searching", wheel, ["search"])


@dataclass(frozen=True)
class Scored:
    """An export and a home with its data; what the whole installation makes of it."""

    folder: Path
    home: Path
    top1: float
    logits: list[list[float]]
    trace: dict[str, float]


SCORE = """
import json, sys
import numpy as np
import ventral

def score(folder, home):
    network, facts = ventral.load(folder), ventral.card(folder)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    images = ventral.normalise(pixels, facts)
    traced = network.trace(images, stages=["conv3"])["conv3"]
    return {
        "logits": network(images).tolist(),
        "trace": {str(step): value.sum().item() for step, value in traced.items()},
        "top1": ventral.evaluate(folder, home=home).top1,
    }
"""
"""Loads, traces and evaluates an export."""


@pytest.fixture(scope="module")
def scored(place: Path) -> Scored:
    """A recurrent network of a named space, and its scores in the clone."""
    made = pack(DigitsOccluded(size=8, train_images=50, test_images=20), place / "packs")
    space = Space.load("motifs-small").with_images(size=8, channels=1, classes=10)
    network = build(space.sample(random.Random(5)).genome, seed=1)
    facts = card(made, image_size=8)
    folder = export.write(place / "cell", network.genome, network.state_dict(), facts)
    home = place / "home"
    shutil.copytree(made.path, home / "data" / made.path.name)
    names: dict[str, object] = {}
    exec(SCORE, names)
    score = names["score"]
    assert callable(score)
    return Scored(folder=folder, home=home, **score(folder, home))


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A user's folder with packages and a module of our packages' names, which are traps."""
    folder = tmp_path / "mine"
    for name in INNER:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(TRAP)
    (folder / "models.py").write_text(TRAP)
    return folder


# -------------------------------------------------------------------------- what is in it


def test_it_holds_every_module_and_file_below_one_package(wheel: Path) -> None:
    """And nothing else: modules with their imports moved, files as they are."""
    with zipfile.ZipFile(wheel) as archive:
        built = {
            name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name
        }
    expected = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                name = file.relative_to(ROOT).as_posix()
                inner = "" if package == FRONT else f"{FRONT}/"
                expected[inner + name] = file
    assert {*built} == {*expected}
    for name, file in expected.items():
        content = file.read_bytes()
        if file.suffix == ".py":
            content = move_imports(content.decode(), INNER, FRONT).encode()
        assert built[name] == content, name


def test_an_environment_without_the_clone_has_one_package_of_ours(core: Environment) -> None:
    assert not any((core.site / name).exists() for name in INNER)
    assert not list(core.site.glob("__editable__*"))
    top = next(core.site.glob("ventral_search-*.dist-info")) / "top_level.txt"
    assert top.read_text().split() == [FRONT]


# -------------------------------------------------------------------------- the core


def test_the_core_scores_an_export_as_everything_does_beside_a_user_s_modules(
    core: Environment, scored: Scored, beside: Path
) -> None:
    """From a script, run from another folder, that imports the user's modules of those names."""
    for name in INNER:
        shutil.rmtree(beside / name)
        (beside / f"{name}.py").write_text("MINE = True\n")
    script = beside / "script.py"
    mine = "".join(f"import {name}; assert {name}.MINE\n" for name in INNER)
    script.write_text(f"{mine}{SCORE}\nprint(json.dumps(score(*sys.argv[1:])))\n{mine}")
    done = core.run(
        "python", script, scored.folder.name, str(scored.home), folder=scored.folder.parent
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "logits": scored.logits,
        "trace": scored.trace,
        "top1": scored.top1,
    }


def test_a_notebook_in_such_a_folder_runs_the_page_and_loads_an_export(
    core: Environment, scored: Scored, beside: Path
) -> None:
    (beside / "models" / "__init__.py").write_text("MINE = 'my own'\n")
    kernel = beside / "kernels" / "fresh"
    kernel.mkdir(parents=True)
    command = [str(core.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "fresh", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    kernels = KernelSpecManager(kernel_dirs=[str(kernel.parent)])
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    cells = [
        block,
        f"network = ventral.load({str(scored.folder)!r})",
        "[models.MINE, type(network).__module__, isinstance(network.genome, Genome)]",
    ]
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_name="fresh", kernel_spec_manager=kernels),
        timeout=environments.PATIENCE,
        resources={"metadata": {"path": str(beside)}},
    ).execute()
    (output,) = notebook.cells[-1].outputs
    assert output.data["text/plain"] == "['my own', 'ventral.models.build', True]"


@pytest.mark.parametrize("command", [["ventral", "--help"], ["python", "-m", "ventral", "list"]])
def test_without_its_extra_the_command_says_so_in_a_line(
    core: Environment, beside: Path, command: list[str]
) -> None:
    done = core.run(*command, folder=beside)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: typer is not installed in ")
    assert line.endswith("-m pip install 'ventral-search[search]'")


def test_without_its_extra_a_call_raises_one_error(core: Environment, tmp_path: Path) -> None:
    done = core.run("python", "-c", "import ventral; ventral.trials('a')", folder=tmp_path)
    *_, line = done.stderr.splitlines()
    assert line.startswith("ventral.extras.MissingExtra: ")
    assert line.endswith("-m pip install 'ventral-search[search]'")


# -------------------------------------------------------------------------- searches


PROGRAM = """
import os, subprocess
from ventral.search.host.programs import make_pin, python_command

code = "import sys, ventral.workers.job as job; print(job.__file__, 'space' in sys.modules)"
trapped = os.environ | {"PYTHONPATH": os.getcwd()}
done = subprocess.run(python_command(code), env=trapped, capture_output=True, text=True)
print(done.stdout + done.stderr, end="")
make_pin()()
"""
"""Starts a program of ours as a driver does; it prints where it has a module from."""


def test_commands_and_their_programs_run_beside_a_user_s_modules(
    searching: Environment, beside: Path
) -> None:
    done = searching.run("ventral", "zoo", "list", "-o", "json", folder=beside)
    assert done.returncode == 0, done.stderr
    assert "rgc_shallow" in {row["name"] for row in json.loads(done.stdout)}
    done = searching.run("python", "-P", "-c", PROGRAM, folder=beside)
    assert done.returncode == 0, done.stderr
    file = searching.site / "ventral" / "workers" / "job.py"
    assert done.stdout == f"{file} False\n"


def test_what_a_report_needs_is_named(searching: Environment, beside: Path) -> None:
    done = searching.run("ventral", "report", "tour", folder=beside)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith("-m pip install 'ventral-search[report]'")


@pytest.mark.slow
def test_a_campaign_runs_and_is_exported_beside_a_user_s_modules(
    searching: Environment, beside: Path
) -> None:
    """With Ray's workers, the mirror and all, and a PYTHONPATH with the same traps."""
    (beside / "tiny.yaml").write_text(TINY)
    variables = {"PYTHONPATH": str(beside)}

    def run(*arguments: str) -> str:
        done = searching.run("ventral", *arguments, folder=beside, variables=variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    changes = ["--set", "budget.trials=2", "--set", "resources.concurrent=2"]
    run("submit", "tiny.yaml", *changes)
    status = json.loads(run("status", "tiny", "-o", "json"))
    assert (status["state"], status["trials"]["failed"]) == ("finished", 0)
    run("export", "tiny", "--top", "1", "--to", "cells")
    (folder,) = (beside / "cells").iterdir()
    assert json.loads(run("evaluate", str(folder), "-o", "json"))
    facts = ventral.card(folder)
    assert facts.top1 > 0
    assert np.isfinite(facts.loss or 0.0)


@pytest.mark.slow
def test_every_module_is_imported_with_all_extras(place: Path, wheel: Path) -> None:
    """Each in the place that its name says, and none by a short name."""
    everything = make_environment(place / "all", wheel, ["search", "report", "postgres"])
    program = (
        "import importlib, pkgutil, sys, ventral\n"
        "for one in pkgutil.walk_packages(ventral.__path__, 'ventral.'):\n"
        "    if '.migrations.' in one.name or '.testing' in one.name or '__main__' in one.name:\n"
        "        continue\n"
        "    importlib.import_module(one.name)\n"
        f"print([name for name in {INNER!r} if name in sys.modules])\n"
        "print(len([name for name in sys.modules if name.startswith('ventral.')]) > 200)\n"
    )
    done = everything.run("python", "-c", program, folder=place)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "True"]


@pytest.mark.slow
def test_the_clone_and_the_source_distribution_build_the_same_wheel(
    place: Path, wheel: Path
) -> None:
    direct = environments.build("wheel", environments.copy_source(place / "again"), place / "out")
    assert direct.name == wheel.name
    with zipfile.ZipFile(direct) as one, zipfile.ZipFile(wheel) as other:
        assert {*one.namelist()} == {*other.namelist()}
        for name in one.namelist():
            if not name.endswith("/RECORD"):
                assert one.read(name) == other.read(name), name
