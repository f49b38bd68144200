"""Fresh virtual environments with Ventral's wheel and no more of its libraries than are wanted.

Nothing is downloaded: the libraries are links to those of this environment, which are found by the
requirements in the wheel's own metadata. The clone is not on the path, and neither are the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.parser import Parser
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.shrinking import PACKAGES, ROOT
from ventral.extras import DISTRIBUTION, normalise_name

PATIENCE = 800.0
"""Seconds for one program, also on a busy machine."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment in a folder."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def site(self) -> Path:
        """Where its packages lie."""
        return next(self.folder.glob("lib/python*/site-packages"))

    def run(
        self, *command: str | Path, folder: Path, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its programs (`python`, `ventral`) in a folder."""
        foreign = ("PYTHON", "VENTRAL", "MLFLOW", "VIRTUAL_ENV")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        path = f"{self.folder / 'bin'}:/usr/bin:/bin"
        first, *others = command
        return subprocess.run(
            [self.folder / "bin" / first, *others],
            cwd=folder,
            env=kept | {"PATH": path, "OMP_NUM_THREADS": "1"} | dict(variables or {}),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )


def copy_source(folder: Path) -> Path:
    """What a wheel is built from, copied, so that a build leaves nothing in the clone."""
    folder.mkdir(parents=True)
    for name in (*PACKAGES, "building"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for file in ROOT.iterdir():
        if file.is_file() and not file.name.startswith("."):
            shutil.copy(file, folder)
    return folder


def build(kind: str, source: Path, folder: Path) -> Path:
    """A distribution of a kind ("sdist" or "wheel") of a source, as `pip` has it built."""
    folder.mkdir(parents=True, exist_ok=True)
    code = (
        "import sys; sys.path.insert(0, '.'); from building import backend; "
        f"print(backend.build_{kind}(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, folder],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.splitlines()[-1]


def make_environment(
    folder: Path, wheel: Path, extras: Sequence[str] = (), others: Sequence[str] = ()
) -> Environment:
    """An environment with a wheel, the libraries that it requires with `extras`, and `others`."""
    venv.EnvBuilder(symlinks=True).create(folder)
    environment = Environment(folder)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(environment.site)
        (text,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        required = Parser().parsestr(archive.read(text).decode()).get_all("Requires-Dist") or []
        (points,) = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
        _write_scripts(environment, archive.read(points).decode())
    own = {DISTRIBUTION: required}
    for distribution in collect(f"{DISTRIBUTION}[{','.join(extras)}]", *others, own=own):
        for name in {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}:
            target = Path(str(distribution.locate_file(name)))
            link = environment.site / name
            if name != "__pycache__" and target.exists() and not link.exists():
                link.symlink_to(target)
    return environment


def _write_scripts(environment: Environment, points: str) -> None:
    """The programs of a wheel, as pip writes them."""
    for name, module, function in re.findall(r"^(\w+) = ([\w.]+):(\w+)$", points, re.MULTILINE):
        script = environment.folder / "bin" / name
        script.write_text(
            f"#!{environment.python}\nimport sys\nfrom {module} import {function}\n"
            f"sys.exit({function}())\n"
        )
        script.chmod(0o755)


def collect(*wanted: str, own: Mapping[str, Sequence[str]]) -> list[metadata.Distribution]:
    """The installed distributions that `wanted` require, and theirs; `own` has the requirements
    of those that are not to be collected.
    """
    seen: set[tuple[str, str]] = set()
    found: dict[str, metadata.Distribution] = {}
    waiting = [Requirement(one) for one in wanted]
    while waiting:
        requirement = waiting.pop()
        name = normalise_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            if name not in own:
                found[name] = metadata.distribution(name)
            lines = own[name] if name in own else found[name].requires or []
            for line in lines:
                one = Requirement(line)
                applies = one.marker is None or one.marker.evaluate({"extra": extra})
                always = one.marker is None or one.marker.evaluate({"extra": ""})
                if applies and (not extra or not always):
                    waiting.append(one)
    return list(found.values())
