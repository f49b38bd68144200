"""The store: the one truth about campaigns and their trials, on SQLite or PostgreSQL.

`store.py` is its contract, and what the rest of the project calls, in seven parts: what is written
of campaigns (`campaigns.py`) and of trials (`trials.py`, `new_trials.py`), what is read of trials
(`results.py`), what the mirror has to send (`outbox.py`), what drivers claim of a place
(`shares.py`), what people call campaigns and say of them (`labels.py`), and their removal
(`removal.py`). `records.py` has the values that it takes and gives, `ledger.py` what trials cost,
`clocks.py` what is measured of both. Underneath are `rows.py` and `reports.py` (rows as values),
`database.py` (transactions), `engine.py` (SQLite and PostgreSQL, the schema, errors with a cure)
and `tables.py`, and in `migrations/` every schema that was ever committed.
"""

from search.host.home import ID_LETTERS, ID_SIGNS
from search.store.campaigns import HEARTBEAT_SECONDS
from search.store.records import (
    CONTROL,
    ENDED,
    ENQUEUED,
    RETRY,
    SEARCHED,
    STATUSES,
    Campaign,
    Donor,
    Event,
    Label,
    NewTrial,
    Opening,
    Order,
    Outgoing,
    Reported,
    Scalar,
    ShareClaim,
    State,
    Status,
    Takeover,
    Trial,
    Unfinished,
)
from search.store.rows import SILENCE_SECONDS
from search.store.store import Store

__all__ = [
    "CONTROL",
    "ENDED",
    "ENQUEUED",
    "HEARTBEAT_SECONDS",
    "ID_LETTERS",
    "ID_SIGNS",
    "RETRY",
    "SEARCHED",
    "SILENCE_SECONDS",
    "STATUSES",
    "Campaign",
    "Donor",
    "Event",
    "Label",
    "NewTrial",
    "Opening",
    "Order",
    "Outgoing",
    "Reported",
    "Scalar",
    "ShareClaim",
    "State",
    "Status",
    "Store",
    "Takeover",
    "Trial",
    "Unfinished",
]
