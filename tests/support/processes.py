"""Real Python processes that run our packages, and the tests' own, for tests that kill them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from tests.support.shrinking import ROOT

COMMAND = "from ventral.start import main; main()"
"""What the entry point of `ventral` runs."""


def runs(pid: int) -> bool:
    """Whether it is a process that has not ended, whoever has to take note of its end."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


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


DIES_AT = """
import os, sys
from search.host.home import Home
from search.mirror.client import Client
from search.mirror.tracking import Mirror
from search.store import Store
from search.store.campaigns import Campaigns
from search.store.outbox import Outbox

home, campaign_id, where, count = Home.at(sys.argv[1], {}), sys.argv[2], sys.argv[3], [0]
owner = next(one for one in (Outbox, Campaigns, Client) if hasattr(one, where))
method = getattr(owner, where)

def dies(*arguments, **named):
    count[0] += 1
    if count[0] == int(sys.argv[4]):
        os.kill(os.getpid(), 9)
    return method(*arguments, **named)

setattr(owner, where, dies)
"""
"""The start of a mirror's script: `home`, `campaign_id`, and a process that is killed at a call.

Its arguments are the home, the campaign, a method of the store or of MLflow's client, and which
call of that is the last.
"""
