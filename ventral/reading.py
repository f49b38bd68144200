"""What campaigns found, as frames for a notebook; `ventral` has these names as its own.

Each loads what it needs when it is called.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ventral.extras import guard_imports

if TYPE_CHECKING:
    import pandas as pd

    from dashboards.searched import Searched
    from search.host.home import Home
    from search.store import Store


@contextmanager
def open_home(home: str | Path | None, *, create: bool = False) -> "Iterator[tuple[Home, Store]]":
    """A home and its store, which is closed afterwards."""
    from search.host.home import Home
    from search.store import Store

    place = Home.at(home)
    if create:
        place.ensure()
    store = Store.open(place.store_url, create=create)
    try:
        yield place, store
    finally:
        store.close()


def trials(campaign: str, *, home: str | Path | None = None) -> "pd.DataFrame":
    """One row a trial of a campaign (an id, or the name of the newest one so called).

    `home` is a folder (default: VENTRAL_HOME), or the address of an MLflow server that Ventral
    wrote to ("http://lab:5000"). From a server, choices that made no difference are empty, and
    trials that never began are left out. Raises StoreError for an unknown campaign, InputError
    for one that the server does not have.
    """
    return read_campaign(campaign, home=home).trials


def reports(campaign: str, *, home: str | Path | None = None) -> "pd.DataFrame":
    """One row a report of a campaign's trials, in the order of arrival: an epoch's scores.

    `home` and errors as in `trials`.
    """
    return read_campaign(campaign, home=home).reports


def steps(campaign: str, *, home: str | Path | None = None) -> "pd.DataFrame":
    """The accuracy at each time step by each trial's last report: trial, epoch, step, accuracy.

    `home` and errors as in `trials`.
    """
    return read_campaign(campaign, home=home).steps


@guard_imports()
def read_campaign(campaign: str, *, home: str | Path | None = None) -> "Searched":
    """All that a campaign found, as figures take it: its settings, its space and frames.

    `home` and errors as in `trials`.
    """
    from dashboards.from_mlflow import is_address, read_mlflow
    from dashboards.searched import read_searched

    if isinstance(home, str) and is_address(home):
        return read_mlflow(home, campaign)
    with open_home(home) as (_, store):
        return read_searched(store, campaign)


@guard_imports()
def example(name: str) -> "Searched":
    """A search at scale that comes with Ventral: `guided`, `hyperopt` or `random`.

    Its settings, its space and its frames of trials, reports and time steps: what reports and
    importance are made of. Raises InputError for another name.
    """
    from dashboards.saved import load_example

    return load_example(name)


@guard_imports()
def importance(
    campaign: str,
    *,
    by: Literal["choice", "motif", "pair"] = "choice",
    home: str | Path | None = None,
) -> "pd.DataFrame":
    """Which choices (or motifs, or pairs of choices) decide whether a network is among the best.

    One row each, the most important first, with the ends of its 95 % interval; no row where fewer
    than 20 trials can be compared. See dashboards/importance.py for what the numbers are.
    """
    from dataclasses import fields

    import pandas as pd

    from dashboards import importance as rankings

    searched = read_campaign(campaign, home=home)
    rank: Any = {
        "choice": rankings.rank_choices,
        "motif": rankings.rank_motifs,
        "pair": rankings.rank_pairs,
    }[by]
    row: Any = {
        "choice": rankings.Importance,
        "motif": rankings.MotifShare,
        "pair": rankings.PairImportance,
    }[by]
    return pd.DataFrame(rank(searched), columns=[field.name for field in fields(row)])


def lesions(campaign: str, *, home: str | Path | None = None) -> "pd.DataFrame":
    """One row a part that `ventral lesion` removed from a trial's network: trial, part, kind,
    difference of validation top-1 (lesioned less whole), its interval low to high, retrained.

    `home` and errors as in `trials`.
    """
    return read_campaign(campaign, home=home).lesions
