"""Campaign files for tests: the smallest, with changes, loaded on a machine that is not here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from search.campaign import load
from search.host.machine import Machine
from space.errors import InputError

LAPTOP = Machine(cpus=4, gpus=0)
SERVER = Machine(cpus=32, gpus=2)
MINIMAL: dict[str, Any] = {"name": "c", "space": "motifs-small", "data": {"name": "digits"}}


def write(file: Path, **changes: Any) -> Path:
    """Write the smallest campaign with other values, or more of them; the file."""
    file.write_text(yaml.safe_dump(MINIMAL | changes, sort_keys=False))
    return file


def refuse(file: Path, *overrides: str, offered: Machine = LAPTOP) -> InputError:
    """The error that loading the file must end with."""
    with pytest.raises(InputError) as caught:
        load(file, overrides, offered=offered)
    return caught.value
