"""How logs are written: lines for people, or one JSON object a line for programs.

`VENTRAL_LOG=json` asks for objects, in the log of a campaign's driver with its mirror, in the
logs of its workers, and on the standard error of the command line. An object has `time` (UTC),
`level`, `part` ("driver", "mirror", "worker" or "command"), `campaign` and `trial` where the line
is about one, `event`, and where there is more `detail` and `error` (a traceback). No line of
either kind has the password of an address in it.
"""

import json
import logging
import math
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from space.documents.outside import printable, redact
from space.errors import InputError

LOG_VARIABLE = "VENTRAL_LOG"
LogFormat = Literal["text", "json"]
Part = Literal["driver", "mirror", "worker", "command"]
FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)


def read_log_format(environ: Mapping[str, str] = os.environ) -> LogFormat:
    """The format that `VENTRAL_LOG` asks for; text unless it is set. Raises InputError."""
    wanted = environ.get(LOG_VARIABLE, "")
    for known in FORMATS:
        if wanted in ("", known):
            return known
    cure = f"write one of: {', '.join(FORMATS)}"
    raise InputError(LOG_VARIABLE, f"{wanted} is no format of logs", cure)


def writes_json(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `VENTRAL_LOG` asks for JSON; False as well for what is no format."""
    return environ.get(LOG_VARIABLE) == "json"


def make_formatter(
    form: LogFormat, part: Part, campaign: str | None = None, trial: int | None = None
) -> logging.Formatter:
    """What writes a part's records; they are about that campaign and trial, unless one says so."""
    return JsonLines(part, campaign, trial) if form == "json" else TextLines()


def describe(
    event: str, trial: int | None = None, detail: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The `extra` of a record that is more than its text: an event of a trial, in detail."""
    return {"event": event, "trial": trial, "detail": dict(detail or {})}


def format_object(
    event: str, level: str, part: Part, *, at: float | None = None, **more: Any
) -> str:
    """One line: a JSON object with an event's time, now or `at` (seconds since 1970), and `more`,
    of which what is None or empty is left out.
    """
    moment = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)
    head = {"time": moment.isoformat(timespec="milliseconds"), "level": level, "part": part}
    known = {key: one for key, one in more.items() if one is not None and one != {}}
    return json.dumps(_clean(head | known | {"event": event}), default=str, allow_nan=False)


def _clean(value: Any) -> Any:
    """A value with every text in it redacted, and None for numbers that JSON does not know."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return value


class TextLines(logging.Formatter):
    """Lines with time and level, tracebacks too, for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """A record as text, perhaps of several lines, with escapes for control characters."""
        return redact(printable(super().format(record), lines=True))


class JsonLines(logging.Formatter):
    """One JSON object a record. Its event is what `describe` says, else its message."""

    def __init__(self, part: Part, campaign: str | None, trial: int | None) -> None:
        super().__init__()
        self._part, self._campaign, self._trial = part, campaign, trial

    def format(self, record: logging.LogRecord) -> str:
        """A record as one line."""
        own = vars(record)
        trial = own.get("trial")
        return format_object(
            own.get("event") or record.getMessage(),
            record.levelname.lower(),
            own.get("part", self._part),
            at=record.created,
            campaign=self._campaign,
            trial=self._trial if trial is None else trial,
            detail=own.get("detail"),
            error=self.formatException(record.exc_info) if record.exc_info else None,
        )
