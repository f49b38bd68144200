"""The command line's entry: the commands put together, and how they end.

Exit code 0 done, 1 failed, 2 the input is wrong. Every command lives in a module of its group;
they import what they need when they run, so that `ventral --help` answers at once.
"""

import contextlib
import io
import os
import shlex
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated

import typer

from search.host.ports import bypass_proxies
from space.documents.outside import printable, redact
from space.errors import InputError, VentralError
from ventral.commands import (
    brains,
    campaigns,
    datasets,
    deploy,
    doctor,
    drill,
    dynamics,
    exports,
    interface,
    labels,
    lesions,
    plans,
    removal,
    replay,
    report,
    retention,
    robustness,
    simulation,
    spaces,
    starting,
    status,
    trials,
    twins,
    verify,
    zoo,
)
from ventral.extras import explain_missing
from ventral.output import Format, Output, note, show
from ventral.versions import format_versions, read_versions
from workers.logs import read_log_format

LONGEST = 300
"""How many letters of an unforeseen error are printed; the rest is in its file."""

HELP = "Architecture search for convolutional recurrent models of the visual system."

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
starting.register(app)
campaigns.register(app)
status.register(app)
report.register(app)
exports.register(app)
interface.register(app)
lesions.register(app)
labels.register(app)
removal.register(app)
retention.register(app)
drill.register(app)
doctor.register(app)
plans.register(app)
replay.register(app)
verify.register(app)
simulation.register(brains.brain)
app.add_typer(trials.app, name="trial", help="The trials of a campaign.")
app.add_typer(spaces.app, name="space", help="Search spaces: what may be searched.")
app.add_typer(zoo.app, name="zoo", help="The published models as genomes.")
app.add_typer(datasets.app, name="data", help="Data sets, and packing them for training.")
app.add_typer(brains.brain, name="brain", help="Recordings of neurons, measured or simulated.")
dynamics.register(brains.score)
robustness.register(brains.score)
twins.register(brains.score)
app.add_typer(
    brains.score,
    name="score",
    help="How well networks explain brains and behaviour, and how robust they are.",
)
app.add_typer(deploy.app, name="deploy", help="Deployments: containers, Kubernetes, Slurm.")


@app.callback(invoke_without_command=True, help=HELP)
def begin(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="print the versions of Ventral and of what it uses")
    ] = False,
    clusters: Annotated[
        Path | None,
        typer.Option(help="the file that names clusters; by default clusters.yaml in the home"),
    ] = None,
    output: Output = Format.table,
) -> None:
    """What stands before any command."""
    if clusters is not None:
        from search.remote.clusters import FILE_VARIABLE

        os.environ[FILE_VARIABLE] = str(clusters.absolute())
    if version:
        show(format_versions(read_versions(), output))
        raise typer.Exit
    if context.invoked_subcommand is None:
        cure = "name one; `ventral --help` lists them"
        raise InputError("ventral", "does not say which command", cure)


def main() -> None:
    """Run the command line and leave with its exit code.

    No error prints a traceback: a foreseen one is one line, and the traceback of any other is in
    a file that its line names.
    """
    bypass_proxies()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without Unicode (PYTHONIOENCODING=ascii) gets escapes.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_run_app())


def _run_app() -> int | str | None:
    """Run the command and return its exit code."""
    try:
        try:
            read_log_format()
            app()
        except SystemExit as end:
            code = end.code
        # Here, where an error can be printed, not when Python ends: the disk may be full.
        sys.stdout.flush()
        return code
    except VentralError as error:
        return _print_error(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _print_error(None)
    except BrokenPipeError:
        # The reader of our output has gone (`ventral list | head`): which is not an error.
        _drop_output()
        return 0
    except OSError as error:
        if error.filename is None and error.errno is None:
            return _report_unforeseen(error)
        file = "" if error.filename is None else f"{error.filename}: "
        return _print_error(f"{file}{error.strerror or error}")
    except ModuleNotFoundError as error:
        return _print_error(explain_missing(error), InputError.exit_code)
    except Exception as error:  # noqa: BLE001  (the edge of the process)
        return _report_unforeseen(error)


def _print_error(problem: str | None, code: int = 1) -> int:
    """Print what went wrong (None: it was interrupted) in one line, and return `code`."""
    # What cannot be written any more, to a full disk say, must not hide what went wrong first.
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
    with contextlib.suppress(OSError):
        note(
            "interrupted" if problem is None else f"error: {problem}",
            lines=True,
            level="warning" if problem is None else "error",
        )
    return code


def _report_unforeseen(error: Exception) -> int:
    """A bug: one line, and the traceback in a file."""
    message = str(error).strip().partition("\n")[0][:LONGEST]
    summary = f"{type(error).__name__}: {printable(message)}" if message else type(error).__name__
    try:
        file = _keep_traceback(error)
    except OSError as problem:
        reason = problem.strerror or problem
        return _print_error(f"unforeseen: {summary} (no traceback could be written: {reason})")
    return _print_error(f"unforeseen: {summary}; the traceback is in {file}")


def _keep_traceback(error: Exception) -> Path:
    """Write it into the home if there is one, else into the temporary folder. Private to its user.

    Raises OSError if neither can be written.
    """
    from search.host.home import Home

    places = [Path(tempfile.gettempdir())]
    with contextlib.suppress(VentralError, OSError):
        places.insert(0, Home.at().path)
    place = next((place for place in places if os.access(place, os.W_OK)), places[-1])
    handle, name = tempfile.mkstemp(prefix="ventral-error-", suffix=".txt", dir=place)
    text = f"{shlex.join(sys.argv)}\n\n{''.join(traceback.format_exception(error))}"
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(redact(text))
    return Path(name)


def _drop_output() -> None:
    """Write nothing more to the standard output, not even when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
