"""The compose set as plain processes of this machine, with the rendered commands and settings.

PostgreSQL, MLflow with accounts, an S3 server (moto's stands in for SeaweedFS), Ray's head and a
worker with a token: a campaign runs through all of them, and nobody gets in without a secret.
"""

from __future__ import annotations

import http.client
import importlib
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from search.deployment import make_secrets
from search.host.ports import LOOPBACK, free_port
from search.host.tokens import TOKEN
from search.tune import access
from tests.support import postgres
from tests.support.deployments import write_defaults
from tests.support.waiting import wait_until

CAMPAIGN = """
name: tiny
space: motifs-small
data: {name: digits, size: 8, train_images: 300, test_images: 100}
recipe: {epochs: 1, batch_size: 50}
sampler: {name: random}
controls: []
budget: {trials: 2}
"""
NEEDED = {"flask_wtf": "mlflow[auth]", "boto3": "boto3", "moto": "moto[server]"}


def _why_not() -> str | None:
    """Why the set cannot be started here; None if it can."""
    missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    return f"{', '.join(missing)} is not installed" if missing else postgres.why_not()


@dataclass
class Set:
    """The set in a folder: its rendered services, the ports that stand for theirs, processes."""

    folder: Path
    sockets: str
    ports: dict[str, int]
    stack: ExitStack
    scratch: str = ""
    services: dict[str, Any] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Ray's sockets have short paths.
        self.scratch = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="vr-"))
        self.services = yaml.safe_load((self.folder / "compose.yaml").read_text())["services"]
        for secret in ("mlflow_store", "mlflow_accounts", "ventral_store"):
            file = self.folder / "secrets" / secret
            database = rf"@/\1?host={self.sockets}"
            file.write_text(re.sub(r"@database:5432/(\w+)", database, file.read_text()))

    def secret(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text()

    def place(self, text: str) -> str:
        """A rendered setting with this machine's places instead of those in the containers."""
        hosts = {"objects:8333": "s3", "mlflow:5000": "mlflow", "head:6379": "ray"}
        for name, part in hosts.items():
            text = text.replace(name, f"{LOOPBACK}:{self.ports[part]}")
        text = text.replace("127.0.0.1:5000", f"{LOOPBACK}:{self.ports['mlflow']}")
        text = text.replace("--port=6379", f"--port={self.ports['ray']}")
        text = text.replace("--dashboard-port=8265", f"--dashboard-port={self.ports['jobs']}")
        text = text.replace("--dashboard-host=0.0.0.0", f"--dashboard-host={LOOPBACK}")
        text = text.replace("/run/secrets", str(self.folder / "secrets"))
        return text.replace("/usr/local/bin/ventral-mlflow", str(self.folder / "mlflow.sh"))

    def environment(self, service: str) -> dict[str, str]:
        given = self.services[service]["environment"]
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "VENTRAL_HOME": str(self.folder / "data" / "home"),
            "RAY_TMPDIR": self.scratch,
            "RAY_USAGE_STATS_ENABLED": "0",
            "OMP_NUM_THREADS": "1",
            **{name: self.place(str(value)) for name, value in given.items()},
        }

    def words(self, service: str) -> list[str]:
        return [self.place(str(word)) for word in self.services[service]["command"]]

    def start(self, service: str, *more: str) -> subprocess.Popen[bytes]:
        """Start a service behind the image's entry point, as the set does."""
        words = self.words(service)
        first = ["bash", "entrypoint.sh", *(["bash"] if words[0].endswith(".sh") else [])]
        process = self._begin(service, [*first, *words, *more], self.environment(service))
        self.processes[service] = process
        return process

    def _begin(
        self, name: str, words: list[str], environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                words,
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.stack.callback(_end, process)
        return process

    def start_objects(self) -> None:
        """moto's S3, which lets in whoever signs with its key, and MLflow's key for it."""
        boto3: Any = importlib.import_module("boto3")  # it has no types
        words = [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(self.ports["s3"])]
        process = self._begin("objects", words, dict(os.environ))
        self.processes["objects"] = process
        base = f"http://{LOOPBACK}:{self.ports['s3']}"
        self.await_answer("objects", f"{base}/moto-api/")
        given = {"region_name": "us-east-1", "aws_access_key_id": "a"}
        iam = boto3.client("iam", endpoint_url=base, aws_secret_access_key="b", **given)
        iam.create_user(UserName="mlflow")
        everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        iam.put_user_policy(UserName="mlflow", PolicyName="all", PolicyDocument=policy)
        key = iam.create_access_key(UserName="mlflow")["AccessKey"]
        (self.folder / "secrets" / "s3_access_key").write_text(key["AccessKeyId"])
        (self.folder / "secrets" / "s3_secret_key").write_text(key["SecretAccessKey"])
        plain = {"Content-Type": "text/plain"}
        lock = urllib.request.Request(f"{base}/moto-api/reset-auth", data=b"0", headers=plain)
        urllib.request.urlopen(lock, timeout=60).close()

    def await_answer(self, service: str, url: str) -> None:
        def answers() -> bool:
            ended = self.processes[service].poll() is not None
            assert not ended, (self.folder / f"{service}.log").read_text()
            return _ask(url) is not None

        wait_until(answers, service, pause=0.5)

    def listening(self) -> dict[int, str]:
        """The ports on which the set's processes listen, and whose they are."""
        ports = {}
        for service, process in self.processes.items():
            for pid in {process.pid, *(c.pid for c in psutil.Process(process.pid).children(True))}:
                with suppress(psutil.Error):
                    for one in psutil.Process(pid).net_connections("tcp"):
                        if one.status == psutil.CONN_LISTEN:
                            ports[one.laddr.port] = service
        return ports


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with those that it started."""
    with suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


def _ask(url: str, password: str = "") -> int | None:
    """The status with which a request is answered; None if nobody speaks HTTP there."""
    request = urllib.request.Request(url)
    if password:
        coded = b64encode(f"admin:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {coded}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException):
        return None


def _gives_numbers(url: str) -> bool:
    """Whether what answers is for Prometheus."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.headers["Content-Type"]).startswith("text/plain; version=")


@contextmanager
def _start(folder: Path) -> Iterator[Set]:
    """The whole set, ready for a campaign."""
    with ExitStack() as stack:
        server = stack.enter_context(postgres.server("postgres"))
        given = {"PATH": os.environ["PATH"], "PGHOST": str(server.folder)}
        environment = given | {"SECRETS": str(folder / "secrets")}
        subprocess.run(["bash", "databases.sh"], cwd=folder, env=environment, check=True)
        (server.folder / "data" / "pg_hba.conf").write_text("local all all scram-sha-256\n")
        server.sql("SELECT pg_reload_conf()")
        ports = {name: free_port() for name in ("s3", "mlflow", "ray", "jobs")}
        made = Set(folder, str(server.folder), ports, stack)
        script = (folder / "mlflow.sh").read_text()
        assert "--host 0.0.0.0 --port 5000" in script
        place = f"--host {LOOPBACK} --port {ports['mlflow']}"
        (folder / "mlflow.sh").write_text(script.replace("--host 0.0.0.0 --port 5000", place))
        made.start_objects()
        made.start("head", f"--node-ip-address={LOOPBACK}")
        made.start("mlflow")
        made.await_answer("mlflow", f"http://{LOOPBACK}:{ports['mlflow']}/health")
        wait_until(lambda: _listens(ports["ray"]), "Ray's head", pause=0.5)
        made.start("worker", f"--node-ip-address={LOOPBACK}")
        joined = folder / "worker.log"
        wait_until(lambda: "Ray runtime started" in joined.read_text(), "the worker", pause=0.5)
        yield made


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_defaults(tmp_path)
    make_secrets(tmp_path)
    return tmp_path


def test_the_rendered_settings_are_placed_on_this_machine(folder: Path) -> None:
    """All names and folders of containers, or the set below would not be what is started."""
    ports = {"s3": 1, "mlflow": 2, "ray": 3, "jobs": 4}
    with ExitStack() as stack:
        made = Set(folder, "/sockets", ports, stack)
        texts = [made.secret("mlflow_store"), made.secret("ventral_store")]
        for service in ("mlflow", "head", "worker"):
            texts += [*made.words(service), *made.environment(service).values()]
    left = (
        r"/run/secrets|objects:|mlflow:5000|head:|database:|0\.0\.0\.0|:8333|=6379|=8265|/var/lib"
    )
    assert not [text for text in texts if re.search(left, text)]


@pytest.mark.slow
@pytest.mark.skipif(_why_not() is not None, reason=str(_why_not()))
def test_a_campaign_runs_through_the_set_and_strangers_are_refused(folder: Path) -> None:
    import psycopg

    with _start(folder) as made:
        (folder / "tiny.yaml").write_text(CAMPAIGN)
        address = f"{LOOPBACK}:{made.ports['ray']}"
        submit = ["ventral", "submit", "tiny.yaml", "--no-estimate", "--address", address]
        done = subprocess.run(
            ["bash", "entrypoint.sh", *submit],
            cwd=folder,
            env=made.environment("head"),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "not in MLflow yet" not in done.stderr
        password = made.secret("ventral_password")
        database: dict[str, Any] = {"host": made.sockets, "dbname": "ventral", "user": "ventral"}
        with psycopg.connect(password=password, **database) as connection:
            rows = connection.execute("SELECT status FROM trials").fetchall()
        assert rows == [("finished",), ("finished",)]
        runs = f"http://{LOOPBACK}:{made.ports['mlflow']}/api/2.0/mlflow/experiments/search"
        query = f"{runs}?max_results=9"
        # With the secret, and then without.
        assert _ask(query, made.secret("mlflow_admin_password")) == 200
        assert _ask(query) == 401
        assert _ask(query, "password") == 401
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(**database)
        token = {access.MODE: "token", TOKEN: made.secret("ray_token")}
        assert access.probe(address, token) == "open"
        assert access.probe(address, access.STRANGER) == "refused"
        listening = made.listening()
        assert set(made.ports.values()) - {made.ports["jobs"]} <= listening.keys()
        for port, service in listening.items():
            url = f"http://{LOOPBACK}:{port}/ventral-artifacts/a"
            status = _ask(url)
            # Ray's numbers for Prometheus are for everybody inside the set's network.
            of_ray = service in ("head", "worker")
            numbers = status == 200 and of_ray and _gives_numbers(url)
            assert status is None or status >= 400 or numbers, (service, port, status)
