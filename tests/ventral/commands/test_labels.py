"""`ventral rename`, `note` and `tag`, and where what was written is shown."""

from __future__ import annotations

import re

from search.store import Store
from tests.support.campaigns import fill
from tests.ventral.conftest import Shell


def test_notes_and_tags_are_shown_everywhere_and_keep_rows(store: Store, shell: Shell) -> None:
    campaign = fill(store)
    store.campaigns.set_state(campaign.id, "finished")
    name = campaign.id
    assert shell("tag", name, "poster", "draft").out == "tags: draft, poster\n"
    assert shell("tag", name, "--remove", "draft", "-o", "json").json["tags"] == ["poster"]
    assert shell("note", f"{name}/1", "why \x1b[31mso good?").code == 0
    shell("tag", f"{name}/1", "odd")
    assert shell("note", f"{name}/1").out == "tags: odd\nwhy \\x1b[31mso good?\n"
    assert "nothing is written" in shell("note", f"{name}/2").out
    table = shell("list").out
    assert "poster" in table
    assert [row["id"] for row in shell("list", "--tag", "poster", "-o", "json").json] == [name]
    assert shell("list", "--tag", "draft", "-o", "json").json == []
    for command in (("top", name), ("trial", "list", name), ("trial", "show", name, "1")):
        plain = shell(*command).out
        assert "odd" in plain
        assert "\\x1b[31mso good?" in re.sub(r"\s+", " ", plain)
        assert "\x1b" not in plain
    for command in (("top", name), ("trial", "list", name)):
        rows = shell(*command, "--tag", "odd", "-o", "json").json
        assert [(row["trial"], row["tags"]) for row in rows] == [(1, ["odd"])]
        assert isinstance(rows[0]["motifs"], list)
        assert rows[0]["note"] == "why \x1b[31mso good?"
    shown = shell("trial", "show", name, "1", "-o", "json").json
    assert (shown["tags"], shown["motifs"]) == (["odd"], rows[0]["motifs"])
    assert "is tagged never" in shell("top", name, "--tag", "never").err


def test_a_campaign_is_renamed(store: Store, shell: Shell) -> None:
    campaign = fill(store)
    running = shell("rename", campaign.id, "night")
    assert running.code == 2
    assert "is running" in running.err
    store.campaigns.set_state(campaign.id, "stopped")
    assert "is now called night" in shell("rename", campaign.name, "night").err
    assert [row["name"] for row in shell("list", "-o", "json").json] == ["night"]
    assert shell("rename", "night", "").code == 2


def test_wrong_labels_are_one_line(store: Store, shell: Shell) -> None:
    campaign = fill(store)
    for arguments in (
        ("tag", campaign.id, "two words"),
        ("note", "nobody", "text"),
        ("note", f"{campaign.id}/99", "text"),
        ("rename", "nobody", "other"),
    ):
        ended = shell(*arguments)
        assert ended.code == 2
        assert len(ended.err.splitlines()) == 1, ended.err
