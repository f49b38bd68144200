"""What a trial's scores are of, what its network is, and who opened the test split.

A report's lateness, a control's name and a network's recurrence become columns. An old store of
10,000 trials is brought up in seconds: no genome is parsed. Recurrence is taken from the cell's
name, which was written from the same analysis; a control's name from its place among its
campaign's controls, where none of them was left out, and is NULL else.
"""

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
    for campaign in connection.execute(sa.select(CAMPAIGNS)).mappings().all():
        _name_controls(connection, campaign)
        _say_what_was_selected_on(connection, campaign)


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


def _move_lateness(connection: sa.Connection) -> None:
    """The magic key `late` of the column `more` becomes the column `late`."""
    rows = connection.execute(sa.select(REPORTS).where(REPORTS.c.more.is_not(None)))
    late = [
        {f"of_{key}": row[key] for key in _KEY}
        for row in rows.mappings()
        if isinstance(row["more"], Mapping) and row["more"].get("late")
    ]
    if late:
        where = [REPORTS.c[key] == sa.bindparam(f"of_{key}") for key in _KEY]
        connection.execute(sa.update(REPORTS).where(*where).values(late=True), late)


def _name_controls(connection: sa.Connection, campaign: Mapping[Any, Any]) -> None:
    """Give the controls of a campaign their names.

    Seed by seed they were put on record in the order of their names, but for those whose network
    had been there before: only where none is missing is the order sure.
    """
    query = (
        sa.select(*(TRIALS.c[name] for name in ("number", "digest", "seed", "recipe")))
        .where(TRIALS.c.campaign == campaign["id"], TRIALS.c.origin == "control")
        .order_by(TRIALS.c.number)
    )
    trials = connection.execute(query).mappings().all()
    known = dict(_known_names(_control_names(campaign), trials))
    for trial in trials:
        if (name := known.get(_network(trial))) is not None:
            here = (TRIALS.c.campaign == campaign["id"], TRIALS.c.number == trial["number"])
            connection.execute(sa.update(TRIALS).where(*here).values(control=name))


def _control_names(campaign: Mapping[Any, Any]) -> list[str]:
    """The controls that a campaign trains, in their order."""
    document, space = campaign["document"], campaign["space"]
    if not isinstance(document, dict) or not isinstance(space, dict):
        return []
    named, known = document.get("controls"), space.get("controls")
    names = list(known or ()) if named is None else named
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
    return f"{trial['digest']} {trial['recipe']!r}"


def _say_what_was_selected_on(connection: sa.Connection, campaign: Mapping[Any, Any]) -> None:
    """Old data has no validation split: its campaigns were selected on test."""
    document = campaign["document"]
    data = document.get("data") if isinstance(document, dict) else None
    if isinstance(data, dict) and "validation" not in data:
        changed = document | {"data": data | {"validation": 0}}
        here = CAMPAIGNS.c.id == campaign["id"]
        connection.execute(sa.update(CAMPAIGNS).where(here).values(document=changed))
