"""The store: the truth about campaigns and their trials.

One writer, the campaign's driver, and any number of readers, on SQLite (a file in the home) or
PostgreSQL (by URL), through SQLAlchemy alone. The store knows nothing of Ray, of samplers or of
how a genome is built; of MLflow it knows only which trials the mirror has still to send.

A campaign's `sequence` counts everything that happens in it: trials get a number from it when
they are added and when they end, reports when they arrive. The order of these numbers is the
order in which results arrived, whatever the clocks say.

All times are seconds since 1970 (UTC). Scores are fractions in 0..1; a score that is not a finite
number is stored as NULL and read as None.
"""

from __future__ import annotations

from search.store.campaigns import Campaigns
from search.store.connected import Database
from search.store.outbox import Outbox
from search.store.results import Results
from search.store.shares import Shares
from search.store.trials import Trials


class Store:
    """An open store. Safe to use from several threads; every call of a part is one transaction.

    Every method raises StoreError with the cause and a cure if the database is away, full, locked
    for long or not writable.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.campaigns = Campaigns(database)
        self.trials = Trials(database)
        self.results = Results(database)
        self.outbox = Outbox(database)
        self.shares = Shares(database)

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Store:
        """Open the store at `url`, making it or bringing it up to this version if needed.

        With `create=False` a store that does not exist is a StoreError. Raises StoreError as
        well if the database is a newer version's, is something else than a store of Ventral, or
        cannot be reached. Several processes may open one store at once.
        """
        return cls(Database.open(url, create=create))

    @property
    def where(self) -> str:
        """The SQLite file, or the address without its password."""
        return self.database.where

    def close(self) -> None:
        """Close the connections. The store may be used again afterwards."""
        self.database.close()
