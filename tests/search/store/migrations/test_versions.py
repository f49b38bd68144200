"""What the newest migration makes of the past, where the kept stores hold no case of it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from search.store import Store, migrations
from search.store.engine import engine_for

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
