"""What gc removes, in which order, and what it never touches."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from search.store import Campaign
from search.upkeep import retention
from tests.support.bench import StoreBench
from tests.support.campaigns import add, new_campaign, train
from tests.support.tables import change_rows

BYTES = 1000


class Bench(StoreBench):
    """Two campaigns of six trials with checkpoints, one of them over, and two packs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.over = self.campaign("over")
        self.store.campaigns.set_state(self.over.id, "finished")
        self.running = self.campaign("running")
        for name in ("used", "unused"):
            pack = self.home.ensure(self.home.data / name)
            (pack / "train.images.npy").write_bytes(b"x" * BYTES)

    def campaign(self, name: str) -> Campaign:
        """A control, two finished trials, a pruned, a failed one, and one that waits."""
        record = new_campaign(self.store, name)
        with change_rows(self.store) as connection:
            connection.exec_driver_sql(
                f"""UPDATE campaigns SET data = '{{"path": "/some/where/used"}}',
                document = '{{"keep": 25}}' WHERE id = '{record.id}'"""
            )
        for number in range(6):
            add(self.store, record.id, number, origin="control" if number == 0 else "random")
            folder = self.home.trial(record.id, number) / "checkpoint" / "00000001"
            folder.mkdir(parents=True)
            (folder / "tensors.safetensors").write_bytes(b"x" * BYTES)
        train(self.store, record.id, 0, 0.1)
        train(self.store, record.id, 1, 0.9)
        train(self.store, record.id, 2, 0.8)
        train(self.store, record.id, 3, 0.7, status="pruned")
        self.store.trials.start(record.id, 4)
        self.store.trials.finish(record.id, 4, "failed", "error: it broke")
        return self.store.campaigns.get(record.id)

    def plan(self, **options: float) -> list[tuple[str, int | None]]:
        found = retention.plan(self.store, self.home, **options)  # type: ignore[arg-type]
        assert all(item.campaign in (self.over.id, None) for item in found)
        return [(item.what, item.trial) for item in found]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "home")


def test_pruned_ones_go_first_then_failed_ones_then_finished_ones_then_packs(
    bench: Bench,
) -> None:
    assert bench.plan(keep=0) == [
        ("pruned", 3),
        ("failed", 4),
        ("finished", 1),
        ("finished", 2),
        ("pack", None),
    ]


def test_the_best_and_what_the_campaign_s_file_keeps_stay(bench: Bench) -> None:
    assert bench.plan(keep=1) == [
        ("pruned", 3),
        ("failed", 4),
        ("finished", 2),
        ("pack", None),
    ]
    assert bench.plan() == [("failed", 4), ("pack", None)], "keep: 25 in its file"


def test_removing_gives_the_bytes_back_and_touches_nothing_else(bench: Bench) -> None:
    items = retention.plan(bench.store, bench.home, keep=1)
    assert sum(item.bytes for item in items) == 4 * BYTES
    before = [bench.store.results.find(one.id) for one in (bench.over, bench.running)]
    assert list(retention.remove(bench.store, items)) == items
    assert not any(Path(item.place).exists() for item in items)
    assert bench.plan(keep=1) == []
    assert [bench.store.results.find(one.id) for one in (bench.over, bench.running)] == before
    for number in range(6):
        assert (bench.home.trial(bench.running.id, number) / "checkpoint").exists()
    waiting = bench.home.trial(bench.over.id, 5) / "checkpoint"
    assert waiting.exists(), "the next resume goes on from it"
    assert (bench.home.data / "used").exists()


def test_a_campaign_that_was_started_meanwhile_is_left_alone(bench: Bench) -> None:
    items = retention.plan(bench.store, bench.home, keep=0)
    bench.store.campaigns.set_state(bench.over.id, "running")
    gone = list(retention.remove(bench.store, items))
    assert [item.what for item in gone] == ["pack"]


def test_what_was_used_lately_stays(bench: Bench) -> None:
    assert bench.plan(keep=0, older_than=3600.0) == []
    old = time.time() - 7200
    with change_rows(bench.store) as connection:
        connection.exec_driver_sql(
            f"UPDATE campaigns SET ended = {old}, heartbeat = {old}, created = {old} "
            f"WHERE id = '{bench.over.id}'"
        )
    os.utime(bench.home.data / "unused", (old, old))
    assert len(bench.plan(keep=0, older_than=3600.0)) == 5


def test_a_checkpoint_that_two_trials_share_is_counted_once(bench: Bench) -> None:
    source, target = (bench.home.trial(bench.over.id, number) for number in (3, 4))
    file = Path("checkpoint") / "00000001" / "tensors.safetensors"
    (target / file).unlink()
    os.link(source / file, target / file)
    found = retention.plan(bench.store, bench.home, keep=25)
    assert [(item.what, item.bytes) for item in found] == [("failed", 0), ("pack", BYTES)]
    found = retention.plan(bench.store, bench.home, keep=0)
    assert [item.bytes for item in found] == [0, BYTES, BYTES, BYTES, BYTES]


def test_another_store_s_campaigns_are_not_ours_to_judge(bench: Bench) -> None:
    stranger = bench.home.trial("zzzzzzzz", 0) / "checkpoint"
    stranger.mkdir(parents=True)
    assert all(
        "zzzzzzzz" not in item.place for item in retention.plan(bench.store, bench.home, keep=0)
    )
