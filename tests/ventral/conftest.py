"""A small real campaign, run once by the command line, for the tests that look at one."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from search.host.home import Home
from search.store import Store
from tests.ventral.prepared import run_command

COMMAND = Path(sys.executable).with_name("ventral")
STARTS = {"submit", "resume", "certify", "drill", "stop", "ui"}
"""Commands with processes of their own, which are run as a user runs them."""

TINY = """
name: tiny
space: motifs-small
data: {name: digits, size: 8, train_images: 300, test_images: 100}
recipe: {epochs: 2, batch_size: 50}
sampler: {name: random}
scheduler: {name: asha, grace_epochs: 1, reduction_factor: 2}
budget: {trials: 5}
seed: 3
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs the command line in a folder with a home of its own."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / ".ventral"

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("VENTRAL", "MLFLOW"))}
        own = {"VENTRAL_CACHE": os.environ["VENTRAL_CACHE"]}  # of the tests (tests/conftest.py)
        return kept | own | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}

    def __call__(self, *arguments: str | Path, timeout: float = 600) -> Ended:
        words = [str(argument) for argument in arguments]
        if not set(words[:1]) & STARTS or "--help" in words:
            return self.fork(*words, timeout=timeout)
        done = subprocess.run(
            [COMMAND, *words],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def fork(self, *arguments: str | Path, timeout: float = 600) -> Ended:
        """For any command that ends before it starts a process of its own."""
        words = [str(argument) for argument in arguments]
        return Ended(*run_command(words, self.folder, self.environment(), timeout))

    def start(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def campaign_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes the tiny campaign with changes to its text."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in TINY
        file = tmp_path / "tiny.yaml"
        file.write_text(TINY.replace(old, new) if old else TINY)
        return file

    return write


@dataclass(frozen=True)
class Campaign:
    shell: Shell
    id: str
    ended: Ended
    caught: list[str]
    """The traps in the current folder, or on PYTHONPATH, whose code was run."""


OURS = ("space", "models", "workers", "search", "dashboards")


def trap(folder: Path, caught: Path, names: tuple[str, ...]) -> list[Path]:
    """Packages in a folder that note it when their code is run."""
    made = [folder / name for name in names]
    for package in made:
        package.mkdir(parents=True)
        code = f"open({str(caught)!r}, 'a').write({str(package)!r} + '\\n')\n"
        (package / "__init__.py").write_text(code)
    return made


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """The tiny campaign, run to its end, one trial at a time.

    In its folder are packages that are called as ours are.
    """
    folder = tmp_path_factory.mktemp("campaign")
    shell, caught = Shell(folder), folder / "caught"
    path = tmp_path_factory.mktemp("path")
    trap(path, caught, OURS)
    traps = trap(folder, caught, (*OURS, "torch", "ray", "mlflow"))
    (folder / "tiny.yaml").write_text(TINY + "resources: {concurrent: 1}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(path))
        ended = shell("submit", "tiny.yaml", "--id-file", "id.txt")
    for package in traps:
        shutil.rmtree(package)
    assert ended.code == 0, ended.err
    lines = caught.read_text().splitlines() if caught.exists() else []
    return Campaign(shell, (folder / "id.txt").read_text().strip(), ended, lines)


@pytest.fixture
def copied(campaign: Campaign, shell: Shell) -> Shell:
    """A home of one's own with the campaign of the session in it."""
    shutil.copytree(campaign.shell.home, shell.home)
    return shell


@pytest.fixture
def store(shell: Shell) -> Store:
    """The store of the shell's home, empty."""
    home = Home.at(shell.home)
    home.ensure()
    return Store.open(home.store_url)
