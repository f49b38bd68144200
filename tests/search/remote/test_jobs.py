"""The job API of a cluster: what is asked of it, with which token, and what its answers mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search.host.ports import free_port, http_address
from search.remote import jobs
from search.remote.jobs import JobApi, Unreachable
from space.errors import InputError, VentralError
from tests.support.job_apis import FakeCluster


def test_a_job_is_started_looked_at_read_and_stopped(api: JobApi, fake: FakeCluster) -> None:
    assert api.read_version() == "2.60.0"
    package = api.send_package(b"bytes")
    assert api.send_package(b"bytes") == package
    assert len(fake.packages) == 1
    assert [one[0] for one in fake.requests].count("PUT") == 1
    api.submit("ventral-a", "true", package=package, variables={"A": "b"}, metadata={"c": "d"})
    job = fake.jobs["ventral-a"]
    assert job["runtime_env"] == {"env_vars": {"A": "b"}, "working_dir": package}
    assert (job["entrypoint"], job["metadata"]) == ("true", {"c": "d"})
    fake.logs["ventral-a"] = "a line\n"
    job_now = api.find("ventral-a")
    assert job_now is not None
    assert (job_now.status, job_now.over) == ("PENDING", False)
    assert api.read_log("ventral-a") == "a line\n"
    api.stop("ventral-a")
    (listed,) = api.find_all("ventral-")
    assert listed.over
    assert api.find_all("other-") == []
    assert api.find("ventral-b") is None


def test_the_token_goes_with_every_request(api: JobApi, fake: FakeCluster) -> None:
    api.read_version()
    api.find("x")
    api.stop("x")
    assert all(with_token for _, _, with_token in fake.requests)


def test_a_job_that_was_sent_twice_is_one(api: JobApi, fake: FakeCluster) -> None:
    for _ in range(2):
        api.submit("ventral-a", "true", package=None, variables={}, metadata={})
    assert list(fake.jobs) == ["ventral-a"]


def test_a_cluster_that_has_just_started_is_asked_again(api: JobApi, fake: FakeCluster) -> None:
    busy = (500, "No available agent to submit job, please try again later.")
    fake.answers["POST", "/api/jobs/"] = [busy, busy]
    api.submit("ventral-a", "true", package=None, variables={}, metadata={})
    assert list(fake.jobs) == ["ventral-a"]


def test_what_the_cluster_refuses_is_said_in_one_line(api: JobApi, fake: FakeCluster) -> None:
    trace = 'Traceback (most recent call last):\n  File "x"\nValueError: a\x1b[31m bad env\n'
    fake.answers["POST", "/api/jobs/"] = [(400, trace)]
    with pytest.raises(VentralError, match="ValueError: a") as caught:
        api.submit("ventral-a", "true", package=None, variables={}, metadata={})
    assert "\x1b" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"), [("", "asks for a token"), ("wrong", "has another token")]
)
def test_no_token_and_a_wrong_one_are_the_user_s_to_mend(
    fake: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN", text)
    with pytest.raises(InputError, match=words) as caught:
        JobApi(fake.named(tmp_path, token_file=None)).read_version()
    assert caught.value.where.endswith("clusters.lab.token_file")


def test_without_a_file_the_token_is_where_ray_looks_for_it(
    fake: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = fake.named(tmp_path, token_file=None)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert JobApi(named).read_version() == "2.60.0"


def test_where_nothing_answers_it_is_unreachable(tmp_path: Path) -> None:
    named = FakeCluster(address=http_address("127.0.0.1", free_port())).named(tmp_path)
    with pytest.raises(Unreachable, match="does not answer"):
        JobApi(named).read_version()


@pytest.mark.parametrize("answer", [(200, "<html>"), (200, "[" * 100_000), (404, "nothing")])
def test_what_is_no_job_api_is_refused(
    api: JobApi, fake: FakeCluster, answer: tuple[int, str]
) -> None:
    fake.answers["GET", "/api/version"] = [answer]
    with pytest.raises(InputError, match="no job API"):
        api.read_version()


def test_a_redirection_does_not_take_the_token_elsewhere(api: JobApi, fake: FakeCluster) -> None:
    fake.answers["GET", "/api/version"] = [(302, f"{fake.address}/api/elsewhere")]
    with pytest.raises(InputError, match="no job API"):
        api.read_version()
    assert [path for _, path, _ in fake.requests] == ["/api/version"]


def test_answers_of_another_form_are_refused(api: JobApi, fake: FakeCluster) -> None:
    fake.jobs["x"] = {"status": "RUNNING"}
    for text in ("[]", '{"status": 3}', "null"):
        fake.answers["GET", "/api/jobs/x"] = [(200, text)]
        with pytest.raises(InputError, match="no job API"):
            api.find("x")
    fake.answers["GET", "/api/jobs/x/logs"] = [(200, json.dumps({"logs": None}))]
    assert api.read_log("x") == ""


def test_a_cluster_of_other_machines_has_to_ask_for_a_token(
    api: JobApi, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "is_loopback", lambda _host: False)
    assert api.read_version() == "2.60.0"
    fake.token = None
    with pytest.raises(InputError, match="takes jobs from anybody"):
        api.read_version()
    assert api.read_version(insecure=True) == "2.60.0"
