"""MLflow's server on a home's database: a process that is started, asked, and ended.

What it serves is in `search.mirror.serving`. It gets everything it has to know through a pipe,
addresses with passwords too, so that nothing stands in the list of processes; and it ends with
the process that started it, however that ends: then the pipe is closed.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Collection
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from search.host.home import Home
from search.host.ports import ANYWHERE, LOOPBACK, http_address, listen
from search.host.programs import python_command
from space.documents.outside import printable, redact
from space.errors import VentralError

STARTS = 120.0
"""Seconds that a busy machine may need to start it."""
ENDS = 10.0
"""Seconds for it to end by itself when it is asked to."""

PROGRAM = "from ventral.search.mirror.serving import serve; serve()"

_ENVIRONMENT = {"PYTHONWARNINGS": "ignore"}


class Server:
    """A running server; `address` is where it answers, `log` the file of what it prints."""

    def __init__(
        self,
        tracking_uri: str,
        artifacts: Path,
        log: Path,
        port: int,
        host: str = LOOPBACK,
        *,
        home: Home | None = None,
        allowed_hosts: Collection[str] = (),
    ) -> None:
        """Start it; `wait` until it answers. `artifacts` is the root of the runs' files.

        Without `home` it is MLflow as it is, which takes records from anybody on this machine.
        With a home it is there for people: it opens with the home's campaigns, takes notes and
        tags alone, and answers to `allowed_hosts` and to addresses.

        Raises OSError if the port is taken or `host` is none of this machine's.
        """
        self.log = log
        with listen(host, port) as door, log.open("ab") as output:
            # Whoever asks before the server is there waits at this door.
            self.port = int(door.getsockname()[1])
            self.process = subprocess.Popen(
                python_command(PROGRAM),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                text=True,
                bufsize=1,
                start_new_session=True,  # a group of its own, so that all of it can be ended
                pass_fds=[door.fileno()],
                env=os.environ | _ENVIRONMENT,
            )
            settings = {
                "door": door.fileno(),
                "tracking": tracking_uri,
                "artifacts": str(artifacts),
                "pages": home
                and {
                    "store_url": home.store_url,
                    "home": str(home.path),
                    "hosts": list(allowed_hosts),
                },
            }
            assert self.process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(json.dumps(settings) + "\n")
        near = {"::": "::1"}.get(host, LOOPBACK) if host in ANYWHERE else host
        self.address = http_address(near, self.port)

    def wait(self) -> None:
        """Until it answers. Raises VentralError if it ends, or takes too long."""
        until = time.monotonic() + STARTS
        while not self._answers():
            if self.process.poll() is not None:
                raise VentralError(f"MLflow's server did not start; see {self.log}{self._last()}")
            if time.monotonic() > until:
                raise VentralError(f"MLflow did not answer within {STARTS:.0f} s; see {self.log}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        # A proxy, wherever it is, has no way to this machine's own addresses.
        direct = build_opener(ProxyHandler({}))
        with contextlib.suppress(OSError), direct.open(f"{self.address}/health", timeout=2):
            return True
        return False

    def _last(self) -> str:
        """The last line that it printed, behind a colon."""
        lines = self.log.read_text(errors="replace").split("\n")
        text = next((line for line in reversed(lines) if line.strip()), "")
        return f": {printable(redact(text.strip()))[:500]}" if text else ""

    def end(self) -> None:
        """End all of its processes, by force if they do not end when they are asked to."""
        for way in (signal.SIGTERM, signal.SIGKILL):
            self._signal(way)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(ENDS)
        self._close()

    def kill(self) -> None:
        """End all of its processes at once, as a loss of power would."""
        self._signal(signal.SIGKILL)
        self.process.wait()
        self._close()

    def _close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def _signal(self, way: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, way)
