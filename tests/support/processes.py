"""Real Python processes that run our packages, and the tests' own, for tests that kill them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.shrinking import ROOT

COMMAND = "from ventral.start import main; main()"
"""What the entry point of `ventral` runs."""


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


def run_python(
    code: str, *arguments: str, folder: Path = ROOT, blocked: str = ""
) -> subprocess.CompletedProcess[str]:
    """Python in a folder, where the modules in `blocked` cannot be imported."""
    start = "import sys\n" + "".join(f"sys.modules['{n}'] = None\n" for n in blocked.split())
    return subprocess.run(
        [sys.executable, "-c", start + code, *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
