"""A path or a file:// URL opens a folder without boto3; s3:// opens an object store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from space.errors import StorageError
from workers.storage.folder import FolderStorage
from workers.storage.opening import open_storage
from workers.storage.s3 import S3Storage


def test_each_address_opens_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert isinstance(open_storage(tmp_path), FolderStorage)
    assert isinstance(open_storage(f"file://{tmp_path}"), FolderStorage)
    assert isinstance(open_storage("s3://bucket/x"), S3Storage)


def test_a_folder_needs_no_boto3(tmp_path: Path) -> None:
    code = (
        "import sys; from workers.storage.opening import open_storage; "
        f"open_storage({str(tmp_path)!r}).write('a', b'x'); "
        "sys.exit(bool({'boto3', 'botocore', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3.session", None)
    monkeypatch.setenv("AWS_REGION", "nowhere-1")  # no client was made by these settings
    with pytest.raises(StorageError, match=r"boto3.* is not installed; pip install .*\[s3\]"):
        open_storage("s3://bucket/x")
