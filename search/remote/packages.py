"""What travels with a campaign to a cluster: its file, the networks it names, perhaps our code.

A package is a zip archive, which Ray unpacks on every node that a trial runs on and which becomes
the working directory there. Its bytes depend on nothing but what is in it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from search.campaign import Loaded, apply, load_with_space
from search.host.machine import Machine
from search.host.programs import DISTRIBUTION, PACKAGES, ROOT
from search.remote.clusters import Cluster
from search.upkeep.enqueueing import with_enqueued
from space.documents.bounds import CORES
from space.documents.files import read_document
from space.documents.outside import path_exists
from space.documents.validation import quote
from space.errors import CampaignError
from space.genomes import find_genome

CAMPAIGN = "campaign.json"
"""The campaign's file in a package."""
_EPOCH = (1980, 1, 1, 0, 0, 0)

ANY = Machine(cpus=CORES, gpus=CORES, name="the cluster")
"""What a trial may ask for as long as nobody has looked at the cluster's nodes."""


def read_campaign(
    file: Path, cluster: Cluster, overrides: Sequence[str] = (), enqueue: Sequence[str] = ()
) -> tuple[dict[str, Any], Loaded]:
    """A campaign's document as it is sent, and what it was checked as: its space worked in, the
    cluster's defaults under its own `resources`, `overrides` applied, and more networks named.

    Raises what `search.campaign.load_with_space` does, and CampaignError for images at a relative
    path, which the nodes do not have.
    """
    document = read_document(file, CampaignError)
    defaults = _write_defaults(document, cluster)
    loaded = load_with_space(file, [*defaults, *overrides], offered=ANY)
    for override in (*defaults, *overrides):
        apply(document, override)
    _check_images(document)
    campaign = with_enqueued(loaded.campaign, enqueue)
    document["space"] = loaded.space.document()
    named = [
        one if isinstance(one, str) else one.model_dump(mode="json") for one in campaign.enqueue
    ]
    document |= {"enqueue": named} if named else {}
    return document, loaded


def _write_defaults(document: Any, cluster: Cluster) -> list[str]:
    """The cluster's defaults of `resources` as overrides, where the campaign does not say."""
    resources = document.get("resources") if isinstance(document, Mapping) else None
    written = resources if isinstance(resources, Mapping) else {}
    if resources is not None and not isinstance(resources, Mapping):
        return []  # a mistake, which is named when the document is parsed
    return [
        f"resources.{key}={json.dumps(value)}"
        for key, value in cluster.written_resources.items()
        if key not in written
    ]


def _check_images(document: Mapping[str, Any]) -> None:
    data = document.get("data")
    path = data.get("path") if isinstance(data, Mapping) else None
    if isinstance(path, str) and not path.startswith("/"):
        raise CampaignError(
            "data.path",
            f"{quote(path)} is relative to this machine",
            "write the absolute path that the cluster's nodes see",
        )


def make_package(document: Mapping[str, Any], *, code: bool) -> bytes:
    """The archive with a campaign's document, the networks in it that lie in files here, and with
    `code` this installation of Ventral. Raises InputError for a network that cannot be read.
    """
    files: dict[str, bytes] = {}
    sent = dict(document)
    if "enqueue" in sent:
        sent["enqueue"] = [
            _move_network(one, number, files) for number, one in enumerate(sent["enqueue"])
        ]
    files[CAMPAIGN] = json.dumps(sent, indent=1).encode()
    if code:
        files |= dict(_read_code())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            target.writestr(entry, files[name], zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def _move_network(one: Any, number: int, files: dict[str, bytes]) -> Any:
    """A network to train first, by its name in the package if it lies in a file here."""
    if not isinstance(one, str) or not path_exists(Path(one)):
        return one
    name = f"networks/{number}-{Path(one).stem}.json"
    files[name] = json.dumps(find_genome(one).document()).encode()
    return name


def _read_code() -> Iterator[tuple[str, bytes]]:
    """The files of Ventral's packages as they are installed here, and what names its version."""
    for package in PACKAGES:
        folder = ROOT / package
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.relative_to(ROOT).as_posix(), file.read_bytes()
    number = metadata.version(DISTRIBUTION)
    name = f"{DISTRIBUTION.replace('-', '_')}-{number}.dist-info/METADATA"
    yield name, f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {number}\n".encode()
