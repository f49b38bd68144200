"""Where things lie, and whether a process is still the one that was noted."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from search.home import Home, Process
from space.errors import InputError


def test_the_default_home_is_a_folder_here_and_nothing_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = Home.at(environ={})
    assert home.path == tmp_path / ".ventral"
    assert home.store_url == f"sqlite:///{tmp_path}/.ventral/store.db"
    assert home.tracking_uri == f"sqlite:///{tmp_path}/.ventral/mlflow.db"
    for path in (home.trial("c", 3), home.log("c"), home.data):
        assert path.is_relative_to(home.path)
    assert list(tmp_path.iterdir()) == []


def test_the_environment_names_home_store_and_tracking(tmp_path: Path) -> None:
    environ = {
        "VENTRAL_HOME": str(tmp_path / "h"),
        "VENTRAL_STORE": "postgresql://u@db/ventral",
        "MLFLOW_TRACKING_URI": "http://mlflow:5000",
    }
    home = Home.at(environ=environ)
    assert home.path == tmp_path / "h"
    assert home.store_url == "postgresql://u@db/ventral"
    assert (home.tracking_uri, home.tracking_is_local) == ("http://mlflow:5000", False)
    assert Home.at(tmp_path / "other", environ).path == tmp_path / "other"
    assert Home.at(tmp_path, {}).tracking_is_local


def test_a_plain_path_is_an_sqlite_store(tmp_path: Path) -> None:
    home = Home.at(tmp_path, {"VENTRAL_STORE": str(tmp_path / "s.db")})
    assert home.store_url == f"sqlite:///{tmp_path}/s.db"


def test_a_file_in_the_way_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"VENTRAL_HOME: .*file is a file"):
        Home.at(tmp_path / "file")
    home = Home.at(tmp_path / "file" / "deeper", {})
    with pytest.raises(InputError, match="cannot be created"):
        home.ensure(home.data)


def test_ensure_makes_the_folder_with_its_parents(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "a", {})
    assert home.ensure(home.trial("c", 1)).is_dir()


def test_a_process_is_alive_until_it_is_killed() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    me = Process.current()
    born = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
    process = replace(me, pid=child.pid, born=born)
    try:
        assert me.alive()
        assert process.alive()
        # The same pid given to a later process is another process.
        assert replace(process, born="1").alive() is False
        assert replace(process, host="elsewhere/boot").alive() is None
        os.kill(child.pid, signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process.alive() is False, "a zombie does not run"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert process.alive() is False


def test_a_process_survives_being_written_down() -> None:
    me = Process.current()
    assert Process.parse(str(me)) == me
    unknown = replace(me, born="")
    assert Process.parse(str(unknown)) == unknown
    assert me.machine in str(me)
