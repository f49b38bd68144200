"""The store: the truth about campaigns and their trials.

What it owns. SQLite (a file in the home) or PostgreSQL (by URL), through SQLAlchemy alone; all SQL
of the project stands in this package. It knows nothing of Ray, of samplers or of how a genome is
built; of MLflow it knows only which trials the mirror has still to send. It gives frozen values
(`records.py`) and takes them; JSON is a matter of its columns.

Who writes. A campaign has one writer, its driver: `campaigns.set_state(id, "running")` makes the
calling process that, and is refused while another one lives. The driver alone adds trials, starts,
reports on and finishes them. Other processes write what a driver does not: whoever submits creates
a campaign, whoever stops one asks (`ask_stop`), a mirror marks what it has sent, whoever scores on
the test split says so (`add_opening`), whoever names, notes or tags something (`labels`), whoever
removes a campaign (`removal`). What would change a running campaign behind its driver's back
(`set_document`, `trials.retry`, `labels.rename`, `removal.begin`) is refused while it runs.
Readers are any number, and never wait for the writer nor make it wait.

Threads and processes. A store may be used from several threads at once; each call takes a
connection of its own. It must not be carried over a fork: open another one. Several processes may
open, and bring up to date, one store at the same time.

Transactions. Every method of a part is one transaction: when it returns, all that it did is kept,
also over kill -9 and power loss (SQLite: up to the last few calls before a power loss, never half
of one); when it raises, none of it is. Nothing is batched between calls, and no value that was
read follows what is written later.

Order. A campaign's `sequence` counts everything that happens in it: trials get a number from it
when they are added and when they end, reports when they arrive. The order of these numbers is the
order in which results arrived, whatever the clocks say. Times are seconds since 1970 (UTC) for
people; what is charged to a campaign is measured by the monotonic clock of its driver.

What is raised. StoreError, with the cause and a cure: for an unknown campaign or trial, for a call
that the campaign's state forbids, for a record that no version writes, and if the database is
away, full, locked for long, not writable or of a newer version. VentralError if an SQLite file was
removed or replaced while it was open. ValueError for arguments that no caller may give (an end
that is none). Nothing else is for a caller to catch.

What may be repeated. `add_report` by epoch, `finish` with the same end, `ask_stop`, `put_claim`,
`set_experiment`, `labels`, `removal` and the marks of the outbox change nothing the second time.
`create`, `trials.add` (refused), `start` (another attempt), `requeue`, `add_event` and
`add_opening` are happenings each.

Scores are fractions in 0..1; one that is not a finite number is stored as NULL, and is None in a
trial and nan in a report.

The parts are as few as have a writer or a reader of their own: the driver writes `trials`, anyone
writes `campaigns`, everybody reads `results`, the mirror empties the `outbox`. `shares` is apart
from campaigns because it is the one record of several drivers about one another: no campaign's
history, gone when its driver is. `labels` are what people call campaigns and say of them and of
trials, which no driver reads; `removal` is the one way out of the store.
"""

from __future__ import annotations

from search.store.campaigns import Campaigns
from search.store.database import Database
from search.store.labels import Labels
from search.store.outbox import Outbox
from search.store.removal import Removal
from search.store.results import Results
from search.store.shares import Shares
from search.store.trials import Trials


class Store:
    """An open store: seven parts over one database. See the module for the contract."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.campaigns = Campaigns(database)
        self.trials = Trials(database)
        self.results = Results(database)
        self.outbox = Outbox(database)
        self.shares = Shares(database)
        self.labels = Labels(database)
        self.removal = Removal(database)

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Store:
        """Open the store at `url`, making it or bringing it up to this version if needed.

        With `create=False` a store that does not exist is a StoreError. Raises StoreError as
        well if the database is a newer version's, is something else than a store of Ventral, or
        cannot be reached.
        """
        return cls(Database.open(url, create=create))

    @property
    def where(self) -> str:
        """The SQLite file, or the address without its password."""
        return self.database.where

    def close(self) -> None:
        """Close the connections. The store may be used again afterwards."""
        self.database.close()
