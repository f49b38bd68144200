"""A server that answers what `ventral doctor` asks of MLflow's, in a thread."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BASIC = "Basic " + b64encode(b"me:word").decode()
"""The header of an account."""


@contextmanager
def serve(status: int = 200, body: str = "{}", account: str | None = None) -> Iterator[str]:
    """A server that answers a search like that, and 401 without the account; its address."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            allowed = account is None or self.headers["Authorization"] == account
            self._answer(status if allowed else 401, body)

        def do_GET(self) -> None:
            self._answer(200, "3.99.0")

        def do_HEAD(self) -> None:
            self._answer(200, "")

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
