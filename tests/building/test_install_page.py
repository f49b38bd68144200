"""docs/install.md names the extras that there are, and what they bring."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.support.shrinking import ROOT
from ventral.extras import normalise_name

PAGE = (ROOT / "docs" / "install.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
APART = {"cluster", "deploy-checks"}
"""What only an image, or a slow test, needs."""
EXTRAS = {"(none)": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}


def read_table() -> dict[str, set[str]]:
    """By extra, the distributions that the page says it brings."""
    rows = re.findall(r"^\| (?:`([a-z0-9-]+)`|(\(none\))) \|[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE)
    return {
        extra or none: set(re.split(r",\s*| and ", brings.strip())) for extra, none, brings in rows
    }


def test_every_extra_is_on_the_page() -> None:
    assert [*read_table()] == [*EXTRAS]


@pytest.mark.parametrize("extra", [name for name in EXTRAS if name != "dev"])
def test_what_an_extra_brings_is_required_by_it(extra: str) -> None:
    required = [normalise_name(re.split(r"[^\w.-]", line)[0]) for line in EXTRAS[extra]]
    named = {normalise_name(re.sub(r"\[.*", "", one)) for one in read_table()[extra]}
    named.discard("small ones")
    assert named
    assert named <= {*required}
    if "small ones" not in read_table()[extra]:
        assert named == {*required} - {"ventral-search"}


def test_everything_that_runs_here_is_in_dev() -> None:
    (own,) = [line for line in EXTRAS["dev"] if line.startswith("ventral-search")]
    inside = set(own.partition("[")[2].strip("]").split(","))
    for extra in inside.copy():
        for line in EXTRAS[extra]:
            if line.startswith("ventral-search["):
                inside |= set(line.partition("[")[2].strip("]").split(","))
    assert inside == {*EXTRAS} - {"dev", "(none)", *APART}
