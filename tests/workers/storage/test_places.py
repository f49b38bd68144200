"""The addresses of storages: what is one, what is refused, and what stands below it."""

from __future__ import annotations

from pathlib import Path

import pytest

from space.errors import StorageError
from workers.storage.places import is_url, join, local_folder, read_url, split_s3


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://my-bucket/lab/one/", "s3://my-bucket/lab/one"),
        (" s3://my.bucket ", "s3://my.bucket"),
        ("s3://bucket//a///b", "s3://bucket/a/b"),
        ("file:///srv/ventral/", "file:///srv/ventral"),
        ("file://localhost/srv", "file:///srv"),
    ],
)
def test_a_url_has_one_spelling(text: str, url: str) -> None:
    assert read_url(text, "campaign.storage") == url
    assert read_url(url, "campaign.storage") == url


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("gs://bucket/x", "gs:// is not a scheme"),
        ("https://host/bucket", "https:// is not a scheme"),
        ("/srv/ventral", "is not a URL"),
        ("", "is not a URL"),
        ("s3://", "names no bucket"),
        ("s3:///prefix", "names no bucket"),
        ("s3://My_Bucket/x", "is not the name of a bucket"),
        ("s3://host:9000/bucket", "is not the name of a bucket"),
        ("s3://key:secret-word@bucket/x", "holds an account"),
        ("s3://key@bucket/x", "holds an account"),
        ("s3://bucket/x?endpoint=http://a", "holds a query"),
        ("s3://bucket/../other", "is not a plain path"),
        ("s3://bucket/a\x1b[31m", "is not a plain path"),
        ("file://host/srv", "is not the path of a folder"),
        ("file:///", "is not the path of a folder"),
        ("s3://[::1", "Invalid IPv6"),
    ],
)
def test_one_error_names_field_value_and_cure(text: str, problem: str) -> None:
    with pytest.raises(StorageError) as caught:
        read_url(text, "VENTRAL_STORAGE")
    said = str(caught.value)
    assert said.startswith("VENTRAL_STORAGE: ")
    assert problem in said
    assert "write " in said
    assert "secret-word" not in said
    assert said.isprintable()
    assert caught.value.exit_code == 2


def test_a_folder_is_one_by_path_and_by_url() -> None:
    assert local_folder("file:///srv/a%20b") == Path("/srv/a b")
    assert local_folder("/srv/a b") == local_folder(Path("/srv/a b")) == Path("/srv/a b")
    assert local_folder("s3://bucket/x") is None
    assert (is_url("s3://b"), is_url("file:///a"), is_url("/a")) == (True, True, False)


def test_what_stands_below_a_place() -> None:
    assert join("s3://bucket", "campaigns", "a") == "s3://bucket/campaigns/a"
    assert join("/home", "campaigns") == "/home/campaigns"
    assert split_s3("s3://bucket/a/b") == ("bucket", "a/b")
    assert split_s3("s3://bucket") == ("bucket", "")
