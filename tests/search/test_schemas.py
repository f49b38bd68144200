"""Stores of every schema ever committed are opened, keep all they hold, and go on.

The files in tests/search/schemas were written by the code of their time (0002 by its migration:
no version of the code ever wrote it). `schemas/keep.py` makes those of the present schema.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from search.assign import reuse
from search.assign.setting import Setting
from search.assign.stopping import Stop
from search.campaign import Campaign
from search.host.home import Home
from search.run import build_run
from search.store import CONTROL, Store, migrations
from search.store.engine import SCHEMA, SCHEMA_TABLE, engine_for
from search.tune.rungs import Rungs
from space.motifs import name_motifs
from space.recurrence import recurrence
from space.space import Space
from tests.support import postgres, toys
from tests.support.tables import engine_of
from workers.job import PackRef, Recipe, Report

KEPT = Path(__file__).parent / "schemas"
OLD = migrations.revisions()[:-1]

Rows = dict[str, list[dict[str, Any]]]


def opened(kept: Path, url: str, folder: Path, server: postgres.Server | None) -> sa.Engine:
    """An engine on a copy of a kept store."""
    if server is None:
        shutil.copy(kept, folder / "store.db")
    else:
        server.sql(kept.read_text(), database=str(sa.make_url(url).database))
    return engine_for(url, create=False)[1]


def rows(engine: sa.Engine) -> Rows:
    """All that a store holds, whatever its schema, its tables in their own order."""
    metadata = sa.MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        return {
            table.name: [
                dict(row)
                for row in connection.execute(
                    sa.select(table).order_by(*table.primary_key.columns)
                ).mappings()
            ]
            for table in metadata.sorted_tables
        }


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> postgres.Server | None:
    if request.param == "sqlite":
        return None
    found: postgres.Server = request.getfixturevalue("postgresql")
    return found


@pytest.fixture(params=OLD)
def old(
    request: pytest.FixtureRequest, tmp_path: Path, server: postgres.Server | None
) -> tuple[str, str, Rows]:
    """(revision, address of a copy of its kept store, what it holds)."""
    suffix = "db" if server is None else "postgresql.sql"
    kept = KEPT / f"{request.param}.{suffix}"
    url = f"sqlite:///{tmp_path}/store.db" if server is None else server.database()
    engine = opened(kept, url, tmp_path, server)
    held = rows(engine)
    engine.dispose()
    return request.param, url, held


def test_a_file_is_kept_of_every_schema_before_the_present_one() -> None:
    """Fails if a migration is added and the schema before it was not kept (schemas/keep.py)."""
    assert migrations.revisions()[-1] == SCHEMA
    for suffix in ("db", "postgresql.sql"):
        kept = {file.name.partition(".")[0] for file in KEPT.glob(f"*.{suffix}")}
        assert set(OLD) <= kept, f"run tests/search/schemas/keep.py at {set(OLD) - kept}"


def test_the_kept_stores_are_of_their_schema_and_hold_campaigns(
    old: tuple[str, str, Rows],
) -> None:
    revision, _, held = old
    assert held[SCHEMA_TABLE] == [{"version_num": revision}]
    assert [row["name"] for row in held["campaigns"]].count("killed") == 1
    ends = {"finished", "pruned", "failed", "infeasible"}
    assert {row["status"] for row in held["trials"]} >= ends | {"running"}
    assert all(held[table] for table in ("genomes", "reports", "events", "mirror"))


def test_a_committed_migration_is_not_changed(
    old: tuple[str, str, Rows], tmp_path: Path, server: postgres.Server | None
) -> None:
    """An empty store brought to an old revision is as those of that time were."""
    revision, url, _ = old
    new = f"sqlite:///{tmp_path}/new.db" if server is None else server.database()
    _, engine = engine_for(new, create=True)
    with engine.connect().execution_options(ventral_writes=True) as writer, writer.begin():
        migrations.upgrade(writer, revision)
    assert described(engine) == described(engine_for(url, create=False)[1])


def described(engine: sa.Engine) -> dict[str, Any]:
    """Tables, columns and indexes of a database."""
    inspector = sa.inspect(engine)
    return {
        name: (
            [
                (column["name"], str(column["type"]), column["nullable"])
                for column in inspector.get_columns(name)
            ],
            sorted(
                (index["name"], index["column_names"]) for index in inspector.get_indexes(name)
            ),
            inspector.get_pk_constraint(name)["constrained_columns"],
        )
        for name in sorted(inspector.get_table_names())
    }


def test_nothing_is_lost_on_the_way(old: tuple[str, str, Rows]) -> None:
    _, url, held = old
    store = Store.open(url)
    now = rows(engine_of(store))
    for row in held["campaigns"]:  # without a validation split they were selected on test
        row["document"]["data"].setdefault("validation", 0)
    moved = [
        row.get("late", bool((row.pop("more", None) or {}).get("late"))) for row in held["reports"]
    ]
    assert [row["late"] for row in now["reports"]] == moved
    for table, before in held.items():
        if table == SCHEMA_TABLE:
            continue
        kept = [
            {key: row[key] for key in old_row}
            for row, old_row in zip(now[table], before, strict=True)
        ]
        without_work = [{k: v for k, v in row.items() if k != "work"} for row in kept]
        assert without_work == [{k: v for k, v in row.items() if k != "work"} for row in before]
        assert len(now[table]) == len(before)
    store.close()


def test_what_was_trained_before_is_found_by_its_work_and_charged(
    old: tuple[str, str, Rows],
) -> None:
    """The migration's own copy of the code sees an old trial as the code of today does."""
    store = Store.open(old[1])
    for record in store.campaigns.all():
        recipe = Recipe.model_validate(record.document["recipe"])
        ledger, trials = store.campaigns.ledger(record.id), store.results.find(record.id)
        assert ledger.epochs == sum(trial.epochs for trial in trials if not trial.source)
        for trial in trials:
            work = reuse.work_of(
                trial.digest,
                recipe.overlaid(trial.recipe),
                record.data["checksum"],
                trial.seed,
            )
            found = [(one.trial.campaign, one.trial.number) for one in store.results.donors(work)]
            did = trial.epochs > 0 or trial.status == "failed"
            assert ((record.id, trial.number) in found) == did
            if trial.attempts:
                assert sum(
                    one.epochs for one in store.campaigns.attempts(record.id, trial.number)
                ) == (trial.epochs)
    store.close()


def test_what_trials_are_is_known_of_those_of_before(old: tuple[str, str, Rows]) -> None:
    revision, url, held = old
    before = {(row["campaign"], row["number"]): row for row in held["trials"]}
    store = Store.open(url)
    for record in store.campaigns.all():
        trials = store.results.find(record.id, genomes=True)
        assert {trial.split for trial in trials} <= {"test" if revision < "0004" else "validation"}
        space = Space.parse(record.space)
        for trial in trials:
            if trial.cell:
                genome = trial.read_genome()
                assert trial.recurrence == recurrence(genome)
                # Checkpoints are known by it (workers/training_state.py).
                assert genome.document() == trial.document
                assert (trial.motifs is None) == (revision < "0005")
                assert trial.read_motifs() == name_motifs(genome)
            else:
                assert trial.recurrence is None
                assert trial.read_motifs() == ()
            if trial.origin == CONTROL:
                assert trial.control is not None
                assert space.control(trial.control).digest == trial.digest
            else:
                assert trial.control is None
            row = before[record.id, trial.number]
            assert (trial.family, trial.winner) == (row.get("family"), row.get("winner"))
        assert store.campaigns.openings(record.id) == []
        assert store.labels.find(record.id) is None
    store.close()


@pytest.mark.parametrize("name", ["killed", "new"])
def test_an_old_campaign_goes_on_to_its_end(
    old: tuple[str, str, Rows], tmp_path: Path, name: str
) -> None:
    """With a run, as a driver has it, and without Ray's processes."""
    store = Store.open(old[1])
    record = store.campaigns.get(name)
    before = {trial.number: trial for trial in store.results.find(record.id)}
    store.campaigns.set_state(record.id, "running")
    campaign = Campaign.parse(record.document)
    run = build_run(
        Setting(
            campaign_id=record.id,
            campaign=campaign,
            space=Space.parse(record.space),
            data=PackRef(path="/nowhere", checksum=record.data["checksum"]),
            home=Home.at(tmp_path / "home"),
            store=store,
        ),
        Stop(),
        Rungs,
    )
    while (assignment := run.queue.next()) is not None:
        done = before.get(assignment.number)
        assert done is None or done.status == "waiting", "nothing that was over is trained again"
        run.records.start(assignment.number)
        for epoch in range(1, 4):
            report = toys.report(epoch, toys.score(assignment.number, epoch, 3))
            run.records.add_report(assignment.number, Report.model_validate(report))
        run.records.end(assignment.number, "finished")
    store.campaigns.set_state(record.id, "finished")
    counts = store.results.counts(record.id)
    # What the other campaigns trained answers some of the new one's trials.
    assert sum(counts.values()) - counts["infeasible"] == campaign.budget.trials
    assert counts["waiting"] == counts["running"] == 0
    for number, trial in before.items():
        if trial.status == "finished":
            assert store.results.get(record.id, number).arrived == trial.arrived
    store.close()
