"""A folder of a deployment, read and held to the rules: one finding for each mistake.

The files are known by their names: `compose.yaml`, `Dockerfile`, scripts, the typed file
`deployment.yaml`, and every other YAML file as Kubernetes objects. Nothing is started and no
network is asked.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from search.deployment.compose_rules import check_compose
from search.deployment.finding import Finding, Mistake, holds_secret, read_error
from search.deployment.kubernetes_rules import Placed, check_object, check_together, read_object
from search.deployment.settings import Deployment, load_deployment
from search.deployment.text_rules import check_dockerfile, check_script
from space.documents.bounds import FILE_BYTES
from space.documents.files import parse_yaml
from space.documents.outside import read_text
from space.errors import InputError

TYPED, COMPOSE, DOCKERFILE, ENVIRONMENT = (
    "deployment.yaml",
    "compose.yaml",
    "Dockerfile",
    ".env",
)
SKIPPED = {"secrets", "data"}
"""Folders with what is not the deployment's text; of the first, the modes are looked at."""


def check_folder(folder: Path) -> list[Finding]:
    """The findings of every file of a deployment below `folder`, in the order of their names.

    Raises InputError if there is no such folder, or nothing of a deployment in it.
    """
    if not folder.is_dir():
        raise InputError(str(folder), "is no folder", "name the folder of a deployment")
    files = [file for file in _list_files(folder) if _is_known(file)]
    if not files:
        cure = f"run ventral deploy render --to compose --out {folder}"
        raise InputError(str(folder), "holds nothing of a deployment", cure)
    findings: list[Finding] = []
    typed: Deployment | None = None
    objects: list[Placed] = []
    for file in sorted(files, key=lambda one: (one.name != TYPED, one)):
        name = file.relative_to(folder).as_posix()
        try:
            if file.name == TYPED:
                typed = load_deployment(file)
                continue
            text = read_text(file, FILE_BYTES, InputError)
            address = typed.compose.address if typed else None
            if file.suffix in (".yaml", ".yml") and file.name != COMPOSE:
                findings += _check_manifest(name, text, objects)
            else:
                findings += [one.at(name) for one in _check_text(file.name, text, address)]
        except InputError as error:
            findings.append(_strip(read_error(error), file).at(name))
    findings += [mistake.at(name) for name, mistake in check_together(objects)]
    findings += [mistake.at(name) for name, mistake in _check_modes(folder)]
    return findings


def _list_files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED]
        yield from (Path(place) / name for name in names)


def _is_known(file: Path) -> bool:
    return file.name in (DOCKERFILE, ENVIRONMENT) or file.suffix in (
        ".yaml",
        ".yml",
        ".sh",
        ".sbatch",
    )


def _check_text(name: str, text: str, address: str | None) -> list[Mistake]:
    """The mistakes of a file that is no Kubernetes manifest. Raises InputError."""
    if name == COMPOSE:
        return check_compose(parse_yaml(text, ""), address)
    if name == DOCKERFILE:
        return check_dockerfile(text)
    if name == ENVIRONMENT:
        return _check_environment(text)
    return check_script(name, text)


def _check_environment(text: str) -> list[Mistake]:
    mistakes = []
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if holds_secret(name.strip(), value.strip()):
            cure = "keep it in a file below secrets/ and name that in compose.yaml"
            mistakes.append(Mistake(name.strip(), "holds a secret in the open", cure))
    return mistakes


def _check_manifest(name: str, text: str, objects: list[Placed]) -> list[Finding]:
    """The findings of a file of Kubernetes objects; those that can be read join `objects`.

    Raises InputError if it is not YAML.
    """
    findings = []
    documents = _split_documents(text)
    for document in documents:
        tree = parse_yaml(document, "")
        title = ""
        if isinstance(tree, dict):
            metadata = tree.get("metadata")
            called = metadata.get("name") if isinstance(metadata, dict) else None
            title = f"{tree.get('kind')} {called}"
        try:
            value = read_object(tree)
            mistakes = check_object(value)
            objects.append(Placed(name, value))
        except InputError as error:
            mistakes = [read_error(error)]
        where = f"{name} ({title})" if title and len(documents) > 1 else name
        findings += [mistake.at(where) for mistake in mistakes]
    return findings


def _split_documents(text: str) -> list[str]:
    """The texts of the documents of one YAML file, those that hold nothing left out."""
    parts, current = list[str](), list[str]()
    for line in text.splitlines(keepends=True):
        if line.rstrip() == "---":
            parts.append("".join(current))
            current = []
        else:
            current.append(line)
    parts.append("".join(current))
    return [part for part in parts if _holds_something(part)]


def _holds_something(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


def _strip(mistake: Mistake, file: Path) -> Mistake:
    """The mistake without the file's own path before its field."""
    field = mistake.field.removeprefix(str(file)).removeprefix(":").strip()
    return Mistake(field, mistake.problem, mistake.cure)


def _check_modes(folder: Path) -> Iterator[tuple[str, Mistake]]:
    """Secrets that others of the machine may read."""
    place = folder / "secrets"
    for path in [place, *sorted(place.glob("*"))] if place.is_dir() else []:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            name = path.relative_to(folder).as_posix()
            wanted = "700" if path.is_dir() else "600"
            problem = f"others of this machine may read it (mode {mode:o})"
            yield name, Mistake("mode", problem, f"run chmod {wanted} {name}")
