"""The mirror in a process of its own, so that a busy MLflow costs the driver nothing.

Writing a run takes 20 ms of a processor, as much as driving a trial does, and two threads of one
Python share one processor. The process gets everything it has to know through a pipe, addresses
with passwords too, and it ends with its driver, however that ends: then the pipe is closed.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO

import search
from search.host.home import Home, same_tracking, sqlite_file
from search.host.programs import python_command
from search.mirror import database
from search.mirror.tracking import Mirror, resend_lost
from search.store import Store
from search.tune.remains import MARK
from workers.files import hold_lock

log = logging.getLogger(__name__)

LOCK = "mirror.lock"
"""In the campaign's folder: held by its mirror, of which there may be only one at a time."""

PROGRAM = "from ventral.search.mirror.mirroring import serve; serve()"
LOG_PREFIX = "mirror: "
"""The prefix of the process's lines that belong in the log."""
START_SECONDS = 10.0
"""What starting the process and loading MLflow may take beyond the time that `close` is given."""
AGAIN_SECONDS = 10.0
"""The least time between two starts of a process that dies."""
QUIET_SECONDS = 10.0
"""When the process begins though no trial has ended: runs show while they train."""
WATCH_SECONDS = 60.0
"""How often it is looked at whether it lives, though no trial ends."""
ORPHAN_SECONDS = 5.0
"""How long it writes when its driver is gone: no run is left that seems to run."""


class MirrorProcess:
    """Sends one campaign's trials to MLflow; see `search.mirror.tracking.Mirror`.

    `start()` once, `notify()` whenever a trial has ended, `close(timeout)` at the end.
    """

    def __init__(self, store: Store, home: Home, campaign_id: str) -> None:
        self._store, self._home, self._campaign_id = store, home, campaign_id
        self._process: subprocess.Popen[str] | None = None
        self._started = float("-inf")
        # Trials end, and the watch looks, in two threads.
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def start(self) -> "MirrorProcess":
        """Begin to send what an earlier driver left, if it left any."""
        if self._is_owing():
            self._begin()
        threading.Thread(target=self._watch, name="mirror-watch", daemon=True).start()
        return self

    def notify(self) -> None:
        """There is something new to send. Returns at once."""
        with self._lock:
            self._notify()

    def _notify(self) -> None:
        if self._process is None:
            # Not earlier: loading MLflow would take the processor from the first workers.
            self._begin()
        elif not self._say("notify") and time.monotonic() - self._started > AGAIN_SECONDS:
            log.warning("the process that writes to MLflow is gone; starting another one")
            self._begin()

    def _watch(self) -> None:
        """Have the process run though no trial ends, so that those that train are seen."""
        pause = QUIET_SECONDS
        while not self._closed.wait(pause):
            with self._lock:
                if not self._closed.is_set():
                    self._notify()
            pause = WATCH_SECONDS

    def _is_owing(self) -> bool:
        """Whether MLflow lacks trials that ended, or shows some as running."""
        return bool(self.backlog) or self._store.outbox.shows_running(self._campaign_id)

    @property
    def process(self) -> subprocess.Popen[str] | None:
        """The process that writes now, or wrote last; None before the first one."""
        return self._process

    @property
    def backlog(self) -> int:
        """Trials not sent yet, by the store."""
        return self._store.outbox.backlog(self._campaign_id)

    def close(self, timeout: float = 30.0) -> int:
        """Send what is left, for at most `timeout` seconds; the rest arrives at the next start.

        Returns how many ended trials that is. Those that have not ended are not shown as running
        any more.
        """
        self._closed.set()
        with self._lock:
            if not self._say(f"close {timeout}") and self._is_owing():
                self._begin()
                self._say(f"close {timeout}")
        if self._process is not None:
            try:
                self._process.wait(timeout + START_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()
        return self.backlog

    def _begin(self) -> None:
        self._started = time.monotonic()
        environment = {k: v for k, v in os.environ.items() if k != MARK}
        self._process = subprocess.Popen(
            python_command(PROGRAM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            env=environment,
        )
        assert self._process.stdout is not None
        thread = threading.Thread(
            target=_pass_on, args=(self._process.stdout,), name="mirror-log", daemon=True
        )
        thread.start()
        settings = {
            "home": str(self._home.path),
            "store": self._home.store_url,
            "tracking": self._home.tracking_uri,
            "campaign": self._campaign_id,
        }
        self._say(json.dumps(settings))

    def _say(self, line: str) -> bool:
        """Send a line to the process; False if it has ended."""
        if self._process is None or self._process.poll() is not None:
            return False
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
        except (BrokenPipeError, ValueError):
            return False
        return True


def catch_up(home: Home, say: Callable[[str], None], timeout: float = 60.0) -> None:
    """Have all that the store knows in MLflow's database, before people look at it there.

    Makes or repairs the database where it is a file of the home, and sends what earlier drivers
    left. Raises what `search.mirror.database.prepare` raises.
    """
    file = sqlite_file(home.store_url)
    if file is not None and not file.exists():
        database.prepare(home, lambda: None)
        return
    store = Store.open(home.store_url, create=False)
    aside = database.prepare(home, lambda: resend_lost(store, home))
    if aside is not None:
        say(f"MLflow's database was broken and is now {aside}; a new one is filled")
    for record in store.campaigns.all():
        if record.state in ("running", "removing"):
            continue
        if not same_tracking(record.tracking, home.tracking_uri):
            continue
        mirror = MirrorProcess(store, home, record.id)
        if unsent := mirror.backlog:
            say(f"sending {unsent} trials of campaign {record.id} to MLflow ...")
        elif store.outbox.shows_running(record.id):
            say(f"campaign {record.id} does not run any more: telling MLflow ...")
        else:
            continue
        if unsent := mirror.start().close(timeout):
            say(describe_backlog(store, record.id, unsent))
    store.close()


def send_again(store: Store, home: Home, campaign_id: str, numbers: Collection[int]) -> None:
    """Send trials that have ended to MLflow once more: more is known of them."""
    record = store.campaigns.get(campaign_id)
    if not numbers or not same_tracking(record.tracking, home.tracking_uri):
        return
    for number in numbers:
        store.outbox.resend(campaign_id, number)
    if record.state != "running":  # else its own mirror sends them with what ends next
        MirrorProcess(store, home, campaign_id).start().close()


def describe_backlog(store: Store, campaign_id: str, unsent: int) -> str:
    """That `unsent` trials are not in MLflow, the reason if it is known, and what sends them."""
    text = f"{unsent} trials are not in MLflow yet"
    error = store.outbox.mirror_error(campaign_id)
    if error is None:
        return f"{text}; the next start sends them"
    return f"{text} ({error}); once that is fixed, `ventral resume {campaign_id}` sends them"


def _pass_on(lines: IO[str]) -> None:
    """Log the lines of the process."""
    with lines:
        for line in lines:
            text = line.rstrip("\n")
            if text.startswith(LOG_PREFIX):
                known = json.loads(text.removeprefix(LOG_PREFIX))
                about = {"part": "mirror", "trial": known["trial"]}
                log.warning("%s", known["text"], extra=about)
            else:
                log.debug("%s", text)  # MLflow's own words, or the end of a traceback


# ------------------------------------------------------------------------- the process itself


class _Speak(logging.Handler):
    """Warnings, a line each, on the standard output, with the trial that they are about."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().replace("\n", " ")
        trial = vars(record).get("trial")
        print(LOG_PREFIX + json.dumps({"text": text, "trial": trial}), flush=True)


def serve() -> None:
    """Be the process: mirror until the pipe asks for the end, or is closed."""
    # The driver hears the terminal's signals, and says what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # MLflow imports pandas, which imports Arrow where it is installed: 39 MB, which nobody uses.
    sys.modules["pyarrow"] = None  # type: ignore[assignment]
    logging.getLogger(search.__name__).addHandler(_Speak(logging.WARNING))
    settings = json.loads(sys.stdin.readline() or "null")
    if settings is None:
        return
    home = Home(
        path=Path(settings["home"]), store_url=settings["store"], tracking_uri=settings["tracking"]
    )
    with hold_lock(home.ensure(home.campaign(settings["campaign"])) / LOCK):
        mirror = Mirror(Store.open(home.store_url), home, settings["campaign"]).start()
        for line in sys.stdin:
            word, _, timeout = line.partition(" ")
            if word.strip() == "notify":
                mirror.notify()
            else:
                mirror.close(float(timeout))
                return
        # The driver is gone. What is not written in time is looked for by the next mirror.
        mirror.close(ORPHAN_SECONDS)
        os._exit(0)
