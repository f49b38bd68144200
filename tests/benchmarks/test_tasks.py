"""The tasks' benchmark in small: trained once, chosen on validation, reported on test."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from benchmarks import tasks
from search.upkeep.ladders import rate_at
from space.controls import MATCHES
from space.genome import Genome
from space.recurrence import recurrence
from space.zoo.cells import feedforward
from workers.data.specs import Clutter

TINY = tasks.Task(
    data=Clutter(size=16, digits=2, train_images=64, test_images=40),
    epochs=1,
    steps=5,
    widths=(2, 4, 4),
)


def _row(
    network: str,
    validation: float | None,
    test: float | None = 0.5,
    *,
    seed: int = 0,
    rate: float = 0.01,
) -> tasks.Row:
    return tasks.Row(
        task="tiny",
        network=network,
        rate=rate,
        seed=seed,
        validation=validation,
        test=test,
        parameters=1234,
        macs=5_600_000,
        setting="",
    )


def _result(network: str, look: float, *scores: float | None, edge: bool = False) -> tasks.Result:
    """A network from the validation score of its best look and test scores by seed."""
    rows = [_row(network, score, score, seed=seed) for seed, score in enumerate(scores)]
    first = _row(network, look, seed=tasks.RATE_SEED)
    return tasks.Result(network=network, look=first, edge=edge, rows=tuple(rows))


class Scored(tasks.Trainings):
    """Trainings that are not done: a look's score is that of its rate."""

    def __init__(self, scores: Callable[[str, float], float]) -> None:
        self.calls: list[tuple[str, float, int]] = []
        self._scores = scores

    def get(
        self,
        name: str,  # noqa: ARG002 as a Trainings is called
        task: tasks.Task,  # noqa: ARG002
        network: tuple[str, Genome],
        rate: float,
        seed: int,
    ) -> tasks.Row:
        called = network[0]
        self.calls.append((called, rate, seed))
        score = self._scores(called, rate) if seed == tasks.RATE_SEED else 0.5
        return _row(called, score, rate=rate, seed=seed)


def test_what_was_trained_is_not_trained_again(tmp_path: Path) -> None:
    network = ("SimpleRNN", TINY.network(tasks.CELLS["SimpleRNN"]))
    file = tmp_path / "rows.jsonl"
    first = tasks.Trainings(file, tmp_path).get("tiny", TINY, network, 0.005, 0)
    again = tasks.Trainings(file, tmp_path)
    assert again.get("tiny", TINY, network, 0.005, 0) == first
    assert len(file.read_text().splitlines()) == 1
    other = again.get("tiny", TINY, network, 0.005, 1)
    assert other.seed == 1
    assert len(file.read_text().splitlines()) == 2


@pytest.mark.parametrize("task", tasks.TASKS.values(), ids=tasks.TASKS)
def test_every_cell_goes_round_and_the_feedforward_network_does_not(task: tasks.Task) -> None:
    genomes = {name: task.network(cell) for name, cell in tasks.CELLS.items()}
    assert {recurrence(genome) for genome in genomes.values()} == {"local"}
    assert recurrence(task.network(feedforward())) == "none"


def test_a_training_is_known_by_its_network_its_recipe_and_its_images() -> None:
    genomes = [TINY.network(cell) for cell in tasks.CELLS.values()]
    facts = list(itertools.product(genomes, (0.005, 0.01), ("one pack", "another")))
    assert len({TINY.identify(*fact) for fact in facts}) == len(facts)
    # By it the rows of docs/tasks.jsonl are known: what recipes will have besides changes nothing.
    task = tasks.TASKS["clutter"]
    network = task.network(tasks.CELLS["SimpleRNN"])
    assert task.identify(network, 0.005, "0" * 64) == "3fbc3feea937"


def test_cell_and_rates_are_chosen_by_looks_and_a_group_has_the_same_rates() -> None:
    def score(called: str, rate: float) -> float:
        # ConvGRU is the best and likes low rates; whatever else there is, the highest.
        return 0.9 - rate if called == "ConvGRU" else 0.1 + rate

    trainings = Scored(score)
    bench = tasks.Bench(name="tiny", task=TINY, trainings=trainings, seeds=2)
    results = {result.network: result for result in bench.measure()}
    group = ["feedforward", "ConvGRU", *(f"{kind} of ConvGRU" for kind in MATCHES)]
    assert set(results) == {*tasks.CELLS, *group}
    rates = {
        called: {rate for name, rate, seed in trainings.calls if name == called and seed > 1}
        for called in group
    }
    assert rates["ConvGRU"] == set(map(partial(rate_at, tasks.RATE), range(-3, 3)))
    assert all(one == rates["ConvGRU"] for one in rates.values())
    assert results["ConvGRU"].look.rate == rate_at(tasks.RATE, -3)
    assert results["feedforward"].rows[1].rate == rate_at(tasks.RATE, 2)
    assert all(result.edge for result in results.values())
    text = tasks.format_table("tiny", TINY, [*results.values()])
    assert "The best cell on validation: ConvGRU." in text
    assert "\\* the best rate is the lowest or the highest that was tried." in text


def test_a_training_that_diverged_is_chosen_last_and_named() -> None:
    assert tasks.choose_best([_row("ConvGRU", None), _row("SimpleRNN", 0.0)]).network != "ConvGRU"
    cell = _result("ConvGRU", 0.7, 0.7, 0.72, None)
    text = tasks.format_table("tiny", TINY, [_result("feedforward", 0.5, 0.5, 0.5, 0.5), cell])
    assert "| ConvGRU | 1,234 | 5.60 | 0.01 | 71.0 ± 1.4 |  |" in text
    assert "Diverged: ConvGRU in 1 of 3 trainings" in text


def test_the_page_keeps_what_is_not_in_the_new_tables(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{tasks.BEGIN}\nnone yet\n{tasks.END}\nafter\n")
    tables = [{"objects": "`objects`: old"}, {"clutter": "`clutter`: one\n\n| 1 |"}]
    for table in [*tables, {"objects": "`objects`: new"}]:
        tasks.write_page(table, page)
    text = page.read_text()
    both = "`clutter`: one\n\n| 1 |\n\n`objects`: new"
    assert text == f"before\n{tasks.BEGIN}\n\n{both}\n\n{tasks.END}\nafter\n"


def test_the_table_has_the_paired_differences() -> None:
    cell = _result("ConvGRU", 0.7, 0.70, 0.72, 0.71)
    bare = _result("feedforward", 0.5, 0.5, 0.53, 0.51)
    text = tasks.format_table("tiny", TINY, [bare, cell])
    assert "The best cell on validation: ConvGRU." in text
    assert (
        "| feedforward | 1,234 | 5.60 | 0.01 | 51.3 ± 1.5 | +19.7 (+18.2 to +21.1), **shown** |"
        in text
    )
    assert "| ConvGRU | 1,234 | 5.60 | 0.01 | 71.0 ± 1.0 |  |" in text


def test_a_task_is_measured_with_the_controls_of_its_best_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CELLS", dict(itertools.islice(tasks.CELLS.items(), 1)))
    trainings = tasks.Trainings(tmp_path / "rows.jsonl", tmp_path)
    bench = tasks.Bench(name="tiny", task=TINY, trainings=trainings, seeds=1, first=(0,), rounds=1)
    results = bench.measure()
    assert [result.network for result in results] == [
        "feedforward",
        "SimpleRNN",
        "parameters of SimpleRNN",
        "macs of SimpleRNN",
        "depth of SimpleRNN",
    ]
    cell, parameters, macs = (results[place].rows[0] for place in (1, 2, 3))
    assert abs(parameters.parameters / cell.parameters - 1) <= 0.02
    assert abs(macs.macs / cell.macs - 1) <= 0.02


def test_pictures_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "TASKS", {"clutter": TINY})
    assert [file.name for file in tasks.draw_pictures(tmp_path, 3)] == ["tasks-clutter.png"]
    assert (tmp_path / "tasks-clutter.png").stat().st_size > 500
