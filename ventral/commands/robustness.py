"""`ventral score robustness` and `ventral score decoders`: what a trained network keeps right, and
what else could be read from it.
"""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from space.documents.outside import printable
from ventral.commands.exports import ScoredSplit
from ventral.output import Column, Format, Output, note, percent, table, value
from ventral.presenting import split_names

if TYPE_CHECKING:
    from search.upkeep.robustness import Look
    from workers.robustness.scoring import Robustness, Scores

Split = Annotated[ScoredSplit, typer.Option("--split", help="the images that are shown")]
Data = Annotated[
    Path | None,
    typer.Option(
        help="the folder of a pack with the same classes; by default the data of the exports"
    ),
]

Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="of all that is drawn")]
Device = Annotated[str, typer.Option(help="where networks run: cpu or cuda")]
Kinds = Annotated[
    str | None, typer.Option(help="such as noise,blur,pgd-linf; all of them if not given")
]
Severities = Annotated[
    str | None, typer.Option(help="some of 1 to 5, such as 1,3,5; all if not given")
]
StepSize = Annotated[
    float | None, typer.Option("--pgd-step", help="its size in parts of the radius; 2.5 / steps")
]
Attacked = Annotated[
    int, typer.Option(min=1, help="so many of these are attacked, which takes long")
]
Restarts = Annotated[int, typer.Option(min=1, help="of an attack: from the image, then at random")]
Figures = Annotated[Path | None, typer.Option(help="a folder for figures: SVG, CSV and Vega-Lite")]
TableFile = Annotated[
    Path | None, typer.Option("--csv", help="a file for accuracy at every step, tidy")
]

COLUMNS = (
    Column(key="model"),
    Column(key="kind"),
    Column(key="severity", right=True),
    Column(key="images", right=True),
    Column(key="accuracy", title="top-1 %", right=True),
    Column(key="early", title="first step", write=percent, right=True),
    Column(key="late", title="gained by the last", right=True),
    Column(key="late_gain", title="less clean", right=True),
)

COMPARED = (
    Column(key="model"),
    Column(key="against"),
    Column(key="kind"),
    Column(key="severity", right=True),
    Column(key="difference", right=True),
    Column(key="p", write=lambda number: f"{number:.2g}", right=True),
    Column(key="better"),
)

DECODERS = (
    Column(key="decoder"),
    Column(key="trained", write=lambda trained: "yes" if trained else ""),
    Column(key="parameters", right=True),
    Column(key="validation", write=percent, right=True),
    Column(key="top1", title="top-1 %", right=True),
    Column(key="difference", title="less own", right=True),
    Column(key="p", write=lambda number: f"{number:.2g}", right=True),
    Column(key="better", write=lambda better: "better" if better else "worse"),
    Column(key="step", write=lambda step: f"{step:.1f}", right=True),
    Column(key="chosen", write=lambda chosen: "chosen" if chosen else ""),
)


def register(score: typer.Typer) -> None:
    """Put the commands below `ventral score`."""
    score.command()(robustness)
    score.command()(decoders)


def robustness(  # noqa: PLR0913  (each is an option of the command)
    exports: Annotated[
        list[str], typer.Argument(help="folders that `ventral export` wrote, or URLs of some")
    ],
    data: Data = None,
    split: Split = ScoredSplit.test,
    kinds: Kinds = None,
    severities: Severities = None,
    images: Annotated[
        int | None, typer.Option(min=1, help="so many images of the split, drawn by seed")
    ] = None,
    attacked: Attacked = 200,
    steps: Annotated[int, typer.Option("--pgd-steps", min=1, help="of an attack")] = 20,
    step: StepSize = None,
    restarts: Restarts = 2,
    seed: Seed = 0,
    device: Device = "cpu",
    figures: Figures = None,
    table_file: TableFile = None,
    output: Output = Format.table,
) -> None:
    """What networks keep right when images are occluded, cluttered, noisy, blurred, faint,
    compressed or attacked; also by time step, and side by side over the same images.

    A look at the test split is put on record, as `ventral evaluate` does.
    """
    from search.host.home import Home
    from search.upkeep.robustness import score_robustness_on_record
    from workers.robustness.answers import KINDS, AttackSettings, Condition
    from workers.robustness.corruptions import LEVELS
    from workers.robustness.scoring import Settings

    _check_places(figures, table_file)
    settings = Settings(
        kinds=tuple(_split_words(kinds)) or KINDS,
        severities=tuple(_read_levels(severities)) or LEVELS,
        attacks=AttackSettings(steps=steps, step=step, restarts=restarts),
        images=images,
        attacked=attacked,
        seed=seed,
    )

    def listen(model: str, condition: Condition) -> None:
        level = f" {condition.level}" if condition.level else ""
        note(f"{model}: {condition.kind}{level}")

    scores, looks = score_robustness_on_record(
        exports,
        Home.at(),
        settings,
        split.value,
        command=_write_command(),
        data=data,
        device=device,
        listen=listen,
    )
    _show(scores, split.value, output)
    _write_files(scores, figures, table_file)
    note_looks(looks)


def decoders(
    export: Annotated[
        str, typer.Argument(help="a folder that `ventral export` wrote, or the URL of one")
    ],
    data: Data = None,
    split: Split = ScoredSplit.test,
    epochs: Annotated[int, typer.Option(min=1, help="of the decoders that are trained")] = 20,
    train_images: Annotated[
        int | None, typer.Option(min=1, help="train them on so many images, drawn; on all")
    ] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    output: Output = Format.table,
) -> None:
    """All decoders as read-outs of a trained network, which stays as it is.

    Those with weights are trained on the training images and chosen on validation; all are
    compared with the network's own over the same images. A look at the test split is put on
    record, as `ventral evaluate` does.
    """
    from search.host.home import Home
    from search.upkeep.decoders import compare_decoders_on_record
    from workers.readouts import Training

    readouts, looks = compare_decoders_on_record(
        export,
        Home.at(),
        Training(epochs=epochs, train_images=train_images, seed=seed),
        split.value,
        command=_write_command(),
        data=data,
        device=device,
        listen=note,
    )
    rows: list[dict[str, Any]] = [asdict(one) for one in readouts]
    if output is Format.table:
        for row in rows:
            row["top1"] = _write_bounded(row, "top1", "low", "high", "")
            bounds = ("difference", "difference_low", "difference_high")
            row["difference"] = None if row is rows[0] else _write_bounded(row, *bounds)
    table(rows, DECODERS, output, f"right answers on {split.value} images, by decoder")
    if split is ScoredSplit.validation:
        note("decoders were chosen by these images: the best looks better than it is")
    note_looks(looks)


def _write_command() -> str:
    """The command that runs, as it was written."""
    return shlex.join(["ventral", *sys.argv[1:]])


def _split_words(text: str | None) -> list[str]:
    """The words of a list such as `noise,blur`, each once."""
    return list(dict.fromkeys(split_names(text)))


def _read_levels(text: str | None) -> list[int]:
    from space.errors import InputError

    levels = []
    for word in _split_words(text):
        if not (word.isascii() and word.isdigit()):
            raise InputError(f"--severities: {word}", "is no number", "give some of 1 to 5")
        levels.append(int(word))
    return sorted(levels)


def _check_places(figures: Path | None, file: Path | None) -> None:
    """Raise InputError for a place that cannot be written, before anything is scored."""
    from space.errors import InputError

    if figures is not None and figures.exists() and not figures.is_dir():
        raise InputError("--figures", f"{figures} is a file", "name a folder")
    if file is not None and file.is_dir():
        cure = f"name a file in it, say {file / 'robustness.csv'}"
        raise InputError("--csv", f"{file} is a folder", cure)


def _show(scores: "Scores", split: str, output: Format) -> None:
    rows = [_describe_row(row) for row in scores.rows]
    compared: list[dict[str, Any]] = [asdict(one) for one in scores.comparisons]
    if output is Format.json:
        value({"split": split, "conditions": rows, "comparisons": compared}, output, "")
        return
    if output is Format.table:
        for row in rows:
            row["accuracy"] = _write_bounded(row, "accuracy", "low", "high", "")
            row["late"] = _write_bounded(row, "late", "late_low", "late_high")
            gain = ("late_gain", "late_gain_low", "late_gain_high")
            row["late_gain"] = _write_bounded(row, *gain) if row["severity"] else None
        for one in compared:
            one["difference"] = _write_bounded(one, "difference", "low", "high")
    table(rows, COLUMNS, output, f"right answers on {split} images")
    if compared and output is Format.table:
        title = "differences over the same images; p is McNemar's, corrected by Holm"
        table(compared, COMPARED, output, title)


def _describe_row(row: "Robustness") -> dict[str, Any]:
    """A row as JSON has it, with the accuracy at the first step and at the last."""
    steps = row.accuracy_by_step
    listed = {
        key: list(item) if isinstance(item, tuple) else item for key, item in asdict(row).items()
    }
    return listed | {"early": steps[0], "last": steps[-1]}


def _write_bounded(row: dict[str, Any], value: str, low: str, high: str, sign: str = "+z") -> str:
    """A share in points of a percent, and its bounds: +1.2 (-0.3 to +2.7)."""
    at, *bounds = (
        None if row[key] is None else f"{100 * row[key]:{sign}.1f}" for key in (value, low, high)
    )
    return str(at) if None in bounds else f"{at} ({bounds[0]} to {bounds[1]})"


def _write_files(scores: "Scores", figures: Path | None, file: Path | None) -> None:
    if figures is None and file is None:
        return
    from dashboards.robustness import draw_figures, tabulate_steps
    from workers.files import replace

    if file is not None:
        text = tabulate_steps(scores.rows).to_csv(index=False, lineterminator="\n")
        replace(file, text.encode())
        note(f"accuracy at every step is in {file}")
    if figures is not None:
        from dashboards.figures.files import write_figure

        figures.mkdir(parents=True, exist_ok=True)
        drawn = draw_figures(scores)
        files = [path for figure in drawn for path in write_figure(figure, figures)]
        note(f"{len(files)} files of {len(drawn)} figures are in {figures}")


def note_looks(looks: "Sequence[Look]") -> None:
    """Where it is on record that the test split was opened."""
    for look in looks:
        if look.not_recorded is None:
            note(f"the opening is on record: ventral status {look.campaign}")
        else:
            folder = printable(look.folder)
            note(f"the opening for {folder} is not on record ({look.not_recorded})")
