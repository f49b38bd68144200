"""How the command line ends when something goes wrong: one line, an exit code, no secret."""

from __future__ import annotations

import logging
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from search.host.home import Home
from search.store import Store
from space.errors import VentralError
from tests.support.campaigns import fill
from tests.ventral.conftest import COMMAND, Shell
from ventral import cli
from ventral.live import Live

SECRET = "PW-3141"
End = Callable[[BaseException], tuple[object, str]]


@pytest.fixture
def ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> End:
    """Runs `main` with an app that does as it is told, and gives (code, stderr)."""
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path))

    def run(error: BaseException) -> tuple[object, str]:
        def app() -> None:
            raise error

        monkeypatch.setattr(cli, "app", app)
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code, capfd.readouterr().err

    return run


def test_what_nobody_foresaw_is_one_line_and_a_file(ended: End, tmp_path: Path) -> None:
    code, said = ended(KeyError(f"postgresql://u:{SECRET}@h/d\n\x1b[31m" + "x" * 5000))
    assert code == 1
    assert said.count("\n") == 1
    assert len(said) < 800
    assert said.startswith("error: unforeseen: KeyError: ")
    [file] = tmp_path.iterdir()
    assert str(file) in said
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    assert "Traceback" in text
    assert "in app" in text
    assert SECRET not in said + text


def test_without_a_home_the_traceback_is_in_the_temporary_folder(
    ended: End,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path / "none"))
    places = [str(tmp_path / "tmp"), str(tmp_path / "nowhere")]
    ours = SimpleNamespace(gettempdir=lambda: places[0], mkstemp=tempfile.mkstemp)
    monkeypatch.setattr(cli, "tempfile", ours)
    code, said = ended(RuntimeError())
    [file] = (tmp_path / "tmp").iterdir()
    assert said == f"error: unforeseen: RuntimeError; the traceback is in {file}\n"
    places.pop(0)
    code, said = ended(RuntimeError("why"))
    assert code == 1
    assert "RuntimeError: why (no traceback could be written: No such file" in said


@pytest.mark.parametrize(
    "error",
    [
        VentralError(f"cannot reach postgresql://u:{SECRET}@h:notaport/d"),
        OSError(5, f"at https://:{SECRET}@h", "file"),
        ValueError(f"postgresql://h/d?user=u&password={SECRET}"),
    ],
)
def test_no_error_tells_a_password(ended: End, error: Exception, tmp_path: Path) -> None:
    code, said = ended(error)
    assert code == 1
    assert "***" in said
    assert SECRET not in said + "".join(file.read_text() for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    "store",
    [
        f"postgresql://u:{SECRET}@127.0.0.1:notaport/d",
        f"postgresql://127.0.0.1:9/d?user=u&password={SECRET}",
        f"postgresql://me@corp:{SECRET}@127.0.0.1:9/d",
        f"mysql://u:{SECRET}@127.0.0.1/d",
        f"nonsense://u:{SECRET}@h",
    ],
)
def test_a_stores_password_is_in_no_output(store: str, tmp_path: Path) -> None:
    done = _ventral(tmp_path, "list", VENTRAL_STORE=store)
    assert done.returncode == 2
    assert SECRET not in done.stdout + done.stderr
    assert done.stderr.startswith("error: ")


def test_a_tracking_servers_password_is_not_printed(tmp_path: Path) -> None:
    address = f"http://me:{SECRET}@127.0.0.1:9"
    done = _ventral(tmp_path, "ui", "--no-browser", MLFLOW_TRACKING_URI=address)
    assert done.returncode == 0
    assert done.stdout.startswith("http://")
    assert SECRET not in done.stdout + done.stderr


def test_letters_that_the_terminal_has_not_are_escaped(tmp_path: Path) -> None:
    done = _ventral(tmp_path, "top", "größte", PYTHONIOENCODING="ascii", VENTRAL_HOME="ä")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "\\xe4" in done.stderr


def test_an_output_that_is_full_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, "space", "list"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr == "error: No space left on device\n"


def test_a_log_on_a_full_disk_hides_nothing_and_tells_no_password(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = Home.at(tmp_path, {})
    store = Store.open(home.store_url)
    record = replace(fill(store), document={"budget": {"trials": 5}})
    store.close()
    log = home.ensure(home.campaign(record.id)) / "driver.log"

    def drive() -> None:
        with suppress(VentralError), Live(record, home):
            logging.getLogger("search").warning("postgresql://u:%s@h/d", SECRET)
            raise VentralError(f"the disk is full, at http://u:{SECRET}@h")

    log.symlink_to("/dev/full")
    drive()
    assert capfd.readouterr().err == ""
    log.unlink()
    drive()
    assert log.read_text().count("***") >= 2
    assert SECRET not in log.read_text()


def _ventral(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        cwd=folder,
        env=Shell(folder).environment() | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
