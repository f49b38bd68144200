"""Ventral beside a user's own files, and without what it does not need."""

import shutil
from importlib import metadata
from pathlib import Path

import pytest

from models.build import build
from tests.support.exports import card, genome
from tests.support.processes import COMMAND, run_python
from ventral.extras import DISTRIBUTION, normalise_name, read_requirements
from workers import export
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded


def find_extras() -> set[str]:
    """The modules that the extras' requirements bring, but for those that torch brings, too."""
    wanted = {name for name, extra in read_requirements() if extra and extra != "dev"}
    torch = " ".join(metadata.requires("torch") or [])
    return {
        module
        for module, names in metadata.packages_distributions().items()
        for name in map(normalise_name, names)
        if name in wanted and name not in torch and name != DISTRIBUTION
    }


WITHOUT = """
import numpy as np, ventral
folder, home = sys.argv[1:]
network, facts = ventral.load(folder), ventral.card(folder)
assert network(ventral.normalise(np.zeros((2, 8, 8, 1), np.uint8), facts)).shape == (2, 10)
print(ventral.evaluate(folder, home=home).top1)
"""


def test_an_export_is_loaded_and_scored_without_what_only_a_search_needs(tmp_path: Path) -> None:
    made = pack(DigitsOccluded(size=8, train_images=50, test_images=20), tmp_path / "packs")
    network = build(genome(), seed=1)
    facts = card(made, image_size=8)
    cell = export.write(tmp_path / "cell", network.genome, network.state_dict(), facts)
    home = tmp_path / "home"
    shutil.copytree(made.path, home / "data" / made.path.name)
    done = run_python(WITHOUT, str(cell), str(home), blocked=" ".join(find_extras()))
    assert done.returncode == 0, done.stderr
    assert 0 <= float(done.stdout) <= 1


@pytest.mark.parametrize("hiding", ["models.py", "models/", "workers/", "workers/__init__.py"])
def test_what_hides_a_package_is_named_with_the_cure(tmp_path: Path, hiding: str) -> None:
    path = tmp_path / hiding
    if hiding.endswith("/"):
        path.mkdir()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    name = hiding.partition("/")[0].partition(".")[0]
    shown = tmp_path / (name if "/" in hiding else hiding)
    message = f"{shown} hides Ventral's own package {name}; rename it"
    told = run_python("import ventral; ventral.load('x')", folder=tmp_path)
    assert told.stderr.splitlines()[-1].startswith(f"ventral.packages.Hidden: {message}")


def test_the_command_line_loads_its_own_packages_beside_any_others(tmp_path: Path) -> None:
    for name in ("models.py", "workers.py", "space.py"):
        (tmp_path / name).write_text("raise RuntimeError('not ours')")
    done = run_python(COMMAND, "plan", "rgc_shallow", "-o", "json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"planned_macs"' in done.stdout


def test_a_module_that_is_loaded_already_hides_too(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("")
    done = run_python("import models, ventral; ventral.network('rgc_shallow')", folder=tmp_path)
    assert "models.py hides Ventral's own package models" in done.stderr


LONG_NAMES = """
import importlib, importlib.util
import ventral
import ventral.space.genome as long
import space.genome as short
from ventral.space.spaces import __spec__ as spec
assert long is short is importlib.import_module("ventral.space.genome")
assert importlib.import_module("space.zoo") is importlib.import_module("ventral.space").zoo
assert (short.__spec__.name, spec.name) == ("space.genome", "space.spaces")
assert importlib.util.find_spec("ventral.space.none") is None
for name in ("ventral.space.none", "ventral.none", "ventral.searching"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        assert error.name == name, error.name
    else:
        raise AssertionError(name)
"""


def test_a_package_has_the_name_that_it_has_in_a_wheel() -> None:
    done = run_python(LONG_NAMES)
    assert done.returncode == 0, done.stderr


def test_a_long_name_of_a_hidden_package_says_what_hides_it(tmp_path: Path) -> None:
    (tmp_path / "space.py").write_text("")
    done = run_python("import ventral.space.genome", folder=tmp_path)
    assert "space.py hides Ventral's own package space" in done.stderr
