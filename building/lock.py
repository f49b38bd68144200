"""The locked set of an image: exact versions with the hashes of their files, and its bill.

`python -m building.lock` writes three files from pyproject.toml and constraints.txt, which decides
every version. It needs `uv` (`pip install uv` anywhere) and a package index:

- requirements.lock: what the extra `cluster` brings, but for PyTorch's builds;
- cuda.lock: PyTorch for CUDA and what it alone brings;
- sbom.cdx.json: both as a software bill of materials (CycloneDX 1.6).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

ROOT = Path(__file__).parents[1]
COMMON, CUDA, BILL = "requirements.lock", "cuda.lock", "sbom.cdx.json"
HEAD = """\
# Made by `python -m building.lock`: {text}.
# constraints.txt decides the versions. Install with
#   pip install --no-deps --require-hashes -r {name}
"""
_OF_CUDA = re.compile(r"(torch|triton|nvidia-.+|cuda-.+)$")
_ENTRY = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A distribution of a lock: its text is what pip reads."""

    name: str
    version: str
    text: str

    @property
    def hashes(self) -> list[str]:
        """SHA-256 digests of its files, in hex."""
        return re.findall(r"--hash=sha256:([0-9a-f]{64})", self.text)


def read_entries(text: str) -> list[Entry]:
    """The entries of a lock, by name. Raises ValueError for a line that is none."""
    entries = []
    lines = "".join(line for line in text.splitlines(True) if not line.lstrip().startswith("#"))
    for block in re.split(r"\n(?=\S)", lines.strip()):
        match = _ENTRY.match(block)
        if match is None:
            raise ValueError(f"{block.splitlines()[0]!r} is no pinned distribution")
        name = re.sub(r"[-_.]+", "-", match[1]).lower()
        entries.append(Entry(name=name, version=match[2], text=block.rstrip() + "\n"))
    return sorted(entries, key=lambda entry: entry.name)


def split_entries(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """(those of every image, those of one with PyTorch for CUDA)."""
    cuda = [entry for entry in entries if _OF_CUDA.match(entry.name)]
    return [entry for entry in entries if entry not in cuda], cuda


def write_bill(entries: Sequence[Entry], version: str) -> str:
    """The bill of materials as CycloneDX JSON: the same text for the same entries."""
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{entry.name}@{entry.version}",
            "name": entry.name,
            "version": entry.version,
            "purl": f"pkg:pypi/{entry.name}@{entry.version}",
        }
        for entry in entries
    ]
    own = f"pkg:pypi/ventral-search@{version}"
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "ventral-search",
                "version": version,
                "purl": own,
            }
        },
        "components": components,
    }
    serial = uuid5(NAMESPACE_URL, json.dumps(document, sort_keys=True))
    return json.dumps({**document, "serialNumber": f"urn:uuid:{serial}"}, indent=1) + "\n"


def read_version() -> str:
    """Of the project, from pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def main() -> None:
    """Resolve, and write the three files."""
    command = ["uv", "pip", "compile", "pyproject.toml", "--extra=cluster"]
    command += ["--constraint=constraints.txt", "--generate-hashes", "--no-annotate"]
    command += ["--no-header", "--python-version=3.12", "--python-platform=x86_64-manylinux_2_28"]
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    except FileNotFoundError:
        sys.exit("there is no uv; `pip install uv` in some environment, and put it on PATH")
    entries = read_entries(done.stdout)
    common, cuda = split_entries(entries)
    for name, part, text in (
        (COMMON, common, "what an image of Ventral has besides PyTorch"),
        (CUDA, cuda, "PyTorch for CUDA"),
    ):
        head = HEAD.format(text=text, name=name)
        (ROOT / name).write_text(head + "".join(entry.text for entry in part))
    (ROOT / BILL).write_text(write_bill(entries, read_version()))


if __name__ == "__main__":
    main()
