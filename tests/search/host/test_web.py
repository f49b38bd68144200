"""Requests: any status is an answer, no redirection is followed, and bodies are bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import URLError
from urllib.request import Request

import pytest

from search.host.ports import LOOPBACK, free_port, http_address
from search.host.web import Answer, make_opener, send_request


class _Server(BaseHTTPRequestHandler):
    """Answers /301 with that status and a redirection to /200, and so on; 100 bytes each."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "/200")
        self.end_headers()
        self.wfile.write(b"x" * 100)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer((LOOPBACK, 0), _Server) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield http_address(LOOPBACK, server.server_port)
        server.shutdown()


def ask(address: str, most: int = 1000) -> Answer:
    return send_request(make_opener(), Request(address), 20.0, most)


@pytest.mark.parametrize("status", [200, 301, 307, 404, 500])
def test_whatever_its_status_an_answer_is_one(address: str, status: int) -> None:
    answer = ask(f"{address}/{status}")
    assert (answer.status, answer.body) == (status, b"x" * 100)
    assert answer.headers["Location"] == "/200"


def test_a_long_body_is_cut(address: str) -> None:
    assert ask(f"{address}/200", most=7).body == b"x" * 7


def test_where_nothing_listens_there_is_no_answer() -> None:
    with pytest.raises(URLError):
        ask(http_address(LOOPBACK, free_port()))
