"""Places of what is written: one that cannot be is refused, with another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from space.errors import InputError
from ventral.places import check_file, check_folder


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    cure = re.escape(f"name a file in it, say {tmp_path / 'all.csv'}")
    with pytest.raises(InputError, match=f"--csv: .* is a folder; {cure}"):
        check_file("--csv", tmp_path, "all.csv")
    check_file("--csv", tmp_path / "all.csv", "all.csv")
    check_file("--csv", None, "all.csv")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "drawn"
    check_folder("--figures", file)
    file.write_text("")
    with pytest.raises(InputError, match=r"--figures: .* is a file; name a folder"):
        check_folder("--figures", file)
    check_folder("--figures", tmp_path)
    check_folder("--figures", None)
