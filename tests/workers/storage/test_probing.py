"""A storage is tried by writing, reading back and removing; nothing of it stays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from space.errors import StorageError, UnreachableError
from workers.storage.opening import open_storage
from workers.storage.probing import probe_storage


def test_one_that_works_is_left_as_it_was(bucket: str, tmp_path: Path) -> None:
    for url in (f"{bucket}/lab", f"file://{tmp_path}/lab"):
        probe_storage(url)
        assert open_storage(url).list() == []


@pytest.mark.parametrize(
    ("variables", "url", "problem", "cure"),
    [
        ({}, "s3://no-such-bucket-here/x", "no such bucket", "make it"),
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "s3://any-bucket",
            "no credentials",
            "AWS_ACCESS_KEY_ID",
        ),
        (
            {"AWS_PROFILE": "nobody"},
            "s3://any-bucket",
            "credentials cannot be read",
            "AWS_PROFILE",
        ),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "s3://any-bucket", "not an address", "http://HOST"),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_one_error_says_what_is_wrong(
    variables: dict[str, str], url: str, problem: str, cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text) if text else monkeypatch.delenv(name)
    with pytest.raises(StorageError, match=re.escape(problem)) as caught:
        probe_storage(url)
    assert str(caught.value).startswith(url)
    assert cure in str(caught.value)
    assert "a-secret-of-a-test" not in str(caught.value)


def test_a_server_that_is_away_is_another_error(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://me:word@127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9 cannot be reached") as caught:
        probe_storage(bucket)
    assert "word" not in str(caught.value)
