"""Notes and tags of campaigns and of trials."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make their table; nothing is written of what was there before."""
    op.create_table(
        "labels",
        sa.Column(
            "campaign",
            sa.String(16),
            sa.ForeignKey("campaigns.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("note", sa.Text),
        sa.Column("tags", sa.JSON(none_as_null=True), nullable=False),
    )
