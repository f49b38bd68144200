"""Processes of ours run our code, whatever lies in the current folder and on PYTHONPATH."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from search.host import programs
from tests.support.shrinking import PACKAGES
from tests.support.waiting import GUARD

WHERE = (
    "import importlib, pathlib\n"
    f"for name in {PACKAGES!r}:\n"
    "    print(pathlib.Path(importlib.import_module(name).__file__).parents[1])\n"
    "print('json' if importlib.import_module('json').__doc__ else 'trap')"
)


def trap(folder: Path, *names: str) -> None:
    """Packages of these names, whose code must not be run."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise SystemExit('a trap')")


def run(command: list[str], folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        timeout=GUARD,
    )


def test_a_program_finds_our_packages_before_all_others(tmp_path: Path) -> None:
    here, path = tmp_path / "here", tmp_path / "path"
    trap(here, *PACKAGES, "json")
    trap(path, *PACKAGES)
    done = run(programs.python_command(WHERE), here, path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(programs.ROOT)] * len(PACKAGES) + ["json"]


def test_a_folder_of_any_name_holds_our_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is written into a program."""
    root = tmp_path / 'it\'s "mine" {x}\\n'
    root.mkdir()
    (root / "ventral").mkdir()
    for name in ("__init__", "packages"):
        (root / "ventral" / f"{name}.py").write_text("def load_packages(): print(__file__)")
    monkeypatch.setattr(programs, "ROOT", root)
    code = "import sys; print(sys.path.count(sys.argv[1]))"
    done = run([*programs.python_command(code), str(root)], tmp_path, tmp_path)
    assert done.stdout.splitlines() == [str(root / "ventral" / "packages.py"), "0"], done.stderr


def test_a_pin_without_our_packages_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that has them elsewhere, where it is sent as code."""
    pin = programs.make_pin()
    before = list(sys.path)
    for name in PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)
    pin()
    assert sys.path == before
