"""The measurement of the store: every call of a driver and both readings are timed."""

from pathlib import Path

from benchmarks import store


def test_a_small_campaign_is_measured(tmp_path: Path) -> None:
    row = store.measure(f"sqlite:///{tmp_path}/store.db", 40)
    calls = ("add", "start", "report", "finish", "metrics", "status")
    assert row.keys() == {
        "trials",
        "bytes_a_trial",
        *(f"{call}{unit}" for call in calls for unit in ("_ms", "_cpu_ms")),
    }
    assert all(value > 0 for value in row.values())
