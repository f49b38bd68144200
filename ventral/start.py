"""Where the `ventral` command begins: it says in one line what keeps Ventral from running."""

import sys

from ventral import versions
from ventral.packages import Hidden, check_packages, explain_missing, load_packages


def main() -> None:
    """Run the command line. A missing dependency is exit code 1, a hidden package 2."""
    if versions.answer(sys.argv[1:]):
        return
    try:
        load_packages()
        check_packages()
        from ventral.cli import main as run

        run()
    except Hidden as error:
        _end(str(error), 2)
    except ModuleNotFoundError as error:
        _end(explain_missing(error), 1)


def _end(text: str, code: int) -> None:
    print(f"error: {text}", file=sys.stderr)
    sys.exit(code)
