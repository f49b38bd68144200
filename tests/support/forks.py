"""Scripts as forks of one prepared process: Python's start and large imports are made once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import TracebackType

from tests.support.shrinking import ROOT

_SERVER = """
import json, os, sys
from importlib import import_module

for name in sys.argv[1:]:
    import_module(name)
for line in sys.stdin:
    code, arguments = json.loads(line)
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.dup2(2, 1)
    sys.argv = ["-c", *arguments]
    try:
        exec(compile(code, "a script", "exec"), {"__name__": "__main__"})
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)
"""


class Scripts:
    """A process that has imported `modules`, as a context manager; each script is a fork of it.

    A script finds what one of its own process finds, but for modules that are loaded already.
    """

    def __init__(self, *modules: str) -> None:
        self._modules = modules

    def __enter__(self) -> Scripts:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, *self._modules],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # No threads: a fork has only the one that made it.
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(sys.path[1:])}
            | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def run(self, code: str, *arguments: str) -> int:
        """How a script ended: its exit code, or less than 0 the signal that ended it."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([code, arguments]) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())
