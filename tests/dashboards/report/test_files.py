"""A report's figures and numbers as files."""

import json
from pathlib import Path

import pytest

from dashboards.report import contents, files
from tests.support.searched import make_searched
from tests.support.small_figures import draw_bars


def made() -> contents.Contents:
    searched = make_searched(trials=20)
    figure = draw_bars([searched])
    assert figure is not None
    judged = contents.judge(searched)
    return contents.Contents(judged=(judged,), figures=(figure,), undrawn=(), warnings=())


def test_every_figure_is_a_picture_a_table_and_a_chart(tmp_path: Path) -> None:
    written = files.write_figures(made(), tmp_path / "new" / "figures")
    assert sorted(file.name for file in written) == ["bars.csv", "bars.svg", "bars.vl.json"]
    assert all(file.stat().st_size for file in written)


def test_the_numbers_are_written_as_json(tmp_path: Path) -> None:
    report = made()
    files.write_json(report, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == report.document()


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OSError, match=r"report\.json"):
        files.write_json(made(), tmp_path / "report.json")
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]
