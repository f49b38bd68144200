"""Places that options name for what a command writes, looked at before anything is computed."""

from pathlib import Path

from space.errors import InputError


def check_file(option: str, file: Path | None, name: str) -> None:
    """Raise InputError for a file that is a folder; `name` is what it may be called in there."""
    if file is not None and file.is_dir():
        cure = f"name a file in it, say {file / name}"
        raise InputError(option, f"{file} is a folder", cure)


def check_folder(option: str, folder: Path | None) -> None:
    """Raise InputError for a folder that is a file."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise InputError(option, f"{folder} is a file", "name a folder")
