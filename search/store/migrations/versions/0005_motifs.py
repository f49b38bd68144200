"""The words of a trial's network become a column.

They are not worked out for the trials of before, which would take a millisecond or two a network:
whoever reads them has them from the genome.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column."""
    op.add_column("trials", sa.Column("motifs", sa.JSON(none_as_null=True)))
