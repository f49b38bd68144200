"""boto3's errors in words of ours: one line, with the URL and the cure, without secrets."""

from __future__ import annotations

import socket

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    IncompleteReadError,
    NoCredentialsError,
    SSLError,
)

from space.errors import MissingStorageError, StorageError, UnreachableError
from workers.storage.s3_errors import explain_client, is_taken, translate

SECRET = "AKIA-of-somebody"


def answer(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"key {SECRET} is bad"}}, "PutObject")


@pytest.mark.parametrize(
    ("error", "kind", "problem"),
    [
        (answer("NoSuchBucket"), MissingStorageError, "no such bucket"),
        (answer("AccessDenied"), StorageError, "refuses these credentials"),
        (answer("403"), StorageError, "refuses these credentials"),
        (answer("InvalidAccessKeyId"), StorageError, "does not know the key"),
        (answer("SignatureDoesNotMatch"), StorageError, "secret is not that of the key"),
        (answer("RequestTimeTooSkewed"), StorageError, "clock"),
        (answer("NotImplemented"), StorageError, "conditional writes"),
        (answer("Strange"), StorageError, "answers Strange"),
        (answer("SlowDown"), UnreachableError, "answers SlowDown"),
        (answer("503"), UnreachableError, "answers 503"),
        (NoCredentialsError(), StorageError, "no credentials"),
        (SSLError(endpoint_url="https://a", error="bad"), StorageError, "certificate"),
        (ConnectTimeoutError(endpoint_url="http://a"), UnreachableError, "cannot be reached"),
        (
            IncompleteReadError(actual_bytes=1, expected_bytes=2),
            UnreachableError,
            "cannot be reached",
        ),
        (BotoCoreError(), StorageError, "boto3 failed"),
    ],
)
def test_each_is_one_line_with_a_cure(
    error: Exception, kind: type[StorageError], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://me:{SECRET}@lab:8333")
    with pytest.raises(StorageError, match=problem) as caught, translate("s3://bucket/key"):
        raise error
    assert type(caught.value) is kind
    assert caught.value.where == "s3://bucket/key"
    assert caught.value.cure
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_what_is_not_there_is_a_file_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError, match="s3://bucket/key"), translate("s3://bucket/key"):
        raise answer("NoSuchKey")


def test_what_is_not_boto3s_passes() -> None:
    for error in (OSError("full"), socket.gaierror("x"), ValueError("no"), StorageError("a", "b")):
        with pytest.raises(type(error)) as caught, translate("s3://bucket/key"):
            raise error
        assert caught.value is error


def test_a_refused_condition_is_not_a_failure() -> None:
    assert is_taken(answer("PreconditionFailed"))
    assert is_taken(answer("ConditionalRequestConflict"))
    assert not is_taken(answer("AccessDenied"))
    assert isinstance(explain_client("s3://b", ""), StorageError)
