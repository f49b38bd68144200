"""Scenes for the fault tests: small campaigns with drivers of their own, ended in any case."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from search.drill.scene import Scene
from tests.support import toys

MakeScene = Callable[..., Scene]


@pytest.fixture
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeScene]:
    """Makes scenes of a toy campaign; `changes` are the campaign's, the rest is the scene's.

    With `mirror` its home has MLflow's database already.
    """
    made: list[Scene] = []

    def make(changes: dict[str, Any] | None = None, **settings: Any) -> Scene:
        folder = tmp_path / f"home{len(made)}"
        if settings.get("mirror") and not settings.get("environment"):
            folder.mkdir()
            shutil.copy(request.getfixturevalue("empty_mlflow"), folder / "mlflow.db")
        toy = {"trainable": "tests.support.toys:trainable", "seconds": 0.2}
        made.append(Scene.create(folder, toys.campaign(**(changes or {})), **(toy | settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def rng() -> random.Random:
    """Other moments in every run. What failed is on record in the scene's folder."""
    return random.Random()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB. Skipped where this process may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount a small disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
