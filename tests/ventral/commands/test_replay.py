"""`ventral replay` on a campaign that was really run."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.ventral.conftest import Campaign, Shell


def test_a_campaign_replays(campaign: Campaign) -> None:
    ended = campaign.shell("replay", campaign.id)
    assert ended.code == 0, ended.err
    told = campaign.shell("replay", campaign.id, "-o", "json").json
    # Four suggestions, a control, and the word of ASHA after every first epoch.
    assert told == {
        "id": campaign.id,
        "decisions": 4 + 5,
        "given": 0,
        "equal": True,
        "difference": None,
    }
    assert ended.out == "9 decisions, all equal\n"


def test_a_changed_choice_is_named(campaign: Campaign, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shutil.copytree(campaign.shell.home, shell.home, ignore=shutil.ignore_patterns("campaigns"))
    with closing(sqlite3.connect(shell.home / "store.db")) as store, store:
        choices = "SELECT choices FROM trials WHERE number = 3"
        recorded = json.loads(store.execute(choices).fetchone()[0])
        path = next(path for path, value in recorded.items() if isinstance(value, float))
        changed = json.dumps(recorded | {path: 0.123})
        store.execute("UPDATE trials SET choices = ? WHERE number = 3", (changed,))
    ended = shell("replay", campaign.id)
    assert ended.code == 1
    what = f"trial 3: {path} is recorded as 0.123, derived as {recorded[path]}"
    assert ended.out.endswith(f"equal, then the first difference: {what}\n")
    assert "Traceback" not in ended.err


def test_an_unknown_campaign_is_refused(campaign: Campaign) -> None:
    ended = campaign.shell("replay", "nothing")
    assert ended.code == 2
    assert "nothing" in ended.err
