"""What every storage has to do: the same tests for a folder and for an object store."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from workers.storage.opening import open_storage
from workers.storage.protocol import Storage

PARTS = {"tensors": b"t" * 10_000, "record": b"{}"}


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage(tmp_path / "storage")
    return open_storage(f"{request.getfixturevalue('bucket')}/some/prefix")


def read(storage: Storage, key: str, start: int = 0) -> bytes:
    with storage.open(key, start) as opened:
        data: bytes = opened.stream.read()
        assert opened.size == start + len(data)
    return data


def test_an_object_comes_back_from_any_byte_on(storage: Storage) -> None:
    storage.write("a/b", b"first")
    storage.write("a/b", b"second one")
    storage.write("a/empty", b"")
    assert read(storage, "a/b") == b"second one"
    assert read(storage, "a/b", 7) == b"one"
    assert read(storage, "a/empty") == b""


def test_what_is_not_there_is_one_error(storage: Storage) -> None:
    storage.write("a/b", b"x")
    for key in ("a/c", "none"):
        with pytest.raises(FileNotFoundError) as caught, storage.open(key):
            pass
        assert storage.name(key) in str(caught.value)
    assert storage.list("none") == []
    assert storage.groups("none", "record") == []
    storage.remove("none")


def test_a_file_is_put_whole_and_stays(storage: Storage, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(range(256)) * 50_000)  # more than goes in one piece
    storage.upload("packs/one/large", file)
    assert read(storage, "packs/one/large") == file.read_bytes()
    assert read(storage, "packs/one/large", 12_000_000) == file.read_bytes()[12_000_000:]


def test_groups_are_numbered_and_the_newest_comes_first(storage: Storage) -> None:
    first = storage.publish("trial/checkpoint", PARTS)
    second = storage.publish("trial/checkpoint", PARTS)
    assert (first, second) == ("trial/checkpoint/00000001", "trial/checkpoint/00000002")
    assert storage.groups("trial/checkpoint", "record") == [second, first]
    assert read(storage, f"{second}/tensors") == PARTS["tensors"]
    storage.remove(first)
    third = storage.publish("trial/checkpoint", PARTS)
    assert storage.groups("trial/checkpoint", "record") == [third, second]


def test_old_groups_are_removed_and_the_newest_stay(storage: Storage) -> None:
    storage.prune("c", "record", 2)
    groups = [storage.publish("c", PARTS) for _ in range(4)]
    storage.prune("c", "record", 2)
    storage.prune("c", "record", 3)
    assert storage.groups("c", "record") == [groups[3], groups[2]]
    assert len(storage.list("c")) == 4
    assert storage.publish("c", PARTS) == "c/00000005"


def test_groups_may_stand_at_the_place_itself(storage: Storage) -> None:
    group = storage.publish("", PARTS)
    assert group == "00000001"
    assert storage.groups("", "record") == [group]


def test_writers_at_the_same_time_get_a_number_each(storage: Storage) -> None:
    groups: list[str] = []

    def publish(sign: bytes) -> None:
        group = storage.publish("c", {"tensors": sign * 100, "record": sign})
        assert read(storage, f"{group}/tensors") == sign * 100
        groups.append(group)

    writers = [threading.Thread(target=publish, args=(bytes([65 + one]),)) for one in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(set(groups)) == 6
    assert storage.groups("c", "record") == sorted(groups, reverse=True)
    for group in groups:  # the parts of a group are of one writer
        assert read(storage, f"{group}/tensors") == read(storage, f"{group}/record") * 100


def test_all_below_a_key_is_listed_and_removed(storage: Storage) -> None:
    for key in ("a/1/x", "a/1/y", "a/10/x", "b"):
        storage.write(key, key.encode())
    assert [(one.key, one.bytes) for one in storage.list()] == [
        ("a/1/x", 5),
        ("a/1/y", 5),
        ("a/10/x", 6),
        ("b", 1),
    ]
    assert all(one.modified > 1e9 for one in storage.list())
    storage.remove("a/1")
    assert [one.key for one in storage.list("a")] == ["a/10/x"]
    storage.remove("b")
    storage.remove("")
    assert storage.list() == []


def test_it_says_where_it_is(storage: Storage) -> None:
    assert storage.name("a/b") == f"{storage.place}/a/b"
    assert open_storage(storage.place).place == storage.place
