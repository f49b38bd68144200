"""An S3 server in a process of its own: moto's, or another one that is running.

`VENTRAL_TEST_S3=http://HOST:PORT`, with `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, names a
server for the tests to use instead: SeaweedFS, say.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

OTHER = "VENTRAL_TEST_S3"

SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass
class S3Server:
    """A server that is running at `endpoint`, and the variables by which boto3 finds it."""

    endpoint: str
    key: str = "testing"
    secret: str = "a-secret-of-a-test"

    @property
    def variables(self) -> Mapping[str, str]:
        """All that a process needs, and nothing of whoever runs the tests."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_REGION": "us-east-1",
        }

    def make_bucket(self) -> str:
        """A new empty bucket: its URL."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=name)
        return f"s3://{name}"

    @cached_property
    def client(self) -> Any:
        """boto3's own client, for what a test looks at or damages."""
        from boto3.session import Session

        session = Session(self.key, self.secret, region_name="us-east-1")
        return session.client("s3", endpoint_url=self.endpoint)


@contextmanager
def run_s3_server() -> Iterator[S3Server]:
    """A server that ends with the block, or with this process."""
    if other := os.environ.get(OTHER):
        keys = (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        yield S3Server(other, *keys)
        return
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a line a request
        text=True,
    )
    try:
        assert process.stdout is not None
        yield S3Server(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
