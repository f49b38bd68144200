"""Places that options name for what a command writes, looked at before anything is computed."""

from pathlib import Path

from space.errors import InputError


def check_file(option: str, file: Path | None, name: str) -> None:
    """Raise InputError for a file that is a folder; `name` is what it may be called in there."""
    if file is not None and file.is_dir():
        cure = f"name a file in it, say {file / name}"
        raise InputError(option, f"{file} is a folder", cure)


def check_figures(folder: Path | None) -> None:
    """Raise InputError for a folder of figures that is a file, ModuleNotFoundError if figures are
    wanted and what draws them is not installed.
    """
    if folder is None:
        return
    if folder.exists() and not folder.is_dir():
        raise InputError("--figures", f"{folder} is a file", "name a folder")
    check_drawing()


def check_drawing() -> None:
    """Raise ModuleNotFoundError if what draws figures and makes their tables is not installed."""
    import dashboards.figures.files  # noqa: F401  (whether it can be)
