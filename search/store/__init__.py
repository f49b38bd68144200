"""The store: the one truth about campaigns and their trials, on SQLite or PostgreSQL.

`store.py` is what the rest of the project calls, `records.py` the values that it takes and gives,
`ledger.py` what trials cost, `tables.py` and `database.py` what is underneath, and `migrations/`
every schema that was ever committed.
"""

from search.store.records import (
    ENDED,
    STATUSES,
    Campaign,
    Donor,
    Event,
    Order,
    Outgoing,
    Scalar,
    State,
    Status,
    Takeover,
    Trial,
)
from search.store.store import (
    HEARTBEAT_SECONDS,
    ID_LETTERS,
    ID_SIGNS,
    SILENCE_SECONDS,
    Store,
)

__all__ = [
    "ENDED",
    "HEARTBEAT_SECONDS",
    "ID_LETTERS",
    "ID_SIGNS",
    "SILENCE_SECONDS",
    "STATUSES",
    "Campaign",
    "Donor",
    "Event",
    "Order",
    "Outgoing",
    "Scalar",
    "State",
    "Status",
    "Store",
    "Takeover",
    "Trial",
]
