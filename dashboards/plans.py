"""The picture of a plan: steps from left to right, multiplying operations from top to bottom, one
cell each, shaded by its outcome.
"""

from pathlib import Path

from space.errors import InputError
from space.unroll.plan import Plan, Rule

SHADES: dict[Rule, tuple[str, str]] = {
    "computed": ("#1f4e79", "computed"),
    "one image": ("#8fb8de", "computed for one image"),
    "shared": ("#d9c58f", "shared: computed before"),
    "zeros": ("#f0e6c8", "of zeros: known"),
    "dead": ("#e6e6e6", "dead: nothing reads it"),
    "waiting": ("#ffffff", "waits for the image"),
}


def draw(plan: Plan, file: Path) -> None:
    """Write the picture; its format is that of the file's suffix (png, svg, pdf).

    Raises InputError for another suffix.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    formats = FigureCanvasAgg.get_supported_filetypes()
    if file.suffix.lstrip(".") not in formats:
        problem = "does not end in the suffix of a picture format"
        raise InputError(f"--draw: {file}", problem, "end it in .png or .svg")
    stages = plan.genome.nodes
    rows = {
        place: row for row, place in enumerate(dict.fromkeys(o.place for o in plan.occurrences))
    }
    rules = list(SHADES)
    cells = [[0] * plan.genome.clock.steps for _ in rows]
    for occurrence in plan.occurrences:
        cells[rows[occurrence.place]][occurrence.step] = rules.index(occurrence.rule)
    steps, height = plan.genome.clock.steps, max(2.5, 0.13 * len(rows) + 1.2)
    figure = Figure(figsize=(max(5.0, 0.28 * steps + 2.6), height), layout="constrained")
    axes = figure.subplots()
    axes.pcolormesh(
        cells,
        cmap=ListedColormap([color for color, _ in SHADES.values()]),
        vmin=-0.5,
        vmax=len(rules) - 0.5,
        edgecolors="white",
        linewidth=0.5,
    )
    of_stage = [plan.step.ops[place].stage for place in rows]
    firsts = [of_stage.index(stage) for stage in range(len(stages))]
    ends = [*firsts[1:], len(rows)]
    for first in firsts[1:]:
        axes.axhline(first, color="black", linewidth=0.5)
    middles = [(first + end) / 2 for first, end in zip(firsts, ends, strict=True)]
    axes.set_yticks(middles, stages)
    axes.set_xticks([t + 0.5 for t in range(steps)], [str(t) for t in range(steps)])
    axes.tick_params(length=0, labelsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("step")
    used = {occurrence.rule for occurrence in plan.occurrences}
    handles = [
        Patch(facecolor=color, edgecolor="#888888", label=label)
        for rule, (color, label) in SHADES.items()
        if rule in used
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    figure.savefig(file, dpi=150)
