"""Whatever is written by default is its user's alone, also where the mask closes nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from search.deployment.secrets import make_secrets
from search.host.home import Home
from search.store import Store
from search.tune.remains import Remains
from tests.support.campaigns import add, new_small_campaign, train
from tests.ventral.conftest import Shell
from workers.data.packing import pack
from workers.data.specs import Digits


@pytest.fixture(autouse=True)
def open_mask() -> Iterator[None]:
    mask = os.umask(0)
    yield
    os.umask(mask)


def exposed(folder: Path) -> list[str]:
    """What another user can reach below a folder that all may enter: files, sockets, folders."""
    reached, waiting = [], [folder]
    while waiting:
        for path in waiting.pop().iterdir():
            state = path.lstat()
            if not stat.S_ISLNK(state.st_mode) and state.st_mode & 0o077:
                reached.append(str(path.relative_to(folder)))
                waiting += [path] if stat.S_ISDIR(state.st_mode) else []
    return reached


def test_a_home_is_closed_whatever_makes_it(tmp_path: Path) -> None:
    makers: dict[str, Callable[[Home], object]] = {
        "home": lambda home: home.ensure(),
        "campaign": lambda home: home.ensure(home.campaign("abcdefgh")),
        "store": lambda home: Store.open(home.store_url).close(),
        "data": lambda home: pack(Digits(train_images=20, test_images=10), home.ensure(home.data)),
    }
    for name, make in makers.items():
        make(Home.at(tmp_path / name, {}))
        assert any((tmp_path / name).iterdir()) or name == "home"
    assert exposed(tmp_path) == []


def test_commands_leave_nothing_open(tmp_path: Path) -> None:
    """A report, a note, the traceback of what was not foreseen."""
    shell = Shell(tmp_path)
    store = Store.open(f"sqlite:///{shell.home}/store.db")
    campaign, _ = new_small_campaign(store)
    add(store, campaign.id, 0)
    train(store, campaign.id, 0, 0.5, 0.6)
    store.campaigns.set_state(campaign.id, "finished")
    store.close()
    for command in (["note", campaign.id, "mine"], ["gc"]):
        ended = shell.fork(*command)
        assert ended.code == 0, ended.err
    (shell.home / "calibrations.json").write_text("{}")
    assert exposed(tmp_path) == []
    # The home is closed as a whole: what stands in it may say otherwise.
    assert exposed(shell.home) != []


def test_what_a_home_holds_stays_open_where_the_user_opened_it(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home", {})
    home.ensure()
    home.path.chmod(0o755)
    home.ensure(home.campaign("abcdefgh"))
    assert "home" in exposed(tmp_path)


def test_secrets_and_scratch_folders_are_closed(tmp_path: Path) -> None:
    scratch = Remains.create(tmp_path / "cluster.json", tmp_path, None).scratch
    assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
    (tmp_path / "set").mkdir(mode=0o755)
    written = make_secrets(tmp_path / "set")
    assert {stat.S_IMODE(file.stat().st_mode) for file in written} == {0o600}
    assert exposed(tmp_path / "set") == []
