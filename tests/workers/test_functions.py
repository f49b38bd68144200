"""A user's loss and metric: what they decide, and what is refused on a sample."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from space.errors import InputError
from tests.support.exports import genome
from tests.support.packages import install
from workers.data.pack import Pack
from workers.evaluation import evaluate
from workers.functions import describe_version, load_loss, load_metric, try_functions
from workers.job import Chosen, Job, Recipe
from workers.training import Trainer
from workers.training_state import identify_job

FUNCTIONS = """
import torch
from pydantic import BaseModel
from torch.nn.functional import cross_entropy

class Base:
    class Options(BaseModel, extra="forbid"):
        factor: float = 1.0
    def __init__(self, options):
        self.factor = options.factor

class Scaled(Base):
    def compute(self, logits, labels):
        return self.factor * cross_entropy(logits, labels)

class EachImage(Base):
    def compute(self, logits, labels):
        return cross_entropy(logits, labels, reduction="none")

class Detached(Base):
    def compute(self, logits, labels):
        return cross_entropy(logits.detach(), labels)

class Flat(Base):
    def compute(self, logits, labels):
        return (0 * logits).sum()

class Failing(Base):
    def compute(self, logits, labels):
        raise RuntimeError("of another package")

class Halved(Base):
    def compute(self, logits, labels):
        return float((logits.argmax(1) == labels).double().mean()) / 2

class Errors(Base):
    def compute(self, logits, labels):
        return float((logits.argmax(1) != labels).double().mean())

class Percent(Base):
    def compute(self, logits, labels):
        return 100 * float((logits.argmax(1) == labels).double().mean())

class NoMethod(Base):
    pass
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    offers = {"ventral.losses": {"scaled": "own_functions.these:Scaled"}}
    folder = install(tmp_path / "site", {"own_functions/these.py": FUNCTIONS}, offers, "own")
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "own_functions"]:
        del sys.modules[name]


def own(name: str, **options: Any) -> dict[str, Any]:
    return {"name": f"own_functions.these:{name}", "options": options}


def job(pack: Pack, folder: Path, **recipe: Any) -> Job:
    recipe = {"epochs": 1, "batch_size": 64, "optimiser": "sgd", "schedule": "constant"} | recipe
    return Job(
        genome=genome(),
        recipe=Recipe().overlaid(recipe),
        data=pack.ref,
        seed=1,
        folder=str(folder),
    )


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("loss_steps", ["last", "all"])
def test_a_training_follows_the_loss(digits: Pack, tmp_path: Path, loss_steps: str) -> None:
    images, labels = torch.randn(8, 1, 8, 8), torch.arange(8)
    plain = Trainer(job(digits, tmp_path, loss_steps=loss_steps), "cpu")
    scaled = Trainer(job(digits, tmp_path, loss_steps=loss_steps, loss=own("Scaled", factor=3.0)))
    assert scaled.loss(images, labels).item() == pytest.approx(
        3 * plain.loss(images, labels).item()
    )
    report = scaled.run_epoch()
    assert report.train_loss > 2 * report.loss > 0


@pytest.mark.usefixtures("site")
def test_the_metric_takes_the_place_of_top_1(digits: Pack, tmp_path: Path) -> None:
    plain = Trainer(job(digits, tmp_path), "cpu")
    halved = Trainer(job(digits, tmp_path, metric=own("Halved")), "cpu")
    ours, theirs = plain.run_epoch(), halved.run_epoch()
    assert theirs.top1 == pytest.approx(ours.top1 / 2)
    assert (theirs.loss, theirs.accuracy_by_step) == (ours.loss, ours.accuracy_by_step)
    metric = load_metric(Chosen(**own("Percent")))
    with pytest.raises(ValueError, match=r"which is not in 0\.\.1"):
        evaluate(plain.network, digits, split="test", metric=metric)


@pytest.mark.usefixtures("site")
def test_a_loss_may_be_an_entry_point() -> None:
    loss = load_loss(Chosen(name="scaled", options={"factor": 2.0}))
    logits, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    torch.testing.assert_close(loss.compute(logits, labels), 2 * cross_entropy(logits, labels))


def test_the_built_in_ones_are_the_recipe_of_before() -> None:
    assert Recipe().overlaid({"loss": "cross-entropy", "metric": "top1"}) == Recipe()
    assert not {"loss", "metric"} & Recipe().deciding().keys()


@pytest.mark.usefixtures("site")
def test_another_version_is_another_training(digits: Pack, tmp_path: Path) -> None:
    versions = try_functions(Recipe().overlaid({"loss": own("Scaled"), "metric": own("Halved")}))
    assert versions["loss"] == versions["metric"]
    assert versions["loss"].startswith("own 1.0 ")
    here = own("Scaled") | {"version": versions["loss"]}
    gone = own("Scaled") | {"version": "own 0.9 0123456789ab"}
    jobs = [job(digits, tmp_path, loss=loss) for loss in (here, gone)]
    assert identify_job(jobs[0]) != identify_job(jobs[1])
    assert identify_job(jobs[0]) != identify_job(job(digits, tmp_path))
    Trainer(jobs[0], "cpu")
    with pytest.raises(ImportError, match=r"is own 1\.0 \w+ here, and own 0\.9 0123"):
        Trainer(jobs[1], "cpu")


def test_a_changed_file_is_another_version(site: Path) -> None:
    load_loss(Chosen(**own("Scaled")))
    kind = sys.modules["own_functions.these"].Scaled
    before = describe_version(kind)
    file = site / "own_functions" / "these.py"
    file.write_text(file.read_text() + "# a change\n")
    assert describe_version(kind) != before


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("loss", own("EachImage"), r"gives \[12\], and not one number as a tensor"),
    ("loss", own("Detached"), "no gradient flows"),
    ("loss", own("Flat"), "gradient that is zero"),
    ("loss", own("Failing"), r"fails on a sample \(RuntimeError: of another package\)"),
    ("loss", own("NoMethod"), "is not a loss: it has no method compute"),
    ("loss", own("Scaled", factr=2.0), "unknown key .factr.; did you mean .factor"),
    ("loss", own("Scale"), "did you mean"),
    ("loss", {"name": "nobody.here:Loss"}, "no installed distribution has a module nobody"),
    ("metric", own("Errors"), "right answers less than random ones"),
    ("metric", own("Percent"), r"which is not in 0\.\.1"),
    ("metric", {"name": "unheard-of"}, "is not one of top1"),
]


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(("kind", "chosen", "message"), WRONG)
def test_what_is_wrong_shows_on_a_sample(kind: str, chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        try_functions(Recipe().overlaid({kind: chosen}))


def test_label_smoothing_is_of_the_cross_entropy() -> None:
    with pytest.raises(InputError, match="label_smoothing: is of the cross entropy"):
        Recipe().overlaid({"loss": own("Scaled"), "label_smoothing": 0.1})
