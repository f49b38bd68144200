"""`ventral drill`: which faults a campaign survives, tested on the user's machine or cluster."""

import contextlib
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ventral.commands.running import Insecure
from ventral.output import Column, Format, Output, note, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from search.drill.faults import FaultResult
    from search.host.home import Home

COLUMNS = (
    Column(key="fault"),
    Column(key="injected", right=True),
    Column(key="lost", right=True),
    Column(key="repeated", title="repeated epochs", right=True),
    Column(key="recovered", title="recovered in s", write=lambda s: f"{s:.1f}", right=True),
    Column(key="slowest", title="slowest", write=lambda s: f"{s:.1f}", right=True),
)


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(drill)


def drill(
    address: Annotated[
        str | None,
        typer.Option(help="of a running Ray cluster: auto, or HOST:PORT of its head"),
    ] = None,
    insecure: Insecure = False,
    kills: Annotated[int, typer.Option(min=1, help="how often each fault is done")] = 3,
    faults: Annotated[
        list[str] | None, typer.Option("--fault", help="only this one (several are possible)")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the moments and the victims")] = 0,
    output: Output = Format.table,
) -> None:
    """Break a small campaign on purpose, and show what that cost: nothing, it should be.

    Real trainings of tiny networks run in a sandbox (a folder of its own, removed at the end),
    on this machine or, with --address, on a running Ray cluster. Faults are done to them at
    random moments, each several times to a campaign of its own:

    \b
    driver      kill -9 of the process that drives the campaign
    worker      kill -9 of the process that trains a trial
    hang        a worker is stopped (SIGSTOP), and has to be noticed by its silence
    everything  kill -9 of the driver, Ray and all workers at once
    mlflow      MLflow's server is killed, and comes back after trials have ended
    node        kill -9 of a node of a cluster of three, which the drill starts here;
                not with --address: your nodes are not touched

    After each the campaign goes on as `ventral resume` does. The table says how often a fault
    was done, how many finished trials and reported epochs were lost, how many epochs were
    trained twice, and after how many seconds an interrupted trial reported again (the median,
    and the slowest). Besides, every status in the store and in MLflow is checked, no new trial
    may have gone before an interrupted one, and no process or folder may be left.

    The exit code is 1 if anything was lost or is not true. One fault takes a minute or three, all
    of them with --kills 3 ten minutes or more. A cluster's nodes need Ventral, and the home folder
    (VENTRAL_HOME) to be shared.
    """
    chosen = _choose_faults(faults or [], address)
    note(_warning(len(chosen), kills))
    from search.drill import faults as drills
    from search.tune.access import allow_insecure

    allow_insecure(insecure)
    with _folder(address) as folder:
        outcomes = list(
            drills.rehearse(chosen, kills, seed, folder=folder, address=address, progress=note)
        )
    table([_row(outcome) for outcome in outcomes], COLUMNS, output)
    bad = [outcome for outcome in outcomes if not outcome.verdict.good]
    for outcome in bad:
        for problem in outcome.verdict.problems:
            note(f"{outcome.fault}: {problem}")
    if bad:
        note(f"not everything survived: {', '.join(outcome.fault for outcome in bad)}")
        raise typer.Exit(1)
    note("nothing was lost")


def _choose_faults(named: list[str], address: str | None) -> "Sequence[str]":
    """The faults that are named, else all that are possible there. Raises InputError."""
    from search.drill.names import EVERYWHERE, HERE
    from space.errors import InputError

    possible = HERE if address is None else EVERYWHERE
    for name in named:
        if name not in possible:
            where = " on a cluster" if address is not None and name in HERE else ""
            cure = f"write one of {', '.join(possible)}"
            raise InputError("--fault", f"{name} is not a fault of a drill{where}", cure)
    return named or possible


def _warning(faults: int, kills: int) -> str:
    """How long it will take: each fault needs a campaign of its own, every kill time to recover.

    The two ends were measured on two cores, idle and busy.
    """
    least = faults * (0.7 + 0.4 * kills)
    counted = "1 fault" if faults == 1 else f"{faults} faults"
    times = "once" if kills == 1 else f"{kills} times each"
    return f"{counted}, {times}: this takes {least:.0f} to {2.5 * least:.0f} minutes"


def _folder(address: str | None) -> "contextlib.AbstractContextManager[Path]":
    """Where the sandbox may lie: in the home if others have to see it, else where it is fast."""
    import tempfile
    from pathlib import Path

    from search.host.home import Home

    if address is None:
        return contextlib.nullcontext(Path(tempfile.gettempdir()))
    return _restore_home(Home.at())


@contextlib.contextmanager
def _restore_home(home: "Home") -> "Iterator[Path]":
    """The home's folder, which is removed again if it was not there."""
    was_there = home.path.exists()
    yield home.ensure()
    if not was_there:
        with contextlib.suppress(OSError):
            home.path.rmdir()


def _row(outcome: "FaultResult") -> dict[str, Any]:
    seconds = [took for took in outcome.recovered if took is not None]
    return {
        "fault": outcome.fault,
        "injected": outcome.injected,
        "lost": outcome.verdict.lost,
        "repeated": outcome.verdict.repeated,
        "recovered": median(seconds) if seconds else None,
        "slowest": max(seconds, default=None),
        "seconds": seconds,
        "problems": list(outcome.verdict.problems),
    }
