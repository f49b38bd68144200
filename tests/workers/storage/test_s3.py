"""What is an object store's own: uploads that are broken off, and servers that answer badly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from space.errors import UnreachableError
from tests.support.broken_network import Line, breakable_line
from tests.support.s3_server import S3Server
from workers.storage.opening import open_storage
from workers.storage.s3 import S3Storage

CHILD = """
import sys
from pathlib import Path
from workers.storage.opening import open_storage
url, what, file = sys.argv[1:]
storage = open_storage(url)
print("ready", flush=True)
sys.stdin.readline()
if what == "upload":
    storage.upload("packs/large", Path(file))
else:
    data = Path(file).read_bytes()
    storage.publish("trial", {"tensors": data, "record": b"{}"})
"""


def run_until_byte(
    server: S3Server, bucket: str, what: str, file: Path, fatal: int
) -> tuple[int, list[str]]:
    """Run a writer and kill it when so many bytes have left it: its exit code, its requests."""
    with breakable_line(server.endpoint) as line:
        environment = os.environ | {"AWS_ENDPOINT_URL": line.endpoint}
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, bucket, what, str(file)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdin is not None
        with process:
            process.stdout.readline()
            line.cut, line.cut_sent = (lambda: process.send_signal(signal.SIGKILL)), fatal
            process.stdin.write(b"\n")
            process.stdin.flush()
            return process.wait(), line.requests


@pytest.mark.parametrize("what", ["upload", "publish"])
def test_a_writer_that_is_killed_leaves_nothing_that_is_whole(
    s3_server: S3Server, bucket: str, what: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(18_000_000))
    code, requests = run_until_byte(s3_server, bucket, what, file, 12_000_000)
    assert code == -signal.SIGKILL
    assert any(request.startswith(("PUT", "POST")) for request in requests)
    storage = open_storage(bucket)
    assert [entry.key for entry in storage.list("packs")] == []
    assert storage.groups("trial", "record") == []
    assert storage.publish("trial", {"tensors": b"t", "record": b"{}"}) in storage.groups(
        "trial", "record"
    )


def test_a_group_without_its_last_part_is_none(bucket: str) -> None:
    storage = open_storage(bucket)
    storage.write("trial/00000007/tensors", b"t")
    assert storage.groups("trial", "record") == []
    group = storage.publish("trial", {"tensors": b"t", "record": b"{}"})
    assert group == "trial/00000008"  # a number that another writer may hold is not taken
    storage.prune("trial", "record", 1)
    assert {entry.key for entry in storage.list()} == {f"{group}/tensors", f"{group}/record"}
    storage.write("trial/00000009/tensors", b"another writer is at it")
    storage.prune("trial", "record", 1)
    assert len(storage.list()) == 3


def test_a_connection_that_breaks_while_an_object_is_read_is_an_error(
    bucket: str, line: Line
) -> None:
    storage = open_storage(bucket)
    storage.write("a", os.urandom(3_000_000))
    line.cut_received = line.received + 1_000_000
    with pytest.raises(UnreachableError, match="cannot be reached"), storage.open("a") as one:
        one.stream.read()
    with storage.open("a", 2_999_990) as opened:  # the next try goes on
        assert len(opened.stream.read()) == 10


def test_more_objects_than_go_into_a_request_are_listed_and_removed(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.storage.s3.AT_ONCE", 3)
    storage = S3Storage(f"{bucket}/many")
    for number in range(8):
        storage.write(f"a/{number}", b"")
    assert [one.key for one in storage.list()] == [f"a/{number}" for number in range(8)]
    storage.remove("a")
    assert storage.list() == []


def test_one_client_serves_all_storages_of_equal_settings(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To make one takes a tenth of a second."""
    made: list[object] = []

    def count(*arguments: object, **options: object) -> object:
        made.append(arguments)
        return original(*arguments, **options)

    from boto3.session import Session

    original = Session.client
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr(Session, "client", lambda self, *a, **o: count(self, *a, **o))
    for _ in range(3):
        open_storage(bucket).list()
    assert len(made) == 2  # the second one asks by path, since the server is not Amazon's
