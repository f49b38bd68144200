"""The journal: what the sampler was told and asked before each suggestion."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the journal's table; campaigns of an earlier version have none."""
    op.create_table(
        "journal",
        sa.Column("campaign", sa.String(16), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("calls", sa.JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign", "number"], ["trials.campaign", "trials.number"], ondelete="CASCADE"
        ),
    )
