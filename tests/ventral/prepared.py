"""Commands as forks of one prepared process: Python's start and the imports are made once.

They are most of what a command takes that only looks. What such a command sees is what one of its
own process sees, but for modules that are loaded already: folder, environment, standard streams
and exit code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(
    ["ventral.cli", "search.review.ranking", "search.review.progress", "torch"]
)


def run_command(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of `ventral` with these arguments in `folder`.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        streams = (os.devnull, str(out), str(err))
        given = (list(arguments), str(folder), dict(environment), streams)
        process = FORKS.Process(target=_command, args=given)
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(arguments), timeout)
        return process.exitcode, out.read_text(), err.read_text()


def _command(
    arguments: list[str], folder: str, environment: dict[str, str], streams: Sequence[str]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(streams):
        flags = os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY
        os.dup2(os.open(path, flags), number)
    os.chdir(folder)
    sys.argv = [str(Path(sys.executable).with_name("ventral")), *arguments]
    from ventral.cli import main

    main()
