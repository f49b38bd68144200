"""The tasks' benchmark in small: trained once, chosen on validation, reported on test."""

import itertools
from pathlib import Path

import pytest

from benchmarks import tasks
from space.recurrence import recurrence
from space.zoo.cells import feedforward
from workers.data.specs import Clutter

TINY = tasks.Task(
    data=Clutter(size=16, digits=2, train_images=64, test_images=40),
    epochs=1,
    steps=5,
    widths=(2, 4, 4),
)


def _result(network: str, *scores: tuple[float, float]) -> tasks.Result:
    """A network's rows from (validation, test) by seed."""
    rows = [
        tasks.Row(
            task="tiny",
            network=network,
            rate=0.01,
            seed=seed,
            validation=validation,
            test=test,
            parameters=1234,
            macs=5_600_000,
            setting="",
        )
        for seed, (validation, test) in enumerate(scores)
    ]
    return tasks.Result(network=network, rows=tuple(rows))


def test_what_was_trained_is_not_trained_again(tmp_path: Path) -> None:
    network = ("SimpleRNN", TINY.network(tasks.CELLS["SimpleRNN"], 10))
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
    classes = tasks.CLASSES[task.data.name]
    genomes = {name: task.network(cell, classes) for name, cell in tasks.CELLS.items()}
    assert {recurrence(genome) for genome in genomes.values()} == {"local"}
    assert recurrence(task.network(feedforward(), classes)) == "none"
    settings = {task.identify(g, r) for g in genomes.values() for r in tasks.RATES}
    assert len(settings) == len(genomes) * len(tasks.RATES)


def test_the_best_cell_is_chosen_on_validation() -> None:
    lucky, best = _result("ConvGRU", (0.5, 0.9)), _result("SimpleRNN", (0.6, 0.4))
    assert tasks.choose_best([lucky, best]) is best


def test_the_page_keeps_what_is_not_the_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{tasks.BEGIN}\nold\n{tasks.END}\nafter\n")
    for tables in (["one"], ["two", "three"]):
        tasks.write_page(tables, page)
    text = page.read_text()
    assert text == f"before\n{tasks.BEGIN}\n\ntwo\n\nthree\n\n{tasks.END}\nafter\n"


def test_the_table_has_the_paired_differences() -> None:
    pytest.importorskip("search.review.verdicts")
    cell = _result("ConvGRU", (0.7, 0.70), (0.7, 0.72), (0.7, 0.71))
    bare = _result("feedforward", (0.5, 0.5), (0.5, 0.53), (0.5, 0.51))
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
    pytest.importorskip("space.controls")
    monkeypatch.setattr(tasks, "CELLS", dict(itertools.islice(tasks.CELLS.items(), 1)))
    trainings = tasks.Trainings(tmp_path / "rows.jsonl", tmp_path)
    results = tasks.measure("tiny", TINY, trainings, seeds=1, rates=(0.005,))
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
