"""`ventral gc`: what would be removed is said first."""

from __future__ import annotations

from pathlib import Path

from tests.ventral.conftest import Shell


def test_gc_says_first_and_removes_then(copied: Shell) -> None:
    shell = copied
    before = sorted(path for path in shell.home.rglob("checkpoint") if path.is_dir())
    said = shell("gc", "--dry-run", "--keep", "0", "-o", "json")
    assert said.code == 0, said.err
    assert said.json
    assert all(row["bytes"] > 0 for row in said.json)
    assert sorted(path for path in shell.home.rglob("checkpoint") if path.is_dir()) == before
    told = shell("gc", "--keep", "0")
    assert "checkpoints of pruned trials: " in told.out
    assert "freed: " in told.err
    assert all(not Path(row["path"]).exists() for row in said.json)
    left = {path.parent.name for path in shell.home.rglob("checkpoint") if path.is_dir()}
    assert left == {"trial-00000"}, "the control's"
    assert shell("gc", "--keep", "0", "-o", "json").json == []
    assert shell("gc", "--older-than", "soon").code == 2
