"""Where the `ventral` command begins: it says in one line what keeps Ventral from running."""

import sys

from ventral import versions
from ventral.extras import explain_missing
from ventral.packages import Hidden, check_packages, load_packages


def main() -> None:
    """Run the command line. Exit code 2 if a library is missing or a package hidden."""
    if versions.answer(sys.argv[1:]):
        return
    try:
        load_packages()
        check_packages()
        from ventral.cli import main as run

        run()
    except Hidden as error:
        _end(str(error))
    except ModuleNotFoundError as error:
        _end(explain_missing(error))


def _end(text: str) -> None:
    print(f"error: {text}", file=sys.stderr)
    sys.exit(2)
