"""Tables of cells: the best of a campaign, and what is certified of them."""

from typing import TYPE_CHECKING, Any

from ventral.output import Column, Format, count, percent, signed_percent, table

if TYPE_CHECKING:
    from search.ranking import Reference
    from search.store import Campaign, Trial

CELLS = (
    Column(key="trial", right=True),
    Column(key="top1", title="top-1", write=percent, right=True),
    Column(key="gain", title="vs control", write=signed_percent, right=True),
    Column(key="parameters", write=count, right=True),
    Column(key="macs", title="multiply-adds", write=count, right=True),
    Column(key="epochs", right=True),
    Column(key="status"),
    Column(key="cell"),
)

REFERENCES = (
    Column(key="network"),
    Column(key="seeds", right=True),
    Column(key="top1", title="top-1", write=percent, right=True),
    Column(key="deviation", title="+-", write=percent, right=True),
    Column(key="gain", title="vs control", write=signed_percent, right=True),
    Column(key="failed", right=True),
    Column(key="parameters", write=count, right=True),
    Column(key="macs", title="multiply-adds", write=count, right=True),
    Column(key="cell"),
)


def with_deviation(reference: "Reference") -> str:
    """The score of a control, with its deviation if there were several seeds."""
    if reference.deviation is None:
        return percent(reference.top1)
    spread = percent(reference.deviation)
    return f"{percent(reference.top1)} +- {spread} ({reference.seeds} seeds)"


def show_references(record: "Campaign", references: "list[Reference]", output: Format) -> None:
    """The controls over their seeds; what the gain is over are those that nobody searched."""
    from search import ranking
    from search.certification import is_certified

    known = [reference.top1 for reference in references if not is_certified(reference.name)]
    rows: list[dict[str, Any]] = []
    for reference in references:
        row = ranking.row(reference.trial) | {"network": reference.name}
        row |= {"top1": reference.top1, "deviation": reference.deviation}
        row |= {"seeds": reference.seeds, "failed": reference.failed}
        if known and is_certified(reference.name):
            row["gain"] = reference.top1 - max(known)
        rows.append(row)
    table(rows, REFERENCES, output, f"{record.name} ({record.id}), mean and deviation over seeds")


def show_cells(
    record: "Campaign", found: "list[Trial]", references: "list[Reference]", output: Format
) -> None:
    """Searched cells, best first, and below them the controls."""
    from search import ranking

    best = max((reference.top1 for reference in references), default=None)
    rows: list[dict[str, Any]] = []
    for trial in found:
        row = ranking.row(trial)
        if best is not None and trial.top1 is not None:
            row["gain"] = trial.top1 - best
        rows.append(row)
    if output is Format.table:
        rows += [
            ranking.row(one.trial) | {"status": "control", "top1": one.top1} for one in references
        ]
    table(rows, CELLS, output, f"{record.name} ({record.id}), best cells")
