"""Where everything of Ventral lies on disk, and who is at work on it.

`Home` owns every path and address that Ventral uses by itself: nothing else puts a file name
together. It creates nothing; whoever is about to write asks for `Home.ensure(folder)`. The
module knows neither the store's tables nor MLflow, only where they are.
"""

from __future__ import annotations

import os
import platform
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from space.documents.outside import printable, redact
from space.errors import InputError, StoreError
from workers.storage.places import read_url

HOME_VARIABLE = "VENTRAL_HOME"
STORE_VARIABLE = "VENTRAL_STORE"
STORAGE_VARIABLE = "VENTRAL_STORAGE"
TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"

ID_LETTERS = "abcdefghjkmnpqrstuvwxyz"
ID_SIGNS = ID_LETTERS + "23456789"
"""A campaign's id: 8 signs without look-alikes, the first a letter (never read as a number)."""
_ID = re.compile(f"[{ID_LETTERS}][{ID_SIGNS}]{{7}}")


def make_id() -> str:
    """A campaign's id that was never given before."""
    return secrets.choice(ID_LETTERS) + "".join(secrets.choice(ID_SIGNS) for _ in range(7))


def is_id(text: str) -> bool:
    """Whether a text is a campaign's id, given or not."""
    return _ID.fullmatch(text) is not None


SCORES = "scores"
"""The folder of runs that are of no campaign; no id of a campaign is so short."""
PRIVATE = 0o700
"""The mode of a new home: only its owner may read it, with any umask."""

_SQLITE = "sqlite:///"


@dataclass(frozen=True, kw_only=True)
class Home:
    """One home of Ventral: `$VENTRAL_HOME`, or `.ventral` in the current folder.

    `path` is absolute. `store_url` is an SQLAlchemy URL, `tracking_uri` an MLflow one; both are
    SQLite files inside the home unless `VENTRAL_STORE` or `MLFLOW_TRACKING_URI` says otherwise.
    `storage` is the URL at which new campaigns keep checkpoints and packed data, from
    `VENTRAL_STORAGE`; None where they lie in the home.
    """

    path: Path
    store_url: str = field(default="")
    tracking_uri: str = field(default="")
    storage: str | None = None

    def __post_init__(self) -> None:
        if not self.store_url:
            object.__setattr__(self, "store_url", sqlite_url(self.path / "store.db"))
        if not self.tracking_uri:
            object.__setattr__(self, "tracking_uri", sqlite_url(self.path / "mlflow.db"))

    @classmethod
    def at(cls, path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Home:
        """The home at `path`, else at `$VENTRAL_HOME`, else at `./.ventral`. Creates nothing.

        Raises InputError if there is something other than a folder at that path, or if its name is
        not UTF-8, which no address of a database can hold; StorageError for what is no storage.
        """
        environ = os.environ if environ is None else environ
        named = str(path) if path is not None else environ.get(HOME_VARIABLE, "")
        where = Path(named or ".ventral").expanduser().absolute()
        try:
            str(where).encode()
        except UnicodeEncodeError:
            raise InputError(
                HOME_VARIABLE, f"{printable(str(where))} is not UTF-8", "name another folder"
            ) from None
        if where.exists() and not where.is_dir():
            raise InputError(
                HOME_VARIABLE, f"{where} is a file", "name a folder, or a path that does not exist"
            )
        return cls(
            path=where,
            store_url=_store_url(environ.get(STORE_VARIABLE, "")),
            tracking_uri=environ.get(TRACKING_VARIABLE, ""),
            storage=_read_storage(environ.get(STORAGE_VARIABLE, "")),
        )

    @property
    def artifacts(self) -> Path:
        """Root of MLflow's artifacts, where the tracking store is a local database."""
        return self.path / "artifacts"

    @property
    def data(self) -> Path:
        """Root of the packed data sets, shared by all campaigns."""
        return self.path / "data"

    @property
    def calibrations(self) -> Path:
        """The file that remembers how fast this machine trains (search/forecast)."""
        return self.path / "calibrations.json"

    @property
    def campaigns(self) -> Path:
        """Root of the campaigns' folders."""
        return self.path / "campaigns"

    @property
    def tracking_is_local(self) -> bool:
        """True if runs are written straight into a database, without a server in between."""
        return not is_server(self.tracking_uri)

    @property
    def tracking_label(self) -> str:
        """The tracking address as it may be shown and stored: without user and password."""
        return safe_address(self.tracking_uri)

    def campaign(self, campaign_id: str) -> Path:
        """The folder of one campaign: its trials and its logs.

        Raises StoreError for anything but an id: a damaged or foreign store may hold a path in its
        place, and what lies there is not ours to write or to remove.
        """
        if not isinstance(campaign_id, str) or not _ID.fullmatch(campaign_id):
            raise StoreError(
                "", f"{campaign_id!r} is not the id of a campaign", "restore the store from a copy"
            )
        return self.campaigns / campaign_id

    @property
    def reports(self) -> Path:
        """Root of the campaigns' reports, which `ventral ui` shows."""
        return self.path / "reports"

    def report(self, *campaign_ids: str) -> Path:
        """The report of a campaign, or of several together. Raises StoreError as `campaign`."""
        names = [self.campaign(campaign_id).name for campaign_id in campaign_ids]
        return self.reports / f"{'+'.join(names)}.html"

    def trial(self, campaign_id: str, number: int) -> Path:
        """The folder of one trial: its checkpoint. Raises StoreError as `campaign` does."""
        folder = self.campaign(campaign_id)
        if not isinstance(number, int) or number < 0:
            raise StoreError(
                f"campaign {campaign_id}",
                f"{number!r} is not the number of a trial",
                "restore the store from a copy",
            )
        return folder / f"trial-{number:05d}"

    def run_files(self, campaign_id: str, run_id: str) -> Path:
        """The folder of one MLflow run's files, where the tracking store is a local database."""
        return self.artifacts / self.campaign(campaign_id).name / Path(run_id).name / "artifacts"

    def score_files(self, run_id: str) -> Path:
        """The same of a run that is of no campaign: scores of networks against a recording."""
        return self.artifacts / SCORES / Path(run_id).name / "artifacts"

    def pack(self, recorded: str) -> Path:
        """Where the pack lies that a campaign was submitted with.

        `recorded` is its path at that time. The home may have moved since, or be a copy: the pack
        of that name in this home comes first.
        """
        here = self.data / Path(recorded).name
        return here if here.is_dir() else Path(recorded)

    def log(self, campaign_id: str) -> Path:
        """The log file of a campaign's driver."""
        return self.campaign(campaign_id) / "driver.log"

    def ensure(self, folder: Path | None = None) -> Path:
        """Create `folder` (the home itself if None) with its parents, and return it.

        A home that is made is its owner's alone; one that exists keeps its mode, so that it can be
        opened to others. Raises InputError that names the folder if that is not possible.
        """
        folder = self.path if folder is None else folder
        try:
            self.path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                str(folder),
                f"cannot be created ({error.strerror})",
                f"set {HOME_VARIABLE} to a folder you may write to",
            ) from error
        return folder


def _read_storage(text: str) -> str | None:
    return read_url(text, STORAGE_VARIABLE) if text else None


def _store_url(text: str) -> str:
    """A store address as a URL; a plain path names an SQLite file."""
    if not text or "://" in text:
        return text
    return sqlite_url(Path(text).expanduser().absolute())


def sqlite_url(path: Path) -> str:
    """The SQLAlchemy address of an SQLite file, with any characters in its path.

    Only what SQLAlchemy would misread is quoted: MLflow also reads the path out of the address
    as it stands, and would make a folder of the quoted name.
    """
    return _SQLITE + str(path).replace("%", "%25").replace("?", "%3F")


def sqlite_file(url: str) -> Path | None:
    """The file behind an SQLite address; None for another database, a server or no file."""
    if not url.startswith("sqlite"):
        return None
    name = unquote(url.partition("?")[0].partition(":///")[2])
    return Path(name).absolute() if name and name != ":memory:" else None


def is_server(tracking: str) -> bool:
    """Whether an MLflow address is one of a server, and not of the database itself."""
    return tracking.startswith(("http://", "https://", "databricks"))


def safe_address(uri: str) -> str:
    """An address as it may be shown and stored: without user and password."""
    safe = redact(uri)
    try:
        parts = urlsplit(safe)
    except ValueError:
        return safe
    if "@" not in parts.netloc:
        return safe
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def same_tracking(recorded: str | None, tracking: str) -> bool:
    """Whether a recorded tracking address (without its account) means the MLflow at `tracking`.

    SQLite files are compared by their names alone, in any folder: a home can be moved.
    """
    return recorded is not None and _tracking_place(recorded) == _tracking_place(tracking)


def _tracking_place(uri: str) -> str:
    file = sqlite_file(uri)
    return safe_address(uri) if file is None else _SQLITE + file.name


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process of one machine, distinct from a later process with the same pid.

    `host` names the machine, its boot and its pid namespace, which psutil does not know: it tells
    processes apart within one boot of one machine. `born` is the process's start in the kernel's
    ticks since boot. psutil gives a time of day, which moves when the clock is set: on Linux the
    boot's moves with it, on macOS there is no time that stays, `born` is "" and the pid alone
    decides.
    """

    host: str
    pid: int
    born: str

    @classmethod
    def current(cls) -> Process:
        """The process that asks."""
        return _current(os.getpid())

    @classmethod
    def parse(cls, text: str) -> Process:
        """Inverse of `str(process)`."""
        host, pid, born = text.rsplit(" ", 2)
        return cls(host=host, pid=int(pid), born="" if born == "-" else born)

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.born or '-'}"

    @property
    def machine(self) -> str:
        """The machine's name, for people."""
        return self.host.split("/", 1)[0]

    def alive(self) -> bool | None:
        """Whether the process runs; None if we cannot tell: another machine's, or not to be asked.

        Where /proc hides the processes of other users (hidepid), theirs do not exist for us: of
        one that runs the answer is False.
        """
        if self.host != _host():
            return None
        import psutil  # an export is scored without it

        try:
            process = psutil.Process(self.pid)
            # A zombie has ended, and only its parent has not noticed.
            if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                return False
            return self.born == _born(process.pid)
        except (psutil.NoSuchProcess, ValueError):  # no process has a negative number
            return False
        except psutil.AccessDenied:
            return None


@cache
def _host() -> str:
    """Machine, boot and pid namespace: where a pid means what it means here."""
    parts = [platform.node() or "localhost"]
    for source in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            text = str(Path(source).readlink()) if "/ns/" in source else Path(source).read_text()
        except OSError:
            continue
        parts.append(text.strip().replace(" ", ""))
    return "/".join(parts)


@cache
def _current(pid: int) -> Process:
    return Process(host=_host(), pid=pid, born=_born(pid))


def _born(pid: int) -> str:
    """A process's start in ticks since boot, on Linux the kernel's own number; else ""."""
    import psutil

    if not psutil.LINUX:
        return ""
    while True:
        boot = psutil.boot_time()
        started = psutil.Process(pid).create_time()
        if psutil.boot_time() == boot:  # else the clock was set in between
            return str(round((started - boot) * os.sysconf("SC_CLK_TCK")))
