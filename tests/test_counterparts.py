"""Every module of the packages has a test file of its own name; the exceptions may only shrink.

`tests/space/unroll/test_plan.py` is that of `space/unroll/plan.py`, so that whoever changes a
module knows what to run. A package's `__init__.py` has none: what stands in it is tested where it
is used.

    python -m tests.test_counterparts

prints the list below as the tree has it now, and the share of modules that have a test file.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from tests.support.shrinking import ROOT, product_files

WITHOUT_TESTS: tuple[str, ...] = (
    "workers/data/source.py",
    "search/acting.py",
    "search/campaign/checks.py",
    "search/campaign/loading.py",
    "search/campaign/settings.py",
    "search/campaign/trainings.py",
    "search/drill/faults.py",
    "search/drill/names.py",
    "search/drill/scene.py",
    "search/forecast/calibration.py",
    "search/forecast/lengths.py",
    "search/forecast/networks.py",
    "search/forecast/simulation.py",
    "search/mirror/landing.py",
    "search/mirror/runs.py",
    "search/mirror/server.py",
    "search/mirror/serving.py",
    "search/programs.py",
    "search/ranking.py",
    "search/samplers/evolution.py",
    "search/samplers/graph_features.py",
    "search/samplers/guided.py",
    "search/samplers/protocol.py",
    "search/samplers/random_.py",
    "search/samplers/via_hyperopt.py",
    "search/samplers/via_nsga2.py",
    "search/samplers/via_optuna.py",
    "search/store/campaigns.py",
    "search/store/clocks.py",
    "search/store/connected.py",
    "search/store/database.py",
    "search/store/migrations/env.py",
    "search/store/outbox.py",
    "search/store/records.py",
    "search/store/reports.py",
    "search/store/results.py",
    "search/store/tables.py",
    "search/store/trials.py",
    "search/tune/access.py",
    "search/tune/joining.py",
    "search/tune/nodes.py",
    "search/tune/session.py",
    "dashboards/plans.py",
    "ventral/commands/campaigns.py",
    "ventral/commands/datasets.py",
    "ventral/commands/drill.py",
    "ventral/commands/exports.py",
    "ventral/commands/interface.py",
    "ventral/commands/plans.py",
    "ventral/commands/replay.py",
    "ventral/commands/retention.py",
    "ventral/commands/running.py",
    "ventral/commands/spaces.py",
    "ventral/commands/status.py",
    "ventral/commands/trials.py",
    "ventral/commands/verify.py",
    "ventral/commands/zoo.py",
    "ventral/genomes.py",
    "ventral/launching.py",
    "ventral/opening.py",
    "ventral/start.py",
)


def counterpart(module: str) -> str:
    """The test file of a module: `search/samplers/random_.py` has `.../test_random.py`."""
    path = Path(module)
    return (Path("tests") / path.parent / f"test_{path.stem.strip('_')}.py").as_posix()


def list_modules(root: Path = ROOT) -> list[str]:
    """The modules below `root` that have, or should have, a test file of their name."""
    files = (file.relative_to(root) for file in product_files(root))
    return [file.as_posix() for file in files if file.name != "__init__.py"]


def find_departures(
    modules: Collection[str], tests: Collection[str], listed: Collection[str]
) -> list[str]:
    """A line, with its cure, for each module that differs from the list of those without tests."""
    departures = [
        f"{module}: has no {counterpart(module)}: write it"
        for module in modules
        if counterpart(module) not in tests and module not in listed
    ]
    for module in listed:
        if module not in modules:
            departures.append(f"{module}: is gone: take it off the list")
        elif counterpart(module) in tests:
            departures.append(f"{module}: has {counterpart(module)}: take it off the list")
    return departures


def _list_tests() -> set[str]:
    return {file.relative_to(ROOT).as_posix() for file in (ROOT / "tests").rglob("test_*.py")}


def test_modules_have_a_test_file_of_their_name() -> None:
    modules = list_modules()
    assert len(modules) > 100, "the packages were not found"
    departures = find_departures(modules, _list_tests(), WITHOUT_TESTS)
    assert departures == [], "\n".join(departures)
    assert len(set(WITHOUT_TESTS)) == len(WITHOUT_TESTS)


@pytest.mark.parametrize(
    ("tests", "listed", "said"),
    [
        (["tests/a/test_b.py"], [], []),
        ([], ["a/b.py"], []),
        ([], [], ["a/b.py: has no tests/a/test_b.py: write it"]),
        (
            ["tests/a/test_b.py"],
            ["a/b.py"],
            ["a/b.py: has tests/a/test_b.py: take it off the list"],
        ),
        (["tests/a/test_b.py"], ["a/c.py"], ["a/c.py: is gone: take it off the list"]),
    ],
)
def test_departures_from_the_list_of_modules_without_tests(
    tests: list[str], listed: list[str], said: list[str]
) -> None:
    assert find_departures(["a/b.py"], tests, listed) == said


def test_the_underscore_behind_a_module_s_name_is_left_out() -> None:
    assert counterpart("search/samplers/random_.py") == "tests/search/samplers/test_random.py"


def write_list() -> str:
    """The list of the tree as it is, in source form, and the share of modules with tests."""
    modules, tests = list_modules(), _list_tests()
    without = [module for module in modules if counterpart(module) not in tests]
    share = 1 - len(without) / len(modules)
    lines = [f'    "{module}",' for module in without]
    shown = "\n".join(["WITHOUT_TESTS: tuple[str, ...] = (", *lines, ")"])
    return f"{shown}\n# {len(modules) - len(without)} of {len(modules)} modules: {share:.0%}"


if __name__ == "__main__":
    print(write_list())
