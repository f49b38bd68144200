"""`ventral plan`: what of a network's unroll has to be computed, and what is known already."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ventral.output import Column, Format, Output, count, note, percent, show, table, value

if TYPE_CHECKING:
    from search.campaign.settings import CardShare
    from space.unroll.plan import Plan

GENOME = "a model of the zoo, a genome file, or an export"
READ = (
    "what is read: decoder (what the network's logits are made of), last (the last step's "
    "logits), logits (those of every step), all (also every stage's output), or STAGE@STEP,..."
)

CARD = "also whether training fits on a graphics card, by Ray's name of its type, such as H100"


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command("plan")(show_plan)


def show_plan(
    genome: Annotated[str, typer.Argument(help=GENOME)],
    read: Annotated[str, typer.Option("--read", help=READ)] = "decoder",
    batch: Annotated[int, typer.Option("--batch", min=1, help="images of a batch")] = 64,
    training: Annotated[bool, typer.Option("--training", help="as batch norms train")] = False,
    draw: Annotated[
        Path | None, typer.Option("--draw", help="write the plan's picture to FILE.png or .svg")
    ] = None,
    card: Annotated[str | None, typer.Option("--card", help=CARD)] = None,
    part: Annotated[
        float, typer.Option("--gpus", help="of the card that a trial takes, as in resources.gpus")
    ] = 1.0,
    output: Output = Format.table,
) -> None:
    """What of a network's unroll has to be computed: the operations, and what was saved."""
    from space.genomes import find_genome
    from space.unroll.plan import plan
    from space.unroll.reads import parse_reads

    found, share = find_genome(genome), _read_card(card, part)
    planned = plan(found, parse_reads(found, read), training=training)
    if draw is not None:
        from dashboards.plans import draw as write

        write(planned, draw)
        note(f"the picture is {draw}")
    if output is Format.json:
        value(_document(planned, batch) | _document_card(planned, batch, share), output, "")
        return
    table(_operations(planned), _COLUMNS, output)
    if output is Format.table:
        show(_format_summary(planned, batch))
        if share is not None:
            show(_format_card(planned, batch, share))


def _read_card(name: str | None, part: float) -> "CardShare | None":
    """The part of a card of that type. Raises InputError."""
    from search.campaign.cards import read_share

    return None if name is None else read_share(name, part)


def _fits(plan: "Plan", batch: int, share: "CardShare") -> dict[str, bool]:
    """By how it is executed, whether training in bf16 fits into the part of a card."""
    from search.campaign.cards import share_bytes

    memory = _memory(plan, batch, half=True)
    return {name: size <= share_bytes(share) for name, size in memory.items()}


def _document_card(plan: "Plan", batch: int, share: "CardShare | None") -> dict[str, Any]:
    from search.campaign.cards import share_bytes

    if share is None:
        return {}
    written = share.model_dump(mode="json") | {"bytes": share_bytes(share)}
    return {"card": written | {"fits": _fits(plan, batch, share)}}


def _format_card(plan: "Plan", batch: int, share: "CardShare") -> str:
    from search.campaign.cards import describe_share, share_bytes

    fits = _fits(plan, batch, share)
    words = ", ".join(f"{name} {'fits' if fit else 'does not fit'}" for name, fit in fits.items())
    size = f"{share_bytes(share) / 1e6:,.0f} MB"
    return f"in {size} ({describe_share(share)}), in bf16: {words}"


_COLUMNS = [
    Column(key="step", right=True),
    Column(key="stage"),
    Column(key="part"),
    Column(key="operation"),
    Column(key="map"),
    Column(key="batch"),
    Column(key="macs", title="multiply-adds", write=count, right=True),
]


def _operations(plan: "Plan") -> list[dict[str, Any]]:
    """The multiplying operations that are left, by step."""
    names = plan.genome.nodes
    left = [op for op in plan.operations if op.macs]
    return [
        {
            "step": op.step,
            "stage": names[op.stage],
            "part": op.part,
            "operation": type(op.what).__name__.lower(),
            "map": f"{op.map.size}x{op.map.size}x{op.map.channels}" if op.map.size else "",
            "batch": "images" if op.image else "1",
            "macs": op.macs,
        }
        for op in sorted(left, key=lambda op: (op.step, op.place))
    ]


def _memory(plan: "Plan", batch: int, *, half: bool) -> dict[str, int]:
    """Bytes of training with SGD, by how it is executed; `half`: in bfloat16 or float16."""
    from space.unroll.memory import training_memory
    from space.unroll.planned_memory import planned_memory

    return {
        "literal": training_memory(plan.genome, batch, half=half),
        "planned": planned_memory(plan, batch, half=half),
        "recomputed": planned_memory(plan, batch, recompute=True, half=half),
    }


def _document(plan: "Plan", batch: int) -> dict[str, Any]:
    return {
        "literal_macs": plan.literal_macs,
        "planned_macs": round(plan.planned_macs(batch)),
        "batch": batch,
        "memory": _memory(plan, batch, half=False),
        "half_memory": _memory(plan, batch, half=True),
        "reads": sorted(f"{name}@{step}" for name, step in plan.reads),
        "saved": {rule: round(macs) for rule, macs in plan.saved(batch).items()},
        "operations": _operations(plan),
    }


_RULES = {
    "dead": "dead: nothing that is read depends on it",
    "shared": "shared: a value of the same history was computed before",
    "one image": "one image: no image has reached it, so that its batch is 1",
    "zeros": "zeros: what a convolution makes of zeros is known",
    "smaller map": "smaller map: a 1x1 convolution goes before the enlarging",
    "waiting": "waiting: the stage waits for the image",
}


def _format_summary(plan: "Plan", batch: int) -> str:
    literal, planned = plan.literal_macs, plan.planned_macs(batch)
    lines = [
        f"{rule:>10}  {percent(macs / literal):>7}  {_RULES[key]}"
        for key, macs in plan.saved(batch).items()
        if round(macs) and (rule := count(macs))
    ]
    return "\n".join(
        [
            "saved multiply-adds an image:",
            *lines,
            f"literal {count(literal)}, planned {count(planned)} in batches of {batch}: "
            f"{literal / planned:.1f} times less",
            f"memory to train in: {_in_megabytes(_memory(plan, batch, half=False))}",
            f"in bf16 or fp16 (a GPU's default): {_in_megabytes(_memory(plan, batch, half=True))}",
        ]
    )


def _in_megabytes(memory: dict[str, int]) -> str:
    return ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in memory.items())
