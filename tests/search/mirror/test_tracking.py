"""The mirror: every ended trial is one run in MLflow, whatever dies or is away."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.host.home import Home
from search.host.ports import free_port
from search.mirror import tracking
from search.mirror.campaign_page import PAGE_TAG
from search.mirror.mirroring import describe_backlog
from search.mirror.runs import (
    EXACT,
    KEY_TAG,
    SPARED_TAG,
    Point,
    curve_svg,
    parameter_name,
    parameters_of,
    run_of,
)
from search.mirror.server import Server
from search.mirror.tracking import Mirror
from search.review.progress import progress
from search.store import Store
from space.circuits import draw_circuit
from space.space import Space
from tests.support.campaigns import add, fill, genome_of, new_campaign, report, train
from tests.support.forks import Scripts
from tests.support.processes import DIES_AT
from tests.support.waiting import GUARD, wait_until
from workers.job import ScoredSplit

ROOT = Path(__file__).parents[3]

FATES = {0: "FINISHED", 1: "FINISHED", 2: "FINISHED", 3: "KILLED", 4: "FAILED"}
"""The status in MLflow of each trial of `tests.support.campaigns.fill`."""


@pytest.fixture
def home(tmp_path: Path, empty_mlflow: Path) -> Home:
    """A home under a path with everything that a path may have."""
    home = Home.at(tmp_path / "my home 100%", {})
    home.ensure()
    shutil.copy(empty_mlflow, home.path / "mlflow.db")
    return home


def mirror(store: Store, home: Home, campaign_id: str, timeout: float = GUARD) -> tracking.Backlog:
    """All that a mirror sends in one life."""
    return Mirror(store, home, campaign_id).start().close(timeout)


def client_of(uri: str) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def runs_of(uri: str, experiment: str | None) -> dict[int, Any]:
    """Every run of the experiment, deleted ones as well, by trial; one each."""
    every = client_of(uri).search_runs([experiment], run_view_type=3)
    found = [run for run in every if PAGE_TAG not in run.data.tags]
    runs = {int(run.data.tags["ventral.trial"]): run for run in found}
    assert len(runs) == len(found), "a trial has two runs"
    return runs


def trials_in(client: Any, experiment: str | None) -> list[int]:
    """The trials whose runs a person sees in the experiment."""
    runs = client.search_runs([experiment], "tags.`ventral.trial` != ''")
    return sorted(int(run.data.tags["ventral.trial"]) for run in runs)


def assert_complete(store: Store, home: Home, campaign_id: str) -> dict[int, Any]:
    """Each trial of `fill` has one run, whole and ended."""
    runs = runs_of(home.tracking_uri, store.campaigns.get(campaign_id).experiment)
    assert {number: run.info.status for number, run in runs.items()} == FATES
    assert store.outbox.pending(campaign_id) == []
    assert store.outbox.runs(campaign_id) == {
        number: run.info.run_id for number, run in runs.items()
    }
    assert runs[0].data.metrics["top1"] == 0.6
    assert runs[4].data.params == {"stages.0.kernel": "3", "recipe.learning_rate": "0.01"}
    for run in runs.values():
        assert (home.run_files(campaign_id, run.info.run_id) / "genome.json").is_file()
    return runs


# -------------------------------------------------------------------- how a run looks


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("stages[4].cell.terms[10].kernel", "stages.4.cell.terms.10.kernel"),
        ("recipe.learning_rate", "recipe.learning_rate"),
        ("a/b c-d_e", "a/b c-d_e"),
        ("residual->out times.kernel", "residual to out times.kernel"),
    ],
)
def test_names_stay_readable(path: str, name: str) -> None:
    assert parameter_name(path) == name


@pytest.mark.parametrize(
    "path", ["a:b", "a{b}", "../x", "/x", "a//b", "a/../b", ".", "..", "", "ä→b", "k" * 300, "x/"]
)
def test_every_name_is_legal_and_tells_others_apart(path: str) -> None:
    from mlflow.utils.validation import _validate_param

    name = parameter_name(path)
    _validate_param(name, "value")
    assert name == parameter_name(path)
    assert name != parameter_name(path + "?")


def test_two_paths_never_share_a_parameter() -> None:
    choices = {"a[1].b": 1, "a.1.b": 2, "a?1.b": 3, "a!1.b": 4}
    named = parameters_of(choices)
    assert sorted(named.values()) == ["1", "2", "3", "4"]
    assert named == parameters_of(dict(reversed(choices.items())))


def test_values_keep_their_meaning_and_fit() -> None:
    named = parameters_of({"a": "tanh", "b": 0.001, "c": True, "d": None, "e": "x" * 9000})
    assert (named["a"], named["b"], named["c"], named["d"]) == ("tanh", "0.001", "true", "null")
    assert len(named["e"]) == 6000


def test_scores_are_called_after_the_split_that_they_are_of(store: Store) -> None:
    """Validation's and those of before as they are, test's where nothing was decided by it."""
    campaign = fill(store)
    trial, reports = store.results.get(campaign.id, 1), store.results.reports(campaign.id, 1)
    two, three = {"train": 9, "test": 9}, {"train": 8, "validation": 1, "test": 9}
    cases: list[tuple[dict[str, Any], ScoredSplit, str]] = [
        ({}, "test", "top1"),
        ({"counts": two, "split": "test"}, "test", "top1"),
        ({"counts": three, "split": "validation"}, "validation", "top1"),
        ({"counts": three, "split": "test"}, "test", "test_top1"),
    ]
    for data, split, name in cases:
        scored = replace(campaign, data=campaign.data | data)
        run = run_of(scored, replace(trial, split=split), reports)
        assert run.tags["ventral.split"] == split
        keys = [point.key for point in run.metrics]
        assert [key for key in keys if key.endswith("top1")] == [name, name]
        assert "train_loss" in keys


def test_a_run_is_a_function_of_what_the_store_holds(store: Store) -> None:
    campaign = fill(store)
    trial, reports = store.results.get(campaign.id, 1), store.results.reports(campaign.id, 1)
    run = run_of(campaign, trial, reports)
    assert run == run_of(
        store.campaigns.get(campaign.id), trial, store.results.reports(campaign.id, 1)
    )
    assert SPARED_TAG not in run.tags
    spared = {SPARED_TAG: "recipe.recompute: true"}
    assert run_of(campaign, trial, reports, spared).tags == run.tags | spared
    assert run.name == "cell-1 #1 80.0%"
    at = round(reports[1].at * 1000)
    assert Point(key="top1", value=0.8, at=at, step=2) in run.metrics
    assert {point.key for point in run.metrics} == {
        *("top1", "top5", "loss", "train_loss"),
        *("parameters", "macs", "seconds", "epochs", "memory_mb", "accuracy_by_step"),
    }
    steps = [point for point in run.metrics if point.key == "accuracy_by_step"]
    assert [point.step for point in steps] == [0, 1, 2, 3]
    assert [point.value for point in steps] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert {point.at for point in steps} == {at}
    assert json.loads(run.files["genome.json"]) == genome_of(1).document()
    assert json.loads(run.files["accuracy_by_step.json"])["by_epoch"]["2"][-1] == 0.8
    assert run.files["cell.svg"] == draw_circuit(genome_of(1))
    unread = run_of(campaign, replace(trial, document={"stages": "none"}), reports)
    assert "cell.svg" not in unread.files, "another version's genome has no picture"
    control = run_of(campaign, store.results.get(campaign.id, 0), [])
    assert (control.tags["ventral.control"], run.tags["ventral.recurrent"]) == ("wide", "local")
    assert "ventral.control" not in run.tags
    refused = run_of(campaign, store.results.get(campaign.id, 3), [])
    assert refused.name == "cell-3 #3 infeasible"
    assert refused.tags["ventral.reason"] == "9.0 M parameters, over 1.0 M"
    assert set(refused.files) == {"genome.json", "cell.svg"}
    failed = run_of(campaign, store.results.get(campaign.id, 4), [])
    assert failed.files["failure.txt"] == "Traceback\nnan"


def test_the_drawing_is_well_formed_with_gaps_and_a_single_step() -> None:
    for accuracy in ([0.1, None, 0.9], [0.5], [None]):
        root = ElementTree.fromstring(curve_svg(accuracy, "after epoch 1"))
        dots = [node for node in root.iter() if node.tag.endswith("circle")]
        assert len(dots) == sum(value is not None for value in accuracy)


# -------------------------------------------------------------------- the mirror


def test_every_ended_trial_is_one_run(store: Store, home: Home) -> None:
    campaign = fill(store)
    add(store, campaign.id, 5)
    backlog = mirror(store, home, campaign.id)
    assert (backlog.unsent, backlog.error) == (0, None)
    runs = assert_complete(store, home, campaign.id)

    best = runs[1]
    assert best.info.run_name == "cell-1 #1 80.0%"
    assert best.data.tags[KEY_TAG] == f"{campaign.id}/1"
    tags = {key: best.data.tags[f"ventral.{key}"] for key in ("digest", "status", "sampler")}
    assert tags == {"digest": f"{1:016x}", "status": "finished", "sampler": "random"}
    assert (best.data.metrics["parameters"], best.data.metrics["macs"]) == (1001, 50_000)
    client = client_of(home.tracking_uri)
    history = client.get_metric_history(runs[0].info.run_id, "top1")
    assert [(point.step, point.value) for point in history] == [(1, 0.4), (2, 0.5), (3, 0.6)]
    steps = client.get_metric_history(runs[0].info.run_id, "accuracy_by_step")
    assert {point.step: point.value for point in steps} == {
        step: pytest.approx(0.6 * (step + 1) / 4) for step in range(4)
    }
    assert best.data.metrics["accuracy_by_step"] == 0.8, "its column is that of the last step"
    files = home.run_files(campaign.id, best.info.run_id)
    assert json.loads((files / "accuracy_by_step.json").read_text())["epoch"] == 2
    place = files.relative_to(home.artifacts).as_posix()
    assert best.info.artifact_uri == f"mlflow-artifacts:/{place}"
    trial = store.results.get(campaign.id, 1)
    assert trial.started is not None
    assert best.info.start_time == round(trial.started * 1000)


def test_a_second_mirror_changes_nothing(store: Store, home: Home) -> None:
    campaign = fill(store)
    mirror(store, home, campaign.id)
    before = assert_complete(store, home, campaign.id)
    mirror(store, home, campaign.id)
    after = assert_complete(store, home, campaign.id)
    assert {n: run.to_dictionary() for n, run in before.items()} == {
        n: run.to_dictionary() for n, run in after.items()
    }


def test_trials_arrive_while_the_campaign_runs(store: Store, home: Home) -> None:
    campaign = new_campaign(store)
    running = Mirror(store, home, campaign.id).start()
    for number in range(3):
        add(store, campaign.id, number)
        train(store, campaign.id, number, 0.5)
        running.notify()
        wait_until(lambda: store.outbox.backlog(campaign.id) == 0)
    assert running.close().unsent == 0
    assert len(runs_of(home.tracking_uri, store.campaigns.get(campaign.id).experiment)) == 3


def test_a_trial_that_went_on_updates_its_run(store: Store, home: Home) -> None:
    campaign = fill(store)
    mirror(store, home, campaign.id)
    store.trials.start(campaign.id, 2)
    store.trials.add_report(campaign.id, 2, report(2, 0.9))
    store.trials.finish(campaign.id, 2, "finished")
    mirror(store, home, campaign.id)
    run = assert_complete(store, home, campaign.id)[2]
    assert (run.data.metrics["top1"], run.data.metrics["epochs"]) == (0.9, 2)
    assert run.info.run_name == "cell-2 #2 90.0%"
    assert run.data.tags["ventral.status"] == "finished"


def test_what_is_no_longer_true_of_a_trial_that_was_tried_again_is_gone(
    store: Store, home: Home
) -> None:
    campaign = fill(store)
    mirror(store, home, campaign.id)
    client = client_of(home.tracking_uri)
    failed = store.outbox.runs(campaign.id)[4]
    assert client.get_run(failed).data.tags["ventral.reason"].startswith("diverged")
    store.campaigns.set_state(campaign.id, "finished")
    store.trials.retry(campaign.id, 4)
    store.trials.start(campaign.id, 4)
    store.trials.add_report(campaign.id, 4, report(1, 0.7))
    store.trials.finish(campaign.id, 4, "finished")
    mirror(store, home, campaign.id)
    run = client.get_run(failed)
    assert (run.info.status, run.data.tags["ventral.status"]) == ("FINISHED", "finished")
    assert not run.data.tags["ventral.reason"]
    assert (home.run_files(campaign.id, failed) / "failure.txt").read_text() == ""


def test_campaigns_of_one_name_are_two_experiments(store: Store, home: Home) -> None:
    first, second = fill(store), fill(store)
    assert mirror(store, home, first.id).experiment != mirror(store, home, second.id).experiment
    assert_complete(store, home, first.id)
    assert_complete(store, home, second.id)


# -------------------------------------------------------------------- what dies

KILLED = f"""{DIES_AT}
Mirror(Store.open(home.store_url), home, campaign_id).start().close(60)
"""


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("set_experiment", 1),  # the experiment is made, the store does not know it
        ("upload", 1),  # the campaign's page is made, and has no files
        ("write", 2),  # marked as being sent, nothing made
        ("_log", 4),  # a run is made and empty
        ("upload", 3),  # a run has its numbers and no files
        ("mark_sent", 1),  # all runs are whole, the store does not know one
    ],
)
def test_a_kill_between_two_steps_neither_loses_nor_doubles(
    store: Store, home: Home, scripts: Scripts, where: str, count: int
) -> None:
    campaign = fill(store)
    ended = scripts.run(KILLED, str(home.path), campaign.id, where, str(count))
    assert ended == -signal.SIGKILL
    assert store.outbox.backlog(campaign.id) == 5
    assert mirror(store, home, campaign.id).unsent == 0
    assert_complete(store, home, campaign.id)


def test_a_run_left_running_is_ended_and_one_too_many_removed(store: Store, home: Home) -> None:
    campaign = fill(store)
    experiment = mirror(store, home, campaign.id).experiment
    client = client_of(home.tracking_uri)
    client.set_terminated(store.outbox.runs(campaign.id)[1], status="RUNNING")
    extra = client.create_run(experiment, tags={KEY_TAG: f"{campaign.id}/1"}).info.run_id
    others = client.create_run(experiment, run_name="by hand").info.run_id
    mirror(store, home, campaign.id)
    assert client.get_run(extra).info.lifecycle_stage == "deleted"
    assert client.get_run(extra).info.status == "KILLED"
    assert client.get_run(others).info.status == "RUNNING", "what is not ours is left alone"
    client.delete_run(others)
    run = client.get_run(store.outbox.runs(campaign.id)[1])
    assert (run.info.status, run.info.lifecycle_stage) == ("FINISHED", "active")


def test_a_deleted_run_or_experiment_or_database_comes_back(
    store: Store, home: Home, empty_mlflow: Path
) -> None:
    campaign = fill(store)
    experiment = mirror(store, home, campaign.id).experiment
    client = client_of(home.tracking_uri)
    removed = store.outbox.runs(campaign.id)[2]
    client.delete_run(removed)
    store.outbox.resend(campaign.id, 2)
    assert mirror(store, home, campaign.id).unsent == 0
    assert store.outbox.runs(campaign.id)[2] != removed
    assert trials_in(client, experiment) == [0, 1, 2, 3, 4]

    client.delete_experiment(experiment)
    store.outbox.resend(campaign.id, 1)
    assert mirror(store, home, campaign.id).unsent == 0
    assert client.get_experiment(experiment).lifecycle_stage == "active"
    assert set(trials_in(client, experiment)) == {0, 1, 2, 3, 4}

    for path in home.path.glob("mlflow.db*"):
        path.unlink()
    elsewhere = Home(path=home.path, tracking_uri=f"sqlite:///{home.path}/new.db")
    shutil.copy(empty_mlflow, home.path / "new.db")
    assert mirror(store, elsewhere, campaign.id).unsent == 0
    assert_complete(store, elsewhere, campaign.id)


# -------------------------------------------------------------------- MLflow is away


def test_the_campaign_goes_on_without_mlflow(store: Store, home: Home) -> None:
    """And what was left arrives at the next start, at the address that then works."""
    campaign = fill(store)
    away = Mirror(store, home, campaign.id, f"http://127.0.0.1:{free_port()}")
    away.start()
    away.notify()
    backlog = away.close(4.0)
    assert backlog.unsent == 5
    assert backlog.error is not None
    assert [event.kind for event in store.campaigns.events(campaign.id)] == ["mirror-away"]
    assert mirror(store, home, campaign.id).unsent == 0
    assert_complete(store, home, campaign.id)


@pytest.mark.parametrize(
    "address", ["http://me:{}@127.0.0.1:{}", "http://127.0.0.1:{1}?token={0}"]
)
def test_a_password_is_in_no_record_and_in_no_log(
    store: Store, home: Home, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    campaign, secret = fill(store), "PW-3141"
    uri = address.format(secret, free_port())
    backlog = Mirror(store, home, campaign.id, uri).start().close(2.0)
    assert backlog.error is not None
    assert store.outbox.mirror_error(campaign.id) is not None
    store.close()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("search")]
    assert ours
    assert secret not in backlog.error + "".join(ours)
    for file in home.path.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_what_keeps_the_mirror_from_sending_is_on_record_until_it_sends(
    store: Store, home: Home
) -> None:
    campaign = fill(store)
    file = home.path / "mlflow.db"
    file.rename(home.path / "away.db")
    file.mkdir()
    assert mirror(store, home, campaign.id, 1.0).unsent == 5
    assert "unable to open database file" in str(store.outbox.mirror_error(campaign.id))
    assert "unable to open" in str(progress(store, campaign.id).mirror_error)
    said = describe_backlog(store, campaign.id, 5)
    assert said.startswith("5 trials are not in MLflow yet (OperationalError: unable to open")
    assert f"`ventral resume {campaign.id}`" in said
    file.rmdir()
    (home.path / "away.db").rename(file)
    assert mirror(store, home, campaign.id).unsent == 0
    assert store.outbox.mirror_error(campaign.id) is None


def test_the_mirror_waits_for_mlflow_to_come_back(
    store: Store, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "FIRST_DELAY", 0.05)
    campaign = fill(store)
    database = home.path / "mlflow.db"
    database.rename(home.path / "away.db")
    database.mkdir()
    running = Mirror(store, home, campaign.id).start()
    wait_until(lambda: running.backlog.error is not None)
    assert running.backlog.unsent == 5
    database.rmdir()
    (home.path / "away.db").rename(database)
    wait_until(lambda: running.backlog.unsent == 0)
    wait_until(lambda: running.backlog.error is None)
    running.close()
    assert_complete(store, home, campaign.id)


def test_a_trial_that_mlflow_refuses_holds_nobody_up(
    store: Store, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = fill(store)

    def odd(*arguments: Any) -> Any:
        run = run_of(*arguments)
        if run.tags["ventral.trial"] == "1":
            run.parameters["not/../legal"] = "1"
        return run

    with monkeypatch.context() as patch:
        patch.setattr(tracking, "run_of", odd)
        backlog = mirror(store, home, campaign.id)
    assert (backlog.unsent, backlog.error) == (1, None)
    (event,) = store.campaigns.events(campaign.id)
    assert (event.kind, event.detail["trial"]) == ("mirror-refused", 1)
    assert mirror(store, home, campaign.id).unsent == 0
    assert_complete(store, home, campaign.id)


def test_more_than_mlflow_takes_in_one_call(store: Store, home: Home) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0, choices={f"stages[{n}].kernel": n for n in range(250)})
    train(store, campaign.id, 0, *(epoch / 1000 for epoch in range(1, 401)))
    assert mirror(store, home, campaign.id).unsent == 0
    run = runs_of(home.tracking_uri, store.campaigns.get(campaign.id).experiment)[0]
    assert len(run.data.params) == 250
    history = client_of(home.tracking_uri).get_metric_history(run.info.run_id, "loss")
    assert len(history) == 400


def test_the_drivers_process_imports_no_mlflow_by_itself() -> None:
    code = (
        "import sys, search.mirror.tracking, search.store, search.host.home;"
        "print(sorted({'mlflow', 'torch', 'alembic', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_through_a_server_that_goes_away_and_comes_back(
    store: Store, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "LONGEST_DELAY", 2.0)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # that leads nowhere
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    campaign = fill(store)
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    running = Mirror(store, home, campaign.id, uri).start()
    wait_until(lambda: running.backlog.error is not None)
    served = Home(path=home.path, tracking_uri=uri)
    with server(home, port):
        wait_until(lambda: running.backlog.unsent == 0)
        assert_complete(store, served, campaign.id)
    add(store, campaign.id, 5)
    train(store, campaign.id, 5, 0.7)
    running.notify()
    wait_until(lambda: running.backlog.error is not None)
    with server(home, port):
        assert running.close(60).unsent == 0
        runs = runs_of(uri, store.campaigns.get(campaign.id).experiment)
        assert {n: run.info.status for n, run in runs.items()} == {**FATES, 5: "FINISHED"}


@contextmanager
def server(home: Home, port: int) -> Iterator[None]:
    """A real MLflow server on this machine's loopback; none of its processes outlives it."""
    running = Server(home.tracking_uri, home.artifacts, home.path / "server.log", port)
    try:
        running.wait()
        yield
    finally:
        running.end()


def test_parameters_are_the_choices_that_act(store: Store) -> None:
    """Without feedback, the kernel of what would read it is no parameter; the store keeps it."""
    space = Space.load("motifs-small").with_images(size=16, channels=1, classes=10)
    sample = space.complete({"hidden": "absent", "feedback->out by": "add", "conv3->conv2": False})
    campaign = store.campaigns.create("c", {"name": "c"}, space.document(), {})
    add(
        store,
        campaign.id,
        0,
        choices=sample.choices,
        digest=sample.digest,
        genome=sample.genome,
        cell="out = sigmoid(out3s) x out + input3",
    )
    train(store, campaign.id, 0, 0.5)
    trial = store.results.get(campaign.id, 0)
    run = run_of(campaign, trial, [])
    assert "feedback->out.kernel" in trial.choices
    assert not [name for name in run.parameters if name.startswith("feedback to out.")]
    assert {"hidden", "conv3 to conv2", "learning_rate"} <= run.parameters.keys()
    assert run.tags["ventral.recurrent"] == "local"
    later = run_of(campaign, replace(trial, number=EXACT), [])
    assert later.parameters == run.parameters


def test_choices_of_another_space_are_all_parameters(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    train(store, campaign.id, 0, 0.5)
    run = run_of(campaign, store.results.get(campaign.id, 0), [])
    assert run.parameters.keys() == {"stages.0.kernel", "recipe.learning_rate"}
