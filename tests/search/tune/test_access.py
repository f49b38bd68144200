"""Who lets whom in: tokens for a cluster of one's own, and for others'."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.host.tokens import TOKEN, TOKEN_PATH
from search.tune import access
from search.tune.access import MODE, OTHERS


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without a token, in a home of their own; that home."""
    for name in (MODE, TOKEN, TOKEN_PATH, *OTHERS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_every_cluster_of_ours_has_a_token_of_its_own() -> None:
    first, second = access.private_token_settings(), access.private_token_settings()
    assert first[MODE] == second[MODE] == "token"
    assert first[TOKEN] != second[TOKEN]
    assert len(str(first[TOKEN])) == 64
    assert [first[name] for name in (TOKEN_PATH, *OTHERS)] == [None] * 3, "no other is looked at"


def test_a_token_is_where_ray_looks_for_one(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not access.has_token()
    (nobody / ".ray").mkdir()
    (nobody / ".ray" / "auth_token").touch()
    assert not access.has_token(), "an empty file holds none"
    (nobody / ".ray" / "auth_token").write_text("0" * 64)
    assert access.has_token()
    monkeypatch.setenv(TOKEN_PATH, str(nobody / "elsewhere"))
    assert not access.has_token(), "the variable goes before the folder"
    (nobody / "elsewhere").write_text("0" * 64)
    assert access.has_token()
    monkeypatch.setenv(TOKEN_PATH, str(nobody / "nowhere"))
    monkeypatch.setenv(TOKEN, "0" * 64)
    assert access.has_token()


def test_a_token_is_used_on_others_clusters_unless_a_variable_says_how(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert access.outside_token_settings() == {}
    monkeypatch.setenv(TOKEN, "0" * 64)
    assert access.outside_token_settings() == {MODE: "token"}
    monkeypatch.setenv(MODE, "disabled")
    assert access.outside_token_settings() == {}


def test_the_environment_is_what_it_was_after_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray is told at both ends: it has read its variables by then."""
    seen: list[str | None] = []
    monkeypatch.setattr(
        access, "reload_authentication", lambda: seen.append(os.environ.get(TOKEN))
    )
    monkeypatch.setenv("RAY_ADDRESS", "lab:6379")
    monkeypatch.setenv(TOKEN, "mine")
    settings = access.private_token_settings()

    def fail_inside() -> None:
        with access.environment(settings):
            assert os.environ[MODE] == "token"
            assert "RAY_ADDRESS" not in os.environ
            os.environ["PYTHONBREAKPOINT"] = "0"  # Ray sets it
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert seen == [settings[TOKEN], "mine"]
    assert os.environ["RAY_ADDRESS"] == "lab:6379"
    assert not {MODE, "PYTHONBREAKPOINT"} & os.environ.keys()


def test_without_a_token_ray_is_left_with_the_cluster_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread of its that is on its way out would end the process if it found none."""
    read: list[bool] = []
    monkeypatch.setattr(access, "reload_authentication", lambda: read.append(True))
    monkeypatch.setenv(MODE, "token")
    with access.environment(access.private_token_settings()):
        pass
    assert read == [True]
    assert TOKEN not in os.environ


def test_what_does_not_answer_as_ray_does_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that asks sees the settings, and its last word alone counts."""
    program = f"import os; print('a notice'); print(os.environ.get('{TOKEN}', 'open'))"
    monkeypatch.setattr(access, "_ASK", program)
    monkeypatch.setenv(TOKEN, "of the environment")
    assert access.probe("127.0.0.1:1", {}) == "silent"
    assert access.probe("127.0.0.1:1", {TOKEN: "refused"}) == "refused"
    assert access.probe("127.0.0.1:1", access.STRANGER) == "open"


def test_open_clusters_are_allowed_by_one_word_which_children_inherit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(access.INSECURE, raising=False)
    access.allow_insecure(False)
    assert not access.allows_insecure()
    monkeypatch.setenv(access.INSECURE, "0")
    assert not access.allows_insecure()
    access.allow_insecure(True)
    assert access.allows_insecure()
    assert os.environ[access.INSECURE] == "1"
