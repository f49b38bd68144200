"""The batch script of Slurm, run: its guards, and a campaign on an allocation of three machines.

The scheduler is a stand-in that does what Slurm promises: `scontrol show hostnames` lists the
machines, and `srun` runs a command on each. For the slow test the machines are network namespaces,
each with its own address, processes and folder of Ray, joined by a bridge.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from search.deployment import Deployment, render_target, write_files
from space.documents.validation import parse

JOB = "4711"
PATH = "/usr/sbin:/usr/bin:/bin"
MACHINES = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
"""The start of a command in which networks and mounts are made that end with it."""


def _write_program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def _prepare(folder: Path, *, nodes: int, venv: Path) -> tuple[Path, dict[str, str]]:
    """(the rendered script, its environment) of an allocation in `folder`."""
    document = {
        "slurm": {
            "nodes": nodes,
            "cpus": 1,
            "memory": 4,
            "gpus": 0,
            "hours": 1,
            "venv": str(venv),
            "environment": str(folder / "environment"),
        }
    }
    (script,) = write_files(render_target(parse(Deployment, document), "slurm"), folder)
    (folder / "environment").write_text(f"VENTRAL_HOME={folder / 'home'}\n")
    (folder / "environment").chmod(0o600)
    (folder / "campaign.yaml").write_text("name: tiny\n")
    _write_program(folder / "bin" / "scontrol", '#!/bin/bash\ntr , "\\n" <<< "$3"\n')
    environment = {
        "PATH": f"{folder / 'bin'}:{PATH}",
        "HOME": str(folder),
        "SLURM_JOB_ID": JOB,
        "SLURM_JOB_NUM_NODES": str(nodes),
        "SLURM_JOB_NODELIST": ",".join(f"10.77.0.{number + 1}" for number in range(nodes)),
    }
    return script, environment


def _submit(
    script: Path, environment: dict[str, str], *words: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", script, *words],
        cwd=script.parents[1],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def allocation(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """An allocation of two machines whose `srun` prints what it is to run, and with what."""
    venv = tmp_path / "venv"
    _write_program(venv / "bin" / "ventral", "#!/bin/bash\n")
    (venv / "bin" / "python").symlink_to(sys.executable)
    srun = (
        "#!/bin/bash\n"
        'printf "%s\\n" "$@" "$RAY_AUTH_MODE" "$(stat -c %a "$RAY_AUTH_TOKEN_PATH")" '
        '"$(wc -c < "$RAY_AUTH_TOKEN_PATH")"\n'
        'while [[ "$1" != -- ]]; do shift; done\n'
        'test -n "${BROKEN:-}" || touch "$5"\n'
    )
    script, environment = _prepare(tmp_path, nodes=2, venv=venv)
    _write_program(tmp_path / "bin" / "srun", srun)
    return script, environment


def test_the_campaign_runs_on_all_machines_with_a_token_that_ends_with_it(
    allocation: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    done = _submit(*allocation, "campaign.yaml")
    assert done.returncode == 0, done.stderr
    *words, mode, permissions, length = done.stdout.split()
    assert (mode, permissions, length) == ("token", "600", "64")
    assert words[:3] == ["--nodes=2", "--ntasks=2", "--ntasks-per-node=1"]
    head = "10.77.0.1:24711"
    assert words[3:9] == ["ray", "symmetric-run", "--address", head, "--min-nodes", "2"]
    start = words.index("ventral")
    noted = tmp_path / "home" / "submitted" / hashlib.sha256(b"name: tiny\n").hexdigest()
    given = ["ventral", "submit", "campaign.yaml", "--id-file", str(noted), "--address", head]
    assert words[start:] == given
    assert list((tmp_path / "home" / "tokens").iterdir()) == []
    noted.write_text("abcdefgh")
    words = _submit(*allocation, "campaign.yaml").stdout.split()
    start = words.index("ventral")
    assert words[start : start + 5] == ["ventral", "resume", "abcdefgh", "--address", head]


@pytest.mark.parametrize(
    ("broken", "cure"),
    [
        ("environment", "chmod 600"),
        ("no environment", "set VENTRAL_HOME"),
        ("ventral", "install it there"),
        ("campaign", "on a shared folder"),
        ("home", "that all machines share"),
    ],
)
def test_what_is_missing_ends_it_before_anything_starts(
    allocation: tuple[Path, dict[str, str]], tmp_path: Path, broken: str, cure: str
) -> None:
    match broken:
        case "environment":
            (tmp_path / "environment").chmod(0o644)
        case "no environment":
            (tmp_path / "environment").unlink()
        case "ventral":
            (tmp_path / "venv" / "bin" / "ventral").unlink()
        case "campaign":
            (tmp_path / "campaign.yaml").unlink()
        case "home":
            (tmp_path / "environment").write_text("\n")
    done = _submit(*allocation, "campaign.yaml")
    assert done.returncode != 0
    assert cure in done.stderr
    assert done.stdout == ""


def test_ray_that_does_not_start_is_a_failure(
    allocation: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    script, environment = allocation
    done = _submit(script, {**environment, "BROKEN": "yes"}, "campaign.yaml")
    assert done.returncode == 1
    assert "the campaign did not start" in done.stderr
    assert list((tmp_path / "home" / "tokens").iterdir()) == []


def test_it_says_how_it_is_used(allocation: tuple[Path, dict[str, str]]) -> None:
    assert "usage: sbatch ventral.sbatch CAMPAIGN.yaml" in _submit(*allocation).stderr


NETWORK = """#!/bin/bash
# Three machines on a bridge, gone with this process; then the batch script on the first one.
set -euo pipefail
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
ip link set lo up
ip link add switch type bridge
ip link set switch up
ip address add 10.77.0.254/24 dev switch
for number in 1 2 3; do
    ip netns add "node$number"
    ip link add "port$number" type veth peer name eth0 netns "node$number"
    ip link set "port$number" master switch up
    ip -n "node$number" link set lo up
    ip -n "node$number" address add "10.77.0.$number/24" dev eth0
    ip -n "node$number" link set eth0 up
    ip -n "node$number" route add default via 10.77.0.254  # by which Ray knows its own address
done
ip netns exec node1 bash "$@"
"""

SRUN = """#!/bin/bash
# Runs the command on every machine of the list, and ends when all have ended.
while [[ "$1" == --* ]]; do shift; done
mkdir -p "$RAY_TMPDIR"
pids=()
for number in $(seq "$SLURM_JOB_NUM_NODES"); do
    ip netns exec "node$number" unshare --mount --pid --fork --kill-child --mount-proc \\
        sh -c 'mount -t tmpfs tmpfs "$RAY_TMPDIR" && exec "$@"' sh "$@" \\
        > "$LOGS/node$number" 2>&1 &
    pids+=("$!")
done
code=0
for pid in "${pids[@]}"; do wait "$pid" || code=$?; done
exit "$code"
"""

CAMPAIGN = """
name: tiny
space: motifs-small
data: {name: digits, size: 8, train_images: 300, test_images: 100}
recipe: {epochs: 1, batch_size: 50}
sampler: {name: random}
budget: {trials: 4}
seed: 3
"""


def _why_no_machines() -> str | None:
    """Why no machines can be made here, and the cure; None if they can."""
    for program, package in (("ip", "iproute2"), ("unshare", "util-linux")):
        if shutil.which(program, path=PATH) is None:
            return f"{program} is not installed (apt-get install {package})"
    if os.getuid() != 0:
        return "network namespaces are made by root alone (run it as root)"
    parts = "ip link add switch type bridge && ip link add port type veth peer name other"
    tried = subprocess.run(
        [*MACHINES, "sh", "-c", parts],
        env={"PATH": PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode == 0:
        return None
    cure = "run it where root has CAP_SYS_ADMIN and CAP_NET_ADMIN"
    return f"no network can be made here: {tried.stderr.strip()} ({cure})"


@pytest.mark.slow
def test_a_campaign_runs_on_an_allocation_of_three_machines(tmp_path: Path) -> None:
    if (reason := _why_no_machines()) is not None:
        pytest.skip(reason)
    venv = Path(sys.executable).parents[1]
    script, environment = _prepare(tmp_path, nodes=3, venv=venv)
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    (tmp_path / "network.sh").write_text(NETWORK)
    (tmp_path / "logs").mkdir()
    _write_program(tmp_path / "bin" / "srun", SRUN)
    done = subprocess.run(
        [*MACHINES, "bash", tmp_path / "network.sh", script, tmp_path / "campaign.yaml"],
        cwd=tmp_path,
        env={**environment, "LOGS": str(tmp_path / "logs")},
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    logs = {file.name: file.read_text() for file in (tmp_path / "logs").iterdir()}
    assert done.returncode == 0, (done.stderr, logs)
    assert "Running command on head node" in logs["node1"]
    for name in ("node2", "node3"):
        assert "On worker node. Connecting to Ray cluster at 10.77.0.1:24711" in logs[name]
    listed = subprocess.run(
        [venv / "bin" / "ventral", "list", "-o", "json"],
        env={**environment, "VENTRAL_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    (row,) = json.loads(listed.stdout)
    assert (row["state"], row["done"]) == ("finished", 4)
    assert list((tmp_path / "home" / "tokens").iterdir()) == []
