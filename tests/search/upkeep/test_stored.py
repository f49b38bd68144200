"""What campaigns have at a storage: what gc removes of it, and what goes with a campaign."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search.host.home import Home
from search.host.places import places_of
from search.store import Campaign
from search.upkeep import retention
from search.upkeep.removal import plan_removal, remove_campaign
from search.upkeep.stored import list_storages, list_stored
from space.errors import StorageError
from tests.support.bench import StoreBench
from tests.support.campaigns import add, new_campaign, train
from tests.support.s3_server import S3Server
from tests.support.tables import change_rows
from workers.storage.opening import open_storage

BYTES = 1000
USED, UNUSED = "a" * 64, "b" * 64


class Bench(StoreBench):
    """A finished campaign of four trials whose files are at a storage, and two packs there."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self.url, self.storage = url, open_storage(url)
        self.campaign = self.add()
        for checksum in (USED, UNUSED):
            self.storage.write(f"packs/{checksum}/train.images.npy", b"x" * BYTES)

    def add(self) -> Campaign:
        """A control, a finished, a pruned trial, and one that waits."""
        record = new_campaign(self.store, "stored")
        data = json.dumps({"path": "/packs/used", "checksum": USED, "storage": self.url})
        with change_rows(self.store) as connection:
            connection.exec_driver_sql(
                f"UPDATE campaigns SET data = '{data}', document = '{{\"keep\": 25}}' "
                f"WHERE id = '{record.id}'"
            )
        record = self.store.campaigns.get(record.id)
        for number in range(4):
            add(self.store, record.id, number, origin="control" if number == 0 else "random")
            key = f"campaigns/{record.id}/trial-{number:05d}"
            self.storage.write(f"{key}/claim", b"sign")
            self.storage.write(f"{key}/checkpoint/00000001/tensors", b"x" * BYTES)
        train(self.store, record.id, 0, 0.1)
        train(self.store, record.id, 1, 0.9)
        train(self.store, record.id, 2, 0.7, status="pruned")
        self.store.campaigns.set_state(record.id, "finished")
        return self.store.campaigns.get(record.id)

    def plan(self, **options: float) -> list[retention.Item]:
        return retention.plan(self.store, self.home, **options)  # type: ignore[arg-type]


@pytest.fixture(params=["folder", "s3"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    there = request.param == "s3"
    url = request.getfixturevalue("bucket") if there else f"file://{tmp_path}/shared"
    return Bench(tmp_path / "home", f"{url}/lab")


def test_what_is_there_is_listed(bench: Bench) -> None:
    stored = list_stored(bench.url)
    places = places_of(bench.home, bench.campaign)
    assert dict(stored.checkpoints) == {places.checkpoint(n): BYTES for n in range(4)}
    assert {checksum: size for checksum, (size, _) in stored.packs.items()} == {
        USED: BYTES,
        UNUSED: BYTES,
    }
    assert stored.campaigns == {bench.campaign.id}
    assert list_storages(bench.home, bench.store.campaigns.all()) == [bench.url]
    home = Home(path=bench.home.path, storage="s3://other")
    assert list_storages(home, []) == ["s3://other"]


def test_gc_gives_it_back_and_touches_nothing_else(bench: Bench) -> None:
    items = bench.plan(keep=0)
    assert [(item.what, item.trial, item.bytes) for item in items] == [
        ("pruned", 2, BYTES),
        ("finished", 1, BYTES),
        ("pack", None, BYTES),
    ]
    assert [item.what for item in bench.plan()] == ["pack"], "keep: 25 in its file"
    assert bench.plan(keep=0, older_than=3600.0) == []
    assert list(retention.remove(bench.store, items)) == items
    assert bench.plan(keep=0) == []
    left = {entry.key for entry in bench.storage.list()}
    waiting = f"campaigns/{bench.campaign.id}/trial-00003/checkpoint/00000001/tensors"
    assert {waiting, f"packs/{USED}/train.images.npy"} <= left
    assert not any("trial-00002/checkpoint" in key or UNUSED in key for key in left)


def test_packs_that_another_store_may_need_stay(bench: Bench) -> None:
    bench.storage.write("campaigns/zzzzzzzz/trial-00000/claim", b"of another store")
    assert [item.what for item in bench.plan(keep=0)] == ["pruned", "finished"]


def test_a_copy_in_the_cache_goes_first(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    for checksum in (USED, UNUSED):
        folder = tmp_path / "cache" / "packs" / checksum
        folder.mkdir(parents=True)
        (folder / "train.images.npy").write_bytes(b"x" * BYTES)
    (tmp_path / "cache" / "packs" / f".{UNUSED}.lock").touch()
    first = bench.plan(keep=0)[0]
    assert (first.what, first.bytes, Path(first.place).name) == ("cached", BYTES, UNUSED)
    assert list(retention.remove(bench.store, [first])) == [first]


def test_a_storage_that_is_away_is_left_alone(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path / "home", bucket)
    pack = bench.home.ensure(bench.home.data / "unused")
    (pack / "train.images.npy").write_bytes(b"x" * BYTES)
    bench.home.ensure(bench.home.campaign(bench.campaign.id))
    items = bench.plan(keep=0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    reasons: list[StorageError] = []
    left = retention.plan(bench.store, bench.home, keep=0, on_error=reasons.append)
    assert [item.what for item in left] == ["pack"]
    assert "cannot be reached" in str(reasons[0])
    assert [item.what for item in retention.remove(bench.store, items)] == ["pack"]
    with pytest.raises(StorageError):
        plan_removal(bench.store, bench.home, bench.campaign)


def test_a_campaign_is_removed_with_it(bench: Bench) -> None:
    other = bench.add()
    doomed = plan_removal(bench.store, bench.home, bench.campaign)
    assert doomed.stored == f"{bench.url}/campaigns/{bench.campaign.id}"
    assert doomed.files == 8
    assert doomed.bytes == 4 * (BYTES + 4)
    remove_campaign(bench.store, bench.home, doomed)
    assert list_stored(bench.url).campaigns == {other.id}
    assert len(list_stored(bench.url).packs) == 2


def test_a_campaign_whose_bucket_is_gone_can_be_removed(
    bucket: str, tmp_path: Path, s3_server: S3Server
) -> None:
    bench = Bench(tmp_path / "home", bucket)
    bench.storage.remove("")
    s3_server.client.delete_bucket(Bucket=bucket.removeprefix("s3://"))
    doomed = plan_removal(bench.store, bench.home, bench.campaign)
    assert (doomed.stored, doomed.files) == (None, 0)
    remove_campaign(bench.store, bench.home, doomed)
    assert bench.store.campaigns.all() == []
