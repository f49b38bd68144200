"""The command line's entry: the commands put together, and how they end.

Exit code 0 done, 1 failed, 2 the input is wrong. Every command lives in a module of its group;
they import what they need when they run, so that `ventral --help` answers at once.
"""

import os
import sys

import typer

from search.ports import bypass_proxies
from space.errors import VentralError
from ventral.commands import (
    campaigns,
    datasets,
    drill,
    exports,
    interface,
    plans,
    replay,
    retention,
    spaces,
    status,
    trials,
    verify,
    zoo,
)
from ventral.output import note

HELP = "Architecture search for convolutional recurrent models of the visual system."

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
campaigns.register(app)
status.register(app)
exports.register(app)
interface.register(app)
retention.register(app)
drill.register(app)
plans.register(app)
replay.register(app)
verify.register(app)
app.add_typer(trials.app, name="trial", help="The trials of a campaign.")
app.add_typer(spaces.app, name="space", help="Search spaces: what may be searched.")
app.add_typer(zoo.app, name="zoo", help="The published models as genomes.")
app.add_typer(datasets.app, name="data", help="Data sets, and packing them for training.")


def main() -> None:
    """Run the command line and leave with its exit code."""
    bypass_proxies()
    try:
        app()
    except VentralError as error:
        note(f"error: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        note("interrupted")
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output has gone (`ventral list | head`): not an error of anybody's.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        file = "" if error.filename is None else f"{error.filename}: "
        note(f"error: {file}{error.strerror or error}")
        sys.exit(1)
