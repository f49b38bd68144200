"""Campaigns as jobs of a cluster: how they start, what became of them, and their logs."""

from __future__ import annotations

import shlex
import subprocess
import threading
from pathlib import Path

import pytest

from search.remote import sending
from search.remote.jobs import JobApi, Unreachable
from search.remote.sending import (
    await_start,
    read_log,
    send_campaign,
    send_certification,
    send_resume,
    stop_waiting,
)
from space.errors import InputError, VentralError
from tests.support.job_apis import FakeCluster
from tests.support.waiting import wait_until

ID = "abcdefgh"


def send(api: JobApi) -> str:
    return send_campaign(api, ID, {"name": "tiny"}, code="installed")


def test_a_campaign_is_a_job_that_is_called_after_it(fake: FakeCluster, tmp_path: Path) -> None:
    named = fake.named(tmp_path, home="/shared/home", store="postgresql://me@db/ventral")
    job = send_campaign(JobApi(named), ID, {"name": "t"}, code="installed", new=True)
    assert job == f"ventral-{ID}"
    sent = fake.jobs[job]
    assert sent["metadata"] == {"campaign": ID}
    variables = {"VENTRAL_HOME": "/shared/home", "VENTRAL_STORE": "postgresql://me@db/ventral"}
    assert sent["runtime_env"]["env_vars"] == variables
    (name,) = fake.packages
    assert sent["runtime_env"]["working_dir"] == "gcs://" + name.partition("/")[2]
    call = f"exec ventral submit campaign.json --id {ID} --address auto --new"
    assert sent["entrypoint"].endswith(call)


def test_a_resumption_is_another_job_of_it(api: JobApi, fake: FakeCluster) -> None:
    jobs = [send_resume(api, ID, ["budget.trials=9"], code="installed") for _ in range(2)]
    assert len({*jobs}) == 2
    assert all(job.startswith(f"ventral-{ID}-") for job in jobs)
    call = f"exec ventral resume {ID} --address auto --set budget.trials=9"
    assert fake.jobs[jobs[0]]["entrypoint"].endswith(call)
    assert "working_dir" not in fake.jobs[jobs[0]]["runtime_env"]


def test_a_certification_is_a_job_of_its_campaign_or_of_the_certified_one(
    api: JobApi, fake: FakeCluster
) -> None:
    job = send_certification(api, ID, ["--seeds", "2"], code="installed", campaign_id="ijklmnop")
    assert job == "ventral-ijklmnop"
    call = f"exec ventral certify {ID} --address auto --seeds 2 --id ijklmnop"
    assert fake.jobs[job]["entrypoint"].endswith(call)
    assert fake.jobs[job]["metadata"] == {"campaign": "ijklmnop"}
    matched = send_certification(api, ID, ["--matched"], code="sent")
    assert matched.startswith(f"ventral-{ID}-")
    call = f"exec python3 -m ventral certify {ID} --address auto --matched"
    assert fake.jobs[matched]["entrypoint"].endswith(call)
    assert "working_dir" in fake.jobs[matched]["runtime_env"]


def test_a_head_without_ventral_says_what_is_missing(api: JobApi, fake: FakeCluster) -> None:
    command = fake.jobs[send(api)]["entrypoint"]
    done = subprocess.run(
        ["/bin/sh", "-c", command], env={"PATH": "/"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "error: PATH of Ray's processes on the head has no ventral" in done.stdout
    # Whatever an override holds is one word of the command.
    job = send_resume(api, ID, ["a='; touch /x; '"], code="installed")
    assert "a='; touch /x; '" in shlex.split(fake.jobs[job]["entrypoint"])


def test_it_is_under_way_once_a_driver_is_at_work(api: JobApi, fake: FakeCluster) -> None:
    job, seen = send(api), list[bool]()
    fake.jobs[job]["status"] = "RUNNING"
    fake.logs[job] = "packing digits\ncampaign abcdefgh (tiny) in /home\n"
    thread = threading.Thread(target=lambda: seen.append(await_start(api, job)))
    thread.start()
    before = len(fake.requests)
    wait_until(lambda: len(fake.requests) > before + 4, "it looks again")
    assert not seen
    fake.logs[job] += "packing ...\n"
    thread.join()
    assert seen == [True]


def test_a_campaign_that_is_long_in_packing_is_left_to_itself(
    api: JobApi, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "START_PATIENCE", 0.1)
    job = send(api)
    fake.jobs[job]["status"] = "RUNNING"
    assert not await_start(api, job)


@pytest.mark.parametrize(("code", "kind"), [(2, InputError), (1, VentralError)])
def test_an_error_there_is_the_same_error_here(
    api: JobApi, fake: FakeCluster, code: int, kind: type[VentralError]
) -> None:
    job = send(api)
    fake.jobs[job] |= {"status": "FAILED", "driver_exit_code": code, "message": "failed"}
    fake.logs[job] = "packing digits\nerror: data.path: nothing at /x; mend it\n"
    with pytest.raises(kind, match=r"cluster lab: data.*nothing at /x; mend it") as caught:
        await_start(api, job)
    assert type(caught.value) is kind
    fake.logs[job] = ""
    with pytest.raises(kind, match="cluster lab: failed"):
        await_start(api, job)
    del fake.jobs[job]
    with pytest.raises(VentralError, match="has lost job"):
        await_start(api, job)


def test_a_log_is_that_of_all_its_jobs_and_is_followed_to_the_end(
    api: JobApi, fake: FakeCluster
) -> None:
    with pytest.raises(VentralError, match="knows no job of campaign"):
        list(read_log(api, ID))
    first, second = send(api), send_resume(api, ID, code="installed")
    fake.logs |= {first: "one\n", second: "two\n"}
    assert "".join(read_log(api, ID)) == "one\ntwo\n"
    pieces: list[str] = []
    thread = threading.Thread(target=lambda: pieces.extend(read_log(api, ID, follow=True)))
    thread.start()
    wait_until(lambda: "two\n" in pieces, "the log so far")
    fake.answers["GET", f"/api/jobs/{second}"] = []
    fake.logs[second] += "three\n"
    fake.jobs[second]["status"] = "SUCCEEDED"
    thread.join()
    assert "".join(pieces) == "one\ntwo\nthree\n"


def test_a_cluster_that_is_away_for_a_while_is_waited_for(
    api: JobApi, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, find, away = send(api), api.find, iter([True, True])
    fake.logs[job], fake.jobs[job]["status"] = "one\n", "SUCCEEDED"
    last = find(job)

    def broken(job_id: str) -> object:
        if next(away, False):
            raise Unreachable("away")
        return find(job_id)

    monkeypatch.setattr(api, "find", broken)
    assert "".join(read_log(api, ID, follow=True)) == "one\n"
    away = iter([True])
    del fake.jobs[job]
    monkeypatch.setattr(sending, "find_jobs", lambda *_words: [last])
    with pytest.raises(VentralError, match="went with its head; go on with `ventral resume"):
        list(read_log(api, ID, follow=True))
    away = iter([True])
    monkeypatch.setattr(sending, "SILENCE_PATIENCE", -1.0)
    with pytest.raises(Unreachable):
        list(read_log(api, ID, follow=True))


def test_a_campaign_that_waits_is_ended_by_its_job(api: JobApi, fake: FakeCluster) -> None:
    assert not stop_waiting(api, ID)
    job = send(api)
    assert stop_waiting(api, ID)
    assert fake.jobs[job]["status"] == "STOPPED"
    assert not stop_waiting(api, ID)
