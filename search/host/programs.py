"""Starting Python processes of our own so that they run our code, wherever they are started.

The folder that a person works in, and PYTHONPATH, may hold packages that are called `workers` or
`space` as ours are. A process of ours never looks for modules in the current folder, and loads our
packages first, from where this one stands. Programs name our modules as `ventral.search.driver`,
which they are called in a clone and in an installed wheel (ventral/packages.py).
"""

import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[__name__.count(".")]
"""The folder that the path of Python has to hold for our packages."""

PACKAGES = ("space", "models", "workers", "search", "dashboards", "ventral")
"""Our packages in a clone; an installed wheel has all of them in the last."""
DISTRIBUTION = "ventral-search"
"""What they are installed as."""

_PIN = """\
import sys
sys.path.insert(0, {root!r})
try:
    import ventral.packages
finally:
    sys.path.remove({root!r})
ventral.packages.load_packages()
"""


def python_command(program: str) -> list[str]:
    """The command that runs `program` in a new Python process."""
    return [sys.executable, "-P", "-c", f"{_PIN.format(root=str(ROOT))}{program}"]


def make_pin() -> Callable[[], None]:
    """A function that loads our packages first; it travels as code, without a module of ours.

    On a machine that has them elsewhere they are looked for as usual.
    """
    program = _PIN.format(root=str(ROOT))

    def pin() -> None:
        import contextlib

        with contextlib.suppress(ImportError):
            exec(program, {})

    return pin
