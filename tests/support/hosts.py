"""Several machines on this one: network namespaces on a bridge, each with its own processes.

A host has an address, a host name, processes and a folder for Ray of its own; the disk is the one
of this machine, as if all of them shared it. It can be cut off, healed and killed with everything
that runs on it. It needs root, `ip`, `unshare` and `nsenter`: `why_no_hosts` says what is missing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.support.waiting import wait_until

PREFIX = "10.78.0"
ISOLATED = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]

_SWITCH = """
set -eu
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
ip link set lo up
ip link add switch type bridge
ip link set switch up
ip address add {prefix}.254/24 dev switch
touch "$1"
exec sleep infinity
"""

_PLUG = """
set -eu
ip netns add {name}
ip link add {name} type veth peer name eth0 netns {name}
ip link set {name} master switch up
ip -n {name} link set lo up
ip -n {name} address add {address}/24 dev eth0
ip -n {name} link set eth0 up
ip -n {name} route add default via {prefix}.254
"""

_HOST = """
set -eu
hostname {name}
mount -t tmpfs tmpfs {folder}/r
mount --bind {folder}/hosts /etc/hosts
mount --bind {folder}/resolv.conf /etc/resolv.conf
touch "$1"
exec sleep infinity
"""


def why_no_hosts() -> str | None:
    """Why no hosts can be made here; None if they can."""
    programs = ("ip", "unshare", "nsenter", "mount", "hostname")
    if os.getuid() != 0 or not all(map(shutil.which, programs)):
        return f"hosts of their own need root, {', '.join(programs)}"
    words = ["ip", "link", "add", "port1", "type", "veth", "peer", "name", "port2"]
    tried = subprocess.run(
        ["unshare", "--net", *words], capture_output=True, text=True, check=False
    )
    return None if tried.returncode == 0 else f"no network can be made here: {tried.stderr}"


class Hosts:
    """Hosts by their names, as a context manager; all ends with the block.

    `scratch` is a folder that each host has for itself.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vh-", dir="/tmp"))
        self.scratch = self.folder / "r"
        self._roots: dict[str, int] = {}
        self._started: list[subprocess.Popen[Any]] = []
        self._numbers: dict[str, int] = {}
        self._plugged: set[str] = set()

    def __enter__(self) -> Hosts:
        self.scratch.mkdir()
        # Nobody is asked for names: who cannot be reached would be waited for.
        resolver = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
        (self.folder / "resolv.conf").write_text(resolver)
        command = [*ISOLATED, "--net", "bash", "-c", _SWITCH.format(prefix=PREFIX), "switch"]
        self._switch = self._hold(command, "switch")
        return self

    def __exit__(self, *_ended: object) -> None:
        for name in list(self._roots):
            self.kill(name)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._switch, 9)
        for process in self._started:
            process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, name: str) -> str:
        """The address of a host; one that is started again keeps its own."""
        if name not in self._numbers:
            self._numbers[name] = len(self._numbers) + 1
            lines = [f"{PREFIX}.{number} {host}" for host, number in self._numbers.items()]
            # Written in place: it is mounted already.
            (self.folder / "hosts").write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
        return f"{PREFIX}.{self._numbers[name]}"

    def start(self, name: str) -> None:
        """Start a host, with nothing on it."""
        words = {"name": name, "address": self.address(name), "prefix": PREFIX}
        if name not in self._plugged:
            self._plugged.add(name)
            self._on_switch("bash", "-c", _PLUG.format(**words))
        enter = ["nsenter", "-t", str(self._switch), "-m", "-n", "-p", "--"]
        script = _HOST.format(name=name, folder=self.folder)
        inside = ["ip", "netns", "exec", name, *ISOLATED, "--uts", "bash", "-c", script, name]
        self._roots[name] = self._hold([*enter, *inside], name)

    def kill(self, name: str) -> None:
        """End a host with all that runs on it, as a loss of power does."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._roots.pop(name), 9)

    def cut(self, name: str) -> None:
        """Take a host off the network; its processes go on."""
        self._on_switch("ip", "link", "set", name, "down")

    def heal(self, name: str) -> None:
        """Put a host that was cut off back on the network."""
        self._on_switch("ip", "link", "set", name, "up")

    def run(
        self, name: str, *words: str | Path, environment: Mapping[str, str], check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """A command on a host, in `folder`, to its end; AssertionError with its output if it
        must not fail.
        """
        there = ["sh", "-c", 'cd "$0" && exec "$@"', str(self.folder)]
        done = subprocess.run(
            [*_enter(self._roots[name]), *there, *map(str, words)],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0 or not check, (words, done.stdout, done.stderr)
        return done

    def _on_switch(self, *words: str) -> None:
        enter = ["nsenter", "-t", str(self._switch), "-m", "-n", "-p", "--"]
        done = subprocess.run([*enter, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stderr)

    def _hold(self, command: Sequence[str], name: str) -> int:
        """Start what holds namespaces open; the process that is the first in them."""
        ready = self.folder / f"ready-{name}"
        ready.unlink(missing_ok=True)
        process = subprocess.Popen(
            [*command, ready],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._started.append(process)
        wait_until(lambda: ready.exists() or process.poll() is not None, f"host {name}")
        assert process.poll() is None, f"host {name} did not start"
        return _find_last(process.pid)


def _enter(root: int) -> list[str]:
    return ["nsenter", "-t", str(root), "-m", "-n", "-p", "-u", "--"]


def _find_last(pid: int) -> int:
    """The process at the end of a chain of wrappers."""
    process = psutil.Process(pid)
    while children := process.children():
        (process,) = children
    return process.pid
