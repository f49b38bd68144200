"""What the fuzzers try of others' making: words, arrays, pictures, records, deployments."""

from __future__ import annotations

import io
import json
import random
import shutil
import sqlite3
import string
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import yaml
from PIL import Image

from dashboards.from_mlflow import assemble
from dashboards.mlflow_answers import MILLISECONDS, Curves, parse_lesions, parse_page, parse_points
from search.deployment.checking import check_folder
from search.deployment.settings import load_deployment
from search.host.home import Home
from search.mirror import landing
from search.mirror.runs import run_of
from search.remote.clusters import Named, load_clusters
from search.review.lesions import Lesion
from search.review.progress import progress
from search.store import Store
from space.documents.files import parse_json, parse_yaml
from space.space import Space
from tests.fuzz import trials
from tests.fuzz.mutations import ODD_VALUES, mutate_bytes, mutate_document, mutate_json, mutate_zip
from tests.support.campaigns import add, fill, new_small_campaign, train
from tests.support.shrinking import ROOT
from workers.data.images import Framing, read_image
from workers.data.npz import open_npz
from workers.data.specs import Npz

LESIONS = tuple(
    Lesion(
        trial=number, part="out->out", kind="edge", difference=-0.1, low=None, high=0.0,
        retrained=False,
    )
    for number in range(2)
)  # fmt: skip


# ------------------------------------------------------------------------------- the notation


def notation(folder: Path) -> trials.Try:
    """A space in the motif notation with words changed, moved, doubled and taken away."""
    paths = [
        ROOT / "space" / "spaces" / f"{name}.yaml" for name in ("motifs-2018", "motifs-small")
    ]
    texts = [path.read_text() for path in paths]
    trees = [parse_yaml(text, "space") for text in texts]
    words = sorted({word for text in texts for word in text.split()})

    def attempt(rng: random.Random) -> None:
        if rng.random() < 0.5:
            tree = mutate_document(rng.choice(trees), rng)
            space = Space.parse(_reword(tree, words, rng))
        else:
            lines = rng.choice(texts).splitlines()
            for _ in range(rng.choice((1, 1, 2))):
                place = rng.randrange(len(lines))
                lines[place] = _change_words(lines[place], words, rng)
            file = folder / "space.yaml"
            file.write_text("\n".join(lines))
            space = Space.load(file)
        space.sample(rng)

    return attempt


def _reword(node: Any, words: list[str], rng: random.Random) -> Any:
    """A tree in which one text in ten has other words."""
    if isinstance(node, dict):
        return {key: _reword(child, words, rng) for key, child in node.items()}
    if isinstance(node, list):
        return [_reword(child, words, rng) for child in node]
    if isinstance(node, str) and rng.random() < 0.1:
        return _change_words(node, words, rng)
    return node


def _change_words(text: str, words: list[str], rng: random.Random) -> str:
    parts = text.split(" ")
    place = rng.randrange(len(parts))
    signs = rng.choice(("->", "<-", "(", ")", ",", "|", "x", "1e9", "\x00", "é", "9" * 400, "-1"))
    match rng.randrange(4):
        case 0:
            parts[place] = rng.choice(words)
        case 1:
            parts.insert(place, signs)
        case 2:
            del parts[place]
        case _:
            parts += parts[place:] * rng.choice((1, 3, 40))
    return " ".join(parts)


# ------------------------------------------------------------------------- arrays and pictures


def npz(folder: Path) -> trials.Try:
    """Data sets in archives, with numbers and with names as labels."""
    numbers = np.random.default_rng(0)
    images = numbers.integers(0, 256, (20, 8, 8, 3), np.uint8)
    labels = np.arange(20) % 4
    written = []
    for named in (labels, np.array(list("abcd"))[labels]):
        file = io.BytesIO()
        np.savez(
            file, train_images=images, train_labels=named,
            test_images=images[:8], test_labels=named[:8],
        )  # fmt: skip
        written.append(file.getvalue())
    file = io.BytesIO()
    np.savez_compressed(
        file, train_images=images, train_labels=labels, classes=np.array(list("abcd"))
    )
    written.append(file.getvalue())
    path = folder / "data.npz"

    def attempt(rng: random.Random) -> None:
        path.write_bytes(mutate_zip(rng.choice(written), rng))
        source = open_npz(Npz(name="npz", path=str(path), size=rng.choice((8, 12))))
        for split in source.splits.values():
            assert split.read(np.arange(min(2, len(split.labels)))).dtype == np.uint8

    return attempt


def pictures(folder: Path) -> trials.Try:
    """Image files of every format, whole in some way and damaged in their bytes."""
    plain = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 20, 3), np.uint8))
    kinds: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("JPEG", plain, {}),
        ("JPEG", plain, {"progressive": True}),
        ("JPEG", plain.convert("CMYK"), {}),
        ("PNG", plain, {}),
        ("PNG", plain.convert("RGBA"), {}),
        ("PNG", plain.convert("P"), {}),
        ("PNG", Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20)), {}),
        ("GIF", plain.convert("P"), {"save_all": True, "append_images": [plain.convert("P")]}),
        ("BMP", plain, {}),
        ("TIFF", plain, {}),
        ("TIFF", plain, {"compression": "tiff_lzw"}),
        ("TIFF", plain.convert("1"), {"compression": "group4"}),
        ("WEBP", plain, {}),
        ("WEBP", plain, {"lossless": True}),
        ("PPM", plain, {}),
    ]
    written = []
    for form, image, options in kinds:
        file = io.BytesIO()
        image.save(file, form, **options)
        written.append(file.getvalue())
    path = folder / "image"

    def attempt(rng: random.Random) -> None:
        path.write_bytes(mutate_bytes(rng.choice(written), rng))
        array = read_image(path, Framing(size=16, shortest=rng.choice((16, 20))))
        assert array.shape == (16, 16, 3)

    return attempt


# ------------------------------------------------------------------------------------- records


def store_rows(folder: Path) -> trials.Try:
    """A store, one value of one row of which is another, or whose file is damaged."""
    file = folder / "store.db"
    store = Store.open(f"sqlite:///{file}")
    campaign = fill(store)
    store.labels.write_note(campaign.id, "note", 1)
    store.campaigns.add_opening(campaign.id, who="me", command="evaluate", networks=["a"])
    store.campaigns.set_state(campaign.id, "stopped", "asked")
    connection = sqlite3.connect(file, isolation_level=None)
    names = [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    places = []
    for table in names:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        rows = [row[0] for row in connection.execute(f"SELECT rowid FROM {table}")]
        places += [(table, column, row) for column in columns for row in rows]
    shutil.copy(file, folder / "whole.db")
    whole = (folder / "whole.db").read_bytes()

    def attempt(rng: random.Random) -> None:
        if rng.random() < 0.02:
            torn = folder / "torn.db"
            torn.write_bytes(mutate_bytes(whole, rng))
            other = Store.open(f"sqlite:///{torn}", create=False)
            try:
                _read_store(other)
            finally:
                other.close()
            return
        table, column, row = rng.choice(places)
        query = f"UPDATE {table} SET {column} = ? WHERE rowid = {row}"  # names of the schema
        [before] = connection.execute(
            f"SELECT {column} FROM {table} WHERE rowid = {row}"
        ).fetchone()
        try:
            connection.execute(query, (_other_value(before, rng),))
        except (sqlite3.Error, OverflowError, UnicodeEncodeError):
            return  # what the database itself refuses
        try:
            _read_store(store)
        finally:
            connection.execute(
                f"UPDATE OR REPLACE {table} SET {column} = ? WHERE rowid = {row}", (before,)
            )

    return attempt


def _other_value(before: Any, rng: random.Random) -> Any:
    if isinstance(before, str) and before[:1] in ("{", "["):
        return mutate_json(before.encode(), rng).decode()
    value = rng.choice((*ODD_VALUES, "{}", "[]", "null", b"\x00\xff", before))
    if isinstance(value, (list, dict, tuple)):
        return json.dumps(value)
    if value == before and isinstance(value, str):
        return "".join(rng.sample(value, len(value))) + rng.choice(string.printable)
    return value


def _read_store(store: Store) -> None:
    """What the commands and the page of campaigns read."""
    landing.read_lines(store, "")
    for record in store.campaigns.all():
        if record.state == "damaged":
            continue
        found = store.results.find(record.id)
        for trial in found[:3]:
            trial.row()
            store.results.reports(record.id, trial.number)
        store.results.all_reports(record.id)
        store.labels.of_trials(record.id)
        store.campaigns.events(record.id)
        store.campaigns.openings(record.id)
        store.campaigns.ledger(record.id)
        store.results.journal(record.id)
        progress(store, record.id)


def mlflow_rows(folder: Path) -> trials.Try:
    """A campaign as an MLflow server gives it, of which anything may be otherwise."""
    store = Store.open(f"sqlite:///{folder}/store.db")
    campaign, loaded = new_small_campaign(store)
    numbers = random.Random(0)
    for number in range(3):
        sample = loaded.space.sample(numbers)
        add(store, campaign.id, number, genome=sample.genome, choices=sample.choices)
        train(store, campaign.id, number, 0.5, 0.6)
    answer: dict[str, Any] = {
        "page": {
            key: getattr(campaign, key)
            for key in ("id", "name", "document", "space", "data", "created")
        },
        "lesions": [asdict(one) for one in LESIONS],
        "runs": [],
        "metrics": [],
    }
    for trial in store.results.find(campaign.id):
        run = run_of(campaign, trial, store.results.reports(campaign.id, trial.number))
        key = f"{trial.number:032x}"
        last = {point.key: point.value for point in run.metrics}
        answer["runs"].append(
            {"id": key, "tags": run.tags, "params": run.parameters, "metrics": last}
        )
        answer["metrics"] += [
            {"run_id": key, "key": p.key, "step": p.step, "timestamp": p.at, "value": p.value}
            for p in run.metrics
        ]
    store.close()
    whole = json.dumps(answer).encode()

    def attempt(rng: random.Random) -> None:
        damaged = parse_json(mutate_json(whole, rng), "answer")
        if not isinstance(damaged, dict):
            return
        page = parse_page(damaged.get("page"), "experiment")
        runs = [_run_of(one) for one in damaged.get("runs") or () if isinstance(one, dict)]
        curves: dict[str, Curves] = {}
        for point in parse_points({"metrics": damaged.get("metrics")}):
            curve = curves.setdefault(point["run_id"], Curves())
            curve.add(str(point.get("key")), point["step"], point["timestamp"], point["value"])
        lesions = parse_lesions(damaged.get("lesions"), "experiment")
        searched = assemble(page, lesions, runs, curves)
        assert len(searched.trials) == len(runs)

    return attempt


def _run_of(one: dict[str, Any]) -> Any:
    """A run as MLflow's client makes one of whatever the server answers: texts and numbers."""

    def texts(field: object) -> dict[str, str]:
        given = field if isinstance(field, dict) else {}
        return {key: value if isinstance(value, str) else "" for key, value in given.items()}

    metrics = one.get("metrics")
    numbers = {
        key: float(value)
        for key, value in (metrics if isinstance(metrics, dict) else {}).items()
        if type(value) in (int, float) and abs(value) < MILLISECONDS**9
    }
    data = SimpleNamespace(
        tags=texts(one.get("tags")), params=texts(one.get("params")), metrics=numbers
    )
    return SimpleNamespace(info=SimpleNamespace(run_id=str(one.get("id"))), data=data)


# ------------------------------------------------------------------------ clusters, deployments


CLUSTERS: dict[str, Any] = {
    "clusters": {
        "lab": {
            "address": "https://head.lab:8265",
            "token_file": "token",
            "store_file": "store",
            "home": "/shared/ventral",
        },
        "own": {"address": "http://127.0.0.1:8265", "store": "postgresql://me@db/ventral"},
    }
}


def clusters(folder: Path) -> trials.Try:
    """The file of clusters, and the secrets that it names: any bytes, or no file."""
    file, words = folder / "clusters.yaml", json.dumps(CLUSTERS).encode()
    secrets = {"token": b"0" * 64 + b"\n", "store": b"postgresql://me:word@db/ventral\n"}

    def attempt(rng: random.Random) -> None:
        damaged = rng.random() < 0.7
        if rng.random() < 0.3:
            file.write_bytes(mutate_bytes(words, rng))
        else:
            file.write_text(json.dumps(mutate_document(CLUSTERS, rng) if damaged else CLUSTERS))
        for name, text in secrets.items():
            (folder / name).write_bytes(text if damaged else mutate_bytes(text, rng))
            (folder / name).chmod(rng.choice((0o600, 0o600, 0o600, 0o640)))
        for name, cluster in load_clusters(file).items():
            named = Named(name=name, cluster=cluster, file=file)
            token = named.read_token()
            assert token is None or token.isprintable()
            named.place_home(Home.at(folder / "home", {}))

    return attempt


def deployments(folder: Path) -> trials.Try:
    """The typed file of a deployment, and a folder of rendered files, one of them damaged."""
    typed = (ROOT / "docker" / "deployment.yaml").read_text()
    tree = yaml.safe_load(typed)
    rendered = folder / "docker"
    shutil.copytree(ROOT / "docker", rendered)
    files = [
        file for file in sorted(rendered.rglob("*"))
        if file.suffix in (".yaml", ".sh", ".sbatch") or file.name == "Dockerfile"
    ]  # fmt: skip
    whole = {file: file.read_bytes() for file in files}
    trees = {
        file: list(yaml.safe_load_all(text)) for file, text in whole.items()
        if file.suffix == ".yaml"
    }  # fmt: skip

    def attempt(rng: random.Random) -> None:
        file = folder / "deployment.yaml"
        if rng.random() < 0.5:
            if rng.random() < 0.7:
                file.write_text(json.dumps(mutate_document(tree, rng)))
            else:
                file.write_bytes(mutate_bytes(typed.encode(), rng))
            load_deployment(file)
            return
        chosen = rng.choice(files)
        if chosen in trees and rng.random() < 0.7:
            documents = [mutate_document(one, rng) for one in trees[chosen]]
            chosen.write_text("\n---\n".join(map(json.dumps, documents)))
        else:
            chosen.write_bytes(mutate_bytes(whole[chosen], rng))
        try:
            for finding in check_folder(rendered):
                assert str(finding).isprintable()
        finally:
            chosen.write_bytes(whole[chosen])

    return attempt
