"""A running Ray cluster that requires no token: whether others reach it decides."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from search.host.ports import LOOPBACK, addresses_of_machine, free_port
from search.host.tokens import TOKEN, TOKEN_PATH
from search.tune import access
from search.tune.joining import survey
from search.tune.remains import MARK, Remains, new_mark, scratch_root
from space.errors import InputError

COMMAND = Path(sys.executable).with_name("ventral")
RAY = (sys.executable, "-P", "-m", "ray.scripts.scripts")


@pytest.fixture(autouse=True)
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with no token anywhere."""
    for name in (access.MODE, TOKEN, TOKEN_PATH, access.INSECURE, *access.OTHERS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@contextmanager
def open_head(folder: Path, host: str) -> Iterator[int]:
    """The port of a head that admits everybody, with one core, at an address of this machine."""
    port, mark = free_port(), new_mark()
    remains = Remains.create(folder / "head.json", scratch_root(), mark)
    try:
        subprocess.run(
            [*RAY, "start", "--head", f"--port={port}", f"--node-ip-address={host}",
             f"--temp-dir={remains.scratch / 'ray'}", "--num-cpus=1", "--num-gpus=0",
             "--include-dashboard=false", "--object-store-memory=100000000",
             "--disable-usage-stats"],
            env=os.environ | {access.MODE: "disabled", MARK: mark},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=180,
            check=True,
        )  # fmt: skip
        yield port
    finally:
        remains.end()


@pytest.mark.slow
def test_an_open_cluster_that_others_reach_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its outer address and at loopback, by which it is the same one; unless that is waived."""
    outer = next((a for a in addresses_of_machine() if ":" not in a), None)
    if outer is None:
        pytest.skip("this machine has no address but loopback's")
    with open_head(tmp_path, outer) as port:
        for host in (outer, LOOPBACK):
            with pytest.raises(InputError, match="requires no token, and other machines reach it"):
                survey(f"{host}:{port}")
        # A token of one's own does not close it.
        monkeypatch.setenv(TOKEN, "0" * 64)
        with pytest.raises(InputError, match="requires no token"):
            survey(f"{outer}:{port}")
        monkeypatch.delenv(TOKEN)
        done = subprocess.run(
            [COMMAND, "submit", "missing.yaml", "--address", f"{outer}:{port}"],
            env=os.environ | {"VENTRAL_HOME": str(tmp_path / "home")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert "or use it as it is with --insecure" in done.stderr
        monkeypatch.setenv(access.INSECURE, "1")
        assert [machine.cpus for machine in survey(f"{outer}:{port}")] == [1]
