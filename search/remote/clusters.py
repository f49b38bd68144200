"""The clusters that a user knows by name: one small file, `clusters.yaml`.

It says where a cluster's job API answers and with which token, where the campaigns' store and home
are, which image its nodes run, and what a trial takes there unless the campaign's file says so.
No secret stands in it: the token, and an address of the store that holds a password, are in files
of their own, which only their user may read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from search.campaign.settings import Resources
from search.host.home import HOME_VARIABLE, STORE_VARIABLE, Home
from space.documents.files import read_document
from space.documents.outside import printable, read_text
from space.documents.patterns import Pattern
from space.documents.validation import Value, parse, quote, suggestion
from space.errors import InputError

FILE = "clusters.yaml"
"""The file's name in the home."""
FILE_VARIABLE = "VENTRAL_CLUSTERS"
"""The variable that names another file."""
SECRET_BYTES = 10_000


Name = Annotated[
    str,
    Pattern(
        r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$",
        "write letters, digits, dots, hyphens and underscores",
        problem="is not a cluster's name",
    ),
]
Address = Annotated[
    str,
    Pattern(
        r"^https?://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9_./-]*)?$",
        "write http://HOST:8265 or https://HOST, without user and password",
        problem="is not the address of a job API",
    ),
]
ImageName = Annotated[
    str,
    Pattern(
        r"^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}$",
        "write NAME:TAG",
        problem="is not the name of an image",
    ),
]
Shared = Annotated[
    str,
    Pattern(
        r"^/[^\0\n]{0,1000}$",
        "write it as the cluster's nodes see it",
        problem="is not an absolute path",
    ),
]
Code = Literal["installed", "sent"]


class Cluster(Value):
    """One cluster: how campaigns get there, and where what they find is kept."""

    address: Address = Field(
        description="of the cluster's job API: http://HOST:8265, where Ray's dashboard answers"
    )
    token_file: str | None = Field(
        default=None,
        description="the file with the cluster's token, from this file's folder; by default the "
        "token is where Ray looks for one",
    )
    store: str | None = Field(
        default=None,
        description="address of the campaigns' store without a password (postgresql://...), the "
        "same for this machine and for the nodes; by default it lies in the home",
    )
    store_file: str | None = Field(
        default=None,
        description="instead of store: a file with its address as this machine reaches it, "
        "password and all; the nodes have VENTRAL_STORE of their own",
    )
    home: Shared | None = Field(
        default=None,
        description="the folder of the campaigns as the nodes see it; by default their own "
        "VENTRAL_HOME",
    )
    image: ImageName | None = Field(
        default=None, description="the image that the nodes run; shown when a campaign is sent"
    )
    code: Code = Field(
        default="installed",
        description="whose Ventral runs: installed on the nodes (by their image, say), or sent "
        "with each campaign from this machine",
    )
    resources: Resources = Field(
        default_factory=Resources,
        description="what a trial takes unless the campaign's file says so",
    )

    @model_validator(mode="after")
    def _check_store(self) -> Self:
        if self.store is None:
            return self
        if self.store_file is not None:
            problem = "the store has an address and a file"
            raise InputError("store_file", problem, "write one of the two")
        try:
            parts = urlsplit(self.store)
        except ValueError:
            parts = urlsplit("")
        if not parts.scheme.startswith("postgresql") or not parts.netloc:
            raise InputError(
                "store",
                f"{quote(self.store)} is no database that several machines reach",
                "write postgresql://USER@HOST/NAME, or leave store out: it lies in the home then",
            )
        if parts.password is not None or "password=" in parts.query:
            raise InputError(
                "store",
                "it holds a password",
                "write it without, and the password into ~/.pgpass of each machine, or write "
                "store_file with the name of a private file",
            )
        return self

    @property
    def variables(self) -> dict[str, str]:
        """The environment of jobs there, as far as the file says."""
        known = {HOME_VARIABLE: self.home, STORE_VARIABLE: self.store}
        return {name: text for name, text in known.items() if text is not None}

    @property
    def written_resources(self) -> dict[str, Any]:
        """The part of `resources` that the file says, as in a campaign's file."""
        return self.resources.model_dump(mode="json", exclude_unset=True)


class Clusters(Value):
    """The file: clusters by the names that `--cluster` takes."""

    clusters: dict[Name, Cluster] = Field(description="each cluster by its name", min_length=1)


@dataclass(frozen=True, kw_only=True)
class Named:
    """A cluster, the name it is called by, and the file that says so."""

    name: str
    cluster: Cluster
    file: Path

    @property
    def where(self) -> str:
        """What stands before the field in an error."""
        return f"{self.file}: clusters.{self.name}"

    def read_token(self) -> str | None:
        """The cluster's token; None if its entry names no file.

        Raises InputError for a file that is missing, empty, no token or open to other users.
        """
        return self._read_secret("token_file", "write the cluster's token into it")

    def place_home(self, own: Home) -> Home:
        """The home of a command on this machine about the cluster's campaigns: their store, and
        their folder if it is there; else `own` folder.

        Raises InputError if this machine cannot reach the store.
        """
        shared = None if self.cluster.home is None else Path(self.cluster.home)
        mounted = shared if shared is not None and shared.is_dir() else None
        cure = "write the store's address into it: postgresql://USER:PASSWORD@HOST/NAME"
        store = self.cluster.store or self._read_secret("store_file", cure)
        if store is not None:
            return replace(own, path=mounted or own.path, store_url=store)
        if mounted is None:
            where = "in the home of its nodes" if shared is None else f"in {shared}"
            raise InputError(
                self.where,
                f"the store is {where}, which is not on this machine",
                "mount that folder here, or write store: with the address of a database",
            )
        # The file decides, whatever store the environment names.
        return Home.at(mounted, os.environ | {STORE_VARIABLE: ""})

    def _read_secret(self, field: str, cure: str) -> str | None:
        """The one word in the private file that a field names; None without the field."""
        named = getattr(self.cluster, field)
        if named is None:
            return None
        path, where = self.file.parent / Path(named).expanduser(), f"{self.where}.{field}"
        try:
            text = read_text(path, SECRET_BYTES).strip()
            mode = path.stat().st_mode
        except InputError as error:
            raise InputError(where, f"{error.where} {error.problem}", cure) from None
        except OSError as error:
            raise InputError(where, f"{path} cannot be read ({error.strerror})", cure) from None
        if mode & 0o077:
            problem = f"{path} is open to other users"
            raise InputError(where, problem, f"run chmod 600 {path}")
        if not text or len(text.split()) > 1 or not text.isprintable():
            problem = f"{path} is empty" if not text else f"{path} does not hold one word"
            raise InputError(where, problem, cure)
        return text


def find_file(named: Path | None, environ: Mapping[str, str] | None = None) -> Path:
    """The file of clusters: the one that is `named`, else that of $VENTRAL_CLUSTERS, else
    `clusters.yaml` in the home.
    """
    environ = os.environ if environ is None else environ
    chosen = named or environ.get(FILE_VARIABLE) or Home.at(environ=environ).path / FILE
    return Path(chosen).expanduser().absolute()


def load_clusters(file: Path) -> dict[str, Cluster]:
    """The clusters of a YAML or JSON file, by name. Raises InputError for the first mistake."""
    return parse(Clusters, read_document(file), str(file)).clusters


def find_cluster(name: str, file: Path | None = None) -> Named:
    """The cluster of that name in a file, by default the user's own (`find_file`).

    Raises InputError if there is no such file or cluster, and what `load_clusters` does.
    """
    where, path = f"--cluster {printable(name)}", find_file(file)
    if file is None and not path.exists():
        cure = "write it (docs/clusters.md), or name it: ventral --clusters FILE ..."
        raise InputError(where, f"there is no {path}", cure)
    clusters = load_clusters(path)
    if name not in clusters:
        raise InputError(where, f"{path} has no cluster of that name", suggestion(name, clusters))
    return Named(name=name, cluster=clusters[name], file=path)


def clusters_schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors."""
    schema = Clusters.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Ventral clusters"
    return schema
