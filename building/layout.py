"""Which packages are built from which folders: as they lie, or all below `ventral`."""

import shutil
from pathlib import Path
from typing import Any

from setuptools import find_packages
from setuptools.command.build_py import build_py

from building.imports import move_imports

FRONT = "ventral"
INNER = ("space", "models", "workers", "search", "dashboards")
"""The packages that lie beside FRONT in the clone, and below it in a wheel."""

_NO_DATA = {".py", ".pyc", ".pyo"}

as_it_lies = False
"""Whether packages are to have the names that they have in the clone (building/backend.py)."""


class BuildModules(build_py):  # type: ignore[misc]
    """Copies modules, and rewrites their imports where the packages get longer names."""

    def run(self) -> None:
        """Build in an empty folder: what an earlier build left there would get into the wheel."""
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()

    def build_module(self, module: str, module_file: str, package: str) -> Any:
        """Copy one module. Raises ValueError, with its file, for an import beyond rewriting."""
        done = super().build_module(module, module_file, package)
        if not self.editable_mode and not as_it_lies:
            built = Path(done[0])
            try:
                text = move_imports(built.read_text("utf-8"), INNER, FRONT)
            except ValueError as error:
                raise ValueError(f"{module_file}: {error}") from error
            built.write_text(text, "utf-8")
        return done


def describe(root: Path) -> dict[str, Any]:
    """What `setup` is given: the packages, where each lies, and the files beside their modules.

    All that lies in a package's folder is part of it. Raises ValueError if a module of FRONT has
    the name of a package that would lie beside it.
    """
    folders = {
        name: name.replace(".", "/")
        for name in find_packages(str(root), include=[f"{top}*" for top in (FRONT, *INNER)])
        if name.partition(".")[0] in (FRONT, *INNER)
    }
    for name in INNER:
        if f"{FRONT}.{name}" in folders or (root / FRONT / f"{name}.py").exists():
            raise ValueError(f"{FRONT}/{name} has the name of a package: rename it")
    data = {
        place_package(name): [
            file.relative_to(root / folder).as_posix()
            for file in find_data(root / folder, root, set(folders.values()))
        ]
        for name, folder in folders.items()
    }
    return {
        "cmdclass": {"build_py": BuildModules},
        "packages": [place_package(name) for name in folders],
        "package_dir": {} if as_it_lies else {place_package(name): name for name in INNER},
        "package_data": data,
        "include_package_data": False,
    }


def place_package(name: str) -> str:
    """The name of a package where it is built."""
    inner = name.partition(".")[0] in INNER
    return f"{FRONT}.{name}" if inner and not as_it_lies else name


def find_data(folder: Path, root: Path, packages: set[str]) -> list[Path]:
    """The files of a package that are no modules, also in folders that are no packages."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__pycache__")):
            continue
        if path.is_dir():
            if path.relative_to(root).as_posix() not in packages:
                found += find_data(path, root, packages)
        elif path.suffix not in _NO_DATA:
            found.append(path)
    return found
