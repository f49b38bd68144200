"""docs/doctor.md: every check with all that it can find wrong and the cures, from the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from search.doctor.listing import CHECKS
from search.doctor.protocol import AnyCheck, Fault
from search.doctor.running import GENERAL

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"

HEAD = """\
# What is wrong here?

`ventral doctor` looks for what keeps campaigns from running, and says the cure of each thing that
it finds.

```text
ventral doctor                       # this machine
ventral doctor --address auto        # and every node of the Ray cluster that it is a node of
ventral doctor --cluster NAME        # and a cluster of clusters.yaml, from a job there
ventral doctor -o json               # a list of check, status, text and cure
```

Each check is a pass, a `warning` (campaigns run, but slower than they could, or at a risk) or a
`fail` (they do not run, or what they write is lost). The exit code is 1 if one fails, else 0, and
2 for a cluster that has no such name. Nothing is changed: what is written, to see whether that
works, is removed again. Without a cluster a Ray is started for a moment, as each campaign does.
A check that hangs ends at its time limit with a failure.

With `--address` or `--cluster` the checks of a machine that *trains* run on every node of the
cluster that has cores, as Ray tasks with the environment that Ray was started with there; those
of a machine that *drives* campaigns run where the command does. Equal findings of several nodes
are one.
"""


TITLES = {"gpus": "GPUs", "mlflow": "MLflow"}


def write_page() -> str:
    """The page."""
    parts = [HEAD]
    for check in CHECKS:
        title = TITLES.get(check.name, f"{check.name[0].upper()}{check.name[1:]}")
        parts.append(f"\n## {title}\n\n{_describe(check)}\n")
        parts += _write_table(check.faults)
    parts.append("\n## Any check\n\n")
    parts += _write_table(GENERAL)
    return "".join(parts)


def _describe(check: AnyCheck) -> str:
    where = [word for word, holds in (("drives", check.drives), ("trains", check.trains)) if holds]
    about = check.about.rstrip(".")
    return (
        f"Looks at {about}. Of a machine that {' or '.join(where)}; ends after at most "
        f"{check.seconds:.0f} s.\n"
    )


def _write_table(faults: tuple[Fault, ...]) -> Iterator[str]:
    yield "| | what is wrong | cure |\n|---|---|---|\n"
    for fault in faults:
        cure = fault.explanation or fault.cure
        bound = f" ({fault.bound})" if fault.bound else ""
        yield f"| {fault.status} | {_show_fields(fault.problem)}{bound} | {_show_fields(cure)} |\n"


def _show_fields(text: str) -> str:
    """A text with the names of its fields in capitals, as a cell of a table."""
    named = re.sub(r"\{(\w+)[^}]*\}", lambda match: match[1].upper(), text)
    return named.replace("|", r"\|").replace("~", r"\~")


def publish() -> None:
    """Write the page anew."""
    PAGE.write_text(write_page(), encoding="utf-8")
