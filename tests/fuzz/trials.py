"""Tries many damaged inputs on a parser, in a child process that may be killed by one of them.

A target is the name of a function `module:function` that takes an empty folder, prepares whole
inputs in it, and returns the function that tries one input, damaged as its generator says. An
input passes if that returns or raises one `VentralError`; any other exception, a death, more than
`SECONDS` of processor time or more than `MEGABYTES` of memory is a finding.
"""

import importlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from space.errors import VentralError

ROOT = Path(__file__).parents[2]
SAMPLE, MANY = 100, 100_000
SECONDS, MEGABYTES = 1, 500
GUARD = 20  # times as long in a sample, which may run on a busy machine
_SHOWN = 5

Try = Callable[[random.Random], object]


def findings(target: str, count: int = SAMPLE, first: int = 0) -> list[str]:
    """What the inputs of `count` seeds from `first` on did wrong, with their seeds; the first 5.

    An empty list means that all passed. A seed is had again by `count=1, first=SEED`.
    """
    seconds = SECONDS if count > SAMPLE else SECONDS * GUARD
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.trials", target, str(first), str(count), str(seconds)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=3600,
        check=True,
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def survey(target: str, first: int, count: int, seconds: int) -> list[str]:
    """All seeds, in a fork that is made anew behind an input that killed the one before."""
    found: list[str] = []
    seed, end = first, first + count
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        while seed < end and len(found) < _SHOWN:
            work = Path(folder) / "work"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            report.write_text("")
            process = os.fork()
            if not process:
                _try_all(target, range(seed, end), work, report, seconds)
            _, status = os.waitpid(process, 0)
            lines = report.read_text().splitlines()
            found += [json.loads(line) for line in lines if line.startswith('"')]
            if not status:
                break
            last = next((int(line) for line in reversed(lines) if line.isdigit()), seed)
            found.append(f"seed {last}: the process ended ({_status(status)})")
            seed = last + 1
    return found[:_SHOWN]


def _status(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.waitstatus_to_exitcode(status)}"


def _try_all(target: str, seeds: range, work: Path, report: Path, seconds: int) -> None:
    """In the fork, which ends here: every seed's number and findings go to `report`."""
    code = 1
    try:
        warnings.simplefilter("ignore")
        attempt = _prepared(target, work)
        _limit_memory()
        signal.signal(signal.SIGPROF, _too_long)
        wrong = 0
        with report.open("w", buffering=1) as out:
            for seed in seeds:
                print(seed, file=out)
                text = _tried(attempt, seed, seconds)
                if text:
                    print(json.dumps(f"seed {seed}: {text}"), file=out)
                    wrong += 1
                if wrong == _SHOWN:
                    break
        code = 0
    except BaseException:  # noqa: BLE001 - the fork ends here in any case
        traceback.print_exc()
    finally:
        os._exit(code)


def _prepared(target: str, work: Path) -> Try:
    module, _, name = target.partition(":")
    made: Try = getattr(importlib.import_module(module), name)(work)
    return made


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (MEGABYTES << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


class _TooLong(BaseException):
    """No Exception: what is tried must not catch it."""


def _too_long(*_: Any) -> None:
    raise _TooLong


def _tried(attempt: Try, seed: int, seconds: float) -> str:
    """What is wrong with what the input of a seed did, or nothing."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        attempt(random.Random(seed))
    except VentralError:
        return ""
    except _TooLong:
        return f"took more than {seconds} s"
    except BaseException as error:  # noqa: BLE001 - every other end is a finding
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}:{place.lineno}"
        return f"{type(error).__name__}: {str(error)[:200]} ({where})"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


if __name__ == "__main__":
    named, start, number, allowed = sys.argv[1:]
    importlib.import_module(named.partition(":")[0])
    print(json.dumps(survey(named, int(start), int(number), int(allowed))))
