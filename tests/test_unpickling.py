"""Nothing that comes from outside is unpickled: a pickle is a program of whoever wrote it.

Ray's own messages inside of a cluster are the exception: they are pickles, and a token decides
who may send them (docs/ports.md).
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shrinking import PACKAGES, ROOT
from tests.support.unpickling import PARTS

CLOSED = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


def noticed(parts: str, folder: Path, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.unpickling", parts, str(folder)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_nothing_is_unpickled_when_files_of_others_are_read(tmp_path: Path) -> None:
    """And the watch is one: what is unpickled after all that is noticed."""
    ours = [part for part in PARTS if part != "mlflow"]
    found = noticed(",".join([*ours, "unpickle"]), tmp_path)
    assert [text.split(" ")[0] for text in found] == ["pickle.find_class", "marshal.loads"], found


@pytest.mark.slow
def test_nothing_is_unpickled_of_what_mlflow_answers(tmp_path: Path, empty_mlflow: Path) -> None:
    assert noticed("mlflow", tmp_path, EMPTY_MLFLOW=str(empty_mlflow)) == []


def test_no_module_can_unpickle() -> None:
    for package in PACKAGES:
        for file in sorted(Path(ROOT, package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                names: set[str] = set()
                if isinstance(node, ast.Import):
                    names = {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    names = {(node.module or "").partition(".")[0]}
                elif isinstance(node, ast.Call):
                    called = ast.unparse(node.func)
                    assert called not in ("torch.load", "np.load", "numpy.load"), file
                    assert not [k for k in node.keywords if k.arg == "allow_pickle"], file
                assert not names & CLOSED, f"{file} imports {names & CLOSED}"
