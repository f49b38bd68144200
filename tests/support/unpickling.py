"""A process that notices whatever turns bytes into code or objects, while it reads others' files.

`python -m tests.support.unpickling PART FOLDER` reads what `write_all` put into FOLDER and prints
a JSON list of what was noticed, by Python's audit hooks (PEP 578): no hook can be taken away.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

noticed: list[str] = []
EVENTS = ("pickle.find_class", "marshal.loads", "marshal.load")


def watch() -> None:
    """From here on everything is noticed that unpickles."""
    import torch

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS:
            return
        frames = [frame.filename for frame in traceback.extract_stack()[:-1]]
        # The importer reads compiled modules of this installation by marshal.
        if event != "pickle.find_class" and any("importlib" in name for name in frames[-4:]):
            return
        noticed.append(f"{event} {str(arguments)[:80]} at {frames[-1]}")

    sys.addaudithook(hook)
    for module, name, allows in (
        (torch, "load", lambda _given: True),
        (np, "load", lambda given: bool(given.get("allow_pickle"))),
        (np.lib.format, "read_array", lambda given: bool(given.get("allow_pickle"))),
    ):
        setattr(module, name, _noting(getattr(module, name), name, allows))


def _noting(whole: Any, name: str, allows: Callable[[dict[str, Any]], bool]) -> Any:
    def call(*arguments: Any, **given: Any) -> Any:
        if allows(given):
            noticed.append(f"{name}({given})")
        return whole(*arguments, **given)

    return call


# ------------------------------------------------------------------------ what others wrote


def write_all(folder: Path) -> None:
    """An export, published results, data sets, a checkpoint and a store."""
    from PIL import Image

    from models.build import build
    from search.store import Store
    from tests.fuzz.files import published
    from tests.support.campaigns import fill
    from tests.support.exports import card, genome
    from workers import checkpoint, export

    torch = importlib.import_module("torch")
    export.write(folder / "cell", genome(), build(genome()).state_dict(), card())
    published(folder / "results", cells=("timedecay",))
    numbers = np.random.default_rng(0)
    images, labels = numbers.integers(0, 256, (40, 8, 8), np.uint8), np.arange(40) % 4
    np.savez(folder / "data.npz", train_images=images, train_labels=labels)
    for label in "ab":
        (folder / "tree" / label).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(images[number]).save(folder / "tree" / label / f"{number}.png")
    checkpoint.save(folder / "kept", {"weight": torch.ones(3)}, {"epoch": 1})
    store = Store.open(f"sqlite:///{folder}/store.db")
    fill(store)
    store.close()


# ------------------------------------------------------------------------ how it is read


def read_exports(folder: Path) -> None:
    from workers import checkpoint, export

    torch = importlib.import_module("torch")
    export.read_card(folder / "cell")
    export.load(folder / "cell")(torch.rand(1, 1, 8, 8))
    checkpoint.load(folder / "kept")


def read_results(folder: Path) -> None:
    from workers.reference import replay

    assert replay.verify(folder / "results")


def read_data(folder: Path) -> None:
    from workers.data.pack import Pack
    from workers.data.packing import pack
    from workers.data.specs import Digits, ImageFolder, Npz

    for spec in (
        Npz(name="npz", path=str(folder / "data.npz"), size=8),
        ImageFolder(name="imagefolder", path=str(folder / "tree"), size=8),
        Digits(train_images=20, test_images=10),
    ):
        made = pack(spec, folder / "packs")
        assert Pack.load(made.path).images("train").sum() > 0


def read_store(folder: Path) -> None:
    from dashboards.searched import read_searched
    from search.store import Store
    from space.errors import InputError
    from tests.fuzz.outside import _read_store

    store = Store.open(f"sqlite:///{folder}/store.db", create=False)
    _read_store(store)
    with contextlib.suppress(InputError):  # its document is a part of one
        read_searched(store, store.campaigns.all()[0].id)
    store.close()


def read_documents(folder: Path) -> None:
    from search.campaign import load_with_space
    from search.deployment.settings import load_deployment
    from space.genome import Genome
    from tests.support.exports import genome

    loaded = load_with_space(
        {"name": "it", "space": "motifs-small", "data": {"name": "digits", "size": 8}}
    )
    assert loaded.space.sample(random.Random(0)).digest
    Genome.parse(json.loads(json.dumps(genome().document())))
    load_deployment(Path(__file__).parents[2] / "docker" / "deployment.yaml")
    assert folder.exists()


def read_mlflow(folder: Path) -> None:
    """Runs are written to a database of MLflow and read again from its server."""
    from dashboards.from_mlflow import read_mlflow as read_campaign
    from search.host.home import Home
    from search.mirror.server import Server
    from search.mirror.tracking import Mirror
    from search.store import Store
    from tests.dashboards.test_from_mlflow import _fill

    home = Home.at(folder / "home", {})
    home.ensure()
    shutil.copy(os.environ["EMPTY_MLFLOW"], home.path / "mlflow.db")
    store = Store.open(home.store_url)
    campaign = _fill(store)
    assert Mirror(store, home, campaign.id).start().close(300).unsent == 0
    server = Server(home.tracking_uri, home.artifacts, home.path / "ui.log", 0, home=home)
    try:
        server.wait()
        assert len(read_campaign(server.address, campaign.id).trials) == 6  # which began
    finally:
        server.end()
        store.close()


PARTS: dict[str, Callable[[Path], None]] = {
    "exports": read_exports,
    "results": read_results,
    "data": read_data,
    "store": read_store,
    "documents": read_documents,
    "mlflow": read_mlflow,
}


def unpickle(_folder: Path) -> None:
    """What is not allowed, to see that it is noticed."""
    import decimal
    import marshal
    import pickle

    pickle.loads(pickle.dumps(decimal.Decimal(1)))
    marshal.loads(marshal.dumps(1))


if __name__ == "__main__":
    parts, place = sys.argv[1].split(","), Path(sys.argv[2])
    write_all(place)
    watch()
    for part in parts:
        {**PARTS, "unpickle": unpickle}[part](place)
    print(json.dumps(noticed))
