"""Where this machine keeps what can be had again."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.storage.cache import cache_folder, ensure_cache


def test_it_is_named_or_in_the_users_folder_of_caches() -> None:
    assert cache_folder({"VENTRAL_CACHE": "/scratch/v", "XDG_CACHE_HOME": "/c"}) == Path(
        "/scratch/v"
    )
    assert cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/ventral")
    for environ in ({}, {"XDG_CACHE_HOME": "relative"}):
        assert cache_folder(environ) == Path.home() / ".cache" / "ventral"


def test_it_is_its_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    assert ensure_cache("logs", "a").is_dir()
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
