"""Using Ray to see whether it works: in a process of its own, which is ended if it hangs.

Ray may wait for minutes, print as it likes, or end its process: none of it reaches the command.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from search.doctor.cluster import Meeting, Node
from search.doctor.listing import CHECKS
from search.doctor.nodes import FUNCTION, make_request, read_findings
from search.doctor.protocol import Place
from search.host.machine import Machine
from search.host.programs import python_command
from search.tune import remains
from space.documents.outside import printable, redact
from space.errors import InputError, VentralError

PROGRAM = "from ventral.search.doctor.asking import serve; serve()"

NODE_SECONDS = 150.0
"""For all nodes to answer: their slowest check, and a worker's start."""
MEETING_SECONDS = 300.0
"""For all of it. A node's Ray starts in some ten seconds on a quiet machine."""


def meet(place: Place, address: str | None) -> Meeting:
    """What comes of using the cluster at an address, or a Ray of our own without one."""
    with tempfile.TemporaryDirectory(prefix="ventral-doctor-") as folder:
        question = {"address": address, "request": make_request(place), "folder": folder}
        process = subprocess.Popen(
            python_command(PROGRAM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        try:
            output, errors = process.communicate(json.dumps(question), timeout=MEETING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            remains.sweep_forgotten()  # a Ray of our own that it has started
            cure = "`ray status` on the cluster's head shows whether it works"
            problem = f"Ray does not answer within {MEETING_SECONDS:.0f} s"
            return Meeting(address=address, problem=problem, cure=cure if address else "")
    try:
        return read_meeting(address, json.loads(output.strip().rpartition("\n")[2]))
    except (ValueError, KeyError, TypeError):
        lines = errors.strip().splitlines() or [f"its process ended with {process.returncode}"]
        return Meeting(address=address, problem=printable(redact(lines[-1]))[:300])


def read_meeting(address: str | None, answer: Mapping[str, Any]) -> Meeting:
    """A meeting from what `serve` printed. Raises KeyError, TypeError or ValueError for others."""
    if "problem" in answer:
        return Meeting(address=address, problem=answer["problem"], cure=answer["cure"])
    nodes = tuple(
        Node(
            name=one["name"],
            cpus=one["cpus"],
            gpus=one["gpus"],
            findings=tuple(read_findings(one["findings"] or [])),
            problem=one["problem"],
            ahead=None if one["ahead"] is None else (one["ahead"][0], one["ahead"][1]),
        )
        for one in answer["nodes"]
    )
    where = answer["address"] if address is not None else None
    return Meeting(address=where, nodes=nodes, closed=answer["closed"])


def serve() -> None:
    """Be the process: a question on the standard input, the answer on the standard output."""
    question = json.loads(sys.stdin.readline())
    try:
        answer = _ask(question["address"], question["request"], Path(question["folder"]))
    except InputError as error:
        answer = {"problem": error.problem, "cure": error.cure}
    except VentralError as error:
        answer = {"problem": str(error), "cure": ""}
    print("\n" + json.dumps(answer), flush=True)


def _ask(address: str | None, request: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    from search.tune import access
    from search.tune.joining import gcs_address
    from search.tune.surveying import ask_nodes

    # A Ray of our own is tried out by a task that looks at nothing.
    without = [] if address is not None else [check.name for check in CHECKS]
    signing = contextlib.nullcontext() if address is None else _put_sign(Path(request["home"]))
    with _open(address, folder), signing as sign:
        replies = ask_nodes(
            FUNCTION,
            lambda machine: {**request, "sign": sign, "gpus": machine.gpus, "without": without},
            NODE_SECONDS,
        )
        where = gcs_address()
        answer = access.probe(where, access.STRANGER)
    if address is None and (problem := next((one.problem for one in replies), None)):
        raise VentralError(problem)
    nodes = [
        {
            "name": reply.node,
            "cpus": reply.machine.cpus,
            "gpus": reply.machine.gpus,
            "findings": reply.answer,
            "problem": reply.problem,
            "ahead": reply.ahead,
        }
        for reply in replies
    ]
    closed = {"open": False, "refused": True}.get(answer)
    return {"address": where, "nodes": nodes if address is not None else [], "closed": closed}


@contextlib.contextmanager
def _open(address: str | None, folder: Path) -> Iterator[None]:
    """A connection to a cluster, or to a Ray that is started here as a campaign's is; `folder` is
    for its record.
    """
    from search.tune import cluster
    from search.tune.joining import connect

    if address is not None:
        with connect(address):
            yield
        return
    offered = Machine(cpus=1, gpus=0)
    with cluster.local(folder / "record.json", offered, 1, lambda _error: None):
        yield


@contextlib.contextmanager
def _put_sign(home: Path) -> Iterator[dict[str, str] | None]:
    """A file in the home by which nodes recognise it, for the time of the block; None without."""
    sign = {"file": f".doctor-{secrets.token_hex(8)}", "text": secrets.token_hex(8)}
    file = home / sign["file"]
    try:
        file.write_text(sign["text"])
    except OSError:  # there is none, or it may not be written: the check of the disk says so
        yield None
        return
    try:
        yield sign
    finally:
        file.unlink(missing_ok=True)
