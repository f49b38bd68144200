"""The first page of `ventral ui`: a line for each campaign, and nothing that names could run."""

import re
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from search.host.home import Home
from search.mirror import landing
from search.store import Store
from tests.support import campaigns
from tests.support.pages import Tags, ask


def line(**changes: Any) -> landing.CampaignLine:
    values: dict[str, Any] = {
        "id": "abcd",
        "name": "motifs",
        "state": "running",
        "best": 0.98765,
        "done": 1200,
        "trials": 5000,
        "space": "motifs-small",
        "data": "digits",
        "created": 0.0,
        "experiment": "7",
    }
    return landing.CampaignLine(**values | changes)


def test_the_first_page_has_a_line_for_each_campaign() -> None:
    page = landing.page([line(), line(name="other", best=None, experiment=None)], "/home/me")
    for text in (
        "motifs",
        "abcd",
        "running",
        "98.77%",
        "1,200 of 5,000",
        "motifs-small",
        "digits",
    ):
        assert text in page
    links = [given["href"] for tag, given in Tags(page).elements if tag == "a"]
    assert links == [
        "mlflow/#/experiments/7/runs?workflowType=machine_learning",
        "mlflow/#/experiments",
    ]


def test_the_first_page_asks_for_nothing_and_runs_nothing_that_is_written_in_names() -> None:
    odd = '"><script>alert(1)</script><img src=http://evil.com/>\x1b[31m\u202e'
    page = landing.page([line(name=odd, id=odd, state=odd, space=odd, data=odd)], odd)
    tags = Tags(page).elements
    assert [tag for tag, _ in tags].count("script") == 1
    assert "img" not in [tag for tag, _ in tags]
    assert {given["href"] for tag, given in tags if tag == "link"} == {"data:,"}
    assert not re.search("[\x1b\u202e]", page)
    assert "default-src 'none'" in landing.POLICY


def test_a_home_without_campaigns_says_how_to_begin(tmp_path: Path) -> None:
    assert "ventral submit" in ask(path="/").body
    Store.open(f"sqlite:///{tmp_path}/store.db").close()
    page = ask(path="/", store=f"sqlite:///{tmp_path}/store.db")
    assert (page.status, "ventral submit" in page.body) == (200, True)
    assert page.headers["content-security-policy"] == landing.POLICY


def test_a_damaged_campaign_hides_no_other(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    whole, torn = campaigns.fill(store), campaigns.fill(store)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
        connection.execute("UPDATE trials SET choices = '[' WHERE campaign = ?", (torn.id,))
    states = {line.id: line.state for line in landing.read_lines(store, "sqlite:///m.db")}
    store.close()
    assert states == {whole.id: "running", torn.id: "damaged"}
    page = ask(path="/", store=f"sqlite:///{tmp_path}/store.db")
    assert page.status == 200
    assert whole.id in page.body


def test_a_store_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("no database at all" * 100)
    page = ask(path="/", store=f"sqlite:///{tmp_path}/store.db")
    assert page.status == 500
    assert 'role="alert"' in page.body


def test_a_campaign_s_report_is_linked_once_it_is_written(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    with_report, without = campaigns.fill(store), campaigns.fill(store)
    store.close()
    file = Home(path=tmp_path).report(with_report.id)
    file.parent.mkdir()
    file.write_text("<p>found</p>")
    look = partial(ask, store=f"sqlite:///{tmp_path}/store.db", home=str(tmp_path))
    links = [given["href"] for tag, given in Tags(look(path="/").body).elements if tag == "a"]
    assert f"reports/{with_report.id}" in links
    assert f"reports/{without.id}" not in links
    report = look(path=f"/reports/{with_report.id}")
    assert (report.status, report.body, report.passed) == (200, "<p>found</p>", None)
    assert report.headers["content-security-policy"].startswith("sandbox ")
    assert "allow-same-origin" not in report.headers["content-security-policy"]


def test_nothing_but_reports_is_read_below_the_reports(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("secret")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "other.html").write_text("secret")
    for name in ("nwng4snf", "../store.db", "other", "..%2fstore.db", "", "other.html"):
        missing = ask(path=f"/reports/{name}", home=str(tmp_path))
        assert missing.status == 404
        assert "ventral report" in missing.body
        assert missing.passed is None
