"""The file that Ray takes a token from."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.host.tokens import token_file


def test_it_is_the_one_that_the_environment_names_or_one_in_the_users_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    assert token_file() == token_file({}) == tmp_path / ".ray" / "auth_token"
    assert token_file({"RAY_AUTH_TOKEN_PATH": ""}) == tmp_path / ".ray" / "auth_token"
    assert token_file({"RAY_AUTH_TOKEN_PATH": "/a/token"}) == Path("/a/token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/another")
    assert token_file() == Path("/another")
