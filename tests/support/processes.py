"""Real Python processes that run our packages, and the tests' own, for tests that kill them."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.shrinking import ROOT


def start_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process that runs `code`; its streams are pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path[1:])},
    )
