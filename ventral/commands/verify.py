"""`ventral verify`: replay a folder of published results and measure our distance from them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ventral.output import Column, Format, Output, note, table

if TYPE_CHECKING:
    from workers.reference.replay import Verified


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(verify)


def verify(
    folder: Annotated[Path, typer.Argument(help="a folder with an index.json and its arrays")],
    output: Output = Format.table,
) -> None:
    """Replay published results: cells, joins, decoders, networks; exit code 1 if one fails.

    Errors are relative to the largest value of each tensor. An entry passes within 1e-9 in
    float64 and 1e-4 in float32.
    """
    from space.documents.outside import printable
    from workers.reference.files import entries

    named = entries(folder)  # before PyTorch is loaded, which takes seconds
    networks = sum(kind == "network" for kind, _, _ in named)
    long = f"; {networks} are whole networks, which take a minute or more each" if networks else ""
    note(f"replaying {len(named)} entries{long}")
    from workers.reference.replay import replay

    rows: list[dict[str, Any]] = []
    for place, result in enumerate(replay(folder), start=1):
        rows.append(_row(result))
        ends = "passes" if result.passed else "FAILS"
        note(f"{place} of {len(named)}: {result.kind} {printable(result.name)} {ends}")
    columns = [
        Column(key="name"),
        Column(key="kind"),
        Column(key="float64", title="error in float64", write=_error, right=True),
        Column(key="float32", title="error in float32", write=_error, right=True),
        Column(key="passed", title="passes", write=lambda passed: "yes" if passed else "NO"),
        Column(key="why"),
    ]
    table([row | {"why": row["problem"] or row["array"]} for row in rows], columns, output)
    failed = [row["name"] for row in rows if not row["passed"]]
    if failed:
        note(f"{len(failed)} of {len(rows)} entries fail: {', '.join(failed)}")
        raise typer.Exit(1)
    note(f"all {len(rows)} entries pass")


def _row(result: "Verified") -> dict[str, Any]:
    return {
        "name": result.name,
        "kind": result.kind,
        "float64": _finite(result.float64),
        "float32": _finite(result.float32),
        "passed": result.passed,
        "array": "" if result.passed else result.array,
        "problem": result.problem,
    }


def _finite(error: float) -> float | None:
    """JSON has no infinity: an error without bound is null."""
    return error if error < float("inf") else None


def _error(error: float) -> str:
    return f"{error:.1e}"
