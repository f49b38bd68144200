"""The page on which `ventral ui` opens: the campaigns of a home, each a link to its runs.

Pure text: lines in, a document out that asks for nothing else. Every text in it is escaped.
"""

from __future__ import annotations

import hashlib
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.host.home import Home, same_tracking, sqlite_file
from search.mirror.experiments import runs_path
from search.review import ranking
from search.review.listing import read_name
from search.store import Campaign, Store
from space.documents.outside import escape_markup, redact
from space.errors import StoreError

RUNS = "mlflow/"
"""The folder of MLflow's own page, seen from this one."""

REPORTS = "reports/"
"""The folder of the campaigns' reports, seen from this one."""


@dataclass(frozen=True, kw_only=True)
class CampaignLine:
    """A campaign in the table: `best` is a top-1 accuracy, `created` in seconds since 1970.

    `experiment` is None where MLflow has none of its runs yet, or another MLflow has them.
    """

    id: str
    name: str
    state: str
    best: float | None
    done: int
    trials: int
    space: str
    data: str
    created: float
    experiment: str | None
    has_report: bool = False


def read_lines(store: Store, tracking: str, home: Home | None = None) -> list[CampaignLine]:
    """The campaigns of a store, newest first; `tracking` is the MLflow that is shown, and `home`
    the place of their reports.

    One that cannot be read is `damaged`, and hides none of the others.
    """
    return [_line(store, record, tracking, home) for record in store.campaigns.all()]


def _line(store: Store, record: Campaign, tracking: str, home: Home | None) -> CampaignLine:
    standing = ranking.standing(store, record)
    return CampaignLine(
        id=record.id,
        name=record.name,
        state=standing.state,
        best=standing.top1,
        done=standing.done,
        trials=standing.trials,
        space=read_name(record.document.get("space"), record.space),
        data=read_name(record.document.get("data"), record.data),
        created=record.created,
        experiment=record.experiment if has_runs_in(record, tracking) else None,
        has_report=home is not None and find_report(home, record.id) is not None,
    )


def find_report(home: Home, campaign_id: str) -> Path | None:
    """The report that `ventral report` wrote of a campaign; None if there is none."""
    try:
        file = home.report(campaign_id)
    except StoreError:  # a damaged store may hold anything in the place of an id
        return None
    return file if file.is_file() else None


def is_missing(url: str) -> bool:
    """Whether a database, the store's or MLflow's, is a file that is not there yet."""
    file = sqlite_file(url)
    return file is not None and not file.exists()


def has_runs_in(record: Campaign, tracking: str) -> bool:
    """Whether the runs of a campaign are in the MLflow at `tracking`."""
    return record.experiment is not None and same_tracking(record.tracking, tracking)


def page(lines: Sequence[CampaignLine], home: str) -> str:
    """The document. `home` is the folder that it is about."""
    body = _table(lines) if lines else _EMPTY
    return _document(f"<p>Home <code>{escape_markup(home)}</code></p>{body}")


def failure(text: str) -> str:
    """The document in the place of the table, when the store cannot be read."""
    return _document(
        f'<p role="alert">The campaigns cannot be read: {escape_markup(redact(text))}</p>'
    )


def _table(lines: Sequence[CampaignLine]) -> str:
    heads = ("Campaign", "State", "Best top-1", "Trials", "Space", "Data", "Created")
    head = "".join(f'<th scope="col">{title}</th>' for title in heads)
    rows = "".join(_row(line) for line in lines)
    return (
        '<div class="wide" role="region" aria-label="Campaigns" tabindex="0">'
        "<table><caption>Newest first. A name leads to the runs of its trials, and a report to "
        "what they show: <code>ventral report NAME</code> writes one."
        f"</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(line: CampaignLine) -> str:
    name = escape_markup(line.name)
    if line.experiment is not None:
        link = escape_markup(RUNS + runs_path(line.experiment))
        name = f'<a href="{link}">{name}</a>'
    report = ""
    if line.has_report:
        label = escape_markup(f"Report of {line.name}")
        report = (
            f'<br><a href="{escape_markup(REPORTS + line.id)}" aria-label="{label}">Report</a>'
        )
    score = "" if line.best is None else f"{line.best:.2%}"
    created = time.strftime("%Y-%m-%d %H:%M", time.localtime(line.created))
    state = escape_markup(line.state)
    cells = (
        f'<th scope="row">{name}<br><small>{escape_markup(line.id)}</small>{report}</th>',
        f'<td><span class="state {state}">{state}</span></td>',
        f'<td class="number">{score}</td>',
        f'<td class="number">{line.done:,} of {line.trials:,}</td>',
        f"<td>{escape_markup(line.space)}</td>",
        f"<td>{escape_markup(line.data)}</td>",
        f"<td>{created}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


_EMPTY = "<p>No campaign yet. <code>ventral submit FILE</code> starts one.</p>"

STYLE = """
:root { color-scheme: light dark; --line: #d0d4da; --dim: #5a6270; --link: #0b57a4;
  --good: #17632f; --busy: #0b57a4; --bad: #a1260d; --paper: #ffffff; --ink: #1b1f24; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3b424c; --dim: #a5adb8; --link: #85bdff; --good: #7bd694; --busy: #85bdff;
    --bad: #ff9c85; --paper: #14171b; --ink: #e8eaed; } }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: var(--dim); padding: 0.5rem 0; }
th, td { text-align: left; padding: 0.5rem 1rem 0.5rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { color: var(--dim); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; min-width: 12rem; }
td { white-space: nowrap; }
small, footer, p { color: var(--dim); }
small { font-weight: 400; }
.number { font-variant-numeric: tabular-nums; }
.finished { color: var(--good); } .running { color: var(--busy); }
.failed, .interrupted, .damaged { color: var(--bad); }
"""

SETTINGS = {
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.panelOpen_v1": "false",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.detectIssues.guidanceShown_v1": "true",
    "mlflow.settings.telemetry.enabled_v1": "false",
}
"""What MLflow's page keeps in a browser, by key: model training, no assistant, no guidance."""

_KEEP = "".join(f"localStorage.setItem('{key}', '{value}');" for key, value in SETTINGS.items())
REMEMBER = f"try {{ {_KEEP} }} catch (refused) {{ /* a browser without storage */ }}"
"""The statement that gives a browser these settings."""

SCRIPT = f"""{REMEMBER}
// Addresses of MLflow's own form, as they are in notes and in old links.
const follow = () => {{
  if (location.hash.startsWith("#/")) location.replace("{RUNS}" + location.hash);
}};
addEventListener("hashchange", follow);
follow();
"""


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_digest(STYLE)}; script-src {_digest(SCRIPT)}; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the document: only what is in it runs, and it fetches nothing."""


def _document(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"><title>Ventral: campaigns</title>'
        f"<style>{STYLE}</style><script>{SCRIPT}</script></head>"
        f"<body><main><h1>Campaigns</h1>{body}</main>"
        f'<footer><p><a href="{RUNS}#/experiments">All experiments in MLflow</a></p></footer>'
        "</body></html>"
    )
