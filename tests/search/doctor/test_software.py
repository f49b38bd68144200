"""What is installed: Ventral, Python, and what its own requirements name."""

from __future__ import annotations

import platform
from importlib.metadata import version

from search.doctor.software import list_required, read_versions


def test_versions_are_those_of_this_environment() -> None:
    versions = read_versions()
    assert versions["python"] == platform.python_version()
    assert versions["ray"] == version("ray")
    assert None not in versions.values()


def test_what_the_search_needs_is_required_and_what_an_extra_needs_is_not() -> None:
    required = list_required()
    assert {"torch", "ray", "mlflow", "sqlalchemy", "numpy"} <= set(required)
    assert {"altair", "psycopg", "pytest", "ventral-search"}.isdisjoint(required)
