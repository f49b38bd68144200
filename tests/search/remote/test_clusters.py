"""The file that names clusters: what it says, what it refuses, and its secrets."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from search.host.home import Home
from search.remote.clusters import FILE_VARIABLE, Cluster, Clusters, find_cluster, find_file
from space.documents.validation import parse
from space.errors import InputError
from tests.support.shrinking import ROOT
from ventral.cli import app

LAB: dict[str, Any] = {
    "address": "http://head.lab:8265",
    "token_file": "lab.token",
    "store": "postgresql://ventral@db.lab/ventral",
    "home": "/shared/ventral",
    "image": "ventral:0.1.0-cuda",
    "resources": {"gpus": 0.5},
}


def write(folder: Path, **changes: Any) -> Path:
    """The file with the cluster `lab`, changed; None leaves a key out."""
    lab = {key: value for key, value in (LAB | changes).items() if value is not None}
    file = folder / "clusters.yaml"
    file.write_text(yaml.safe_dump({"clusters": {"lab": lab}}))
    return file


def test_a_cluster_has_what_is_written_and_defaults_for_the_rest(tmp_path: Path) -> None:
    named = find_cluster("lab", write(tmp_path))
    cluster = named.cluster
    assert cluster.address == "http://head.lab:8265"
    assert cluster.code == "installed"
    assert cluster.written_resources == {"gpus": 0.5}
    assert (named.name, named.file) == ("lab", tmp_path / "clusters.yaml")


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"address": "head.lab:8265"}, "address", "write http://HOST:8265"),
        ({"address": "http://me:secret@head:8265"}, "address", "without user and password"),
        ({"address": None}, "address", "missing"),
        ({"adress": "http://head:8265"}, "", 'did you mean "address"'),
        ({"home": "shared"}, "home", "as the cluster's nodes see it"),
        ({"image": "a b"}, "image", "NAME:TAG"),
        ({"code": "send"}, "code", 'did you mean "sent"'),
        ({"store": "sqlite:////tmp/store.db"}, "store", "leave store out"),
        ({"store": "postgresql://me:hunter2@db/v"}, "store", "~/.pgpass"),
        ({"store": "postgresql://me@db/v?password=hunter2"}, "store", "~/.pgpass"),
        ({"store_file": "store.url"}, "store_file", "one of the two"),
        ({"resources": {"gpu": 1}}, "resources", 'did you mean "gpus"'),
        ({"resources": {"cpus": 0}}, "resources.cpus", "in range"),
    ],
)
def test_a_mistake_is_one_error_with_its_cure(
    tmp_path: Path, changes: dict[str, Any], where: str, words: str
) -> None:
    file = write(tmp_path, **changes)
    with pytest.raises(InputError, match=words) as caught:
        find_cluster("lab", file)
    assert caught.value.where == f"{file}: clusters.lab" + (f".{where}" if where else "")
    assert "hunter2" not in str(caught.value)


def test_names_are_held_to_a_pattern() -> None:
    with pytest.raises(InputError, match="is not a cluster's name"):
        parse(Clusters, {"clusters": {"a b": {"address": "http://head:1"}}})
    with pytest.raises(InputError, match="clusters"):
        parse(Clusters, {"clusters": {}})


def test_the_file_is_the_named_one_or_the_variable_s_or_the_home_s(tmp_path: Path) -> None:
    environ = {"VENTRAL_HOME": str(tmp_path / "home")}
    assert find_file(None, environ) == tmp_path / "home" / "clusters.yaml"
    environ[FILE_VARIABLE] = str(tmp_path / "other.yaml")
    assert find_file(None, environ) == tmp_path / "other.yaml"
    assert find_file(tmp_path / "third.yaml", environ) == tmp_path / "third.yaml"


def test_without_a_file_or_a_cluster_of_that_name_the_cure_says_where_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path))
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    with pytest.raises(InputError, match="ventral --clusters FILE"):
        find_cluster("lab")
    write(tmp_path)
    assert find_cluster("lab").cluster.image == "ventral:0.1.0-cuda"
    with pytest.raises(InputError, match='did you mean "lab"'):
        find_cluster("lob")


def test_a_secret_is_one_word_in_a_private_file(tmp_path: Path) -> None:
    named, token = find_cluster("lab", write(tmp_path)), tmp_path / "lab.token"
    with pytest.raises(InputError, match="there is no such file"):
        named.read_token()
    token.write_text("0123\n")
    token.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        named.read_token()
    token.chmod(0o600)
    assert named.read_token() == "0123"
    for text, problem in (("", "is empty"), ("one two", "one word"), ("a\x1bb", "one word")):
        token.write_text(text)
        with pytest.raises(InputError, match=problem):
            named.read_token()
    assert find_cluster("lab", write(tmp_path, token_file=None)).read_token() is None


def test_the_home_is_the_cluster_s_where_it_is_mounted(tmp_path: Path) -> None:
    own, shared = Home(path=tmp_path / "own"), tmp_path / "shared"
    named = find_cluster("lab", write(tmp_path, home=str(shared)))
    assert named.place_home(own).path == own.path
    assert named.place_home(own).store_url == LAB["store"]
    shared.mkdir()
    assert named.place_home(own).path == shared
    named = find_cluster("lab", write(tmp_path, home=str(shared), store=None))
    assert named.place_home(own).store_url == Home(path=shared).store_url
    shared.rmdir()
    with pytest.raises(InputError, match="mount that folder here"):
        named.place_home(own)


def test_a_store_with_a_password_is_read_from_its_file(tmp_path: Path) -> None:
    address = "postgresql://me:hunter2@db/ventral"
    (tmp_path / "store.url").write_text(f"{address}\n")
    (tmp_path / "store.url").chmod(0o600)
    named = find_cluster("lab", write(tmp_path, store=None, store_file="store.url"))
    assert named.place_home(Home(path=tmp_path)).store_url == address


PAGE = (ROOT / "docs" / "clusters.md").read_text()


def test_the_page_s_file_is_one(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "clusters.yaml").write_text(block)
    cluster = find_cluster("lab", tmp_path / "clusters.yaml").cluster
    assert cluster.written_resources == {"cpus": 2, "gpus": 0.5}
    table = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert table == set(Cluster.model_fields)


def test_the_page_s_commands_are_commands() -> None:
    """They are parsed; tests/ventral/test_remote.py runs the like on a cluster."""
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    commands = vars(typer.main.get_command(app))["commands"]
    for line in block.splitlines():
        words = shlex.split(line)
        assert words[0] == "ventral"
        context = commands[words[1]].make_context(words[1], words[2:])
        assert context.params["cluster"] == "lab"
