"""MLflow's own server on a home's database, in processes that all end with it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

from search.ports import LOOPBACK
from space.errors import VentralError

STARTS = 120.0
"""Seconds that a busy machine may need to start it."""
ENDS = 10.0
"""Seconds for it to end by itself when it is asked to."""

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # two processes in place of ten
    "PYTHONWARNINGS": "ignore",
}


class Server:
    """A running server; `address` is where it answers, `log` the file of what it prints."""

    def __init__(
        self, tracking_uri: str, artifacts: Path, log: Path, port: int, host: str = LOOPBACK
    ) -> None:
        """Start it; `wait` until it answers. `artifacts` is the root of the runs' files."""
        self.address, self.log = f"http://{host}:{port}", log
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
            *("--backend-store-uri", tracking_uri),
            *("--artifacts-destination", str(artifacts)),
            *("--host", host, "--port", str(port)),
        ]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # a group of its own, so that all of it can be ended
                env=os.environ | _QUIET,
            )

    def wait(self) -> None:
        """Until it answers. Raises VentralError if it ends, or takes too long."""
        until = time.monotonic() + STARTS
        while not self._answers():
            if self.process.poll() is not None:
                raise VentralError(f"MLflow's server did not start; see {self.log}")
            if time.monotonic() > until:
                raise VentralError(f"MLflow did not answer within {STARTS:.0f} s; see {self.log}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), urlopen(f"{self.address}/health", timeout=2):
            return True
        return False

    def end(self) -> None:
        """End all of its processes, by force if they do not end when they are asked to."""
        for way in (signal.SIGTERM, signal.SIGKILL):
            self._signal(way)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(ENDS)

    def kill(self) -> None:
        """End all of its processes at once, as a loss of power would."""
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, way: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, way)
