"""`ventral brain simulate`: recordings with a known answer, and the power of an experiment."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from space.documents.outside import printable
from space.errors import InputError
from ventral import presenting, simulating
from ventral.output import Column, Format, Output, note, table, value

if TYPE_CHECKING:
    from workers.brains.power import Power
    from workers.brains.simulation import Experiment, Teacher


def register(app: typer.Typer) -> None:
    """Put the command into the group of recordings."""
    app.command()(simulate)


def simulate(  # noqa: PLR0913  (each is an option of the command)
    teacher: simulating.TeacherName,
    out: simulating.Out = None,
    data: simulating.Data = None,
    options: simulating.Set = None,
    count: simulating.Count = 200,
    stimuli: simulating.Stimuli = None,
    images: simulating.Images = None,
    neurons: simulating.Neurons = 100,
    repetitions: simulating.Repetitions = 10,
    ceiling: simulating.Ceiling = 0.8,
    latency_ms: simulating.LatencyMs = 50.0,
    step_ms: simulating.StepMs = 10.0,
    bin_ms: simulating.BinMs = 10.0,
    image_ms: presenting.ImageMs = None,
    area: simulating.Area = None,
    layers: presenting.Layers = None,
    size: presenting.Size = None,
    seed: simulating.Seed = 0,
    network_seed: simulating.NetworkSeed = 0,
    traces: presenting.Traces = None,
    power: simulating.Power = False,
    rival: simulating.Rival = None,
    other_seeds: simulating.OtherSeeds = 2,
    draws: simulating.Draws = 100,
    try_images: simulating.Tried = None,
    try_neurons: simulating.Tried = None,
    try_repetitions: simulating.Tried = None,
    output: Output = Format.table,
) -> None:
    """Simulate a recording of neurons that read from a network, with its truth beside it; or, with
    --power, ask how often an experiment of that size would find that network.

    Beside FILE.nc are FILE.truth.json and, of a data set, its images in FILE.stimuli.
    """
    from workers.brains.simulation import Experiment

    wanted = simulating.read_sizes(try_images, try_neurons, try_repetitions)
    _check_ends(out, power, [*wanted, *(rival or [])])
    subject = simulating.load_network(teacher, network_seed, size)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "stimuli" if out is None else out.with_suffix(".stimuli")
        chosen = simulating.read_shown(data, options or [], count, (stimuli, images), folder)
        screen = presenting.Screen(step_ms, image_ms, 8.0, 8.0)
        shown = simulating.Shown(chosen, screen, layers, size, traces)
        true = shown.trace(subject, teacher)
        experiment = Experiment(
            neurons=neurons,
            repetitions=repetitions,
            ceiling=ceiling,
            latency=latency_ms,
            milliseconds=step_ms,
            bin=bin_ms,
            areas=simulating.read_areas(area or [], [*true.layers]),
        )
        if out is not None:
            return _write(out, true, experiment, seed, output)
        seeds = range(network_seed + 1, network_seed + 1 + other_seeds)
        rivals = shown.trace_rivals(subject, true, rival or [], seeds)
        _show_power(true, rivals, experiment, (wanted, draws, seed), output)


def _check_ends(out: Path | None, power: bool, only_power: Sequence[str]) -> None:
    """Raises InputError unless there is a file to write or a power to tell, and not both."""
    from workers.brains.writing import check_ending

    if power:
        if out is not None:
            problem = "are both given, and --power writes no recording"
            raise InputError("--out and --power", problem, "leave one of them out")
        return
    if out is None:
        cure = "write --out FILE.nc, or ask for --power"
        raise InputError("--out", "is not given", cure)
    if only_power:
        problem = "are for --power, and a recording has one size and one network"
        raise InputError("--try-... and --rival", problem, "leave them out, or add --power")
    check_ending(out)


def _write(
    out: Path, true: "Teacher", experiment: "Experiment", seed: int, output: Format
) -> None:
    from workers.brains.simulation import simulate as draw
    from workers.brains.writing import write_assembly
    from workers.files import write

    made = draw(true, experiment, seed)
    write_assembly(out, made.assembly)
    truth = out.with_suffix(".truth.json")
    write(truth, (json.dumps(made.truth.document(), indent=1) + "\n").encode())
    shape = made.assembly.values.shape
    facts = {
        "recording": printable(str(out)),
        "truth": printable(str(truth)),
        "presentations": shape[0],
        "neurons": shape[1],
        "bins": shape[2],
    }
    lines = [
        f"{facts['recording']}: {shape[0]:,} presentations of {len(true.stimuli):,} stimuli, "
        f"{shape[1]:,} neurons, {shape[2]} time bins",
        f"{facts['truth']}: what is true of it",
        f"ventral brain describe {facts['recording']}",
    ]
    value(facts, output, "\n".join(lines))


def _show_power(
    true: "Teacher",
    rivals: dict[str, "Teacher"],
    experiment: "Experiment",
    plan: tuple[dict[str, list[int]], int, int],
    output: Format,
) -> None:
    from workers.brains.power import analyse_power

    wanted, draws, seed = plan
    rows = []
    for power in analyse_power(true, rivals, experiment, wanted, draws=draws, seed=seed):
        rows.append(_describe(power))
        size = f"{power.images:,} images, {power.neurons:,} neurons, {power.repetitions} times"
        note(f"{size}: {draws} recordings analysed")
    columns = [
        *(Column(key=key, right=True) for key in ("images", "neurons", "repetitions")),
        Column(key="ceiling", write=_write_share, right=True),
        Column(key="first_of_draws", title="teacher first"),
        Column(key="recovered_of_draws", title="latency to a bin"),
        Column(key="preferred", title="layers right", write=_write_share, right=True),
        Column(key="closest", title="closest rival"),
    ]
    table(rows, columns, output)


def _describe(power: "Power") -> dict[str, Any]:
    """A row, with Wilson's 95 % intervals of the shares of draws."""
    from dataclasses import asdict

    from workers.shares import bound_share

    row = asdict(power)
    for name in ("first", "recovered"):
        share = bound_share(row[name], power.draws)
        row |= {f"{name}_low": share.low, f"{name}_high": share.high}
        row[f"{name}_of_draws"] = (
            f"{row[name]} of {power.draws} ({share.low:.2f} to {share.high:.2f})"
        )
    closest = max(power.lost, key=lambda name: (power.lost[name], power.scores[name]))
    return row | {"closest": closest}


def _write_share(share: float) -> str:
    return f"{share:.2f}"
