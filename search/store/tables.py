"""The tables of the store, for SQLAlchemy and Alembic.

`search.store` alone reads and writes them; a change here needs a new file in migrations/versions
(a test compares the two).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

JSON = sa.JSON(none_as_null=True)
METADATA = sa.MetaData()

CAMPAIGNS = sa.Table(
    "campaigns",
    METADATA,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.Text, nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("document", JSON, nullable=False),
    sa.Column("space", JSON, nullable=False),
    sa.Column("data", JSON, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("started", sa.Double),
    sa.Column("ended", sa.Double),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("driver", sa.Text),
    sa.Column("heartbeat", sa.Double),
    sa.Column("stop_asked", sa.Boolean, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    # Where the mirror writes: a tracking address without credentials, and its experiment there.
    sa.Column("tracking", sa.Text),
    sa.Column("experiment", sa.Text),
)

GENOMES = sa.Table(
    "genomes",
    METADATA,
    # Of the document's text. Two spellings of one network share a digest and are two rows,
    # since weights belong to a spelling.
    sa.Column("checksum", sa.String(64), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    sa.Column("document", JSON, nullable=False),
)

TRIALS = sa.Table(
    "trials",
    METADATA,
    sa.Column("campaign", sa.ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    sa.Column("genome", sa.ForeignKey("genomes.checksum"), nullable=False, index=True),
    sa.Column("recipe", JSON, nullable=False),
    sa.Column("choices", JSON, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("cell", sa.Text, nullable=False),
    sa.Column("parameters", sa.BigInteger),
    sa.Column("macs", sa.BigInteger),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("detail", sa.Text),
    sa.Column("folder", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("epochs", sa.Integer, nullable=False),
    sa.Column("top1", sa.Double),
    sa.Column("best", sa.Double),
    sa.Column("top5", sa.Double),
    sa.Column("loss", sa.Double),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("memory_mb", sa.Double),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("started", sa.Double),
    sa.Column("ended", sa.Double),
    sa.Column("suggested", sa.BigInteger, nullable=False),
    sa.Column("arrived", sa.BigInteger),
    # Equal for trainings of one network by one recipe (its epochs apart) on the same data with
    # the same seed, in whatever campaign; None for what is never trained. See
    # search/assign/reuse.py.
    sa.Column("work", sa.String(64)),
    # CAMPAIGN/NUMBER of the trial whose training this one took over, and how many epochs of it.
    sa.Column("source", sa.Text),
    sa.Column("source_epochs", sa.Integer, nullable=False, server_default="0"),
    # The name of a control; none, local, feedback or both (see space/recurrence.py), NULL where
    # there is no network or it is not known; the split that the scores are of.
    sa.Column("control", sa.Text),
    sa.Column("recurrence", sa.String(8)),
    sa.Column("split", sa.String(10), nullable=False, server_default="test"),
    # Of a control that is matched to a winner: in what, and to which; "searched" of one that a
    # sampler suggested.
    sa.Column("family", sa.String(16)),
    sa.Column("winner", sa.Text),
    # The words of its network (space/motifs.py); NULL where there is no network, and for trials of
    # before they were kept.
    sa.Column("motifs", JSON),
    sa.Index("ix_trials_campaign_status", "campaign", "status"),
    sa.Index("ix_trials_work", "work"),
)

ATTEMPTS = sa.Table(
    "attempts",
    METADATA,
    sa.Column("campaign", sa.String(16), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("started", sa.Double, nullable=False),
    sa.Column("ended", sa.Double),
    # Of the monotonic clock, brought up to date at every report and heartbeat.
    sa.Column("seconds", sa.Double, nullable=False),
    # GPUs that it held, or processor cores where its campaign takes no GPU.
    sa.Column("devices", sa.Double, nullable=False),
    # Epochs that it reported for the first time, and those that an earlier attempt had reported.
    sa.Column("epochs", sa.Integer, nullable=False),
    sa.Column("repeated", sa.Integer, nullable=False),
    # finished, pruned, failed; lost (its worker died), stopped, interrupted (its driver died).
    sa.Column("how", sa.String(16)),
    sa.ForeignKeyConstraint(
        ["campaign", "number"], ["trials.campaign", "trials.number"], ondelete="CASCADE"
    ),
)

SHARES = sa.Table(
    "shares",
    METADATA,
    sa.Column("campaign", sa.ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    # What is shared: a machine, or a cluster by its address.
    sa.Column("place", sa.Text, nullable=False, index=True),
    sa.Column("priority", sa.Integer, nullable=False),
    # What one trial takes, how many trials could run at once, and how many do.
    sa.Column("cpus", sa.Double, nullable=False),
    sa.Column("gpus", sa.Double, nullable=False),
    sa.Column("wanted", sa.Integer, nullable=False),
    sa.Column("held", sa.Integer, nullable=False),
    sa.Column("joined", sa.Double, nullable=False),
)

REPORTS = sa.Table(
    "reports",
    METADATA,
    sa.Column("campaign", sa.String(16), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("top1", sa.Double),
    sa.Column("top5", sa.Double),
    sa.Column("loss", sa.Double),
    sa.Column("train_loss", sa.Double),
    sa.Column("accuracy_by_step", JSON),
    sa.Column("seconds", sa.Double),
    sa.Column("memory_mb", sa.Double),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("arrived", sa.BigInteger, nullable=False),
    # It came together with the one after it, at which the scheduler judged.
    sa.Column("late", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.ForeignKeyConstraint(
        ["campaign", "number"], ["trials.campaign", "trials.number"], ondelete="CASCADE"
    ),
)

JOURNAL = sa.Table(
    "journal",
    METADATA,
    sa.Column("campaign", sa.String(16), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    # The sampler's calls since the suggestion before: see search/assign/suggesting.py.
    sa.Column("calls", JSON, nullable=False),
    sa.ForeignKeyConstraint(
        ["campaign", "number"], ["trials.campaign", "trials.number"], ondelete="CASCADE"
    ),
)


def _entry_columns() -> tuple[sa.Column[Any], ...]:
    """The columns of what is kept of a campaign in the order in which it happened."""
    identity = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    campaign = sa.ForeignKey("campaigns.id", ondelete="CASCADE")
    return (
        sa.Column("id", identity, sa.Identity(), primary_key=True),
        sa.Column("campaign", campaign, nullable=False, index=True),
        sa.Column("at", sa.Double, nullable=False),
    )


EVENTS = sa.Table(
    "events",
    METADATA,
    *_entry_columns(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("detail", JSON),
)

OPENINGS = sa.Table(
    "openings",
    METADATA,
    *_entry_columns(),
    # USER@MACHINE, and the command that scored.
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("command", sa.Text, nullable=False),
    # The names of the networks that were scored.
    sa.Column("networks", JSON, nullable=False),
    sa.Column("split", sa.String(10), nullable=False),
)

LABELS = sa.Table(
    "labels",
    METADATA,
    sa.Column("campaign", sa.ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    # Of the trial; -1 of the campaign itself.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    # NULL if none was ever written, empty if it was taken away.
    sa.Column("note", sa.Text),
    sa.Column("tags", JSON, nullable=False),
)

MIRROR = sa.Table(
    "mirror",
    METADATA,
    sa.Column("campaign", sa.String(16), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    # pending: to be sent; sending: perhaps sent already, look before creating; live: its run is
    # shown as running; sent: done, or, of a trial that has not ended, its run is shown as waiting.
    sa.Column("state", sa.String(16), nullable=False),
    # Counts the changes of the trial, so that one that happens while it is being sent is not lost.
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("run", sa.Text),
    sa.ForeignKeyConstraint(
        ["campaign", "number"], ["trials.campaign", "trials.number"], ondelete="CASCADE"
    ),
    sa.Index("ix_mirror_campaign_state", "campaign", "state"),
)
