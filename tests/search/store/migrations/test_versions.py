"""What the newest migration makes of the past, where the kept stores hold no case of it."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from search.host.home import Process
from search.store import Store, migrations
from search.store.engine import SCHEMA, SCHEMA_TABLE, engine_for
from space.errors import StoreError

CAMPAIGN = {
    "id": "abcdefgh",
    "name": "old",
    "state": "finished",
    "data": {},
    "created": 1.0,
    "seconds": 1.0,
    "stop_asked": False,
    "sequence": 0,
}
TRIAL = {
    "campaign": "abcdefgh",
    "genome": "checksum",
    "recipe": {},
    "choices": {},
    "seed": 1,
    "origin": "random",
    "cell": "",
    "status": "finished",
    "attempts": 1,
    "epochs": 1,
    "seconds": 1.0,
    "created": 1.0,
    "suggested": 1,
    "source_epochs": 0,
}
KEPT = Path(__file__).parents[2] / "schemas"
REPORT = {"campaign": "abcdefgh", "number": 0, "at": 1.0, "arrived": 1}


def opened(
    url: str, document: Any, space: Any, trials: list[dict[str, Any]], reports: Any = ()
) -> Store:
    """A store of schema 0003 with one campaign and those trials, opened by this version."""
    _, engine = engine_for(url, create=True)
    with engine.connect().execution_options(ventral_writes=True) as writer, writer.begin():
        migrations.upgrade(writer, "0003")
    old = sa.MetaData()
    old.reflect(engine)
    tables = old.tables
    with engine.connect().execution_options(ventral_writes=True) as writer, writer.begin():
        row = CAMPAIGN | {"document": document, "space": space}
        writer.execute(sa.insert(tables["campaigns"]).values(row))
        genome = {"checksum": "checksum", "digest": "d", "document": {}}
        writer.execute(sa.insert(tables["genomes"]).values(genome))
        for number, trial in enumerate(trials):
            row = TRIAL | {"number": number, "digest": f"d{number}"} | trial
            writer.execute(sa.insert(tables["trials"]).values(row))
        for epoch, more in enumerate(reports, 1):
            row = REPORT | {"epoch": epoch, "more": more}
            writer.execute(sa.insert(tables["reports"]).values(row))
    engine.dispose()
    return Store.open(url)


def test_an_old_cell_s_name_says_its_recurrence(url: str) -> None:
    names = {
        "": None,
        "feedforward": "none",
        "feedforward, out: in5 + res": "none",
        "feedforward +1 feedback": "feedback",  # as it was written long ago
        "convolutions +1 feedback only": "feedback",
        "out: in + fb3 +2 feedback only": "feedback",
        "ConvGRU +2 feedback": "both",
        "ConvGRU": "local",
    }
    store = opened(url, {}, {}, [{"cell": name} for name in names])
    assert {trial.cell: trial.recurrence for trial in store.results.find("abcdefgh")} == names
    store.close()


@pytest.mark.parametrize(
    ("named", "seeds", "expected"),
    [
        (None, [1, 1, 2, 2], ["a", "b", "a", "b"]),
        (["b"], [1, 2], ["b", "b"]),
        # The campaign was stopped in its second seed: the networks are known from the first.
        (None, [1, 1, 2], ["a", "b", "a"]),
        # One was the network of another: which of them is not on record.
        (None, [1, 2], [None, None]),
        ("all", [1, 1], [None, None]),
    ],
)
def test_old_controls_have_names_where_their_order_is_sure(
    url: str, named: Any, seeds: list[int], expected: list[str | None]
) -> None:
    document = {} if named is None else {"controls": named}
    count = seeds.count(1)
    trials = [
        {"origin": "control", "seed": seed, "digest": f"d{number % count}"}
        for number, seed in enumerate(seeds)
    ]
    store = opened(url, document, {"controls": {"a": {}, "b": {}}}, [*trials, {}])
    controls = [trial.control for trial in store.results.find("abcdefgh")]
    assert controls == [*expected, None]
    store.close()


def test_lateness_becomes_a_column(url: str) -> None:
    store = opened(url, {}, {}, [{}], [None, {"late": True}, {"late": False}, {}])
    assert [one.late for one in store.results.reports("abcdefgh", 0)] == [
        False,
        True,
        False,
        False,
    ]
    store.close()


def kept_store(folder: Path, change: str, values: tuple[Any, ...] = ()) -> str:
    """The address of a copy of the kept store of schema 0003, changed by a statement."""
    path = folder / "store.db"
    shutil.copy(KEPT / "0003.db", path)
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(change, values).rowcount > 0
    return f"sqlite:///{path}"


BROKEN = ("'{oops'", "'[1]'", "'3'", "x'00ff'")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("document", value) for value in BROKEN),
        *(("space", value) for value in BROKEN),
        ("document", "json_set(document, '$.controls', json('{\"a\": 1}'))"),
        ("document", "json_set(document, '$.data', 7)"),
        ("space", "json_set(space, '$.controls', 7)"),
    ],
)
def test_a_damaged_campaign_of_before_locks_no_other_out(
    tmp_path: Path, column: str, value: str
) -> None:
    name = "(SELECT id FROM campaigns WHERE name = 'killed')"
    url = kept_store(tmp_path, f"UPDATE campaigns SET {column} = {value} WHERE id = {name}")
    store = Store.open(url)
    records = {record.name: record for record in store.campaigns.all()}
    assert len(records) == 3
    state = records["killed"].state
    assert state == ("interrupted" if value.startswith("json_set") else "damaged")
    others = [record for name, record in records.items() if name != "killed"]
    assert all(record.document["data"]["validation"] == 0 for record in others)
    for record in others:
        controls = store.results.find(record.id, origin="control")
        assert all(trial.control == "wide" for trial in controls)
    store.close()


def test_a_damaged_trial_or_report_of_before_hides_only_its_campaign(tmp_path: Path) -> None:
    trial = "origin = 'control' AND campaign = (SELECT id FROM campaigns WHERE name = 'killed')"
    url = kept_store(tmp_path, f"UPDATE trials SET recipe = '{{x' WHERE {trial}")
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
        connection.execute("UPDATE reports SET more = CASE epoch WHEN 1 THEN '{x' ELSE '[3]' END")
    store = Store.open(url)
    for record in store.campaigns.all():
        if record.name == "killed":
            with pytest.raises(StoreError, match="is damaged"):
                store.results.find(record.id)
        else:
            assert all(trial.split == "test" for trial in store.results.find(record.id))
        assert not any(report.late for report in store.results.all_reports(record.id))
    store.close()


LIVING, DEAD = Process.current(), replace(Process.current(), born="1")
ELSEWHERE = Process(host="elsewhere/boot", pid=7, born="-")


@pytest.mark.parametrize(
    ("driver", "silent", "runs"),
    [
        (str(LIVING), 1e6, True),
        (str(DEAD), 0, False),
        (str(ELSEWHERE), 0, True),
        (str(ELSEWHERE), 1e6, False),
        ("nobody", 0, False),
        (None, 0, False),
    ],
    # Names of processes are others in every process that runs tests.
    ids=["living", "dead", "elsewhere", "silent elsewhere", "no process", "none"],
)
def test_a_store_is_not_changed_under_a_driver_of_an_earlier_version(
    tmp_path: Path, driver: str | None, silent: float, runs: bool
) -> None:
    """It would write columns that are gone, and its campaign would fail."""
    change = "UPDATE campaigns SET driver = ?, heartbeat = ? WHERE name = 'killed'"
    url = kept_store(tmp_path, change, (driver, time.time() - silent))
    if runs:
        with pytest.raises(StoreError, match="is being run by an earlier version") as refused:
            Store.open(url)
        assert refused.value.cure == "stop it with that version, or wait"
    else:
        Store.open(url).close()
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        revision = connection.execute(f"SELECT version_num FROM {SCHEMA_TABLE}").fetchone()
        assert revision == ("0003" if runs else SCHEMA,)
        connection.execute("UPDATE campaigns SET state = 'finished'")
        connection.commit()
    Store.open(url).close()
