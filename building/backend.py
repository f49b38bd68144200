"""What `pip` and `build` call: setuptools, told which names the packages are to have.

An editable install has the clone's own folders on the path, with their short names; a wheel, also
one built from a source distribution, has everything below `ventral`.
"""

from typing import Any, cast

from setuptools import build_meta
from setuptools.build_meta import (
    build_sdist,
    build_wheel,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_wheel,
)

from building import layout

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """What an editable install needs to be made."""
    layout.as_it_lies = True
    return cast(list[str], build_meta.get_requires_for_build_editable(config_settings))


def prepare_metadata_for_build_editable(folder: str, config_settings: Any = None) -> str:
    """The metadata of an editable install, written into a folder; its name there."""
    layout.as_it_lies = True
    done = build_meta.prepare_metadata_for_build_editable(folder, config_settings)
    return cast(str, done)


def build_editable(folder: str, config_settings: Any = None, metadata: str | None = None) -> str:
    """The wheel of an editable install, written into a folder; its name there."""
    layout.as_it_lies = True
    return cast(str, build_meta.build_editable(folder, config_settings, metadata))
