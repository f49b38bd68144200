"""Campaigns, genomes, trials, reports, events, and the mirror's outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    """Make the first tables, in an empty database."""
    op.create_table(
        "campaigns",
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
        sa.Column("tracking", sa.Text),
        sa.Column("experiment", sa.Text),
    )
    op.create_table(
        "genomes",
        sa.Column("checksum", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, index=True),
        sa.Column("document", JSON, nullable=False),
    )
    op.create_table(
        "trials",
        sa.Column(
            "campaign",
            sa.String(16),
            sa.ForeignKey("campaigns.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False, index=True),
        sa.Column(
            "genome",
            sa.String(64),
            sa.ForeignKey("genomes.checksum"),
            nullable=False,
            index=True,
        ),
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
    )
    op.create_index("ix_trials_campaign_status", "trials", ["campaign", "status"])
    op.create_table(
        "reports",
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
        sa.Column("more", JSON),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("arrived", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign", "number"], ["trials.campaign", "trials.number"], ondelete="CASCADE"
        ),
    )
    op.create_table(
        "events",
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
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("detail", JSON),
    )
    op.create_table(
        "mirror",
        sa.Column("campaign", sa.String(16), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("run", sa.Text),
        sa.ForeignKeyConstraint(
            ["campaign", "number"], ["trials.campaign", "trials.number"], ondelete="CASCADE"
        ),
    )
    op.create_index("ix_mirror_campaign_state", "mirror", ["campaign", "state"])
