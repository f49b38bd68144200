"""Places of what is written: one that cannot be is refused, with another."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from dashboards import figures
from space.errors import InputError
from ventral.places import check_drawing, check_figures, check_file


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    cure = re.escape(f"name a file in it, say {tmp_path / 'all.csv'}")
    with pytest.raises(InputError, match=f"--csv: .* is a folder; {cure}"):
        check_file("--csv", tmp_path, "all.csv")
    check_file("--csv", tmp_path / "all.csv", "all.csv")
    check_file("--csv", None, "all.csv")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "drawn"
    check_figures(file)
    file.write_text("")
    with pytest.raises(InputError, match=r"--figures: .* is a file; name a folder"):
        check_figures(file)
    check_figures(tmp_path)


def test_figures_that_cannot_be_drawn_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dashboards.figures.files", None)
    monkeypatch.delattr(figures, "files", raising=False)  # it may be loaded already
    check_figures(None)
    for check in (check_drawing, lambda: check_figures(tmp_path)):
        with pytest.raises(ModuleNotFoundError):
            check()
