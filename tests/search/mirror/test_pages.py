"""What `ventral ui` serves: who may ask, what may be changed, and how it opens."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from search.host.home import Home
from search.host.ports import bypass_proxies
from search.mirror.pages import EDITS, SEARCHES
from search.mirror.server import Server
from search.mirror.tracking import Mirror
from search.store import Store
from tests.search.host.test_ports import has_ipv6
from tests.support import campaigns
from tests.support.pages import ask

API = "/ajax-api/2.0/mlflow"


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:5000", "lab:80", "lab.", "a.example.org:5000"),
        *("127.0.0.1:5000", "203.0.113.7:5000", "[::1]:5000", "[::1]", "[2001:db8::7]:5000"),
    ],
)
def test_it_answers_to_its_names_and_to_addresses(host: str) -> None:
    assert ask(host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.com", "evil.com:5000", "localhost.evil.com", "evil-example.org"),
        *("example.org", "127.0.0.1.evil.com", "lab@evil.com"),
    ],
)
def test_it_answers_to_no_other_name(host: str) -> None:
    """A name of somebody else's that leads here is how pages of the world ask (DNS rebinding)."""
    for path in ("/", "/mlflow/", f"/mlflow{API}/experiments/search"):
        refused = ask(path=path, host=host)
        assert (refused.status, refused.passed) == (403, None)
        assert "--allowed-hosts" in refused.body


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:8888",
        "http://127.0.0.1:5000",
        "https://evil.com",
        "null",
        "http://localhost",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_other_page_in_the_browser_may_ask(origin: str, method: str) -> None:
    asked = ask(method, f"/mlflow{API}/runs/search", origin=origin)
    assert (asked.status, asked.passed) == (403, None)


@pytest.mark.parametrize("host", ["localhost:5000", "lab:80", "[::1]:5000", "203.0.113.7:5000"])
def test_its_own_pages_may_ask_under_every_name(host: str) -> None:
    asked = ask("POST", f"/mlflow{API}/runs/search", host, origin=f"http://{host}")
    assert asked.passed is not None
    assert asked.passed["path"] == f"{API}/runs/search"
    assert b"origin" not in dict(asked.passed["headers"])


def routes() -> set[tuple[str, str]]:
    """Every (method, path) of MLflow's server, with a value for each variable."""
    from mlflow.server import app
    from mlflow.server.fastapi_app import app as asgi

    found = {
        (method, re.sub(r"<[^>]*>", "x", str(rule)))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for part in asgi.routes:
        for route in getattr(getattr(part, "original_router", None), "routes", ()):
            path = re.sub(r"{[^}]*}", "x", route.path)
            found |= {(method, path) for method in route.methods}
    return found


def test_of_all_that_mlflow_can_do_only_notes_and_tags_are_changed() -> None:
    known = routes()
    changing = {(method, path) for method, path in known if method not in ("GET", "HEAD")}
    assert ("PUT", "/api/2.0/mlflow-artifacts/artifacts/x") in changing
    assert ("POST", "/api/2.0/mlflow/experiments/create") in changing
    passed = {path for method, path in changing if ask(method, path).passed is not None}
    calls = {path.partition("/mlflow/")[2] for path in passed if path != "/graphql"}
    # None of them under another name, and none of ours that MLflow has no more.
    assert calls == SEARCHES | EDITS
    assert all(call.endswith("-tag") for call in EDITS)


@pytest.mark.parametrize(
    "path",
    [
        "/ajax-api/3.0/mlflow/assistant/config",
        "/ajax-api/3.0/mlflow/assistant/providers/x/health",
        "/ajax-api/2.0/mlflow/gateway-proxy",
        "/ajax-api/3.0/mlflow/gateway/secrets/list",
        "/gateway/x/mlflow/invocations",
        "/mlflow/ajax-api/3.0/mlflow/assistant/config",
    ],
)
def test_nothing_runs_programs_or_calls_other_servers(path: str) -> None:
    assert ask(path=path).status == 403


@pytest.mark.parametrize(
    "path", [f"/x/..{API}/runs/delete", f"/{API}/runs/delete", f"{API}/runs/delete/"]
)
def test_another_spelling_opens_nothing(path: str) -> None:
    assert ask("POST", path).status == 403


def test_mlflows_page_gets_our_script_before_its_own() -> None:
    page = ask(if_none_match="1", accept_encoding="gzip")
    assert page.body.index("mlflow.workflowType_v1") < page.body.index("<script>1</script>")
    assert page.headers["content-length"] == str(len(page.body.encode()))
    assert "etag" not in page.headers
    assert page.passed is not None
    assert page.passed["path"] == "/"
    assert not {b"if-none-match", b"accept-encoding"} & set(dict(page.passed["headers"]))
    assert ask(path="/mlflow").headers["location"] == "/mlflow/"


@dataclass(frozen=True)
class Shown:
    """A home with one campaign, shown by a real server with proxies all around it."""

    home: Home
    base: str
    experiment: str
    run: str

    def call(self, path: str, body: Any = None, method: str | None = None, **headers: str) -> Any:
        """What MLflow answers."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {"Content-Type": "application/json", "Origin": self.base} | headers
        request = urllib.request.Request(f"{self.base}{path}", data, given, method=method)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=60) as answer:
            text = answer.read().decode()
        return json.loads(text) if text.startswith("{") else text

    def refused(self, path: str, body: Any = None, method: str | None = None) -> bool:
        with pytest.raises(urllib.error.HTTPError) as error:
            self.call(path, body, method)
        return error.value.code == 403


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    home = Home.at(tmp_path_factory.mktemp("shown") / "my home", {})
    home.ensure()
    store = Store.open(home.store_url)
    campaign = campaigns.new_campaign(store)
    campaigns.add(store, campaign.id, 1)
    campaigns.train(store, campaign.id, 1, 0.5, 0.75)
    host = "::1" if has_ipv6() else "127.0.0.1"
    assert Mirror(store, home, campaign.id).start().close(60).unsent == 0
    experiment, run = (
        store.campaigns.get(campaign.id).experiment,
        store.outbox.runs(campaign.id)[1],
    )
    store.close()
    assert experiment is not None
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")
        server = Server(
            home.tracking_uri, home.artifacts, home.path / "ui.log", 0, host, home=home
        )
        try:
            server.wait()
            yield Shown(home, server.address, experiment, run)
        finally:
            server.end()
    assert server.process.returncode is not None


def test_the_campaigns_of_a_real_home_are_shown(shown: Shown) -> None:
    page = shown.call("/")
    assert "motifs" in page
    assert "75.00%" in page
    assert f"mlflow/#/experiments/{shown.experiment}/runs" in page


def test_files_of_runs_are_read_and_not_written(shown: Shown) -> None:
    file = "accuracy_by_step.json"
    assert shown.call(f"/mlflow/get-artifact?run_uuid={shown.run}&path={file}")["epoch"] == 2
    before = {path: path.read_bytes() for path in shown.home.artifacts.rglob("*.*")}
    assert before
    ours = next(path for path in before if path.name == file).relative_to(shown.home.artifacts)
    for name in ("api", "ajax-api"):
        place = f"/{name}/2.0/mlflow-artifacts/artifacts"
        assert shown.refused(f"{place}/{ours}", b"mine now", "PUT")
        assert shown.refused(f"{place}/new.txt", b"mine now", "PUT")
        assert shown.refused(f"{place}/{ours}", None, "DELETE")
        upload = f"/{name}/2.0/mlflow/upload-artifact?run_uuid={shown.run}&path=new.txt"
        assert shown.refused(upload, b"mine now", "POST")
    assert {path: path.read_bytes() for path in shown.home.artifacts.rglob("*.*")} == before


def test_experiments_are_neither_made_anywhere_nor_removed(shown: Shown, tmp_path: Path) -> None:
    place = {"name": "mine", "artifact_location": str(tmp_path / "mine")}
    assert shown.refused(f"{API}/experiments/create", place)
    assert shown.refused(f"{API}/experiments/delete", {"experiment_id": shown.experiment})
    assert shown.refused(f"{API}/runs/delete", {"run_id": shown.run})
    assert shown.refused(f"{API}/runs/create", {"experiment_id": shown.experiment})
    found = shown.call(f"{API}/experiments/search?max_results=9")["experiments"]
    assert {one["experiment_id"] for one in found} == {"0", shown.experiment}


def test_notes_and_tags_are_kept(shown: Shown) -> None:
    for key in ("mlflow.note.content", "reviewed"):
        note = {"run_id": shown.run, "key": key, "value": "a cell to keep"}
        shown.call(f"/mlflow{API}/runs/set-tag", note)
    run = shown.call(f"/mlflow{API}/runs/get?run_id={shown.run}")["run"]
    tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
    assert tags["mlflow.note.content"] == tags["reviewed"] == "a cell to keep"


def test_clients_of_mlflow_reach_it_past_proxies(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")
    client = MlflowClient(tracking_uri=shown.base)
    bypass_proxies()
    assert client.get_run(shown.run).data.metrics["top1"] == 0.75
