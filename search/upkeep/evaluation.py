"""An export scored again: the test split is opened, which goes on record and into the card."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.host.home import Home
from search.upkeep.looks import record_look
from space.errors import InputError
from workers.card import Card
from workers.job import ScoredSplit

if TYPE_CHECKING:
    from workers.evaluation import Evaluation


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """The scores of an export on a split. `card` is the export's as it was before; `recorded` is
    the top-1 on that split that it had, None if it had none.

    Of an opening of the test split: `not_recorded` is why the home's store does not have it, and
    `not_written` why the card could not be given its first score there.
    """

    card: Card
    split: ScoredSplit
    scores: "Evaluation"
    recorded: float | None
    not_recorded: str | None = None
    not_written: str | None = None

    @property
    def on_record(self) -> bool:
        """Whether the home's store has this opening of the test split."""
        return self.split == "test" and self.not_recorded is None


def evaluate_on_record(
    folder: str | Path, home: Home, split: ScoredSplit = "test", *, command: str
) -> Evaluated:
    """Score an export on a split of its data; an opening of test is put on record.

    That is: as done by `command`, in the home's store if the export's campaign is there, and the
    first time in the export's card if that can be written; where it cannot be, the scores are
    still returned, with the reason. `folder` may be a URL. Raises what
    `workers.published_export.bring_export` and `workers.scoring.evaluate_export` do.
    """
    from workers.export import read_card, rewrite_card
    from workers.published_export import bring_export, is_at_url
    from workers.scoring import evaluate_export

    distant, folder = is_at_url(folder), bring_export(folder)
    card = read_card(folder)
    scores = evaluate_export(folder, home.ensure(home.data), split, home.storage)
    recorded = card.scores.get(split)
    top1 = None if recorded is None else recorded[0]
    if split != "test":
        return Evaluated(card=card, split=split, scores=scores, recorded=top1)
    not_recorded, not_written = record_look(card, home, command), None
    if recorded is None and distant:
        not_written = "it is at a storage, where exports are not changed"
    elif recorded is None:
        try:
            rewrite_card(folder, card.with_test(scores.top1, scores.top5, scores.loss))
        except OSError as error:
            not_written = error.strerror or str(error)
        except InputError as error:  # a link, or a folder that changed meanwhile
            not_written = str(error)
    return Evaluated(
        card=card,
        split=split,
        scores=scores,
        recorded=top1,
        not_recorded=not_recorded,
        not_written=not_written,
    )
