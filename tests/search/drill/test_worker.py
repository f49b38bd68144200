"""The drill inside a worker: it says which process it is, and does to itself what it is sent."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from search.host.home import Process
from search.host.programs import python_command
from tests.support.waiting import GUARD, wait_until

ROOT = Path(__file__).parents[3]

PROGRAM = """
import sys, time
from pathlib import Path
from search.drill.worker import attend
attend(Path(sys.argv[1]), 3)
attend(Path(sys.argv[1]), 4)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_a_worker_is_ended_by_the_file_of_its_trial(tmp_path: Path) -> None:
    process = subprocess.Popen([*python_command(PROGRAM), str(tmp_path)], cwd=ROOT)
    try:
        file = tmp_path / "worker-4"
        wait_until(lambda: file.exists() and file.read_text().strip(), "the worker says its name")
        worker = Process.parse(file.read_text())
        assert worker.pid == process.pid
        assert worker.alive()
        (tmp_path / f"signal-{signal.SIGKILL.value}-3").touch()  # a trial that it had before
        (tmp_path / f"signal-{signal.SIGKILL.value}-4").touch()
        assert process.wait(GUARD) == -signal.SIGKILL
        assert (tmp_path / f"signal-{signal.SIGKILL.value}-3").exists()
        assert not (tmp_path / f"signal-{signal.SIGKILL.value}-4").exists()
    finally:
        process.kill()
        process.wait()
