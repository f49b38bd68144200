"""The live view of a running campaign, and the campaign's log.

On a terminal one view is drawn over and over; elsewhere each ended trial is a line. Both go to
stderr. The log gets a line for every event, and the warnings of the driver's process; where logs
are JSON (workers/logs.py) the lines on stderr are those of the log.
"""

import contextlib
import json
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from search.review.durations import format_duration
from space.documents.outside import printable
from ventral.output import note, percent
from workers.logs import describe, make_formatter, read_log_format

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live as Screen

    from search.assign.setting import Happening
    from search.host.home import Home
    from search.store import Campaign, Status


class _LogFile(logging.FileHandler):
    """The log's file, without the lines that a full disk refuses (a campaign reports it)."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()


ENDS: tuple["Status", ...] = ("finished", "pruned", "failed", "infeasible")
SHOWN = 6  # of the last ended trials
MEASURES = ("top1", "epoch", "epochs", "reason", "state")
LEVELS = {"failed": logging.ERROR, "retry": logging.WARNING}
"""Of the events that are not mere information, in logs for programs."""


class Live:
    """A listener of a campaign's events. Use it as a context manager."""

    def __init__(
        self, record: "Campaign", home: "Home", counts: "Mapping[Status, int] | None" = None
    ) -> None:
        """`counts` are those of the trials that an earlier run has ended."""
        self._record = record
        self._budget = int(record.document["budget"]["trials"])
        self._counts: dict[str, int] = {end: counts[end] if counts else 0 for end in ENDS}
        self._running: dict[int, dict[str, Any]] = {}
        self._ended: deque[str] = deque(maxlen=SHOWN)
        self._best: tuple[float, int, str] | None = None
        self._phase = "starting"
        self._beside = ""
        self._began = time.monotonic()
        self._guard = threading.Lock()
        self._screen: Screen | None = None
        self._moved: list[logging.Handler] = []
        home.ensure(home.campaign(record.id))
        self._log = _LogFile(home.log(record.id), encoding="utf-8", errors="backslashreplace")
        form = read_log_format()
        self._as_json = form == "json"
        self._handlers: list[logging.Handler] = [self._log]
        if self._as_json:
            self._handlers.append(logging.StreamHandler())
        self._logger = logging.Logger(f"ventral.{record.id}")
        for handler in self._handlers:
            handler.setFormatter(make_formatter(form, "driver", record.id))
            self._logger.addHandler(handler)

    def __enter__(self) -> "Live":
        root = logging.getLogger()
        self._moved = list(root.handlers)
        root.handlers = list(self._handlers)  # nothing else may draw over the view
        if sys.stderr.isatty() and not self._as_json:
            from rich.console import Console
            from rich.live import Live as Screen

            console = Console(stderr=True)
            self._screen = Screen(
                get_renderable=self._draw, console=console, refresh_per_second=4, transient=True
            )
            self._screen.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._screen is not None:
            self._screen.stop()
        if error is not None:
            self._logger.error("%s", error, exc_info=(type(error), error, trace))
        logging.getLogger().handlers = self._moved
        self._log.close()

    def listen(self, happening: "Happening") -> None:
        """Take one happening in. Called from the driver's thread."""
        detail = dict(happening.detail)
        about = "" if happening.trial is None else f" trial {happening.trial}"
        facts = {key: item for key, item in detail.items() if key in (*MEASURES, "cell", "error")}
        self._logger.log(
            LEVELS.get(happening.kind, logging.INFO) if self._as_json else logging.INFO,
            "%s%s %s",
            happening.kind,
            about,
            json.dumps(facts) if facts else "",
            extra=describe(happening.kind, happening.trial, facts),
        )
        with self._guard:
            line = self._learn(happening.kind, happening.trial, detail)
        if line is not None and self._screen is None and not self._as_json:
            note(line)

    def _learn(self, kind: str, trial: int | None, detail: dict[str, Any]) -> str | None:
        """Take an event in; the line to print where there is no view, or None."""
        if kind == "sharing":
            return self._note_sharing(list(detail["beside"]), int(detail["allowed"]))
        if trial is None:
            self._phase = kind
            return None if kind == "ended" else f"{kind} ..."
        if kind == "started":
            self._phase = "training"
            self._running[trial] = {"epoch": 0, "top1": None, "since": time.monotonic()}
        elif kind == "report":
            known = self._running.setdefault(trial, {"since": time.monotonic()})
            known |= {"epoch": detail["epoch"], "top1": detail["top1"]}
        elif kind == "retry":
            self._running.pop(trial, None)
            return printable(f"trial {trial} waits again: {detail['reason']}")
        elif kind in ENDS:
            return self._note_end(kind, trial, detail)
        return None

    def _note_sharing(self, beside: list[str], allowed: int) -> str:
        """The line for campaigns that started or ended on this machine."""
        if not beside:
            self._beside = ""
            return "has the machine to itself"
        trials = "1 trial" if allowed == 1 else f"{allowed} trials"
        names = printable(", ".join(beside))
        self._beside = f"shares the machine with {names}: {trials} at once"
        return self._beside

    def _note_end(self, kind: str, trial: int, detail: dict[str, Any]) -> str:
        self._running.pop(trial, None)
        self._counts[kind] += 1
        top1, cell = detail.get("top1"), printable(str(detail.get("cell", "")))
        if top1 is not None and (self._best is None or top1 > self._best[0]):
            self._best = (top1, trial, cell)
        score = "" if top1 is None else f" {percent(top1)}"
        epochs = f" after {detail['epochs']} epochs" if detail.get("epochs") else ""
        source = f" (from {detail['source']})" if detail.get("source") else ""
        reason = str(detail.get("reason") or "")
        if cell and reason:
            reason = f" ({reason})"
        line = printable(f"trial {trial} {kind}{score}{epochs}: {cell}{reason}{source}")
        self._ended.append(line)
        return f"[{self._done}/{self._budget}] {line}"

    @property
    def _done(self) -> int:
        return sum(self._counts[kind] for kind in ENDS if kind != "infeasible")

    def _draw(self) -> "RenderableType":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self._guard:
            now = time.monotonic()
            ends = ", ".join(f"{number} {kind}" for kind, number in self._counts.items() if number)
            head = Text(
                f"{printable(self._record.name)} ({self._record.id})  {self._phase}  "
                f"{self._done} of {self._budget} trials in {format_duration(now - self._began)}"
                + (f"  ({ends})" if ends else "")
            )
            bar = Table.grid()  # a bar by itself would not end its line
            bar.add_row(ProgressBar(total=self._budget, completed=self._done, width=60))
            parts: list[RenderableType] = [head, bar]
            if self._beside:
                parts.append(Text(self._beside, "dim"))
            if self._best is not None:
                score, trial, cell = self._best
                parts.append(Text(f"best {percent(score)}  trial {trial}  {cell}", "bold"))
            running = Table.grid(padding=(0, 2))
            for number, known in sorted(self._running.items()):
                top1 = known.get("top1")
                running.add_row(
                    f"  trial {number}",
                    f"epoch {known.get('epoch', 0)}",
                    "" if top1 is None else percent(top1),
                    format_duration(now - known["since"]),
                )
            parts.append(running)
            parts += [Text(f"  {line}", "dim", no_wrap=True) for line in self._ended]
            return Group(*parts)
