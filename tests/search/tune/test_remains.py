"""What a killed driver left is ended, and nothing else: not by a file that somebody planted."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from search.host.home import Process
from search.tune import remains
from search.tune.remains import (
    MARK,
    OWNER,
    Remains,
    find_marked,
    scratch_root,
    sweep,
    sweep_forgotten,
)
from space.errors import VentralError

OURS = "0123456789abcdef"


@pytest.fixture
def sleeper() -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts processes that carry a mark and do nothing."""
    started = []

    def start(mark: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]
        process = subprocess.Popen(command, env=os.environ | {MARK: mark}, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def dead() -> Process:
    """A driver of this machine that is gone."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    return dataclasses.replace(Process.current(), pid=gone.pid, born="1")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which scratch folders lie."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(remains, "SHORT_ROOT", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def left_by(driver: Process, record: Path, folder: Path, mark: str | None = OURS) -> Remains:
    """What a driver leaves when it is killed."""
    found = dataclasses.replace(Remains.create(record, folder, mark), driver=driver)
    for file in (record, found.scratch / OWNER):
        file.write_text(found.document())
    return found


def test_what_a_dead_driver_left_is_ended(
    tmp_path: Path, temporary: Path, dead: Process, sleeper: Callable[..., subprocess.Popen[bytes]]
) -> None:
    ours, other = sleeper(OURS), sleeper(OURS + "0")
    record = tmp_path / "cluster.json"
    found = left_by(dead, record, temporary)
    assert find_marked(OURS) == [ours.pid]
    assert sweep(record) == 1
    assert ours.wait(5) == -9
    assert other.poll() is None
    assert not found.scratch.exists()
    assert not record.exists()


def test_what_forgotten_drivers_left_is_ended(
    tmp_path: Path, temporary: Path, dead: Process, sleeper: Callable[..., subprocess.Popen[bytes]]
) -> None:
    elsewhere = dataclasses.replace(dead, host="another/boot/pid")
    ours = sleeper(OURS)
    made = {
        name: left_by(driver, tmp_path / f"{name}.json", temporary)
        for name, driver in (("dead", dead), ("far", elsewhere), ("mine", Process.current()))
    }
    sweep_forgotten()
    assert ours.wait(5) == -9
    assert {name for name, one in made.items() if one.scratch.exists()} == {"far", "mine"}


def test_nothing_of_a_driver_that_lives_is_touched(
    tmp_path: Path, temporary: Path, sleeper: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """A copy of its home is resumed, say."""
    ours, record = sleeper(OURS), tmp_path / "cluster.json"
    found = left_by(Process.current(), record, temporary)
    assert sweep(record) == 0
    assert ours.poll() is None
    assert found.scratch.exists()
    assert record.exists()


def test_a_driver_ends_its_own_cluster_and_not_its_successor_s(
    tmp_path: Path, temporary: Path, sleeper: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """The successor has written its own record by then."""
    record, theirs = tmp_path / "cluster.json", "fedcba9876543210"
    mine = Remains.create(record, temporary, OURS)
    next_one = left_by(
        dataclasses.replace(Process.current(), host="another/boot/pid"), record, temporary, theirs
    )
    first, second = sleeper(OURS), sleeper(theirs)
    assert mine.end() == 1
    mine.forget(record)
    assert first.wait(5) == -9
    assert second.poll() is None
    assert not mine.scratch.exists()
    assert next_one.scratch.exists()
    assert record.exists()


@pytest.fixture
def victim(temporary: Path) -> Path:
    """A folder of the user's that is called as ours are."""
    folder = temporary / "ventral-victim"
    folder.mkdir(mode=0o700)
    (folder / "thesis.tex").write_text("years of work")
    return folder


def planted(victim: Path, dead: Process, how: str) -> tuple[Path, str]:
    """Where a record is planted that names a victim, and its text."""
    mark, scratch, driver = OURS, str(victim), str(dead)
    folder = victim.with_name("ventral-planted")
    folder.mkdir(mode=0o700)
    if how == "readable":
        folder.chmod(0o755)
        scratch = str(folder)
        (folder / "kept").touch()
    if how == "link":
        folder.rmdir()
        folder.symlink_to(victim)
        scratch = str(folder)
    text = json.dumps({"mark": mark, "scratch": scratch, "driver": driver})
    return folder / OWNER, text


@pytest.mark.parametrize("how", ["another's", "readable", "link"])
def test_a_planted_folder_deletes_and_kills_nothing(
    victim: Path, dead: Process, sleeper: Callable[..., subprocess.Popen[bytes]], how: str
) -> None:
    alive = sleeper(OURS)
    file, text = planted(victim, dead, how)
    file.write_text(text)
    sweep_forgotten()
    assert alive.poll() is None
    assert (victim / "thesis.tex").read_text() == "years of work"
    assert file.parent.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="needs the right to give a file to somebody else")
@pytest.mark.parametrize("what", ["folder", "record"])
def test_what_belongs_to_somebody_else_is_not_believed(
    temporary: Path,
    tmp_path: Path,
    dead: Process,
    sleeper: Callable[..., subprocess.Popen[bytes]],
    what: str,
) -> None:
    alive = sleeper(OURS)
    found = left_by(dead, tmp_path / "cluster.json", temporary)
    os.chown(found.scratch if what == "folder" else found.scratch / OWNER, 12345, 12345)
    sweep_forgotten()
    sweep(tmp_path / "cluster.json")
    assert alive.poll() is None
    assert found.scratch.exists()


def test_a_planted_record_in_a_home_deletes_and_kills_nothing(
    tmp_path: Path,
    victim: Path,
    dead: Process,
    sleeper: Callable[..., subprocess.Popen[bytes]],
) -> None:
    alive, record = sleeper(OURS), tmp_path / "cluster.json"
    content = {"mark": OURS, "scratch": str(victim), "driver": str(dead)}
    record.write_text(json.dumps(content))
    assert sweep(record) == 0
    assert alive.poll() is None
    assert (victim / "thesis.tex").exists()
    assert not record.exists()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "[" * 9_000,
        "7",
        '{"mark": "a"}',
        '{"mark": null, "scratch": "ventral-here", "driver": "a 1 -"}',
        '{"mark": null, "scratch": "/tmp/ventral-x\\u0000", "driver": "a 1 -"}',
        '{"mark": "0123456789abcdef", "scratch": 3, "driver": "a 1 -"}',
        '{"mark": "0123456789abcdef", "scratch": "/tmp/ventral-x", "driver": null}',
        '{"mark": "0123456789abcdef", "scratch": "/tmp/ventral-x", "driver": "a b c d"}',
    ],
)
def test_a_missing_or_broken_record_is_no_error(
    tmp_path: Path, temporary: Path, text: str | None
) -> None:
    record = tmp_path / "cluster.json"
    planted_file = temporary / "ventral-odd" / OWNER
    planted_file.parent.mkdir(mode=0o700)
    if text is not None:
        record.write_text(text)
        planted_file.write_text(text)
    assert sweep(record) == 0
    sweep_forgotten()
    assert not record.exists()
    assert planted_file.parent.exists()


@pytest.mark.parametrize("pid", [0, -1, 10**30])
def test_a_process_number_that_is_none_is_no_error(
    tmp_path: Path, temporary: Path, dead: Process, pid: int
) -> None:
    record = tmp_path / "cluster.json"
    found = left_by(dataclasses.replace(dead, pid=pid), record, temporary)
    assert sweep(record) == 0
    sweep_forgotten()
    assert found.scratch.exists()


def test_a_record_that_is_no_file_is_not_waited_for(tmp_path: Path, temporary: Path) -> None:
    record = tmp_path / "cluster.json"
    os.mkfifo(record)
    (temporary / "ventral-fifo").mkdir(mode=0o700)
    os.mkfifo(temporary / "ventral-fifo" / OWNER)
    sweep_forgotten()
    assert sweep(record) == 0
    assert not record.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="needs the right to mount a small disk")
def test_a_full_temporary_folder_is_named_and_nothing_is_left_in_it(
    tmp_path: Path, temporary: Path
) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(temporary)]
    if subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small disk")
    try:
        with pytest.raises(VentralError, match=f"{temporary} has 0 MB of free space"):
            scratch_root()
        (temporary / "filler").write_bytes(bytes(64 * 1024))
        with pytest.raises(VentralError, match=r"No space left on device.*free some space"):
            Remains.create(tmp_path / "cluster.json", temporary, OURS)
        assert [file.name for file in temporary.iterdir()] == ["filler"]
        assert not (tmp_path / "cluster.json").exists()
    finally:
        subprocess.run(["umount", "--lazy", str(temporary)], check=True)


def test_a_temporary_folder_with_too_long_a_name_is_passed_over(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/" + "x" * 300)
    assert scratch_root() == temporary
    sweep_forgotten()
    monkeypatch.setattr(remains, "SHORT_ROOT", str(temporary / "none"))
    with pytest.raises(VentralError, match="no temporary folder can be written to"):
        scratch_root()
