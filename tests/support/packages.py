"""Small packages as pip would have installed them, in a folder for the path of Python."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"

OFFERS = {
    "ventral.samplers": {"climber": "my_package.climber:Climber"},
    "ventral.early_stopping": {"plateau": "my_package.plateau:Plateau"},
    "ventral.data": {"bars": "my_package.bars:Bars"},
    "ventral.figures": {"lengths": "my_package.lengths:draw_lengths"},
}
"""The entry points of the package of docs/extending.md."""


def read_page() -> dict[str, str]:
    """The Python files of docs/extending.md by their paths, which stand in their first lines."""
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return dict(blocks)


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Python files below a folder, each of them in a package of its own folder's name."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent != folder:
            (path.parent / "__init__.py").touch()
        path.write_text(text)
    return folder


def install(
    folder: Path,
    files: Mapping[str, str],
    offers: Mapping[str, Mapping[str, str]] | None = None,
    name: str = "my-package",
) -> Path:
    """A distribution of these files in `folder`, with entry points by their group and name."""
    write_files(folder, files)
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in files))
    groups = (
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        for group, points in (offers or {}).items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups))
    return folder


def install_page(folder: Path) -> Path:
    """The package of docs/extending.md, installed in `folder`."""
    files = {path: text for path, text in read_page().items() if not path.startswith("test_")}
    return install(folder, files, OFFERS)
