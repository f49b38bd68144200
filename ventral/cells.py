"""Tables of cells: the best of a campaign, and what is certified of them."""

from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from space.documents.outside import printable
from ventral.output import Column, Format, Row, count, percent, signed_percent, table

if TYPE_CHECKING:
    from search.review.ranking import Kind, Reference
    from search.store import Campaign, Label, Store, Trial
    from space.genome import Genome

MOST_COMPARED = 100
"""Of more networks of equal names, no genomes are read to say how they differ."""

CELLS = (
    Column(key="trial", right=True),
    Column(key="top1", title="top-1", write=percent, right=True),
    Column(key="gain", title="vs control", write=signed_percent, right=True),
    Column(key="parameters", write=count, right=True),
    Column(key="macs", title="multiply-adds", write=count, right=True),
    Column(key="epochs", right=True),
    Column(key="status"),
    Column(key="recurrent"),
    Column(key="cell"),
)

ROLE = Column(key="role")
"""What a network is where the search also looked for controls."""

REFERENCES = (
    Column(key="network"),
    Column(key="seeds", right=True),
    Column(key="top1", title="top-1", write=percent, right=True),
    Column(key="deviation", title="+-", write=percent, right=True),
    Column(key="gain", title="vs control", write=signed_percent, right=True),
    Column(key="failed", right=True),
    Column(key="parameters", write=count, right=True),
    Column(key="macs", title="multiply-adds", write=count, right=True),
    Column(key="recurrent"),
    Column(key="cell"),
)


def label_columns(rows: "Sequence[Row]") -> tuple[Column, ...]:
    """The columns of tags and notes, of which those are left out that are empty in all rows."""
    columns = (Column(key="tags", write=", ".join), Column(key="note"))
    return tuple(column for column in columns if any(map(itemgetter(column.key), rows)))


def read_equations(trial: "Trial") -> tuple[str, ...]:
    """The equations of a trial's cells as lines; none if this version cannot build it."""
    from space.equation.network import format_cells
    from space.errors import GenomeError

    try:
        return format_cells(trial.read_genome())
    except GenomeError:
        return ()


def label_lines(label: "Label") -> list[str]:
    """Tags and note, a line each; none of what there is not."""
    tags = [f"tags: {', '.join(label.tags)}"] if label.tags else []
    return tags + ([f"note: {printable(label.note)}"] if label.note else [])


def distinguish_cells(
    rows: "Sequence[Row]", store: "Store", campaign_id: str
) -> list[dict[str, Any]]:
    """Rows of trials, with names of cells that differ wherever their networks do."""
    from space.distinct import distinct_names

    rows = _rename_old(rows, store, campaign_id)
    named = dict.fromkeys((row["digest"], row["cell"]) for row in rows if row["cell"])
    met = Counter(cell for _, cell in named)
    alike = {row["digest"]: row["trial"] for row in rows if met[row["cell"]] > 1}
    genomes: dict[str, Genome] = {}
    if len(alike) <= MOST_COMPARED:
        for digest, number in alike.items():
            if (genome := _genome(store, campaign_id, number)) is not None:
                genomes[digest] = genome
    names = distinct_names(named, genomes)
    return [dict(row) | {"cell": names.get(row["digest"], row["cell"])} for row in rows]


def _rename_old(rows: "Sequence[Row]", store: "Store", campaign_id: str) -> "Sequence[Row]":
    """Rows with names as this version writes them; long tables keep those of earlier ones."""
    from space.equation.names import is_outdated

    old = {row["trial"] for row in rows if is_outdated(row["cell"])}
    if not 0 < len(old) <= MOST_COMPARED:
        return rows
    names = {one.number: one.read_cell() for one in store.results.some(campaign_id, old)}
    return [{**row, "cell": names.get(row["trial"], row["cell"])} for row in rows]


def _genome(store: "Store", campaign_id: str, number: int) -> "Genome | None":
    """A trial's network; None if this version cannot build it."""
    from space.errors import GenomeError

    try:
        return store.results.get(campaign_id, number).read_genome()
    except GenomeError:
        return None


def format_score(reference: "Reference") -> str:
    """The score of a control, with its deviation if there were several seeds."""
    if reference.deviation is None:
        return percent(reference.top1)
    spread = percent(reference.deviation)
    return f"{percent(reference.top1)} +- {spread} ({reference.seeds} seeds)"


def show_references(
    record: "Campaign",
    references: "list[Reference]",
    store: "Store",
    output: Format,
    kind: "Kind | None" = None,
) -> None:
    """The controls over their seeds, of a kind if one is given. Gains are over all the controls
    that no search suggested, of whatever kind.
    """
    from search.review import ranking
    from search.review.listing import list_trials
    from search.upkeep.certification import is_certified

    known = [reference for reference in references if not is_certified(reference)]
    rows: list[dict[str, Any]] = []
    kept = ranking.keep_references(references, kind)
    trials, motifs = [reference.trial for reference in kept], output is not Format.table
    listed = list_trials(store, record.id, trials, motifs=motifs)
    for reference, trial_row in zip(kept, listed, strict=True):
        row = trial_row | {"network": reference.name}
        row |= {"top1": reference.top1, "deviation": reference.deviation}
        row |= {"seeds": reference.seeds, "failed": reference.failed}
        above = ranking.gain(reference.trial, known, reference.top1)
        if above is not None and is_certified(reference):
            row["gain"] = above
        rows.append(row)
    if output is Format.table:
        rows = distinguish_cells(rows, store, record.id)
    split = f", top-1 on {references[0].trial.split}" if references else ""
    title = f"{record.name} ({record.id}), mean and deviation over seeds{split}"
    table(rows, (*REFERENCES, *label_columns(rows)), output, title)


def show_cells(
    record: "Campaign",
    ranked: "list[Trial]",
    references: "list[Reference]",
    store: "Store",
    output: Format,
    kind: "Kind | None" = None,
) -> None:
    """Searched cells, best first, and below them the controls, of a kind if one is given. Gains
    are over all the controls, of whatever kind.
    """
    from search.review import ranking
    from search.review.acting import choices_that_act
    from search.review.listing import list_trials
    from search.store import SEARCHED

    rows = list_trials(store, record.id, ranked, motifs=output is not Format.table)
    for trial, row in zip(ranked, rows, strict=True):
        above = ranking.gain(trial, references)
        if above is not None:
            row["gain"] = above
        if trial.family == SEARCHED:
            row["role"] = "searched control"
    columns = (*CELLS[:-2], ROLE, *CELLS[-2:]) if any("role" in row for row in rows) else CELLS
    if output is Format.table:
        listed = ranking.keep_references(references, kind)
        controls = list_trials(store, record.id, [one.trial for one in listed], motifs=False)
        for one, row in zip(listed, controls, strict=True):
            rows.append(row | {"status": "control", "top1": one.top1, "role": "control"})
        rows = distinguish_cells(rows, store, record.id)
    else:
        for row, trial in zip(rows, ranked, strict=True):
            row["acting"] = choices_that_act(record, trial, quickly=True)
    title = f"{record.name} ({record.id}), best cells"
    if ranked:
        split = ranked[0].split
        chosen = " (selected on it)" if split == "test" else ""
        title += f", top-1 on {split}{chosen}"
    table(rows, (*columns, *label_columns(rows)), output, title)


SELECTED = {
    "validation": (
        "scores are of the validation split, by which the search chose: the best of many is "
        "partly luck"
    ),
    "test": (
        "scores are of the test split, and selected on it: the campaign has no validation split"
    ),
}
"""What the scores of a search may be taken for, by the split that they are of."""

CERTIFIED_ON_TEST = (
    "warning: this campaign has no validation images. It selected its winners on the images that "
    "they are certified on"
)


def closing_lines(
    searched: "Sequence[Trial]", references: "Sequence[Reference]", failed: "Sequence[Trial]"
) -> list[str]:
    """The outcome of a campaign: the best network of each kind beside its cost, the controls, what
    that does not show, and the trials that failed. Networks of different cost are set side by
    side, not compared.
    """
    from search.review import ranking

    recurrent, feedforward = ranking.best_of_kinds(searched)
    whole = max((one.trial.epochs for one in references), default=0)
    whole = max([whole, *(trial.epochs for trial in searched if trial.status == "finished")])
    lines = []
    for kind, trial in (("recurrent", recurrent), ("feedforward", feedforward)):
        if trial is None:
            lines.append(f"best {kind} network of the search: none has a score")
        else:
            lines.append(
                f"best {kind} network of the search: {percent(trial.top1 or 0.0)}"
                f"{_early(trial, whole)}, {_price(trial)} ({_name_trial(trial)})"
            )
    for one in references:
        kind = ranking.kind_of(one.trial) or "recurrence not known"
        label = "" if kind == one.name else f" ({kind})"
        lines.append(
            f"control {one.name}{label}: {format_score(one)}"
            f"{_early(one.trial, whole)}, {_price(one.trial)}"
        )
    if searched:
        lines.append(SELECTED[searched[0].split])
    if recurrent is not None:
        tried = tuple(len(ranking.keep_kind(searched, kind)) for kind in ranking.KINDS)
        lines.append(_describe_unshown(recurrent, feedforward, tried))
    return lines + failed_lines(failed)


def _name_trial(trial: "Trial") -> str:
    from search.store import SEARCHED

    return f"trial {trial.number}" + (", a searched control" if trial.family == SEARCHED else "")


def _describe_unshown(
    recurrent: "Trial", feedforward: "Trial | None", tried: tuple[int, ...]
) -> str:
    """What no search shows: whether it is the recurrence by which a network is good. `tried`
    counts the networks of each kind that have a score.
    """
    if feedforward is None:
        return (
            "not shown: that recurrence helps. The search has no feedforward network beside it: "
            "controls: {search: 0.25} searches for some"
        )
    pairs = (
        (recurrent.parameters, feedforward.parameters, "parameters"),
        (recurrent.macs, feedforward.macs, "multiply-adds"),
    )
    ratios = [f"{mine / other:.1f} times the {of}" for mine, other, of in pairs if mine and other]
    return (
        "not shown: that recurrence helps, or that it does not. "
        f"The recurrent one has {' and '.join(ratios)}, and is the best of {tried[0]} beside the "
        f"best of {tried[1]}, by one training each"
    )


def _early(trial: "Trial", whole: int) -> str:
    """The epochs of a score that is not one of a full training; else nothing."""
    return f" after {trial.epochs} of {whole} epochs" if trial.epochs < whole else ""


def _price(trial: "Trial") -> str:
    return f"{count(trial.parameters or 0)} parameters, {count(trial.macs or 0)} multiply-adds"


NAMED = 10
"""How many failed trials are named."""


def failed_lines(failed: "Sequence[Trial]") -> list[str]:
    """How many trials failed, which, and why most of them did; empty without failures."""
    if not failed:
        return []
    numbers = sorted(trial.number for trial in failed)
    named = ", ".join(map(str, numbers[:NAMED])) + (", ..." if len(numbers) > NAMED else "")
    reasons = [trial.reason or "unknown" for trial in failed]
    # What follows the kind of a failure may be another text in every trial.
    kind, times = Counter(reason.partition(":")[0] for reason in reasons).most_common(1)[0]
    reason = next(reason for reason in reasons if reason.partition(":")[0] == kind)
    share = "" if len(failed) == 1 else f" ({times} of {len(failed)})"
    trials = "1 trial" if len(failed) == 1 else f"{len(failed)} trials"
    often = "because" if len(failed) == 1 else "most often because"
    return [f"{trials} failed: {named}; {often} {reason}{share}"]
