"""Where things lie, and whether a process is still the one that was noted."""

import itertools
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from search.host.home import Home, Process, sqlite_file
from search.store import Store
from space.errors import InputError, StoreError

CAMPAIGN = "abcdefgh"


def test_the_default_home_is_a_folder_here_and_nothing_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = Home.at(environ={})
    assert home.path == tmp_path / ".ventral"
    assert home.store_url == f"sqlite:///{tmp_path}/.ventral/store.db"
    assert home.tracking_uri == f"sqlite:///{tmp_path}/.ventral/mlflow.db"
    for path in (home.trial(CAMPAIGN, 3), home.log(CAMPAIGN), home.data):
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
    assert home.ensure(home.trial(CAMPAIGN, 1)).is_dir()


@pytest.mark.parametrize(
    "name", ["a%20b", "a?b=c", "a#b", "a b", "ä-日本", "a%3Fb%", "a:b@c", "x;y&z"]
)
def test_a_home_of_any_name_holds_its_own_store(tmp_path: Path, name: str) -> None:
    home = Home.at(tmp_path / name, {})
    home.ensure()
    Store.open(home.store_url).close()
    assert {path.name for path in home.path.iterdir()} == {"store.db"}
    assert [os.fsencode(path) for path in tmp_path.iterdir()] == [os.fsencode(home.path)]
    assert sqlite_file(home.store_url) == home.path / "store.db"
    named = Home.at(tmp_path, {"VENTRAL_STORE": str(home.path / "other.db")})
    assert sqlite_file(named.store_url) == home.path / "other.db"


def test_a_home_whose_name_is_not_utf_8_is_refused() -> None:
    with pytest.raises(InputError, match=r"caf\\udce9 is not UTF-8"):
        Home.at("caf\udce9", {})


def test_only_an_sqlite_address_has_a_file() -> None:
    for url in ("postgresql://u@h/d", "http://host:5000", "sqlite://", "sqlite:///:memory:"):
        assert sqlite_file(url) is None


def test_a_new_home_is_its_owners_alone_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "deep" / "home", {})
    home.ensure(home.data)
    assert home.path.stat().st_mode & 0o777 == 0o700
    home.path.chmod(0o755)
    home.ensure()
    home.ensure(home.campaigns)
    assert home.path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "campaign",
    ["../../etc", "/etc", "", ".", "..", "abcdefg", "abcdefghj", "Abcdefgh", "a/cdefgh"],
)
def test_what_is_no_id_is_no_path(tmp_path: Path, campaign: str) -> None:
    home = Home.at(tmp_path, {})
    for path in (home.campaign, home.log, lambda one: home.trial(one, 1)):
        with pytest.raises(StoreError, match="is not the id of a campaign"):
            path(campaign)


@pytest.mark.parametrize("number", [-1, "1", "../1", 1.5, None])
def test_what_is_no_number_is_no_trial(tmp_path: Path, number: Any) -> None:
    with pytest.raises(StoreError, match="is not the number of a trial"):
        Home.at(tmp_path, {}).trial(CAMPAIGN, number)


def test_a_pack_is_found_in_a_home_that_has_moved(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "new", {})
    recorded = str(tmp_path / "old" / "data" / "digits-8-abc")
    assert home.pack(recorded) == Path(recorded)
    here = home.ensure(home.data / "digits-8-abc")
    assert home.pack(recorded) == here


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:PW@host:5000/x", "http://host:5000/x"),
        ("http://me:P/W@host:5000", "http://host:5000"),
        ("http://host:5000", "http://host:5000"),
        ("postgresql://h/d?password=PW", "postgresql://h/d?password=***"),
        ("sqlite:////a b/mlflow.db", "sqlite:////a b/mlflow.db"),
        ("http://[bad:PW@x", "http://[bad:***@x"),
    ],
)
def test_a_tracking_address_is_shown_without_its_password(uri: str, shown: str) -> None:
    assert Home(path=Path("/h"), tracking_uri=uri).tracking_label == shown


def test_a_process_is_alive_until_it_is_killed() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    me = Process.current()
    # As earlier versions wrote it down, and stores hold it.
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


def test_a_process_is_the_same_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also between two looks at it: the boot's time moves with the clock."""
    child = subprocess.Popen(["sleep", "60"])
    try:
        born = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
        process = replace(Process.current(), pid=child.pid, born=born)
        boot, shifts = psutil.boot_time(), itertools.chain([0.0], itertools.repeat(3600.0))
        monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot + next(shifts))
        assert process.alive()
        assert replace(process, born=str(int(born) + 1)).alive() is False
    finally:
        child.kill()
        child.wait()


def test_where_no_start_is_known_the_number_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "LINUX", False)
    child = subprocess.Popen(["sleep", "60"])
    process = Process(host=Process.current().host, pid=child.pid, born="")
    try:
        assert process.alive()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process.alive() is False
    finally:
        child.kill()
        child.wait()


def test_a_process_that_is_hidden_may_live(monkeypatch: pytest.MonkeyPatch) -> None:
    def hide(_process: psutil.Process) -> str:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "status", hide)
    assert Process.current().alive() is None


def test_a_process_survives_being_written_down() -> None:
    me = Process.current()
    assert Process.parse(str(me)) == me
    unknown = replace(me, born="")
    assert Process.parse(str(unknown)) == unknown
    assert me.machine in str(me)
