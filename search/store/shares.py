"""What the drivers of a store claim of the machines and clusters that they share."""

from __future__ import annotations

import sqlalchemy as sa

from search.store.database import Database
from search.store.records import ShareClaim
from search.store.tables import SHARES


class Shares:
    """The claims of the running campaigns; `search.assign.shares` divides a place by them.

    A claim ends with the run of its campaign (`store.campaigns.set_state`).
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_claim(self, claim: ShareClaim, place: str) -> None:
        """Put a campaign's claim to a machine or cluster on record, in place of an earlier one."""
        with self._database.writing() as connection:
            earlier = SHARES.c.campaign == claim.campaign
            connection.execute(sa.delete(SHARES).where(earlier))
            connection.execute(sa.insert(SHARES).values(place=place, **vars(claim)))

    def set_held(self, campaign_id: str, trials: int) -> None:
        """Put on record how many trials of a campaign run."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(SHARES).where(SHARES.c.campaign == campaign_id).values(held=trials)
            )

    def claims(self, place: str) -> list[ShareClaim]:
        """The claims to a place of those campaigns whose drivers live."""
        columns = [column for column in SHARES.c if column.name != "place"]
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(*columns).where(SHARES.c.place == place))
            claims = [ShareClaim(**row) for row in rows.mappings()]
            return [
                claim
                for claim in claims
                if len(claims) == 1
                or self._database.campaign(connection, claim.campaign).state == "running"
            ]

    def claims_beside(self, campaign_id: str) -> list[ShareClaim]:
        """The claims to the place where a campaign runs, with its own; empty if it has none."""
        query = sa.select(SHARES.c.place).where(SHARES.c.campaign == campaign_id)
        with self._database.reading() as connection:
            place = connection.execute(query).scalar_one_or_none()
        return [] if place is None else self.claims(place)
