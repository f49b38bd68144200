"""The table of truth, the simulated executor, and what the comparison makes of them."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.search_quality import (
    compare,
    load,
    looks,
    make_table,
    motifs,
    publish,
    published,
    table,
    tasks,
    words,
)
from benchmarks.search_quality.simulate import Ended, Method, Training, simulator
from benchmarks.search_quality.table import Row, Table
from benchmarks.search_quality.tasks import TASKS
from benchmarks.search_quality.worlds import Landscape, Replay
from search.campaign import Campaign, Scheduler
from search.samplers import graph_features
from workers.data.packing import pack

BARE = {"name": "bare", "space": "motifs-small", "data": {"name": "digits-occluded"}}
FIFO = Method(name="random", sampler="random")
TOLERANCE = 0.06  # of top-1 between machines and versions of torch: 4 x the noise of a seed
PUBLISHED = ["16px", "8px"]
FIRST = {"8px": "f3ad9295e2e965b953f6", "16px": "d48445a703a4ab318bf2"}


def row(digest: str, seed: int = 0, *top1: float, reason: str | None = None) -> Row:
    """A row of a table with these scores."""
    return Row(
        digest=digest,
        seed=seed,
        choices={},
        cell="",
        parameters=1,
        macs=1,
        reason=reason,
        cpu_seconds=float(len(top1)),
        torch="",
        top1=top1,
        loss=(),
        train_loss=(),
        accuracy_by_step=(),
    )


@pytest.fixture(scope="module")
def landscape() -> Landscape:
    """The smaller task's half as a landscape: 126 networks, the optimum known."""
    return Landscape(TASKS["16px"].space("chosen-on"))


# ---------------------------------------------------------------------------- the tasks


@pytest.mark.parametrize(("name", "least"), [("8px", 800), ("16px", 150)])
def test_a_task_is_large_enough_and_each_half_is_half_of_it(name: str, least: int) -> None:
    task = TASKS[name]
    assert len({sample.digest for sample in task.samples}) == len(task.samples) >= least
    for half in tasks.HALVES:
        count = task.space(half).count()
        assert (count.distinct, count.continuous) == (len(task.samples) / 2, 0)


def test_the_halves_of_a_task_have_no_network_in_common() -> None:
    task = TASKS["16px"]
    spaces = [task.space(half) for half in tasks.HALVES]
    one, two = ({s.close(c).digest for c in tasks.every(s.parameters)} for s in spaces)
    assert one | two == {sample.digest for sample in task.samples}
    assert not one & two


def test_the_order_of_the_networks_never_changes() -> None:
    """Rows of an unfinished table are a random part of it, and stay what they are."""
    assert {name: task.samples[0].digest for name, task in TASKS.items()} == FIRST


def test_a_closed_choice_is_no_parameter_any_more() -> None:
    whole = {p.path for p in TASKS["8px"].space().parameters}
    half = {p.path for p in TASKS["8px"].space("held-back").parameters}
    assert whole - half == {"one.residual", "two.residual"}


# ---------------------------------------------------------------------------- the table


def test_the_truth_is_shrunk_by_the_measured_noise() -> None:
    rows = [
        row(f"n{i}", seed, 0.5 + 0.01 * i + 0.004 * (seed - 1))
        for i in range(20)
        for seed in range(3)
    ]
    rows += [row("once", 0, 0.9)]
    found = Table(tuple(rows))
    assert found.noise.within == pytest.approx(0.004)
    assert found.noise.networks == 20
    assert 0.85 < found.truth["once"] < 0.9, "one training says less than three"
    assert found.truth["n0"] == pytest.approx(0.5, abs=0.001)
    assert found.truth["n5"] < found.truth["n6"]


def test_a_network_that_fails_is_worth_chance() -> None:
    found = Table((row("a", 0, 0.6), row("b", 0, 0.7), row("c", 0, 0.3, reason="diverged: nan")))
    assert found.truth["c"] == table.CHANCE


def test_the_choices_of_the_best_stand_out() -> None:
    """Of 20 networks the best five add; so do five of the others."""
    scored = [(f"n{i:02}", 0.9 - 0.01 * i, "add" if i < 10 else "multiply") for i in range(20)]
    rows = tuple(
        replace(row(name, 0, top1), choices={"by": by, "norm": True}) for name, top1, by in scored
    )
    found = {share.option: share for share in motifs.shares(Table(rows), 0.25)}
    assert (found["by = add"].best, found["by = add"].all) == (1.0, 0.5)
    assert (found["by = multiply"].best, found["by = multiply"].all) == (0.0, 0.5)
    assert (found["norm = True"].best, found["norm = True"].all) == (1.0, 1.0)
    assert [*found] == ["by = add", "norm = True", "by = multiply"]


def test_what_a_cheap_look_says() -> None:
    """At first in the order of their worth but for two, then against it; nobody else counts."""

    def named(table: str, cell: str, *top1: float) -> Row:
        return replace(row(table + cell, 0, *top1), cell=cell)

    wanted = Table(tuple(named("16px", cell, 1 - i / 10) for i, cell in enumerate("abcd")))
    early = zip("abcdx", (0.4, 0.3, 0.1, 0.2, 0.9), (0.1, 0.2, 0.3, 0.4, 0.9), strict=True)
    first, second = looks.looks(Table(tuple(named("8px", *scores) for scores in early)), wanted)
    assert (first.epochs, second.epochs) == (1, 2)
    assert first.correlation == pytest.approx(0.8)  # 1 - 6 * 2 / (4 * 15)
    assert second.correlation == pytest.approx(-1.0)
    assert second.seconds == pytest.approx(2 * first.seconds)


def test_words_foretell_what_a_linear_truth_is_worth() -> None:
    """Of a table whose scores follow from the words all is foretold; of noise nothing is."""
    rows, rng = [row for row in load("8px").rows if row.seed == 0], random.Random(0)
    space = TASKS["8px"].space("chosen-on")

    def scored(score: Callable[[Row], float]) -> words.Foretold:
        made = tuple(replace(row, top1=(score(row),)) for row in rows)
        return words.foretold(Replay(TASKS["8px"], "chosen-on", Table(made)))

    def kernels(row: Row) -> float:
        choices = space.complete(row.choices).choices
        return 0.5 + 0.01 * graph_features.size(space.opened.close(choices)["genome"])

    linear, noise = scored(kernels), scored(lambda _row: rng.random())
    assert linear.variance > 0.9
    assert linear.size == pytest.approx(1.0, abs=0.01)
    assert max(linear.places) < 60
    assert noise.variance < 0.1
    assert abs(noise.size) < 0.15


def test_a_table_is_written_and_read(tmp_path: Path) -> None:
    rows = (row("a", 0, 0.125, 0.5), row("b", 1, 0.25, reason="diverged: loss is nan"))
    path = table.write(Table(rows), "8px", tmp_path)
    assert load("8px", tmp_path).rows == rows
    first = path.read_bytes()
    assert table.write(load("8px", tmp_path), "8px", tmp_path).read_bytes() == first


def test_a_killed_run_goes_on_with_what_it_had(tmp_path: Path) -> None:
    """The line that a kill cut off is trained again, and no other."""
    task = TASKS["8px"]
    done = [
        {"task": "8px", "digest": s.digest, "seed": 0, "top1": [0.5]} for s in task.samples[:2]
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in done) + '{"task": "8p')
    with path.open("a+") as file:
        rows = make_table.mend_rows(file, task)
    assert rows == done
    assert path.read_text().count("\n") == 2
    sample, seed = next(make_table.list_wanted(task, rows, 0, 1))
    assert (sample.digest, seed) == (task.samples[2].digest, 0)


def test_the_best_quarter_gets_all_seeds() -> None:
    task = TASKS["16px"]
    rows: list[dict[str, Any]] = [
        {"digest": s.digest, "seed": 0, "top1": [i / 1000]} for i, s in enumerate(task.samples)
    ]
    again = make_table.seeded(task, rows)
    best = {sample.digest for sample in task.samples[-63:]}
    assert best < again
    assert len(again) == 63 + tasks.REST_SEEDED
    wanted = list(make_table.list_wanted(task, rows, 0, 1))
    assert {(sample.digest, seed) for sample, seed in wanted} == {
        (d, s) for d in again for s in (1, 2)
    }


# ---------------------------------------------------------------------------- the simulation


def test_a_campaign_is_the_same_twice(landscape: Landscape) -> None:
    with simulator(landscape) as first, simulator(landscape) as second:
        a = first.run(FIFO, 3, trials=12)
        assert a == second.run(FIFO, 3, trials=12)
        assert a != second.run(FIFO, 4, trials=12)
    assert len({ended.digest for ended in a}) == 12, "no network is trained twice"


class Two:
    """A landscape whose trainings take 1 s an epoch."""

    def __init__(self, landscape: Landscape) -> None:
        self.space, self.recipe, self.truth = landscape.space, landscape.recipe, landscape.truth
        self._landscape = landscape

    def training(self, digest: str, repeat: int, _recipe: Any) -> Training:
        return replace(self._landscape.training(digest, repeat), seconds_an_epoch=1.0)


def test_the_clock_is_that_of_as_many_workers(landscape: Landscape) -> None:
    world = Two(replace(landscape, failing=0.0))
    for slots, last in ((1, 54.0), (2, 27.0), (3, 18.0)):
        with simulator(world, slots) as simulated:
            ended = simulated.run(FIFO, 0, trials=6)
        assert [e.epochs for e in ended] == [9] * 6
        assert ended[-1].at == last


def test_asha_stops_the_worse_ones_and_saves_their_seconds(landscape: Landscape) -> None:
    world = Two(replace(landscape, failing=0.0))
    asha = {"name": "asha", "grace_epochs": 1, "reduction_factor": 3}
    with simulator(world) as simulated:
        ended = simulated.run(replace(FIFO, scheduler=asha), 0, trials=30)
    pruned = [e for e in ended if e.status == "pruned"]
    finished = [e for e in ended if e.status == "finished"]
    assert len(pruned) + len(finished) == 30
    assert {e.epochs for e in pruned} <= {1, 3}
    assert len(pruned) > 15
    assert ended[-1].at < 0.6 * 30 * 9 / 2

    def worth(trials: list[Ended]) -> float:
        return float(np.mean([world.truth[e.digest] for e in trials]))

    assert worth(finished) > worth(pruned) + 0.05


def test_failures_are_ended_as_failures(landscape: Landscape) -> None:
    world = replace(landscape, failing=0.4)
    with simulator(world) as simulated:
        ended = simulated.run(FIFO, 0, trials=30)
    failed = [e for e in ended if e.status == "failed"]
    assert {e.digest for e in failed} == {e.digest for e in ended if world.truth[e.digest] == 0.1}
    assert failed
    assert all(e.top1 is None for e in failed)


def test_a_model_finds_the_optimum_sooner_than_chance(landscape: Landscape) -> None:
    guided = Method(name="guided", sampler="guided")
    ours = [compare.campaign(landscape, guided, r, 2, 0).trials for r in range(10)]
    chance = 127 / 3  # trials until a first one of 2 in 126, drawn without replacement
    assert np.mean(ours) < 0.75 * chance


# ---------------------------------------------------------------------------- the comparison


def test_only_a_finished_training_of_a_top_network_counts(landscape: Landscape) -> None:
    best = max(landscape.truth, key=lambda digest: landscape.truth[digest])
    other = min(landscape.truth, key=lambda digest: landscape.truth[digest])

    def ended(at: float, digest: str, status: Any) -> Ended:
        return Ended(at=at, number=0, digest=digest, status=status, epochs=9, top1=at / 100)

    trials = [ended(1, best, "pruned"), ended(2, other, "finished"), ended(3, best, "finished")]
    found = compare.reckoned(landscape, trials)
    assert (found.trials, found.seconds) == (3.0, 3.0)
    assert [(seconds, trial) for seconds, trial, _ in found.regrets] == [(2, 2), (3, 3)]
    assert found.regrets[-1][2] == 0.0
    assert compare.reckoned(landscape, trials[:2]).seconds == math.inf


def test_curves_and_intervals() -> None:
    early = compare.Repeat(
        trials=1, seconds=2.0, length=6.0, regrets=((2.0, 1, 0.3), (5.0, 3, 0.0))
    )
    late = compare.Repeat(trials=9, seconds=math.inf, length=6.0, regrets=((4.0, 2, 0.2),))
    grid = np.array([1.0, 2.0, 4.0, 6.0])
    assert compare.held([early, late], grid).tolist() == [0.0, 0.5, 0.5, 0.5]
    assert compare.regret([early, late], grid)[0].tolist()[1:] == [0.3, 0.3, 0.0]
    assert np.isnan(compare.regret([early, late], grid)[1, :2]).all()
    low, high = compare.interval(np.array([1.0, 2.0, 3.0] * 20))
    assert 1.0 <= low <= 2.0 <= high <= 3.0
    assert compare.interval(np.full(9, 2.0), np.full(9, 8.0)) == (0.25, 0.25)
    assert compare.wins(np.zeros(10), np.ones(10)) == pytest.approx(2 / 1024)
    assert compare.wins(np.zeros(10), np.zeros(10)) == 1.0


# ---------------------------------------------------------------------------- the real table


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_network_is_in_the_table(name: str) -> None:
    task, found = TASKS[name], load(name)
    assert set(found.by_digest) == {sample.digest for sample in task.samples}
    again = make_table.seeded(
        task, [{"digest": r.digest, "seed": r.seed, "top1": list(r.top1)} for r in found.rows]
    )
    several = {digest for digest, rows in found.by_digest.items() if len(rows) > 1}
    assert several <= again, "which networks have more seeds follows from seed 0 alone"
    for row in found.rows:
        assert row.reason is not None or len(row.top1) == task.recipe.epochs


@pytest.mark.parametrize("name", PUBLISHED)
def test_networks_differ_by_more_than_seeds_do(name: str) -> None:
    noise = load(name).noise
    assert noise.reliability > 0.6
    assert noise.networks > 20


def remade(name: str, count: int, tmp_path: Path) -> None:
    task, found = TASKS[name], load(name)
    data = pack(task.data, tmp_path).ref
    rows = sorted((r for r in found.rows if r.reason is None), key=lambda r: r.cpu_seconds)[:count]
    samples = {sample.digest: sample for sample in task.samples}
    for known in rows:
        again = tasks.train(task, samples[known.digest], known.seed, data)
        assert again["parameters"] == known.parameters
        assert again["macs"] == known.macs
        assert again["top1"][-1] == pytest.approx(known.final, abs=TOLERANCE)


def test_a_row_can_be_made_again(tmp_path: Path) -> None:
    assert published() == PUBLISHED
    remade("8px", 1, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_more_rows_can_be_made_again(name: str, tmp_path: Path) -> None:
    remade(name, 6, tmp_path)


def test_a_replay_draws_one_seed_a_repeat() -> None:
    found = load("8px")
    world = Replay(TASKS["8px"], "chosen-on", found)
    digest = next(d for d in world.truth if len(found.by_digest[d]) > 1)
    drawn = [world.training(digest, repeat).top1 for repeat in range(40)]
    assert {row.top1 for row in found.by_digest[digest]} == set(drawn)
    assert world.training(digest, 7) == world.training(digest, 7)


def test_ours_is_what_a_campaign_has_that_names_nothing() -> None:
    """In the comparison and in the campaigns that really train."""
    ours, nothing = compare.METHODS[compare.OURS], Campaign.parse(BARE)
    assert (ours.sampler, ours.options) == (nothing.sampler.name, nothing.sampler.options)
    assert Scheduler.model_validate(ours.scheduler) == nothing.scheduler


@pytest.mark.slow
def test_the_comparison_says_what_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    picture = tmp_path / "regret.png"
    options = "--task 16px --repeats 2 --half held-back --method random ventral --trials 5 --json"
    monkeypatch.setattr("sys.argv", ["compare.py", *options.split(), "--picture", str(picture)])
    compare.main()
    rows = json.loads(capsys.readouterr().out)
    assert [(row["method"], row["task"], row["half"]) for row in rows] == [
        ("random", "16px", "held-back"),
        ("ventral", "16px", "held-back"),
    ]
    for row in rows:
        assert row["seconds_low"] <= row["seconds_median"] <= row["seconds_high"]
        assert row["trials_median"] >= 1
    ratio = rows[1]["seconds_median"] / rows[0]["seconds_median"]
    assert rows[1]["to_random"]["ratio"] == pytest.approx(ratio)
    assert picture.stat().st_size > 10_000


def test_the_committed_table_is_gone_on_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only what it lacks is trained, and joins it."""
    whole = load("8px")
    lacking, *rest = whole.rows
    table.write(Table(tuple(rest)), "8px", tmp_path)
    trained = []

    def train(task: Any, sample: Any, seed: int, _data: Any) -> dict[str, Any]:
        trained.append((sample.digest, seed))
        return {"task": task.name} | {f.name: getattr(lacking, f.name) for f in fields(Row)}

    monkeypatch.setattr(make_table, "train", train)
    monkeypatch.setattr(make_table, "committed", partial(table.committed, folder=tmp_path))
    rows = tmp_path / "rows.jsonl"
    arguments = [str(rows), "--task", "8px", "--beyond-table", "--data", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["make_table.py", *arguments])
    make_table.main()
    assert trained == [(lacking.digest, lacking.seed)]
    monkeypatch.setattr(publish, "committed", partial(table.committed, folder=tmp_path))
    monkeypatch.setattr(publish, "write", partial(table.write, folder=tmp_path))
    monkeypatch.setattr("sys.argv", ["publish.py", "8px", str(rows), "--add"])
    publish.main()
    name = "table-8px.csv.gz"
    assert (tmp_path / name).read_bytes() == (table.FOLDER / name).read_bytes()
    assert table.committed("16px", tmp_path) == ()
