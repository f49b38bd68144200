"""What a trial's scores are of, what its network is, and who opened the test split.

A report's lateness, a control's name and a network's recurrence become columns. An old store of
10,000 trials is brought up in seconds: no genome is parsed. A record that cannot be read is passed
over, and hides no other. Recurrence is taken from the cell's
name, which was written from the same analysis; a control's name from its place among its
campaign's controls, where none of them was left out, and is NULL else.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns and the table of openings, and fill in what is known of the past."""
    late = sa.Column("late", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("reports", late)
    op.add_column("trials", sa.Column("control", sa.Text))
    op.add_column("trials", sa.Column("recurrence", sa.String(8)))
    # Before there was a validation split every score was of the test split.
    split = sa.Column("split", sa.String(10), nullable=False, server_default="test")
    op.add_column("trials", split)
    op.add_column("trials", sa.Column("family", sa.String(16)))
    op.add_column("trials", sa.Column("winner", sa.Text))
    op.create_table(
        "openings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            sa.Identity(),
            primary_key=True,
        ),
        sa.Column(
            "campaign",
            sa.String(16),
            sa.ForeignKey("campaigns.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("networks", sa.JSON, nullable=False),
        sa.Column("split", sa.String(10), nullable=False),
    )
    connection = op.get_bind()
    _move_lateness(connection)
    # No version wrote anything else into it.
    op.drop_column("reports", "more")
    connection.execute(sa.update(TRIALS).values(recurrence=_RECURRENCE))
    columns = (CAMPAIGNS.c.id, _written(CAMPAIGNS.c.document), _written(CAMPAIGNS.c.space))
    for key, *written in connection.execute(sa.select(*columns)).all():
        document, space = map(_read, written)
        _name_controls(connection, key, _control_names(document, space))
        _say_what_was_selected_on(connection, key, document)


# What follows is a copy of how the code saw these values in 0004; it must not follow the code.

CAMPAIGNS = sa.table(
    "campaigns",
    sa.column("id", sa.String),
    sa.column("document", sa.JSON),
    sa.column("space", sa.JSON),
)
TRIALS = sa.table(
    "trials",
    *(sa.column(name) for name in ("campaign", "number", "digest", "seed", "origin", "cell")),
    *(sa.column(name) for name in ("control", "recurrence")),
    sa.column("recipe", sa.JSON),
)
REPORTS = sa.table(
    "reports",
    *(sa.column(name) for name in ("campaign", "number", "epoch")),
    sa.column("more", sa.JSON),
    sa.column("late", sa.Boolean),
)
_KEY = ("campaign", "number", "epoch")

# A cell's name says its network's recurrence: `feedforward...` is none, `... +2 feedback only` and
# `... +2 feedback` have loops through feedback edges, alone or beside those of cells. Long ago
# `feedforward +1 feedback` was written of a network without cells.
_RECURRENCE = sa.case(
    (TRIALS.c.cell == "", sa.null()),
    (TRIALS.c.cell.like("feedforward% feedback"), "feedback"),
    (TRIALS.c.cell.like("feedforward%"), "none"),
    (TRIALS.c.cell.like("% feedback only"), "feedback"),
    (TRIALS.c.cell.like("% feedback"), "both"),
    else_="local",
)


def _written(column: sa.ColumnElement[Any]) -> sa.Label[Any]:
    """A JSON column as the database gives it, which may not be JSON."""
    return sa.type_coerce(column, sa.types.NULLTYPE).label("written")


def _read(written: Any) -> Any:
    """A value of a JSON column (PostgreSQL's driver has decoded it); None if it is damaged."""
    if not isinstance(written, str | bytes):
        return written
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        return None


def _move_lateness(connection: sa.Connection) -> None:
    """The magic key `late` of the column `more` becomes the column `late`."""
    columns = (*(REPORTS.c[key] for key in _KEY), _written(REPORTS.c.more))
    rows = connection.execute(sa.select(*columns).where(REPORTS.c.more.is_not(None)))
    late = [
        {f"of_{key}": value for key, value in zip(_KEY, of_report, strict=True)}
        for *of_report, written in rows
        if isinstance(more := _read(written), dict) and more.get("late")
    ]
    if late:
        where = [REPORTS.c[key] == sa.bindparam(f"of_{key}") for key in _KEY]
        connection.execute(sa.update(REPORTS).where(*where).values(late=True), late)


def _name_controls(connection: sa.Connection, campaign: str, names: Sequence[str]) -> None:
    """Give the controls of a campaign their `names`, which are in their order.

    Seed by seed they were put on record in the order of their names, but for those whose network
    had been there before: only where none is missing is the order sure.
    """
    query = (
        sa.select(
            *(TRIALS.c[name] for name in ("number", "digest", "seed")), _written(TRIALS.c.recipe)
        )
        .where(TRIALS.c.campaign == campaign, TRIALS.c.origin == "control")
        .order_by(TRIALS.c.number)
    )
    trials = connection.execute(query).mappings().all()
    known = dict(_known_names(names, trials))
    for trial in trials:
        if (name := known.get(_network(trial))) is not None:
            here = (TRIALS.c.campaign == campaign, TRIALS.c.number == trial["number"])
            connection.execute(sa.update(TRIALS).where(*here).values(control=name))


def _control_names(document: Any, space: Any) -> list[str]:
    """The controls that a campaign trains, in their order."""
    if not isinstance(document, dict) or not isinstance(space, dict):
        return []
    named, known = document.get("controls"), space.get("controls")
    names: Any = list(known) if named is None and isinstance(known, dict) else named
    whole = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return list(names) if whole else []


def _known_names(
    names: Sequence[str], trials: Sequence[Mapping[Any, Any]]
) -> Iterator[tuple[str, str]]:
    """(network, name) of the controls of every seed that has a trial for each name."""
    by_seed: dict[Any, list[Mapping[Any, Any]]] = defaultdict(list)
    for trial in trials:
        by_seed[trial["seed"]].append(trial)
    for group in by_seed.values():
        if len(group) == len(names):
            yield from zip(map(_network, group), names, strict=True)


def _network(trial: Mapping[Any, Any]) -> str:
    return f"{trial['digest']} {trial['written']!r}"


def _say_what_was_selected_on(connection: sa.Connection, campaign: str, document: Any) -> None:
    """Old data has no validation split: its campaigns were selected on test."""
    data = document.get("data") if isinstance(document, dict) else None
    if isinstance(data, dict) and "validation" not in data:
        changed = document | {"data": data | {"validation": 0}}
        here = CAMPAIGNS.c.id == campaign
        connection.execute(sa.update(CAMPAIGNS).where(here).values(document=changed))
