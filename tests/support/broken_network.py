"""A network that breaks at a chosen byte: a proxy before a server on this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Line:
    """What has passed, and after how many bytes `cut` is called, once, and connections end."""

    endpoint: str = ""
    sent: int = 0
    received: int = 0
    requests: list[str] = field(default_factory=list)
    cut_sent: int | None = None
    cut_received: int | None = None
    cut: Callable[[], object] = lambda: None

    def pass_on(self, source: socket.socket, target: socket.socket, *, sends: bool) -> None:
        """Carry bytes from one end to the other until one of them closes, or the line breaks."""
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                if sends:
                    self.sent += len(data)
                    self.requests += [
                        line.decode(errors="replace").partition(" HTTP/")[0]
                        for line in data.split(b"\r\n")[:1]
                        if b" HTTP/" in line
                    ]
                else:
                    self.received += len(data)
                if self.cut_sent is not None and self.sent > self.cut_sent:
                    self.cut_sent = None
                    self.cut()
                    break
                if self.cut_received is not None and self.received > self.cut_received:
                    self.cut_received = None
                    self.cut()
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def breakable_line(endpoint: str) -> Iterator[Line]:
    """A line to the server at `endpoint`, with an endpoint of its own."""
    parts = urlsplit(endpoint)
    assert parts.hostname is not None
    address = (parts.hostname, parts.port)
    listener = socket.create_server(("127.0.0.1", 0))
    line = Line(endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve() -> None:
        while True:
            try:
                here, _ = listener.accept()
                there = socket.create_connection(address)
            except OSError:
                return
            for source, target, sends in ((here, there, True), (there, here, False)):
                threading.Thread(
                    target=line.pass_on,
                    args=(source, target),
                    kwargs={"sends": sends},
                    daemon=True,
                ).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield line
    finally:
        listener.close()
