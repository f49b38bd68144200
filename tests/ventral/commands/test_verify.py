"""`ventral verify`: published numbers, computed again."""

import numpy as np

from tests.ventral.conftest import Shell
from tests.workers.reference.test_replay import altered, copied


def test_a_folder_of_published_numbers_is_verified(shell: Shell) -> None:
    folder = copied(shell.folder, others=("decoders", "harbor_concat"))
    ended = shell("verify", folder)
    assert ended.code == 0, ended.err
    assert "all 5 entries pass" in ended.err
    rows = shell("verify", folder, "-o", "json").json
    assert [row["passed"] for row in rows] == [True] * 5
    assert all(row["float64"] < 1e-9 and row["float32"] < 1e-4 for row in rows)
    assert {row["kind"] for row in rows} == {"cell", "join", "decoder"}


def test_an_altered_array_ends_with_1_and_names_its_entry(shell: Shell) -> None:
    folder = copied(shell.folder)
    altered(folder / "cells/timedecay.npz", "state", np.nan)
    ended = shell("verify", folder, "-o", "json")
    assert ended.code == 1
    rows = {row["name"]: row for row in ended.json}
    assert [name for name, row in rows.items() if not row["passed"]] == ["timedecay"]
    assert rows["timedecay"]["array"] == "state"
    assert "1 of 3 entries fail: timedecay" in ended.err
    assert rows["timedecay"]["float64"] is None


def test_what_is_no_such_folder_ends_with_2(shell: Shell) -> None:
    ended = shell("verify", shell.folder)
    assert ended.code == 2
    assert str(shell.folder / "index.json") in ended.err
    assert "Traceback" not in ended.err
    folder = copied(shell.folder)
    (folder / "cells/timedecay.npz").unlink()
    ended = shell("verify", folder)
    assert ended.code == 2
    assert "cells/timedecay.npz: is missing" in ended.err
    assert ended.out == ""
