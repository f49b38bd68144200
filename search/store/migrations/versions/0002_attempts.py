"""Attempts (what every start of a trial cost), shares of a place, and answers across campaigns."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of attempts and shares, and give every earlier training its work's name."""
    op.add_column("trials", sa.Column("work", sa.String(64)))
    op.add_column("trials", sa.Column("source", sa.Text))
    source_epochs = sa.Column("source_epochs", sa.Integer, nullable=False, server_default="0")
    op.add_column("trials", source_epochs)
    op.create_index("ix_trials_work", "trials", ["work"])
    op.create_table(
        "attempts",
        sa.Column("campaign", sa.String(16), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ended", sa.Double),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("devices", sa.Double, nullable=False),
        sa.Column("epochs", sa.Integer, nullable=False),
        sa.Column("repeated", sa.Integer, nullable=False),
        sa.Column("how", sa.String(16)),
        sa.ForeignKeyConstraint(
            ["campaign", "number"], ["trials.campaign", "trials.number"], ondelete="CASCADE"
        ),
    )
    op.create_table(
        "shares",
        sa.Column(
            "campaign",
            sa.String(16),
            sa.ForeignKey("campaigns.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("place", sa.Text, nullable=False, index=True),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("cpus", sa.Double, nullable=False),
        sa.Column("gpus", sa.Double, nullable=False),
        sa.Column("wanted", sa.Integer, nullable=False),
        sa.Column("held", sa.Integer, nullable=False),
        sa.Column("joined", sa.Double, nullable=False),
    )
    _describe_the_past()


# What follows is a copy of how the code saw these values in 0002; it must not follow the code.

CAMPAIGNS = sa.table(
    "campaigns",
    sa.column("id", sa.String),
    sa.column("document", sa.JSON),
    sa.column("data", sa.JSON),
)
TRIALS = sa.table(
    "trials",
    *(sa.column(name) for name in ("campaign", "number", "digest", "seed", "status", "attempts")),
    *(sa.column(name) for name in ("epochs", "seconds", "created", "started", "ended", "work")),
    sa.column("recipe", sa.JSON),
)
ATTEMPTS = sa.table(
    "attempts",
    *(sa.column(name) for name in ("campaign", "number", "attempt", "started", "ended")),
    *(sa.column(name) for name in ("seconds", "devices", "epochs", "repeated", "how")),
)


def _describe_the_past() -> None:
    """Give the trials of before their work, and one attempt each with what is known of it."""
    connection = op.get_bind()
    campaigns = connection.execute(sa.select(CAMPAIGNS)).mappings().all()
    for campaign in campaigns:
        recipe, checksum = campaign["document"].get("recipe"), campaign["data"].get("checksum")
        resources = campaign["document"].get("resources") or {}
        devices = float(resources.get("gpus") or resources.get("cpus") or 1.0)
        query = sa.select(TRIALS).where(TRIALS.c.campaign == campaign["id"])
        for trial in connection.execute(query).mappings().all():
            here = (TRIALS.c.campaign == campaign["id"], TRIALS.c.number == trial["number"])
            if recipe and checksum and trial["status"] != "infeasible":
                closed = _merge(recipe, trial["recipe"] or {})
                work = _work(trial["digest"], closed, checksum, trial["seed"])
                connection.execute(sa.update(TRIALS).where(*here).values(work=work))
            if trial["attempts"]:
                connection.execute(sa.insert(ATTEMPTS).values(_attempt(trial, devices)))


def _attempt(trial: Mapping[Any, Any], devices: float) -> dict[str, Any]:
    """All attempts of a trial as one: the time of its epochs is the least that they took."""
    started = trial["started"] or trial["created"]
    over = trial["status"] in ("finished", "pruned", "failed")
    return {
        "campaign": trial["campaign"],
        "number": trial["number"],
        "attempt": trial["attempts"],
        "started": started,
        "ended": trial["ended"] or started + trial["seconds"],
        "seconds": trial["seconds"],
        "devices": devices,
        "epochs": trial["epochs"],
        "repeated": 0,
        "how": trial["status"] if over else "interrupted",
    }


def _merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in overlay.items():
        mine = merged.get(key)
        whole = key == "clip" or not (isinstance(mine, dict) and isinstance(value, dict))
        merged[key] = value if whole else _merge(mine or {}, value)
    return merged


def _work(digest: str, recipe: Mapping[str, Any], checksum: str, seed: int) -> str:
    aside = ("epochs", "threads", "checkpoint_epochs")
    rest = {key: value for key, value in recipe.items() if key not in aside}
    parts = [digest, _plain(rest), checksum, str(seed)]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """The value with 1 and 1.0 as one number."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
