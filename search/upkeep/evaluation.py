"""An export scored again: the test split is opened, which goes on record and into the card."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.host.home import Home
from search.store import Store
from search.upkeep.openings import record_opening
from space.errors import StoreError, VentralError
from workers.card import Card
from workers.job import ScoredSplit

if TYPE_CHECKING:
    from workers.evaluation import Evaluation


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """The scores of an export on a split. `card` is the export's as it was before; `recorded` is
    the top-1 on that split that it had, None if it had none.

    Of an opening of the test split: `on_record` says whether the home's store has it, and
    `not_written` why the card could not be given its first score there.
    """

    card: Card
    split: ScoredSplit
    scores: "Evaluation"
    recorded: float | None
    on_record: bool = False
    not_written: str | None = None


def evaluate_on_record(
    folder: str | Path, home: Home, split: ScoredSplit = "test", *, command: str
) -> Evaluated:
    """Score an export on a split of its data; an opening of test is put on record.

    That is: as done by `command`, in the home's store if the export's campaign is there, and the
    first time in the export's card if that can be written. Raises what
    `workers.scoring.evaluate_export` does.
    """
    from workers.export import read_card, rewrite_card
    from workers.scoring import evaluate_export

    card = read_card(folder)
    scores = evaluate_export(folder, home.ensure(home.data), split)
    recorded = card.scores.get(split)
    top1 = None if recorded is None else recorded[0]
    if split != "test":
        return Evaluated(card=card, split=split, scores=scores, recorded=top1)
    not_written = None
    if recorded is None:
        try:
            rewrite_card(folder, card.with_test(scores.top1, scores.top5, scores.loss))
        except OSError as error:
            not_written = error.strerror or str(error)
    return Evaluated(
        card=card,
        split=split,
        scores=scores,
        recorded=top1,
        on_record=_record(card, home, command),
        not_written=not_written,
    )


def _record(card: Card, home: Home, command: str) -> bool:
    """Put the opening on record with the export's campaign; whether that could be done."""
    try:
        store = Store.open(home.store_url, create=False)
    except StoreError:
        return False
    try:
        record = store.campaigns.get(card.campaign)
        if record.id != card.campaign:  # another one has that for a name
            return False
        record_opening(store, record, command, [f"trial-{card.trial}"])
    except VentralError:
        return False
    finally:
        store.close()
    return True
