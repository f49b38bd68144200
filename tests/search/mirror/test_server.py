"""MLflow's server as a process: its way to its settings, and how it ends, whatever it serves."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import pytest

from search.host.ports import LOOPBACK
from search.mirror import server as servers
from search.mirror.server import Server
from space.errors import VentralError
from tests.support.waiting import GUARD

SECRET = "s3cret"
ADDRESS = f"postgresql://me:{SECRET}@db/mlflow"

ANSWERS = """
import http.server, json, socket, sys
settings = json.loads(sys.stdin.readline())
print(settings["artifacts"], settings["pages"], flush=True)
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Healthy, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=settings["door"])
server.serve_forever()
"""

DEAF = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdin.readline()
print("deaf", flush=True)
sys.stdin.read()
signal.pause()
"""

FAILS = f"""
import sys
sys.stdin.readline()
print("a notice")
print("OSError: {ADDRESS} is away\\x1b[31m")
sys.exit(1)
"""


def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> Server:
    """A server that runs another program in the place of MLflow."""
    monkeypatch.setattr(servers, "PROGRAM", program)
    return Server(ADDRESS, tmp_path / "artifacts", tmp_path / "server.log", 0)


def test_it_answers_at_its_address_until_it_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(tmp_path, monkeypatch, ANSWERS)
    try:
        server.wait()
        assert server.address == f"http://{LOOPBACK}:{server.port}"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        assert direct.open(server.address, timeout=GUARD).status == 200
        command = Path(f"/proc/{server.process.pid}/cmdline").read_text()
        assert SECRET not in command, "addresses go through the pipe"
        with pytest.raises(OSError, match="in use"):
            Server(ADDRESS, tmp_path, tmp_path / "second.log", server.port)
    finally:
        server.end()
    assert server.process.returncode is not None
    assert server.log.read_text() == f"{tmp_path / 'artifacts'} None\n"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((LOOPBACK, server.port), timeout=GUARD)


def test_one_that_ends_at_once_is_said_with_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(tmp_path, monkeypatch, FAILS)
    with pytest.raises(VentralError, match="did not start") as error:
        server.wait()
    server.end()
    text = str(error.value)
    assert str(server.log) in text
    assert "is away" in text
    assert "a notice" not in text
    assert SECRET not in text
    assert text.isprintable()


def test_one_that_does_not_answer_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "STARTS", 0.0)
    monkeypatch.setattr(Server, "_answers", lambda _server: False)
    server = start(tmp_path, monkeypatch, "import sys; sys.stdin.read()")
    with pytest.raises(VentralError, match="did not answer within 0 s"):
        server.wait()
    server.kill()
    assert server.process.returncode is not None


def test_one_that_does_not_end_when_it_is_asked_to_is_ended_by_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "ENDS", 0.2)
    server = start(tmp_path, monkeypatch, DEAF)
    while "deaf" not in server.log.read_text():
        assert server.process.poll() is None
    server.end()
    assert server.process.returncode == -9
