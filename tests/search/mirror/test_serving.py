"""The process that serves MLflow: it ends with its parent, and its log holds no password."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.processes import start_python
from tests.support.waiting import GUARD

SECRET = "s3cret"
SETTINGS = json.dumps({"door": 0, "tracking": f"postgresql://me:{SECRET}@db/m", "pages": None})

FAILS = """
from search.mirror import serving

def fail(settings):
    print("reaching", settings["tracking"])
    raise OSError("no way to\\n " + settings["tracking"])

serving._application = fail
serving.serve()
"""

STUCK = """
import time
from search.mirror import serving

def wait(_settings):
    print("waiting", flush=True)
    time.sleep(600)

serving._application = wait
serving.serve()
"""


def give_settings(process: subprocess.Popen[str]) -> None:
    """As the parent does; the pipe stays open."""
    assert process.stdin is not None
    process.stdin.write(SETTINGS + "\n")
    process.stdin.flush()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_why_it_cannot_serve_is_the_last_line_of_its_log() -> None:
    process = start_python(FAILS)
    try:
        give_settings(process)
        assert process.wait(GUARD) == 1
        out, log = process.communicate()
    finally:
        end(process)
    assert out == "", "all of it goes to the log"
    first, *_, last = log.splitlines()
    assert first == "reaching postgresql://me:***@db/m"
    assert last == "OSError: no way to postgresql://me:***@db/m"
    assert SECRET not in log


@pytest.mark.parametrize("settings", ["", "null\n"])
def test_without_settings_it_ends_at_once(settings: str) -> None:
    """Its parent was killed before it could write them."""
    process = start_python(STUCK)
    try:
        assert process.communicate(settings, timeout=GUARD) == ("", "")
    finally:
        end(process)
    assert process.returncode == 0


def test_it_ends_with_its_parent_whatever_is_going_on() -> None:
    process = start_python(STUCK)
    try:
        give_settings(process)
        assert process.stdin is not None
        assert process.stderr is not None
        assert process.stderr.readline() == "waiting\n"
        process.stdin.close()
        assert process.wait(GUARD) == 0
    finally:
        process.kill()
        process.wait()
